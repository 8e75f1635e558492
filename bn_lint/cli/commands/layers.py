"""`bn-lint layers`: the BatchNorm layers of a project, model by model."""

from __future__ import annotations

import shutil
import sys
from typing import Any

import click

from bn_lint.cli.commands.check_options import CheckOptions
from bn_lint.cli.commands.options import added, judging_options, rule_options
from bn_lint.cli.commands.publish import report_problems
from bn_lint.cli.terminal import COLORS, printable_lines, save, wants_color, write
from bn_lint.exit import ExitCode
from bn_lint.output.layers import LAYER_FORMATS


class LayersOptions(CheckOptions):
    """The options of `bn-lint check` that this command has, and a format of its own."""

    output_format: str = "text"
    show_coverage: bool = True


def _options(function: Any) -> Any:
    own = added(
        function,
        click.option("--exclude", multiple=True, metavar="PATTERN", help="Skip files and directories (glob)."),
        click.option(
            "--output-format",
            type=click.Choice(LAYER_FORMATS),
            default="text",
            show_default=True,
            help="Output format.",
        ),
        click.option("-o", "--output-file", metavar="FILE", type=click.Path(), help="Write the table to a file."),
        *judging_options,
        click.option("--color", type=click.Choice(COLORS), default="auto", help="When to use color."),
        click.option("-q", "--quiet", is_flag=True, help="Print no warnings."),
        click.option("--debug", is_flag=True, help="Show the traceback of internal errors."),
    )
    return rule_options(own)


@click.command("layers", short_help="List the BatchNorm layers of a project.")
@click.argument("paths", nargs=-1, type=click.Path())
@_options
def command(paths: tuple[str, ...], **chosen: Any) -> int:
    """List the BatchNorm layers of files and directories (default: the current one).

    For each model: its layers with their names, where they are built, their widths, the shapes and modes in which they
    are called, and whether bn-lint could check them. Nothing is run, and neither PyTorch nor weights are needed.

    Exit codes: 0, or 2 for wrong usage, unreadable input or an internal error. Findings do not change it.
    """
    from bn_lint.cli.commands.check import Check
    from bn_lint.output.cells import in_cells
    from bn_lint.output.layers import render

    options = LayersOptions(**chosen)
    check = Check(options, paths)
    report = check.judge_with()(check.files)
    is_terminal = options.output_file is None and sys.stdout is not None and sys.stdout.isatty()
    color = wants_color(options.color, sys.stdout) if options.output_file is None else options.color == "always"
    color = color and options.output_format == "text"
    columns = shutil.get_terminal_size().columns if is_terminal else None
    text = render(in_cells(report), options.output_format, color=color, columns=columns)
    if options.debug:
        click.echo(printable_lines("\n".join(report.tracebacks)), err=True, nl=False)
    report_problems(report, verbose=False)
    if options.output_file is None:
        write(text, color=color)
    else:
        save(text, options.output_file)
    return ExitCode.FAILURE if report.failures else ExitCode.CLEAN
