"""The models as a flowchart that GitHub, GitLab and many editors draw: https://mermaid.js.org."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

from bn_lint.output.layers.listing import Listing, Row
from bn_lint.output.module_tree import Node
from bn_lint.output.text import TIMES

_STYLES = (
    "classDef checked stroke:#2f7d4f,stroke-width:1px",
    "classDef open stroke-dasharray:4 3",
    "classDef found stroke:#c02b37,stroke-width:3px",
)


def render(listing: Listing) -> str:
    """One flowchart, in which each model is a box of its own."""
    return "\n".join(["flowchart LR", *(f"  {line}" for line in _lines(listing)), ""])


def _lines(listing: Listing) -> Iterator[str]:
    numbers = count()
    for index, listed in enumerate(listing.models):
        yield f"subgraph m{index}[{_quoted(listed.title, listed.origin)}]"
        yield "  direction LR"
        for child in listed.tree.children:
            yield from (f"  {line}" for line in _node(child, numbers, None))
        yield "end"
    if listing.loose:
        yield f"subgraph loose[{_quoted('In no model')}]"
        for row in listing.loose:
            place = f"{row.layer.built.file}:{row.layer.built.line}"
            yield f"  n{next(numbers)}[{_quoted(place, *_about(row))}]:::{_style([row])}"
        yield "end"
    yield from _STYLES


def _node(node: Node[Row], numbers: Iterator[int], above: str | None) -> Iterator[str]:
    own = f"n{next(numbers)}"
    name = f"{node.name} {TIMES}{node.count}" if node.count > 1 else node.name
    if node.leaves:
        yield f"{own}[{_quoted(name, *_about(node.leaves[0]))}]:::{_style(node.leaves)}"
    else:
        yield f"{own}({_quoted(name, node.kind)})"
    if above is not None:
        yield f"{above} --- {own}"
    for child in node.children:
        yield from _node(child, numbers, own)


def _about(row: Row) -> Iterator[str]:
    width = "?" if row.layer.num_features is None else row.layer.num_features
    yield f"{row.layer.class_name} {width}"
    yield row.modes
    yield " ".join(row.codes)


def _style(rows: list[Row]) -> str:
    if any(row.findings for row in rows):
        return "found"
    return "checked" if all(row.checked for row in rows) else "open"


def _quoted(*parts: str) -> str:
    """Text for a box, one part a line. Characters that Mermaid or HTML would read are written by number."""
    plain = f" _.,:/=()*-{TIMES}"
    lines = ("".join(one if one.isalnum() or one in plain else f"#{ord(one)};" for one in part) for part in parts)
    return '"' + "<br/>".join(line for line in lines if line) + '"'
