"""`bn-lint rule`: the page of a rule."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from bn_lint.cli.commands import completion
from bn_lint.cli.terminal import COLORS, wants_color, write
from bn_lint.errors import UsageError


@click.command("rule", short_help="Explain a rule.")
@click.argument("rule", metavar="CODE|NAME", required=False, shell_complete=completion.rules)
@click.option("--all", "everything", is_flag=True, help="Explain every rule.")
@click.option("--output-format", type=click.Choice(["full", "json"]), default="full", show_default=True)
@click.option("--color", type=click.Choice(COLORS), default="auto", help="When to use color.")
def command(rule: str | None, everything: bool, output_format: str, color: str) -> None:
    """Explain a rule: what it finds, why that is wrong, what to write instead. The beginning of a code lists rules."""
    from bn_lint.check import explain
    from bn_lint.check.registry import RuleSet
    from bn_lint.project.config import Configuration

    if (rule is None) != everything:
        raise UsageError("Name one rule by its code or name, or use --all.")
    rules = RuleSet.of([Configuration().settings_for(Path.cwd() / "pyproject.toml")])
    listed = [] if rule is None else explain.beginning_with(rule, rules)
    if len(listed) > 1 and output_format == "full":
        write("".join(f"{each.code}  {each.severity:<7}  {each.name}: {explain.summary(each)}\n" for each in listed))
        return
    entries = explain.everything(rules) if rule is None else listed or [explain.find(rule, rules)]
    if output_format == "json":
        import json

        pages = [explain.fields(entry) for entry in entries]
        write(json.dumps(pages if everything or len(pages) > 1 else pages[0], indent=2) + "\n")
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
