"""Jupyter notebooks: the code of their cells as one text, and edits of it that leave the rest of the file alone.

Magics and shell commands are blanked by code of the same length, so that places in the text are places in the cells.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bn_lint.errors import SourceError
from bn_lint.project.edits import LineReader, Span, replaced
from bn_lint.project.source import Source

if TYPE_CHECKING:
    from bn_lint.facts import Place

#: Cell magics whose cell is Python all the same.
_PYTHON = frozenset({"time", "timeit", "capture", "prun", "python", "python3", "snakeviz", "memit", "mprun", "wandb"})
_CELL_MAGIC = re.compile(r"\s*%%(\w*)")
#: Magics that nobody writes with their `%`: a name with a word behind it is never Python, unless it is an operator.
_AUTOMATIC = (
    r"(?:pip|conda|mamba|cd|ls|mkdir|rmdir|rm|mv|cp|cat|load_ext|reload_ext|autoreload|matplotlib|pylab)[ \t]+"
    r"(?!(?:and|as|else|for|if|in|is|not|or)\b)(?:-[a-z]+[ \t]+)?[\w./~]"
)
_MAY_HAVE_MAGIC = re.compile(rf"[%!?]|^{_AUTOMATIC}", re.MULTILINE)
_LINE_MAGIC = re.compile(rf"(?P<before>\s*)(?:[%!?]|\?*[\w.]+\?+\s*$|{_AUTOMATIC})")
_ASSIGNED_MAGIC = re.compile(r"(?P<before>\s*[\w.,\[\]][\w.,\[\] ]*(?<![=!<>])=\s*)[%!](?!=)")
#: A line that assigns what stands in the next one.
_ASSIGNS_NEXT = re.compile(r"\s*[\w.,\[\]][\w.,\[\] ]*(?<![=!<>])=[ \t]*\\\r?\n")
_MAGIC = re.compile(r"(?P<before>[ \t]*)[%!]")
_SPACE = re.compile(r"[ \t\r\n]*")
_LINE = re.compile(r"[^\n]*\n|[^\n]+")


@dataclass(frozen=True)
class Cell:
    """A code cell.

    Attributes:
        number: Its 1-based number among all cells.
        code: Its text, magics included.
        start: Where it begins in the text of the notebook.
        line: The 1-based line at which it begins there.
        where: Where the file holds it: from here to there in the JSON text.
    """

    number: int
    code: str
    start: int
    line: int
    where: tuple[int, int]


class Notebook(Source):
    """A notebook: `text` is the Python code of its cells, one after the other.

    Attributes:
        document: The file's own text.
    """

    def __init__(
        self, path: Path, display: str, text: str, encoding: str, document: str, cells: tuple[Cell, ...]
    ) -> None:
        super().__init__(path, display, text, encoding)
        self.document = document
        self.cells = cells

    @property
    def data(self) -> bytes:
        return self.document.encode(self.encoding)

    @property
    def parts(self) -> Mapping[int | None, str]:
        return {cell.number: cell.code for cell in self.cells}

    def edited(self, spans: Iterable[Span]) -> Source:
        by_cell: dict[int, list[Span]] = {}
        starts = [cell.start for cell in self.cells]
        for start, end, content in spans:
            index = bisect_right(starts, start) - 1
            offset = starts[index]
            by_cell.setdefault(index, []).append(Span(start - offset, end - offset, content))
        edits = []
        for index, own in by_cell.items():
            cell = self.cells[index]
            start, end = cell.where
            code = replaced(cell.code, own)
            edits.append(Span(start, end, _written(code, self.document[start:end], ascii_only=self.document.isascii())))
        document = replaced(self.document, edits)
        return notebook(document, self.path, self.display, self.encoding)

    def line_in(self, cell: int | None, number: int) -> int:
        first = next((each.line for each in self.cells if each.number == cell), 1)
        return first + number - 1

    def located(self, place: Place) -> Place:
        index = max(bisect_right([cell.line for cell in self.cells], place.line) - 1, 0)
        if not self.cells:
            return place
        cell = self.cells[index]
        shift = cell.line - 1
        return replace(place, line=place.line - shift, end_line=place.end_line - shift, cell=cell.number)


def notebook(document: str, path: Path, display: str, encoding: str = "utf-8") -> Notebook:
    """Read a notebook.

    Raises:
        SourceError: the text is no notebook.
    """
    try:
        parsed = json.loads(document)
    except (ValueError, RecursionError) as error:
        line, column = (error.lineno, error.colno) if isinstance(error, json.JSONDecodeError) else (1, 1)
        raise SourceError(f"{display} is no notebook: it is not valid JSON.", line, column) from error
    if not isinstance(parsed, dict) or not isinstance(parsed.get("cells", []), list):
        raise SourceError(f"{display} is no notebook: it has no list of cells.")
    cells: list[Cell] = []
    masked: list[str] = []
    start, line = 0, 1
    if _is_python(parsed):
        try:
            found = list(_code_cells(document))
        except ValueError as error:
            raise SourceError(f"{display} is no notebook: {error}.") from error
        for number, where, code in found:
            cells.append(Cell(number, code, start, line, where))
            text = blanked(code) + ("" if code.endswith("\n") else "\n")
            masked.append(text)
            start += len(text)
            line += text.count("\n")
    return Notebook(path, display, "".join(masked), encoding, document, tuple(cells))


def _is_python(parsed: Mapping[str, Any]) -> bool:
    metadata = parsed.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    for key, name in (("language_info", "name"), ("kernelspec", "language")):
        told = metadata.get(key)
        if isinstance(told, dict) and isinstance(told.get(name), str):
            return told[name].lower() in ("python", "ipython")
    return True


# -- magics ---------------------------------------------------------------------------------------------------------


def blanked(code: str) -> str:
    """The code of a cell with everything that only IPython understands blanked: as long as before, line by line."""
    cell_magic = _CELL_MAGIC.match(code)
    if cell_magic is None and _MAY_HAVE_MAGIC.search(code) is None:
        return code
    lines = _LINE.findall(code)
    if cell_magic is not None:
        first = code[: cell_magic.end()].count("\n") + 1
        keep = cell_magic[1] in _PYTHON
        lines = [_blank(line) if number < first or not keep else line for number, line in enumerate(lines)]
    done: list[str] = []
    before_it, continued = LineReader(), False
    for line in lines:
        made = line
        if continued:
            made = _blank(line)
            continued = line.rstrip("\r\n").endswith("\\")
        elif not before_it.is_open or (done and _ASSIGNS_NEXT.fullmatch(done[-1])):
            magic = None if before_it.is_open else _LINE_MAGIC.match(line)
            found = magic or (_MAGIC.match(line) if before_it.is_open else _ASSIGNED_MAGIC.match(line))
            if found:
                before = found["before"]
                # A statement must be left, because a block may hold nothing else; an unknown value, where one is used.
                # The rest becomes a comment, not white space: what is put behind the line must not land inside it.
                made = before + ("0" if magic else "_") + _blank(line[len(before) + 1 :], "#")
                continued = line.rstrip("\r\n").endswith("\\")
        before_it.read(made)
        done.append(made)
    return "".join(done)


def _blank(line: str, filler: str = " ") -> str:
    return re.sub(r"[^\r\n]", filler, line)


# -- JSON -----------------------------------------------------------------------------------------------------------


def _code_cells(document: str) -> Iterator[tuple[int, tuple[int, int], str]]:
    """The number of each code cell, where its source stands in the file, and its code.

    Raises:
        ValueError: the source of a code cell is no text.
    """
    # Of members with one name, JSON means the last.
    members = {name: first for name, first, _ in _members(document, _skip(document, 0))}
    for number, (cell, _) in enumerate(_items(document, members["cells"]) if "cells" in members else (), 1):
        found = {name: (first, last) for name, first, last in _members(document, cell)}
        if "source" not in found or not _is_code(document, found.get("cell_type")):
            continue
        first, last = found["source"]
        source = json.loads(document[first:last])
        lines = [source] if isinstance(source, str) else source
        if not isinstance(lines, list) or not all(isinstance(line, str) for line in lines):
            raise ValueError(f"the source of cell {number} is no text")
        if code := "".join(lines):
            yield number, (first, last), code


def _is_code(document: str, where: tuple[int, int] | None) -> bool:
    return where is not None and bool(json.loads(document[where[0] : where[1]]) == "code")


def _members(document: str, start: int) -> Iterator[tuple[str, int, int]]:
    """The members of the object that begins at an index: name, and from where to where the value stands."""
    if document[start] != "{":
        return
    position = _skip(document, start + 1)
    while document[position] != "}":
        name, position = _DECODER.raw_decode(document, position)
        first = _skip(document, _skip(document, position) + 1)
        _, last = _DECODER.raw_decode(document, first)
        yield name, first, last
        position = _skip(document, last)
        position = _skip(document, position + 1) if document[position] == "," else position


def _items(document: str, start: int) -> Iterator[tuple[int, int]]:
    """From where to where each element of the array that begins at an index stands."""
    position = _skip(document, start + 1)
    while document[position] != "]":
        _, last = _DECODER.raw_decode(document, position)
        yield position, last
        position = _skip(document, last)
        position = _skip(document, position + 1) if document[position] == "," else position


_DECODER = json.JSONDecoder()


def _skip(document: str, position: int) -> int:
    match = _SPACE.match(document, position)
    assert match is not None
    return match.end()


def _written(code: str, before: str, *, ascii_only: bool) -> str:
    """The source of a cell as JSON, in the layout of what it replaces; lines that stay are written as they were."""
    if not before.startswith("["):
        return json.dumps(code, ensure_ascii=ascii_only)
    places = list(_items(before, 0))
    known = {json.loads(before[start:end]): before[start:end] for start, end in places}
    opening = before[1 : places[0][0]]
    between = before[places[0][1] : places[1][0]] if len(places) > 1 else f",{opening or ' '}"
    lines = [known.get(line) or json.dumps(line, ensure_ascii=ascii_only) for line in _LINE.findall(code)]
    return f"[{opening}{between.join(lines)}{before[places[-1][1] : -1]}]"
