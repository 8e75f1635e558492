"""`bn-lint report`: show a saved trace again."""

from __future__ import annotations

from typing import Any

import click

from bn_lint.cli.commands.findings import FindingsOptions, findings_options, publish


@click.command()
@findings_options
@click.argument("trace", metavar="TRACE.json", type=click.Path())
def command(trace: str, **chosen: Any) -> int:
    """Show the findings and the layers of a trace that bn-lint trace --output saved.

    It is judged again, with the current rules and settings. Neither PyTorch nor the traced program is needed.
    """
    from bn_lint.runtime.document.document import load
    from bn_lint.runtime.judging.judge_trace import judge_with

    options = FindingsOptions(**chosen)
    settings = options.configuration()
    document = load(trace)
    return publish(document, judge_with(document, settings, saved=True), options, to_stdout=True)
