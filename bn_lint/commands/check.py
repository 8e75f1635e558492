"""`bn-lint check`: files and directories in, a report out."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bn_lint.errors import UsageError
from bn_lint.exit import ExitCode
from bn_lint.output import FORMATS
from bn_lint.terminal import COLORS, complain, save, wants_color, write

if TYPE_CHECKING:
    from bn_lint.files import File
    from bn_lint.report import Report


@click.command("check")
@click.argument("paths", nargs=-1)
@click.option("--select", multiple=True, metavar="RULES", help="Turn on only these rules: codes, names, prefixes, ALL.")
@click.option("--extend-select", multiple=True, metavar="RULES", help="Turn on these rules as well.")
@click.option("--ignore", multiple=True, metavar="RULES", help="Turn off these rules.")
@click.option("--exclude", multiple=True, metavar="PATTERN", help="Leave out files and directories (glob).")
@click.option("--force-exclude", is_flag=True, help="Leave out excluded files even if they are given by name.")
@click.option(
    "--output-format",
    type=click.Choice(FORMATS),
    default="full",
    show_default=True,
    envvar="BN_LINT_OUTPUT_FORMAT",
    help="How to write the findings (also BN_LINT_OUTPUT_FORMAT).",
)
@click.option("-o", "--output-file", metavar="FILE", help="Write the report to a file.")
@click.option("--statistics", is_flag=True, help="Count the findings of each rule instead of listing them.")
@click.option("--show-coverage", is_flag=True, help="Show how many layers were judged, and why others were not.")
@click.option("--exit-zero", is_flag=True, help="Exit with 0 even when there are findings.")
@click.option("--config", multiple=True, metavar="PATH|KEY=VALUE", help="Use this file, or set one setting (TOML).")
@click.option("--isolated", is_flag=True, help="Read no configuration file.")
@click.option("--stdin-filename", metavar="FILE", help="The name of what is read from standard input (PATHS is -).")
@click.option("--no-cache", is_flag=True, help="Judge everything anew.")
@click.option("--color", type=click.Choice(COLORS), default="auto", help="Whether to use colour.")
@click.option("-q", "--quiet", is_flag=True, help="Write findings only.")
@click.option("-v", "--verbose", is_flag=True, help="Also write what could not be judged completely.")
@click.option("--debug", is_flag=True, help="Show the traceback of internal errors.")
def command(paths: tuple[str, ...], **options: Any) -> int:
    """Check files and directories (default: the current one). Use - for standard input.

    Exit codes: 0 nothing found, 1 findings, 2 wrong usage, unreadable input or an internal error.
    """
    from bn_lint.check import check as run
    from bn_lint.config import Configuration, split_selectors
    from bn_lint.files import Discovery, discover
    from bn_lint.select import Layer

    if options["statistics"] and options["output_format"] == "json":
        raise UsageError("--statistics has no JSON form: count the findings of the report instead.")
    select = split_selectors(options["select"])
    configuration = Configuration(
        command_line=Layer(
            select if options["select"] else None,
            split_selectors(options["extend_select"]),
            split_selectors(options["ignore"]),
        ),
        exclude=[pattern.strip() for text in options["exclude"] for pattern in text.split(",") if pattern.strip()],
        config=options["config"],
        isolated=options["isolated"],
    )

    def excluded(path: Path) -> bool:
        return configuration.settings_for(path).excludes(path)

    if "-" in paths or options["stdin_filename"] is not None:
        if paths != ("-",):
            raise UsageError("Standard input is read when - is the only path; --stdin-filename then names it.")
        file = _standard_input(options["stdin_filename"])
        discovery = Discovery([] if options["force_exclude"] and excluded(file.path) else [file])
    else:
        discovery = discover(paths or (".",), excluded, force_exclude=options["force_exclude"])
        if not discovery.files and not discovery.unreadable and not options["quiet"]:
            complain(f"No Python files found in {', '.join(paths or ('.',))}.", "warning")
    report = run(discovery.files, configuration, unreadable=discovery.unreadable)
    _publish(report, options)
    code = report.exit_code
    return ExitCode.CLEAN if options["exit_zero"] and code is ExitCode.FINDINGS else code


def _standard_input(name: str | None) -> File:
    from bn_lint.files import File
    from bn_lint.source import absolute, display_path

    data = sys.stdin.buffer.read()
    path = absolute(name or "<stdin>")
    return File(path, display_path(path) if name else "<stdin>", explicit=True, data=data)


def _publish(report: Report, options: dict[str, Any]) -> None:
    """Write the report, and to standard error what the formats for people have no place for."""
    from bn_lint.output import render
    from bn_lint.output.summary import coverage, statistics, summary

    output_format, verbose = options["output_format"], options["verbose"]
    color = wants_color(options["color"], sys.stdout) and output_format != "json"
    if options["output_file"] is not None:
        color = options["color"] == "always" and output_format != "json"
    if options["statistics"]:
        text = statistics(report, color=color)
    else:
        text = render(report, output_format, color=color, coverage=options["show_coverage"])
    if options["output_file"] is None:
        write(text, color=color)
        text = ""
    if output_format != "json":
        _report_problems(report, verbose=verbose)
        if not options["quiet"]:
            text += summary(report, color=color)
        if options["show_coverage"]:
            text += coverage(report, color=color, verbose=verbose)
    if options["debug"]:
        click.echo("\n".join(report.tracebacks), err=True, nl=False)
    for remark in report.remarks if not options["quiet"] else ():
        complain(remark, "warning")
    if options["output_file"] is None:
        write(text, color=color)
    else:
        save(text, options["output_file"])


def _report_problems(report: Report, *, verbose: bool) -> None:
    failures = report.failures
    for problem in report.problems:
        if problem in failures:
            place = problem.place
            where = f"{place.path}:{place.line}:{place.column}: " if problem.internal else ""
            complain(f"{problem.code} {where}{problem.message}", "error")
        elif verbose:
            complain(f"{problem.code} {problem.place.path}:{problem.place.line}: {problem.message}", "info")
