"""Edits of text at places: which may be made together, and where they move what is around them."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from bn_lint.facts import Place
    from bn_lint.rule import Edit

# Python ends lines here and nowhere else; `str.splitlines` also splits at form feeds and at U+2028.
NEWLINE = re.compile(r"\r\n|\n|\r")
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\n|\r)|[^\r\n]+")
_STRING_OR_COMMENT = re.compile(
    r"""(?P<comment>#[^\r\n]*)|(\"\"\"|''')(?:\\[\s\S]|(?!\2)[\s\S])*(?:\2|(?P<unclosed>\Z))|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'"""
)


class Span(NamedTuple):
    """Replace the code points from `start` to `end`."""

    start: int
    end: int
    content: str

    def touches(self, other: Span) -> bool:
        """Whether two spans cannot be replaced at the same time: which of them comes first would matter."""
        if self.start == other.start:
            return True
        first, second = sorted((self, other))
        return second.start < first.end


class Text:
    """A text whose places are known as lines and columns."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._starts = [0, *(match.end() for match in NEWLINE.finditer(text))]

    def offset(self, line: int, column: int) -> int:
        """The index of a 1-based line and column; past the end of the text, the end."""
        if line > len(self._starts):
            return len(self.text)
        return min(self._starts[line - 1] + column - 1, len(self.text))

    def position(self, offset: int) -> tuple[int, int]:
        """The 1-based line and column of an index."""
        line = bisect_right(self._starts, offset)
        return line, offset - self._starts[line - 1] + 1

    def extent(self, place: Place) -> tuple[int, int]:
        """Where a place begins and ends."""
        return self.offset(place.line, place.column), self.offset(place.end_line, place.end_column)

    def span(self, edit: Edit) -> Span:
        """The edit by index, with the line ends of this text in its content."""
        start, end = self.extent(edit.place)
        return Span(start, end, edit.content.replace("\n", self._newline_at(start)))

    def _newline_at(self, offset: int) -> str:
        match = NEWLINE.search(self.text, offset) or NEWLINE.search(self.text)
        return match.group() if match else "\n"

    def loses_comment(self, span: Span) -> bool:
        """Whether a comment stands in code that the edit replaces, and not in what it writes."""
        removed = self.text[span.start : span.end]
        if "#" not in removed or removed.lstrip().startswith("#"):
            return False
        comments = (match["comment"] for match in _STRING_OR_COMMENT.finditer(removed))
        return any(comment not in span.content for comment in comments if comment)


class LineReader:
    """Reads Python line by line, and knows whether an expression or a string goes on behind what was read."""

    def __init__(self) -> None:
        self._delimiter = ""
        self._brackets = 0
        self._continued = False

    def read(self, line: str) -> None:
        text = self._delimiter + line
        self._delimiter = ""
        for match in _STRING_OR_COMMENT.finditer(text):
            if match["unclosed"] is not None:
                self._delimiter = match[2]
        rest = _STRING_OR_COMMENT.sub("", text)
        self._brackets += sum((one in "([{") - (one in ")]}") for one in rest)
        self._continued = rest.endswith(("\\\n", "\\\r\n"))

    @property
    def is_open(self) -> bool:
        return bool(self._delimiter) or self._brackets > 0 or self._continued


def replaced(text: str, spans: Iterable[Span]) -> str:
    """The text after edits that do not touch each other."""
    parts: list[str] = []
    done = 0
    for start, end, content in sorted(spans):
        parts += text[done:start], content
        done = end
    return "".join([*parts, text[done:]])


def difference(before: str, after: str) -> list[Span]:
    """The edits that make one text of another, line by line; of a line that changes only the part that does."""
    old, new = _LINE.findall(before), _LINE.findall(after)
    starts = [0]
    for line in old:
        starts.append(starts[-1] + len(line))
    spans = []
    for kind, i, j, k, m in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind != "equal":
            removed, added = "".join(old[i:j]), "".join(new[k:m])
            same = _shared(removed, added)
            rest = _shared(removed[same:][::-1], added[same:][::-1])
            spans.append(Span(starts[i] + same, starts[j] - rest, added[same : len(added) - rest]))
    return spans


def _shared(one: str, other: str) -> int:
    """How many characters two texts begin with together."""
    return next((n for n, (a, b) in enumerate(zip(one, other)) if a != b), min(len(one), len(other)))


def moved(offset: int, spans: Sequence[Span]) -> tuple[int, int]:
    """Where an index is after the edits; two answers, because what is inserted right there may come before or after."""
    before = after = offset
    for start, end, content in spans:
        growth = len(content) - (end - start)
        if end < offset or (end == offset and start < offset):
            before, after = before + growth, after + growth
        elif start == end == offset:
            after += growth
        elif start < offset:
            before, after = before - (offset - start), after - (offset - start)
    return before, after
