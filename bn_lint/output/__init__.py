"""Reports as text, one format a module. Nothing here writes anywhere."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from bn_lint.check.report import Report


class Format(NamedTuple):
    """A form of the report, written by `render(report)` of a module in this folder, or `render(report, color=...)`.

    Attributes:
        module: The name of the module; it is imported when somebody wants the format.
        for_programs: Only programs read it: nothing but the report itself may stand in the output.
        is_document: It is written even when nothing was found.
        has_color: `render` takes `color`.
        shows_coverage: `render` takes `coverage`, and can say which layers were not judged.
    """

    module: str
    for_programs: bool = True
    is_document: bool = True
    has_color: bool = False
    shows_coverage: bool = False


FORMATS = {
    "full": Format("full", for_programs=False, is_document=False, has_color=True),
    "concise": Format("concise", for_programs=False, is_document=False, has_color=True),
    "json": Format("json", shows_coverage=True),
    "json-lines": Format("json_lines", is_document=False),
    "sarif": Format("sarif"),
    "github": Format("github", for_programs=False, is_document=False),
    "gitlab": Format("gitlab"),
    "junit": Format("junit"),
    "markdown": Format("markdown"),
}


def render(report: Report, output_format: str, *, color: bool = False, coverage: bool = False) -> str:
    """The findings of a report in one of the `FORMATS`; empty when a format for people has nothing to say.

    Args:
        coverage: Also say which layers were not judged, where the format has a place for that.
    """
    chosen = FORMATS[output_format]
    if not chosen.is_document and not report.visible:
        return ""  # spares the imports that only findings need
    options: dict[str, bool] = {}
    if chosen.has_color:
        options["color"] = color
    if chosen.shows_coverage:
        options["coverage"] = coverage
    text: str = import_module(f"bn_lint.output.{chosen.module}").render(report, **options)
    return text
