"""Reports as text, one format a module. Nothing here writes anywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bn_lint.report import Report

FORMATS = ("full", "concise", "json")


def render(report: Report, output_format: str, *, color: bool = False, coverage: bool = False) -> str:
    """The findings of a report in one of the `FORMATS`; empty when a format for people has nothing to say."""
    if output_format == "json":
        from bn_lint.output import json

        return json.render(report, coverage=coverage)
    if not report.visible:
        return ""  # spares the imports that only findings need
    if output_format == "concise":
        from bn_lint.output import concise

        return concise.render(report, color=color)
    from bn_lint.output import full

    return full.render(report, color=color)
