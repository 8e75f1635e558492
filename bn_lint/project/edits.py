"""Edits of text at places: which may be made together, and where they move what is around them."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Iterator
from functools import cached_property
from itertools import accumulate
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from bn_lint.facts import Place
    from bn_lint.rule import Edit

# Python ends lines here and nowhere else; `str.splitlines` also splits at form feeds and at U+2028.
NEWLINE = re.compile(r"\r\n|\n|\r")
# A string that is not closed goes on to the end of the line, instead of being tried again from each mark in it.
_STRING_OR_COMMENT = (
    r"""(?P<comment>#[^\r\n]*)|(\"\"\"|''')(?:\\[\s\S]|(?!\2)[\s\S])*(?:\2|(?P<unclosed>\Z))"""
    r"""|"(?:\\.|[^"\\\n])*"?|'(?:\\.|[^'\\\n])*'?"""
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


class Edits:
    """Edits of one text that do not touch each other."""

    def __init__(self, spans: Iterable[Span] = ()) -> None:
        self._spans = sorted(set(spans))

    def __len__(self) -> int:
        return len(self._spans)

    def __iter__(self) -> Iterator[Span]:
        return iter(self._spans)

    def add(self, wanted: Iterable[Span]) -> None:
        for span in wanted:
            if span not in self._neighbors(span):
                insort(self._spans, span)

    def leave_room_for(self, wanted: Iterable[Span]) -> bool:
        """Whether further edits touch none of these; the very same edit may be wanted twice."""
        return not any(one.touches(other) for one in wanted for other in self._neighbors(one) if one != other)

    def moved(self, offset: int) -> tuple[int, int]:
        """Where an index is after the edits; two answers: what is inserted right there may come before or after."""
        index = bisect_left(self._spans, (offset,))
        before = after = offset + self._growth[max(index - 1, 0)]
        for start, end, content in self._spans[max(index - 1, 0) : index + 1]:
            growth = len(content) - (end - start)
            if end < offset or (end == offset and start < offset):
                before, after = before + growth, after + growth
            elif start == end == offset:
                after += growth
            elif start < offset:
                before, after = before - (offset - start), after - (offset - start)
        return before, after

    @cached_property
    def _growth(self) -> list[int]:
        """How much longer the text is before each edit."""
        return [0, *accumulate(len(content) - (end - start) for start, end, content in self._spans)]

    def _neighbors(self, span: Span) -> list[Span]:
        """The edits before and behind the beginning of another one: it touches no others."""
        index = bisect_left(self._spans, (span.start,))
        return self._spans[max(index - 1, 0) : index + 1]


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
        return Span(start, end, edit.content.replace("\n", self.newline_at(start)))

    def newline_at(self, offset: int) -> str:
        """What ends the line of an index; the first line, if that is the last one."""
        match = NEWLINE.search(self.text, offset) or NEWLINE.search(self.text)
        return match.group() if match else "\n"

    def loses_comment(self, span: Span) -> bool:
        """Whether a comment stands in code that the edit replaces, and not in what it writes."""
        removed = self.text[span.start : span.end]
        if "#" not in removed or removed.lstrip().startswith("#"):
            return False
        comments = (match["comment"] for match in re.finditer(_STRING_OR_COMMENT, removed))
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
        for match in re.finditer(_STRING_OR_COMMENT, text):
            if match["unclosed"] is not None:
                self._delimiter = match[2]
        rest = re.sub(_STRING_OR_COMMENT, "", text)
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
