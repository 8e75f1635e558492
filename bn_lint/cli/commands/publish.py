"""Writing a report: to standard output or a file, and to standard error what the report has no place for."""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import click

from bn_lint.cli.terminal import complain, printable_lines, save, wants_color, write
from bn_lint.output import FORMATS, render

if TYPE_CHECKING:
    from bn_lint.check.report import Report


class Style(NamedTuple):
    """How a report is to be written: the options of `bn-lint check` of the same names."""

    output_format: str = "full"
    output_file: str | None = None
    color: str = "auto"
    statistics: bool = False
    show_coverage: bool = False
    quiet: bool = False
    verbose: bool = False
    debug: bool = False


def publish(report: Report, style: Style, *, to_stderr: bool = False) -> None:
    """Write a report.

    Args:
        to_stderr: Standard output is taken for something else.

    Raises:
        PathError: the output cannot be written.
    """
    from bn_lint.output.summary import coverage, statistics, summary
    from bn_lint.output.text import location

    report = _in_cells(report)
    for_programs = FORMATS[style.output_format].for_programs
    show = partial(click.echo, nl=False, err=True) if to_stderr else write
    color = (
        wants_color(style.color, sys.stderr if to_stderr else sys.stdout)
        if style.output_file is None
        else style.color == "always"
    )
    color = color and not for_programs
    if style.statistics:
        text = statistics(report, color=color)
    else:
        text = render(report, style.output_format, color=color, coverage=style.show_coverage)
    if style.output_file is None:
        show(text, color=color)
        text = ""
    if style.output_format != "json":  # which names the problems itself
        report_problems(report, verbose=style.verbose)
    if not for_programs:
        if not style.quiet:
            text += summary(report, color=color)
        if style.show_coverage:
            text += coverage(report, color=color, verbose=style.verbose)
    if style.debug:
        click.echo(printable_lines("\n".join(report.tracebacks)), err=True, nl=False)
    if style.output_format != "json":
        for shown in report.revealed:
            complain(f"{location(shown.place)}: revealed: {shown.message}", "info")
    for remark in report.remarks if not style.quiet else ():
        complain(remark, "warning")
    if style.output_file is None:
        show(text, color=color)
    else:
        save(text, style.output_file)


def report_problems(report: Report, *, verbose: bool) -> None:
    """Write to standard error what made the result incomplete; with `verbose`, also what hardly did."""
    from bn_lint.output.text import file_of, location

    report = _in_cells(report)
    failures = report.failures
    for problem in report.problems:
        if problem in failures:
            where = f"{location(problem.place)}: " if problem.internal else ""
            complain(f"{problem.code} {where}{problem.message}", "error")
        elif verbose:
            complain(f"{problem.code} {file_of(problem.place)}:{problem.place.line}: {problem.message}", "info")


def _in_cells(report: Report) -> Report:
    if not (report.findings or report.problems or report.revealed or report.coverage):
        return report  # what has no places needs no import
    from bn_lint.output.cells import in_cells

    return in_cells(report)
