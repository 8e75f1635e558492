"""What the commands of the tracer have in common: their options, and how they report."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from bn_lint.cli.commands import completion
from bn_lint.cli.terminal import COLORS, save, wants_color
from bn_lint.exit import ExitCode
from bn_lint.output import FOR_PROGRAMS, FORMATS

if TYPE_CHECKING:
    from bn_lint.check.report import Report
    from bn_lint.project.config import Configuration
    from bn_lint.runtime.document.document import Document

_Function = TypeVar("_Function", bound=Callable[..., Any])
_SEVERITIES = ("error", "warning", "info")


def options(function: _Function) -> _Function:
    """Add the options that choose rules and formats."""
    for option in reversed(
        (
            click.option(
                "--select",
                multiple=True,
                metavar="RULES",
                shell_complete=completion.rules,
                help="Turn on only these rules.",
            ),
            click.option(
                "--extend-select",
                multiple=True,
                metavar="RULES",
                shell_complete=completion.rules,
                help="Turn on these rules as well.",
            ),
            click.option(
                "--ignore",
                multiple=True,
                metavar="RULES",
                shell_complete=completion.rules,
                help="Turn off these rules.",
            ),
            click.option("--config", multiple=True, metavar="PATH|KEY=VALUE", help="Use this file, or one setting."),
            click.option("--isolated", is_flag=True, help="Read no configuration file."),
            click.option(
                "--output-format",
                type=click.Choice(FORMATS),
                default="full",
                show_default=True,
                envvar="BN_LINT_OUTPUT_FORMAT",
                help="How to write the findings.",
            ),
            click.option("-o", "--output-file", metavar="FILE", help="Write the findings to a file."),
            click.option("--html", metavar="FILE", help="Write a report with plots, as one HTML file."),
            click.option(
                "--fail-on",
                type=click.Choice([*_SEVERITIES, "never"]),
                default="info",
                show_default=True,
                help="Exit with 1 from this severity on.",
            ),
            click.option("--no-table", is_flag=True, help="Leave out the table of layers."),
            click.option("--color", type=click.Choice(COLORS), default="auto"),
            click.option("-q", "--quiet", is_flag=True, help="Write findings only."),
        )
    ):
        function = option(function)
    return function


def configuration(chosen: dict[str, Any]) -> Configuration:
    """The settings that the options ask for."""
    from bn_lint.project.config import Configuration, split_selectors
    from bn_lint.project.selectors import SelectorSet

    select = split_selectors(chosen["select"])
    layer = SelectorSet(
        select if chosen["select"] else None,
        split_selectors(chosen["extend_select"]),
        split_selectors(chosen["ignore"]),
    )
    return Configuration(command_line=layer, config=chosen["config"], isolated=chosen["isolated"])


def publish(
    document: Document, report: Report, chosen: dict[str, Any], *, to_stdout: bool, ended_early: bool = False
) -> ExitCode:
    """Write the findings and what was asked for, and say how the command ends.

    Args:
        to_stdout: Otherwise the report goes to standard error, because standard output belongs to the traced program.
        ended_early: An error ended the program.
    """
    from bn_lint.output import render
    from bn_lint.output.summary import summary

    stream = sys.stdout if to_stdout else sys.stderr
    text_format = chosen["output_format"]
    color = wants_color(chosen["color"], stream) and text_format not in FOR_PROGRAMS
    text = render(report, text_format, color=color and chosen["output_file"] is None)
    if chosen["output_file"] is not None:
        save(text, chosen["output_file"])
        text = ""
    if text_format not in FOR_PROGRAMS and not chosen["quiet"]:
        found = _found(report, document, summary, color, ended_early)
        text = _overview(document, chosen) + text + _failure(document) + found
    if text:
        click.echo(text, file=stream, nl=False, color=color)
    for message in (*(problem.message for problem in report.failures), *document.notes):
        click.echo(f"error: {message}", err=True)
    if chosen["html"] is not None:
        from bn_lint.runtime.showing.html.page import page

        save(page(document, report), chosen["html"])
    if report.failures:
        return ExitCode.FAILURE
    return ExitCode.FINDINGS if _fails(report, chosen["fail_on"]) else ExitCode.CLEAN


def _fails(report: Report, threshold: str) -> bool:
    if threshold == "never":
        return False
    severe = _SEVERITIES[: _SEVERITIES.index(threshold) + 1]
    return any(finding.severity.value in severe for finding in report.visible)


def _overview(document: Document, chosen: dict[str, Any]) -> str:
    if chosen["no_table"] or not document.layers:
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
        nothing = "No call of a BatchNorm layer was seen. Processes that the program starts itself are not watched.\n"
        if ended_early:
            nothing = "The program ended before it called a BatchNorm layer.\n"
        return nothing + (summary(report, color=color) if report.visible else "")
    seen = f"Traced {counted(called, 'BatchNorm layer')} over {counted(steps, 'optimizer step')}"
    processes = f" in {document.world_size} processes" if document.ranks else ""
    return f"{seen}{processes}. {summary(report, color=color)}"


def _failure(document: Document) -> str:
    failure = document.failure
    if failure is None:
        return ""
    sizes = ", ".join(str(size) for size in failure.shape)
    width = "" if failure.num_features is None else f" for {failure.num_features} channels"
    built = "" if failure.built is None else f", built{width} at {failure.built.path}:{failure.built.line}"
    call = "" if failure.call is None else f" at {failure.call.path}:{failure.call.line}"
    mode = "training" if failure.training else "evaluation"
    return (
        f"The program failed in {failure.class_name} `{failure.layer}`{built}: it was called{call} in {mode} mode on "
        f"an input of ({sizes}).\n  {failure.message}\n\n"
    )
