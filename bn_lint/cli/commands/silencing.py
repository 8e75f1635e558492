"""`--add-ignore`, `--baseline` and `--update-baseline` of `bn-lint check`: findings that a project lives with."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bn_lint.cli.commands.check_options import CheckOptions
from bn_lint.cli.commands.publish import Style, publish
from bn_lint.cli.terminal import complain, write
from bn_lint.errors import UsageError
from bn_lint.exit import ExitCode
from bn_lint.output.text import counted, printable
from bn_lint.project.paths import display_path

if TYPE_CHECKING:
    from bn_lint.check.baseline import Entry
    from bn_lint.check.report import Report
    from bn_lint.project.config import Configuration
    from bn_lint.project.discovery import File

#: Of baseline entries whose findings are gone, so many are named.
_MOST_STALE = 5


def add_comments(report: Report, files: Sequence[File], options: CheckOptions) -> ExitCode:
    """Add a suppression comment to every finding.

    Raises:
        UsageError: the files are not on the disk.
    """
    from bn_lint.check.add_ignore import add_ignores

    if any(file.data is not None for file in files):
        raise UsageError("--add-ignore changes files: it cannot be used with standard input.")
    added = add_ignores(report.visible, report.sources, options.reason or "")
    _publish_rest(report, options)
    for message in added.failures:
        complain(message, "error")
    if not options.quiet:
        write(f"Added {counted(added.comments, 'comment')} to {counted(added.files, 'file')}.\n")
    return ExitCode.FAILURE if added.failures else report.exit_code


def write_baseline(
    file: Path, report: Report, files: Sequence[File], configuration: Configuration, options: CheckOptions
) -> ExitCode:
    """Write what was found into the baseline."""
    from bn_lint.check.baseline import Baseline

    old = Baseline.read(file) if os.path.exists(file) else Baseline(file)
    new = old.renewed(report, _judged([each for each in files if not each.is_context], configuration))
    new.write()
    _publish_rest(report, options)
    if not options.quiet:
        write(f"Wrote {counted(new.entries.total(), 'finding')} to {printable(display_path(file))}.\n")
    return report.exit_code


def hold_against_baseline(file: Path, report: Report, files: Sequence[File], configuration: Configuration) -> None:
    """Take known findings out of the report."""
    from bn_lint.check.baseline import Baseline

    baseline = Baseline.read(file)
    left = baseline.apply(report)
    # Whoever checks single files is not asked to tidy up: a run over directories tells that findings are gone.
    searched = [each for each in files if not each.explicit and not each.is_context]
    stale = baseline.stale(left, _judged(searched, configuration)) if searched else []
    shown = [f"{display_path(file)}: {each.code} is gone from {each.path}: {each.text}" for each in stale[:_MOST_STALE]]
    if stale:
        report.remarks += shown
        entries = "entry" if len(stale) == 1 else "entries"
        report.remarks.append(f"{display_path(file)} has {len(stale)} {entries} too many; --update-baseline renews it.")


def _publish_rest(report: Report, options: CheckOptions) -> None:
    """Write what can be neither silenced nor put into a baseline, such as syntax errors."""
    from bn_lint.project.tool_codes import TOOL_CODES

    report.findings = [finding for finding in report.findings if finding.code in TOOL_CODES]
    publish(report, Style(quiet=True, color=options.color, debug=options.debug))


def _judged(files: Sequence[File], configuration: Configuration) -> Callable[[Path, Entry], bool]:
    """Whether a rule was on in one of these files; one that does not exist any more will not find anything either."""
    from bn_lint.check.registry import RuleSet

    known = {file.path for file in files}

    def judged(path: Path, entry: Entry) -> bool:
        if path not in known:
            return False
        settings = configuration.settings_for(path)
        rules = [rule for rule in RuleSet(settings.plugins).rules if rule.code == entry.code]
        on = [rule for rule in rules if settings.severity_in(path, rule, rule.severity.value) is not None]
        return bool(on or not rules)

    return judged
