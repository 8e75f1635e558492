"""The options of `bn-lint check`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from bn_lint.cli.commands.options import RuleOptions, added, fail_on, judging_options, rule_options
from bn_lint.cli.commands.publish import Style
from bn_lint.cli.terminal import COLORS
from bn_lint.errors import UsageError
from bn_lint.output import FORMATS

_Function = TypeVar("_Function", bound=Callable[..., Any])


class CheckOptions(RuleOptions):
    """What the command line asks for; each field is the option of the same name, and their help says what they mean.

    Commands that have only some of the options leave the others as they are.
    """

    exclude: tuple[str, ...] = ()
    force_exclude: bool = False
    no_project: bool = False
    output_format: str = "full"
    output_file: str | None = None
    fix: bool = False
    unsafe_fixes: bool = False
    diff: bool = False
    statistics: bool = False
    show_coverage: bool = False
    html: str | None = None
    trace: str | None = None
    show_files: bool = False
    show_settings: bool = False
    explain: str | None = None
    fail_on: str = "info"
    watch: bool = False
    exit_zero: bool = False
    add_ignore: bool = False
    reason: str | None = None
    baseline: str | None = None
    update_baseline: bool = False
    stdin_filename: str | None = None
    jobs: int | None = None
    no_cache: bool = False
    cache_dir: str | None = None
    color: str = "auto"
    quiet: bool = False
    verbose: bool = False
    debug: bool = False

    @property
    def excluded(self) -> list[str]:
        """The patterns of files to leave out."""
        return [pattern.strip() for text in self.exclude for pattern in text.split(",") if pattern.strip()]

    @property
    def style(self) -> Style:
        """How the report is to be written."""
        return Style(
            output_format=self.output_format,
            output_file=self.output_file,
            color=self.color,
            statistics=self.statistics,
            show_coverage=self.show_coverage,
            quiet=self.quiet,
            verbose=self.verbose,
            debug=self.debug,
        )

    def refuse_contradictions(self) -> None:
        """Stop before anything is judged when two options cannot be had together.

        Raises:
            UsageError: they cannot.
        """
        if self.statistics and FORMATS[self.output_format].for_programs:
            form = self.output_format.upper()
            raise UsageError(f"--statistics has no {form} form: count the findings of the report instead.")
        if self.add_ignore and self.update_baseline:
            raise UsageError("--add-ignore and --update-baseline are two ways to do the same: use one of them.")
        if (self.fix or self.diff) and (self.add_ignore or self.update_baseline):
            raise UsageError(
                "--fix and --diff change what is found: use them before --add-ignore and --update-baseline."
            )
        if self.explain is not None and (self.fix or self.diff or self.add_ignore or self.update_baseline):
            raise UsageError(
                "--explain only tells something: leave out --fix, --diff, --add-ignore, --update-baseline."
            )
        if self.html is not None and (self.fix or self.diff or self.add_ignore or self.update_baseline):
            raise UsageError("--html shows what is found: leave out --fix, --diff, --add-ignore, --update-baseline.")
        if self.explain is not None and self.output_format not in ("full", "json"):
            raise UsageError("--explain has the formats full and json.")
        changing = self.fix or self.diff or self.add_ignore or self.update_baseline
        if self.watch and (changing or self.explain is not None or self.show_files or self.show_settings):
            raise UsageError("--watch repeats a check: it goes with no option that changes or lists something.")
        if self.reason is not None and not self.add_ignore:
            raise UsageError("--reason is what --add-ignore writes; there is nothing to write it to.")
        if self.reason is not None and any(mark in self.reason for mark in "\r\n#"):
            raise UsageError("--reason must be one line without #.")


def check_options(function: _Function) -> _Function:
    """Add the options of `CheckOptions`."""
    own = added(
        function,
        click.option("--exclude", multiple=True, metavar="PATTERN", help="Skip files and directories (glob)."),
        click.option("--force-exclude", is_flag=True, help="Skip excluded files even if they are named explicitly."),
        click.option("--no-project", is_flag=True, help="Check files given by name without the project around them."),
        click.option(
            "--output-format",
            type=click.Choice(list(FORMATS)),
            default="full",
            show_default=True,
            envvar="BN_LINT_OUTPUT_FORMAT",
            help="Output format (also BN_LINT_OUTPUT_FORMAT).",
        ),
        click.option("-o", "--output-file", metavar="FILE", type=click.Path(), help="Write the report to a file."),
        click.option("--fix", is_flag=True, help="Apply fixes that do not change what the program computes."),
        click.option(
            "--unsafe-fixes", is_flag=True, help="Also apply, or count, fixes that may change what it computes."
        ),
        click.option("--diff", is_flag=True, help="Show what --fix would change; write nothing."),
        click.option("--statistics", is_flag=True, help="Print the number of findings per rule."),
        click.option(
            "--show-coverage",
            is_flag=True,
            help="Show how many layers and model calls were checked, and why others were not.",
        ),
        click.option(
            "--html",
            metavar="FILE",
            type=click.Path(),
            help="Also write a page with the findings, the models and their layers.",
        ),
        click.option(
            "--trace", metavar="FILE", type=click.Path(), help="Mark findings that a saved trace confirms or refutes."
        ),
        click.option("--show-files", is_flag=True, help="List the files that would be checked, and exit."),
        click.option("--show-settings", is_flag=True, help="Show the settings in effect, and exit."),
        click.option(
            "--explain",
            metavar="FILE:LINE",
            help="Explain why this line was checked or not, and exit. In a notebook: 'FILE:cell 3:LINE'.",
        ),
        fail_on,
        click.option("--watch", is_flag=True, help="Check again whenever a file changes."),
        click.option("--exit-zero", is_flag=True, help="Exit with 0 even if there are findings."),
        click.option("--add-ignore", is_flag=True, help="Add a suppression comment to every finding."),
        click.option("--reason", metavar="TEXT", help="Explanation to add to each comment of --add-ignore."),
        click.option(
            "--baseline", metavar="FILE", type=click.Path(), help="Report only findings that are not in this file."
        ),
        click.option("--update-baseline", is_flag=True, help="Write the current findings to the baseline."),
        click.option(
            "--stdin-filename", metavar="FILE", type=click.Path(), help="File name for standard input (PATHS is -)."
        ),
        *judging_options,
        click.option("--color", type=click.Choice(COLORS), default="auto", help="When to use color."),
        click.option("-q", "--quiet", is_flag=True, help="Print findings only."),
        click.option(
            "-v", "--verbose", is_flag=True, help="Also print notes about what could not be checked completely."
        ),
        click.option("--debug", is_flag=True, help="Show the traceback of internal errors."),
    )
    return rule_options(own)
