"""The table for people, on a terminal or in a file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from io import StringIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from bn_lint.output.layers.listing import Listing, Row
from bn_lint.output.module_tree import folded_rows
from bn_lint.output.text import TIMES, counted, file_of, printable

#: The width of a table that nothing limits.
_ANY = 10_000


def render(listing: Listing, *, color: bool = False, columns: int | None = None) -> str:
    """All models, each with its layers; equal neighbors share a row."""
    file = StringIO()
    console = Console(
        file=file,
        width=columns or _ANY,
        force_terminal=color,
        color_system="standard" if color else None,
        highlight=False,
        emoji=False,
        markup=False,
    )
    for part in _parts(listing):
        console.print(part)
    return "".join(f"{line.rstrip()}\n" for line in file.getvalue().splitlines())


def _parts(listing: Listing) -> Iterator[Text | Table]:
    for listed in listing.models:
        heading = Text(printable(listed.title), style="bold")
        heading.append(f"  {printable(listed.origin)}  {listed.size}", style="dim not bold")
        yield heading
        rows = ((path, node.leaves[0], node.count) for path, node in folded_rows(listed.tree))
        yield _table(rows)
        yield Text()
    if listing.loose:
        yield Text("In no model", style="bold")
        yield _table((row.layer.path, row, 1) for row in listing.loose)
        yield Text()
    if listing.left_out:
        yield Text(f"{counted(listing.left_out, 'more model')} of the same classes.")
    if not listing.total and not listing.models:
        yield Text("No BatchNorm layer is built in these files.")
    else:
        built = f"{counted(listing.total, 'place')} that {'builds' if listing.total == 1 else 'build'} BatchNorm layers"
        in_models = counted(sum(len(listed.rows) for listed in listing.models), "layer")
        yield Text(f"{counted(len(listing.models), 'model')} with {in_models}; {listing.checked} of {built} checked.")


def _table(rows: Iterable[tuple[str, Row, int]]) -> Table:
    known = list(rows)
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    table.add_column("", width=1)
    if any(path for path, _, _ in known):
        table.add_column("layer", overflow="fold")
    table.add_column("built at", overflow="fold")
    table.add_column("class", overflow="fold")
    table.add_column("width", justify="right", overflow="fold")
    table.add_column("input", overflow="fold")
    if any(row.modes for _, row, _ in known):
        table.add_column("called in", overflow="fold")
    remarked = any(row.remarks or row.findings for _, row, _ in known)
    if remarked:
        table.add_column("", overflow="fold")
    titles = [column.header for column in table.columns]
    for path, row, count in known:
        layer = row.layer
        cells = [_mark(row)]
        if "layer" in titles:
            many = Text(printable(path))
            many.append(f" {TIMES}{count}" if count > 1 else "", style="dim")
            cells.append(many)
        cells += [
            Text(f"{file_of(layer.built)}:{layer.built.line}", style="dim"),
            Text(printable(layer.class_name)),
            Text("?" if layer.num_features is None else printable(str(layer.num_features))),
            Text(printable(row.inputs) or "-"),
        ]
        if "called in" in titles:
            cells.append(Text(row.modes or "-"))
        if remarked:
            cells.append(_remarks(row))
        table.add_row(*cells)
    return table


def _mark(row: Row) -> Text:
    if row.findings:
        return Text("✗", style="bold red")
    return Text({True: "✓", False: "?", None: " "}[row.checked], style="green" if row.checked else "dim")


def _remarks(row: Row) -> Text:
    said = Text()
    for finding in row.findings:
        said.append(f"{finding.code} ", style={"error": "bold red", "warning": "bold yellow"}.get(finding.severity, ""))
    said.append(printable("; ".join(row.remarks)), style="dim")
    return said
