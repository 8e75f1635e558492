"""`bn-lint report`: show a saved trace again."""

from __future__ import annotations

from typing import Any

import click

from bn_lint.cli.commands.findings import FindingsOptions, findings_options, publish
from bn_lint.errors import UsageError


@click.command(short_help="Show a saved trace.")
@findings_options
@click.option(
    "--compare", metavar="TRACE.json", type=click.Path(), help="With --html: also show what is different from this one."
)
@click.argument("trace", metavar="TRACE.json", type=click.Path())
def command(trace: str, compare: str | None, **chosen: Any) -> int:
    """Show the findings and the layers of a trace that bn-lint trace --output saved.

    It is checked again, with the current rules and settings. Neither PyTorch nor the traced program is needed.
    """
    from bn_lint.runtime.document.document import load
    from bn_lint.runtime.judging.judge_trace import judge_with

    options = FindingsOptions(**chosen)
    settings = options.configuration()
    if compare is not None and options.html is None:
        raise UsageError("--compare needs --html: the page shows what is different.")
    document, before = load(trace), None if compare is None else load(compare)
    report = judge_with(document, settings, saved=True)
    earlier = None if before is None else (before, judge_with(before, settings, saved=True))
    return publish(document, report, options, to_stdout=True, before=earlier)
