"""A document that an editor has open, a file of Python code or the cells of a notebook, and what was found in it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bn_lint.check.report import Report
from bn_lint.facts import Place
from bn_lint.project.edits import Span, Text
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
        stamp: What it depends on besides: equal where nothing else has changed.
        origin: What was judged, if the findings were only moved from there.
    """

    display: str
    text: Text
    report: Report
    parts: tuple[Part, ...]
    stamp: object = None
    origin: Judged | None = None

    @property
    def findings(self) -> list[Finding]:
        """What is found in this document."""
        return [finding for finding in self.report.visible if finding.place.path == self.display]

    @property
    def found_elsewhere(self) -> list[tuple[Finding, Place]]:
        """What is found in other files, with the place in this document that is evidence for it."""
        return [
            (finding, next(step.place for step in finding.evidence if step.place.path == self.display))
            for finding in self.report.visible
            if finding.place.path != self.display
        ]

    def part(self, uri: str) -> Part | None:
        """The part that an editor calls by this name."""
        return next((part for part in self.parts if part.uri == uri), None)

    def part_at(self, offset: int) -> Part:
        """The part that an index of the judged text is in."""
        return self.parts[max(bisect_right([part.start for part in self.parts], offset) - 1, 0)]

    def findings_at(self, first: int, last: int) -> Iterator[Finding]:
        """The findings that touch a stretch of the judged text."""
        for finding in self.findings:
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
