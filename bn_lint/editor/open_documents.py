"""What was found in a document that an editor has open: a file of Python code, or the cells of a notebook."""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bn_lint.check.pipeline import check
from bn_lint.check.report import Report
from bn_lint.project.config import Configuration
from bn_lint.project.discovery import File
from bn_lint.project.edits import Span, Text
from bn_lint.project.notebook import notebook
from bn_lint.project.source import display_path, encoded
from bn_lint.rule import Finding


@dataclass(frozen=True)
class Open:
    """What an editor holds as one document: a file, or a cell.

    Attributes:
        is_code: Whether it is Python code, and not prose or another language.
    """

    uri: str
    version: int | None
    text: str
    is_code: bool = True


@dataclass(frozen=True)
class Part:
    """An open document in the text that was judged.

    Attributes:
        text: As the editor has it, magics of notebooks included.
        start: Where it begins in the judged text.
    """

    uri: str
    version: int | None
    text: Text
    start: int = 0

    def extent(self, start: int, end: int) -> tuple[int, int]:
        """A stretch of the judged text within this part."""
        size = len(self.text.text)
        return min(start - self.start, size), min(end - self.start, size)


@dataclass(frozen=True)
class Judged:
    """What was found in one version of a document.

    Attributes:
        text: What was judged; of a notebook the code of its cells, one after the other.
        parts: The open documents that it comes from, in their order.
    """

    display: str
    text: Text
    report: Report
    parts: tuple[Part, ...]

    def part(self, uri: str) -> Part | None:
        """The part that an editor calls by this name."""
        return next((part for part in self.parts if part.uri == uri), None)

    def part_at(self, offset: int) -> Part:
        """The part that an index of the judged text is in."""
        return self.parts[max(bisect_right([part.start for part in self.parts], offset) - 1, 0)]

    def findings_at(self, first: int, last: int) -> Iterator[Finding]:
        """The findings that touch a stretch of the judged text."""
        for finding in self.report.visible:
            start, end = self.text.extent(finding.place)
            if start <= last and first <= end:
                yield finding

    def by_part(self, spans: Sequence[Span]) -> Iterator[tuple[Part, list[Span]]]:
        """Edits of the judged text as edits of the documents it comes from."""
        found: dict[str, tuple[Part, list[Span]]] = {}
        for span in sorted(spans):
            part = self.part_at(span.start)
            found.setdefault(part.uri, (part, []))[1].append(Span(*part.extent(span.start, span.end), span.content))
        yield from found.values()


def judge_file(path: Path, file: Open) -> Judged:
    """Judge an open text as the content of its file.

    Raises:
        BnLintError: the configuration is wrong.
    """
    display = display_path(path)
    report = _report(path, display, encoded(file.text, display))
    text = Text(file.text)
    return Judged(display, text, report, (Part(file.uri, file.version, text),))


def judge_notebook(path: Path, cells: Sequence[Open]) -> Judged:
    """Judge the open cells of a notebook, all of them in their order, as the content of its file.

    Raises:
        BnLintError: the configuration is wrong.
    """
    if path.suffix != ".ipynb":  # one without a file yet, or one that is kept as a script
        path = path.with_name(f"{path.name}.ipynb")
    display = display_path(path)
    document = json.dumps(
        {"cells": [{"cell_type": "code" if cell.is_code else "markdown", "source": cell.text} for cell in cells]}
    )
    source = notebook(document, path, display)
    known = {cell.number: cell for cell in source.cells}
    parts, start = [], 0
    for number, cell in enumerate(cells, 1):
        if number in known:
            start = known[number].start
        if cell.is_code:
            parts.append(Part(cell.uri, cell.version, Text(cell.text), start))
    return Judged(display, Text(source.text), _report(path, display, document.encode()), tuple(parts))


def _report(path: Path, display: str, data: bytes) -> Report:
    configuration = Configuration()
    if configuration.settings_for(path).excludes(path):
        return Report()
    return check([File(path, display, explicit=True, data=data)], configuration)
