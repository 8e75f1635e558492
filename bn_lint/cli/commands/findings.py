"""What the commands of the tracer have in common: their options, and how they report."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from bn_lint.cli.commands.options import RuleOptions, added, fail_on, rule_options
from bn_lint.cli.terminal import COLORS, save_all, show, wants_color, write
from bn_lint.exit import ExitCode
from bn_lint.output import FORMATS

if TYPE_CHECKING:
    from bn_lint.check.report import Report
    from bn_lint.runtime.document.document import Document

_Function = TypeVar("_Function", bound=Callable[..., Any])


class FindingsOptions(RuleOptions):
    """Which rules judge a run, and how their findings are to be written; each field is the option of the same name."""

    output_format: str
    output_file: str | None
    html: str | None
    fail_on: str
    no_table: bool
    color: str
    quiet: bool

    @property
    def for_programs(self) -> bool:
        """Whether nothing but the report itself may stand in the output."""
        return FORMATS[self.output_format].for_programs


def findings_options(function: _Function) -> _Function:
    """Add the options of `FindingsOptions`."""
    own = added(
        function,
        click.option(
            "--output-format",
            type=click.Choice(list(FORMATS)),
            default="full",
            show_default=True,
            envvar="BN_LINT_OUTPUT_FORMAT",
            help="Output format.",
        ),
        click.option("-o", "--output-file", metavar="FILE", type=click.Path(), help="Write the findings to a file."),
        click.option(
            "--html", metavar="FILE", type=click.Path(), help="Write a self-contained HTML report with plots."
        ),
        fail_on,
        click.option("--no-table", is_flag=True, help="Do not print the table of layers."),
        click.option("--color", type=click.Choice(COLORS), default="auto"),
        click.option("-q", "--quiet", is_flag=True, help="Print findings only."),
    )
    return rule_options(own)


def publish(
    document: Document,
    report: Report,
    options: FindingsOptions,
    files: Iterable[tuple[str, Callable[[], str]]] = (),
    *,
    to_stdout: bool,
    ended_early: bool = False,
    before: tuple[Document, Report] | None = None,
) -> ExitCode:
    """Write the findings and what was asked for, and say how the command ends.

    What people read comes first: a run takes hours, and its findings must not be lost because a disk is full.

    Args:
        files: What else is to be written: names, and what gives the contents.
        to_stdout: Otherwise the report goes to standard error, because standard output belongs to the traced program.
        ended_early: An error ended the program.
        before: Another trace that the page is to compare this one with, and its report.
    """
    from bn_lint.output import render
    from bn_lint.output.summary import summary
    from bn_lint.output.text import printable

    stream = sys.stdout if to_stdout else sys.stderr
    color = wants_color(options.color, stream) and not options.for_programs
    findings = render(report, options.output_format, color=color and options.output_file is None)
    text = findings if options.output_file is None else ""
    if not options.for_programs and not options.quiet:
        found = _found(report, document, summary, color, ended_early)
        text = _overview(document, options) + text + _failure(document) + found
    if to_stdout:
        write(text, color=color)
    elif text:
        show(text, color=color)
    for message in (*(problem.message for problem in report.failures), *document.notes):
        show("".join(f"{printable(line)}\n" for line in f"error: {message}".splitlines()))
    saved = save_all(files)
    if options.output_file is not None and not save_all([(options.output_file, lambda: findings)]):
        show(findings)
        saved = False
    if options.html is not None:
        from bn_lint.runtime.showing.html.page import page

        saved = save_all([(options.html, lambda: page(document, report, before))]) and saved
    report.fail_on = options.fail_on
    return report.exit_code if saved else ExitCode.FAILURE


def _overview(document: Document, options: FindingsOptions) -> str:
    if options.no_table or not document.layers:
        return ""
    from bn_lint.runtime.showing.table import table

    return f"{table(document)}\n"


def _found(report: Report, document: Document, summary: Callable[..., str], color: bool, ended_early: bool) -> str:
    from bn_lint.output.text import counted

    # Each process of a distributed run has the same layers; where pytest-xdist ran, this one has none.
    called = max(sum(layer.called for layer in part.layers) for part in document.everywhere)
    steps = max(part.steps for part in document.everywhere)
    if not called and document.probed:
        return "No BatchNorm layer was called.\n"
    if not called and (ended_early or not document.ranks):
        nothing = "No call of a BatchNorm layer was seen.\n"
        if ended_early:
            nothing = "The program ended before it called a BatchNorm layer.\n"
        return nothing + (summary(report, color=color) if report.visible else "")
    seen = f"Traced {counted(called, 'BatchNorm layer')} over {counted(steps, 'optimizer step')}"
    processes = f" in {document.processes} processes" if document.processes > 1 else ""
    # What failed was no success, even if no rule says why.
    is_failure = any(part.failure is not None for part in document.everywhere) and not report.visible
    return f"{seen}{processes}." + ("\n" if is_failure else f" {summary(report, color=color)}")


def _failure(document: Document) -> str:
    from bn_lint.output.text import printable

    failure = next((part.failure for part in document.everywhere if part.failure is not None), None)
    if failure is None:
        return ""
    sizes = ", ".join(str(size) for size in failure.shape)
    width = "" if failure.num_features is None else f" for {failure.num_features} channels"
    built = "" if failure.built is None else f", built{width} at {failure.built.path}:{failure.built.line}"
    call = "" if failure.call is None else f" at {failure.call.path}:{failure.call.line}"
    mode = "training" if failure.training else "evaluation"
    told = (
        f"The program failed in {failure.class_name} `{failure.layer}`{built}: it was called{call} in {mode} mode on "
        f"an input of ({sizes})."
    )
    return f"{printable(told)}\n  {printable(failure.message)}\n\n"
