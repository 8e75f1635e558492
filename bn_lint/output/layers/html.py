"""The table as a page: the findings, and each model with its layers."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Sequence
from html import escape

from bn_lint.output.html.document import document, header, numbers, path_text, search, table
from bn_lint.output.html.findings import by_severity, findings, verdict
from bn_lint.output.layers.listing import Listing, Row
from bn_lint.output.module_tree import Node, folded_rows
from bn_lint.output.text import TIMES, counted, file_of

_MARKS = {
    True: '<span class="mark yes" title="its width was compared with its input">&#10003;</span>',
    False: '<span class="mark open" title="not checked">?</span>',
    None: "",
}
#: Models whose layers are shown from the beginning.
_MOST_OPEN = 6


def render(listing: Listing) -> str:
    """A complete HTML document."""
    return document(f"BatchNorm layers of {_name(listing)} - bn-lint", _parts(listing))


def _parts(listing: Listing) -> Iterator[str]:
    name, files = _name(listing), counted(listing.report.files, "file")
    about = [files] if files != name else []
    yield header("BatchNorm layers", name, [*about, "found by reading the code; nothing was run"])
    yield verdict(listing.report)
    yield numbers(
        [
            (len(listing.models), "model", "models"),
            (sum(len(listed.rows) for listed in listing.models), "layer", "layers"),
            (listing.total, "place in the code", "places in the code"),
            (listing.checked, "of them checked", "of them checked"),
        ]
    )
    layers = bool(listing.models or listing.loose)
    found = list(findings(listing.report))
    if found and layers:
        yield '<p class="soft">Findings come first, then <a href="#models">models and their layers</a>.</p>\n'
    if layers:
        yield search("all", "BN002, layer, class, width, file")
    yield '<div id="all">\n'
    yield from found
    numbers_of = {id(finding): number for number, finding in enumerate(by_severity(listing.report))}
    for problem in listing.report.problems:
        where = f'<span class="where">{escape(file_of(problem.place))}:{problem.place.line}</span>'
        yield f'<p class="soft">{escape(problem.code)} {where} {escape(problem.message)}</p>\n'
    if layers:
        yield from _models(listing, numbers_of)
    else:
        yield "<p>No BatchNorm layer is built in these files.</p>\n"
    yield "</div>\n"


def _name(listing: Listing) -> str:
    """What the page is about: the only file, or the folder that all layers are in."""
    places = [row.layer.built for row in _rows(listing)]
    if places and listing.report.files == 1:
        return file_of(places[0])
    folders = {posixpath.dirname(file_of(place)) for place in places}
    relative = folders and not any(folder.startswith("/") for folder in folders)
    return (posixpath.commonpath(folders) if relative else "") or counted(listing.report.files, "file")


def _models(listing: Listing, numbers_of: dict[int, int]) -> Iterator[str]:
    yield '<h2 id="models">Models</h2>\n'
    yield (
        '<p class="soft">Shapes and modes are those in which the code calls each layer, as far as they can be known '
        "without running it. Neighbors that are alike share a row.</p>\n"
    )
    for index, listed in enumerate(listing.models):
        is_open = index < _MOST_OPEN or any(row.findings for row in listed.rows)
        about = f"{escape(listed.origin)} &middot; {listed.size}"
        words = escape(f"{listed.title} {listed.origin}")
        yield (
            f'<section class="model" data-words="{words}"><details{" open" if is_open else ""}><summary>'
            f'<h3><code>{escape(listed.title)}</code></h3> <span class="where">{about}</span></summary>\n'
        )
        yield _table(list(_lines(listed.tree)), numbers_of)
        yield "</details></section>\n"
    if listing.loose:
        yield '<section class="model"><h3>In no model</h3>\n'
        yield _table([(f"<code>{escape(row.layer.path) or '-'}</code>", row) for row in listing.loose], numbers_of)
        yield "</section>\n"
    if listing.left_out:
        yield f'<p class="soft">{counted(listing.left_out, "more model")} of the same classes.</p>\n'


def _rows(listing: Listing) -> Iterator[Row]:
    for listed in listing.models:
        yield from listed.rows
    yield from listing.loose


#: A width or shape of up to so many characters stays on one line.
_LONGEST = 28
#: The HTML of a name, and the layer; None for the heading of a module.
_Line = tuple[str, Row | None]


def _lines(tree: Node[Row]) -> Iterator[_Line]:
    """The lines of a tree: a heading for each module with several layers, and the layers below it."""
    for child in tree.children:
        rows = list(folded_rows(child))
        if len(rows) > 1:
            kind = f' <span class="count">{escape(child.kind)}</span>' if child.kind else ""
            yield f"<b>{escape(child.name)}</b>{kind}", None
        for path, node in rows:
            above, dot, name = path.rpartition(".")
            many = f' <span class="count">{TIMES}{node.count}</span>' if node.count > 1 else ""
            yield f'<code><span class="soft">{escape(above + dot)}</span>{escape(name)}</code>{many}', node.leaves[0]


def _table(lines: Sequence[_Line], numbers_of: dict[int, int]) -> str:
    def kind(index: int) -> str:
        row = lines[index][1]
        return "module" if row is None else "found" if row.findings else ""

    columns = [
        ("name", "layer"),
        ("check", ""),
        ("", "class"),
        ("right", "width"),
        ("mono", "input"),
        ("", "called in"),
        ("where", "built at"),
        ("", "notes"),
    ]
    rows = [list(_cells(name, row, numbers_of)) for name, row in lines]
    filled = [index for index in range(len(columns)) if any(cells[index] for cells in rows)]
    return table([columns[index] for index in filled], ([cells[index] for index in filled] for cells in rows), kind)


def _cells(name: str, row: Row | None, numbers_of: dict[int, int]) -> Iterator[str]:
    if row is None:
        yield name
        yield from [""] * 7
        return
    layer = row.layer
    yield name
    yield '<span class="mark no" title="has findings">&#10007;</span>' if row.findings else _MARKS[row.checked]
    yield escape(layer.class_name)
    yield "?" if layer.num_features is None else _formula(str(layer.num_features))
    yield "<br>".join(_formula(str(shape)) for shape in layer.inputs)
    yield row.modes
    yield path_text(f"{file_of(layer.built)}:{layer.built.line}")
    links = [f'<a href="#finding-{numbers_of[id(one)]}">{escape(one.code)}</a>' for one in row.findings]
    yield " ".join([*links, escape("; ".join(row.remarks))])


def _formula(text: str) -> str:
    """A width or shape; a long one is broken, or it would push the columns behind it off the page."""
    return escape(text) if len(text) <= _LONGEST else f'<span class="long">{escape(text)}</span>'
