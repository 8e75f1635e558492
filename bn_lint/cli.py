"""The command line. Nothing below this module prints or decides about exit codes."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click

from bn_lint import __version__
from bn_lint.errors import BnLintError, PathError, UsageError
from bn_lint.exit import ExitCode
from bn_lint.output import FORMATS

if TYPE_CHECKING:
    from bn_lint.files import File
    from bn_lint.report import Report

_HELP = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `bn-lint` and return its exit code: the one place where errors become exit codes."""
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            # A name that the terminal cannot show must not cost the report.
            stream.reconfigure(errors="backslashreplace")
    try:
        code = command.main(arguments, prog_name="bn-lint", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        code = ExitCode.FAILURE
    except BnLintError as error:
        complain(error.message, "error")
        code = ExitCode.FAILURE
    except (click.Abort, KeyboardInterrupt):
        complain("Interrupted.", "error")
        code = ExitCode.INTERRUPTED
    except Exception as error:
        if "--debug" in arguments:
            import traceback

            traceback.print_exc()
        hint = "" if "--debug" in arguments else " Run again with --debug for the traceback."
        complain(f"This is a defect of bn-lint: {type(error).__name__}: {error}.{hint}", "error")
        code = ExitCode.FAILURE
    return int(code or ExitCode.CLEAN)


def complain(message: str, severity: str) -> None:
    """Write one message to standard error."""
    from bn_lint.output.text import Painter, printable

    color = wants_color("auto", sys.stderr)
    click.echo(f"{Painter(color=color)(severity, severity)}: {printable(message)}", err=True, color=color)


def wants_color(choice: str, stream: IO[Any] | None) -> bool:
    """Decide about colour: the option, then NO_COLOR, then FORCE_COLOR, then whether a terminal listens."""
    if choice != "auto":
        return choice == "always"
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR", "0") not in ("", "0"):
        return True
    return stream is not None and stream.isatty() and os.environ.get("TERM") != "dumb"


def _close_pipe() -> None:
    # Python would complain again when it flushes at exit.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def write(text: str, *, color: bool = False) -> None:
    """Write to standard output; a reader that went away is no error.

    Raises:
        PathError: the output cannot be written, because a disk is full.
    """
    if sys.stdout is None:  # started without one, as by `>&-`
        return
    try:
        click.echo(text, nl=False, color=color)
    except BrokenPipeError:
        _close_pipe()
    except OSError as error:
        _close_pipe()
        raise PathError(f"Standard output cannot be written: {(error.strerror or str(error)).lower()}.") from error


class Commands(click.Group):
    """Imports the commands that live in modules of their own when they are asked for."""

    _ELSEWHERE = ("probe", "report", "trace")

    def list_commands(self, context: click.Context) -> list[str]:
        return sorted({*super().list_commands(context), *self._ELSEWHERE})

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name in self._ELSEWHERE:
            import importlib

            found: click.Command = importlib.import_module(f"bn_lint.commands.{name}").command
            found.name = name
            return found
        return super().get_command(context, name)


@click.group("bn-lint", cls=Commands, context_settings=_HELP)
@click.version_option(__version__, "-V", "--version", message="bn-lint %(version)s")
def command() -> None:
    """Find BatchNorm misuse in PyTorch code."""


@command.command()
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
@click.option(
    "--trace", "trace_file", metavar="FILE", help="Mark findings that a trace (bn-lint trace) confirms or refutes."
)
@click.option("--exit-zero", is_flag=True, help="Exit with 0 even when there are findings.")
@click.option("--config", multiple=True, metavar="PATH|KEY=VALUE", help="Use this file, or set one setting (TOML).")
@click.option("--isolated", is_flag=True, help="Read no configuration file.")
@click.option("--stdin-filename", metavar="FILE", help="The name of what is read from standard input (PATHS is -).")
@click.option("--no-cache", is_flag=True, help="Judge everything anew.")
@click.option("--color", type=click.Choice(["auto", "always", "never"]), default="auto", help="Whether to use colour.")
@click.option("-q", "--quiet", is_flag=True, help="Write findings only.")
@click.option("-v", "--verbose", is_flag=True, help="Also write what could not be judged completely.")
@click.option("--debug", is_flag=True, help="Show the traceback of internal errors.")
def check(paths: tuple[str, ...], **options: Any) -> int:
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
    trace = None
    if options["trace_file"] is not None:
        from bn_lint.runtime.document import load

        trace = load(options["trace_file"])
    report = run(discovery.files, configuration, unreadable=discovery.unreadable)
    if trace is not None:
        from bn_lint.runtime.confirm import confirm_report

        confirm_report(report, trace)
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
        _save(text, options["output_file"])


def _report_problems(report: Report, *, verbose: bool) -> None:
    failures = report.failures
    for problem in report.problems:
        if problem in failures:
            place = problem.place
            where = f"{place.path}:{place.line}:{place.column}: " if problem.internal else ""
            complain(f"{problem.code} {where}{problem.message}", "error")
        elif verbose:
            complain(f"{problem.code} {problem.place.path}:{problem.place.line}: {problem.message}", "info")


def _save(text: str, name: str) -> None:
    try:
        with Path(name).open("w", encoding="utf-8", newline="\n", errors="backslashreplace") as file:
            file.write(text)
    except OSError as error:
        raise PathError(f"{name} cannot be written: {(error.strerror or str(error)).lower()}.") from error


@command.command()
@click.argument("rule", metavar="CODE|NAME", required=False)
@click.option("--all", "everything", is_flag=True, help="Explain every rule.")
@click.option("--output-format", type=click.Choice(["full", "json"]), default="full", show_default=True)
@click.option("--color", type=click.Choice(["auto", "always", "never"]), default="auto", help="Whether to use colour.")
def rule(rule: str | None, everything: bool, output_format: str, color: str) -> None:
    """Explain a rule: what it finds, why that is wrong, what to write instead."""
    from bn_lint import explain

    if (rule is None) != everything:
        raise UsageError("Name one rule by its code or name, or use --all.")
    entries = explain.everything() if rule is None else [explain.find(rule)]
    if output_format == "json":
        import json

        pages = [explain.fields(entry) for entry in entries]
        write(json.dumps(pages if everything else pages[0], indent=2) + "\n")
        return
    page = "\n".join(explain.markdown(entry) for entry in entries)
    if not wants_color(color, sys.stdout):
        write(page)
        return
    from rich.console import Console
    from rich.markdown import Markdown

    console = Console(force_terminal=True)
    with console.capture() as capture:
        console.print(Markdown(page), width=min(console.width, 100))
    write(capture.get(), color=True)
