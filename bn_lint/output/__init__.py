"""Reports as text, one format a module. Nothing here writes anywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bn_lint.check.report import Report

FORMATS = ("full", "concise", "json", "json-lines", "sarif", "github", "gitlab", "junit")
#: Those that only programs read: nothing but the report itself may stand in their output.
FOR_PROGRAMS = frozenset({"json", "json-lines", "sarif", "gitlab", "junit"})


def render(
    report: Report,
    output_format: str,
    *,
    color: bool = False,
    coverage: bool = False,
) -> str:
    """The findings of a report in one of the `FORMATS`; empty when a format for people has nothing to say.

    Args:
        coverage: Add to the JSON report which layers were not judged.
    """
    if output_format == "json":
        from bn_lint.output import json

        return json.render(report, coverage=coverage)
    if output_format == "sarif":
        from bn_lint.output import sarif

        return sarif.render(report)
    if output_format == "gitlab":
        from bn_lint.output import gitlab

        return gitlab.render(report)
    if output_format == "junit":
        from bn_lint.output import junit

        return junit.render(report)
    if not report.visible:
        return ""  # spares the imports that only findings need
    if output_format == "json-lines":
        from bn_lint.output import json

        return json.render_lines(report)
    if output_format == "github":
        from bn_lint.output import github

        return github.render(report)
    if output_format == "concise":
        from bn_lint.output import concise

        return concise.render(report, color=color)
    from bn_lint.output import full

    return full.render(report, color=color)
