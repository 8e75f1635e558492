"""`bn-lint check --fix` and `--diff`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from bn_lint.cli.commands.publish import Style, publish, report_problems
from bn_lint.cli.terminal import wants_color, write
from bn_lint.exit import ExitCode

if TYPE_CHECKING:
    from bn_lint.check.fix import Change, Recheck
    from bn_lint.check.report import Report
    from bn_lint.project.discovery import File


def fix_and_publish(report: Report, files: Sequence[File], recheck: Recheck, style: Style, *, diff: bool) -> ExitCode:
    """Make the fixes and write what remains, or show the changes.

    Standard input is passed on fixed; its report then goes to standard error.
    """
    given = next((file for file in files if file.data is not None), None)
    changes: list[Change] = []
    if any(map(report.is_fixable, report.visible)):  # spares the imports that only fixes need
        from bn_lint.check.fix import fix

        outcome = fix(report, files, recheck, unsafe=report.unsafe_fixes, write=not diff and given is None)
        report, changes = outcome.report, outcome.changes
    if diff:
        from bn_lint.output import diff as unified
        from bn_lint.output.summary import fix_summary

        color = wants_color(style.color, sys.stdout)
        for_people = sys.stdout is not None and sys.stdout.isatty()
        # What is no terminal must get the lines as they are: click takes escape sequences out of texts without color.
        write(unified.render(changes, color=color, for_people=for_people), color=color or not for_people)
        report_problems(report, verbose=style.verbose)
        if not style.quiet:
            color = wants_color(style.color, sys.stderr)
            click.echo(fix_summary(report, color=color), nl=False, err=True, color=color)
        code = ExitCode.FINDINGS if changes else ExitCode.CLEAN
        return ExitCode.FAILURE if report.failures else code
    if given is not None:
        write((changes[0].after.data if changes else given.data) or b"")
    publish(report, style, to_stderr=given is not None)
    return report.exit_code
