"""The table of BatchNorm layers, one format a module. Nothing here writes anywhere."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bn_lint.check.report import Report

#: Each is a module of this package with a function `render(listing)`; that of `text` takes color and width, too.
LAYER_FORMATS = ("text", "json", "mermaid", "html")


def render(report: Report, output_format: str, *, color: bool = False, columns: int | None = None) -> str:
    """The models and layers of a report with coverage in one of the `LAYER_FORMATS`.

    Args:
        columns: The width of the terminal that the text is for; None where nothing limits it.
    """
    from bn_lint.output.layers.listing import listing_of

    module = import_module(f"bn_lint.output.layers.{output_format}")
    options = {"color": color, "columns": columns} if output_format == "text" else {}
    text: str = module.render(listing_of(report), **options)
    return text
