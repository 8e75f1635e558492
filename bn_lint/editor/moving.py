"""Findings of an earlier text, where they are in the present one.

An edit that changes no token changes no finding. A line that is half typed is no program, and says nothing new of the
rest. In both cases the findings only move.
"""

from __future__ import annotations

import io
import tokenize
from bisect import bisect_right
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from bn_lint.check.suppress import mentions_linters
from bn_lint.facts import Evidence, Inventory, Place
from bn_lint.project.edits import Edits, Span, Text
from bn_lint.project.revision import top_level_parts
from bn_lint.rule import Finding, Fix

#: Line and column.
_Position = tuple[int, int]

_BLOCKS = frozenset({tokenize.INDENT, tokenize.DEDENT, tokenize.NEWLINE, tokenize.NL})


def is_whole(text: str) -> bool:
    """Whether Python could run the text, as far as its syntax goes."""
    try:
        top_level_parts(text)  # whether it only moves is asked next
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


class Move:
    """Where the places of one text are in another one.

    Attributes:
        is_exact: A finding is given up with its evidence, and not only with its place.
    """

    is_exact = False

    def place(self, place: Place) -> Place | None:
        """The place in the new text; None if it cannot be told."""
        raise NotImplementedError

    def finding(self, finding: Finding, display: str) -> Finding | None:
        """The finding in the new text of a file; None if its place cannot be told."""
        place = self.place(finding.place) if finding.place.path == display else finding.place
        evidence = tuple(self._evidence(one, display) for one in finding.evidence)
        if place is None or (self.is_exact and None in evidence):
            return None
        steps = tuple(one for one in evidence if one is not None)
        return replace(finding, place=place, evidence=steps, fix=self._fix(finding.fix, display))

    def inventory(self, inventory: Inventory, display: str) -> Inventory:
        """The layers and tensors in the new text of a file, as far as their places can be told."""
        return inventory.moved(lambda place: self.place(place) if place.path == display else place)

    def _evidence(self, evidence: Evidence, display: str) -> Evidence | None:
        place = self.place(evidence.place) if evidence.place.path == display else evidence.place
        return None if place is None else evidence._replace(place=place)

    def _fix(self, fix: Fix | None, display: str) -> Fix | None:
        edits = []
        for edit in () if fix is None else fix.edits:
            place = self.place(edit.place) if edit.place.path == display else edit.place
            if place is None:
                return None
            edits.append(replace(edit, place=place))
        return None if fix is None else replace(fix, edits=tuple(edits))


class Reflow(Move):
    """Two texts of the same code: each token is where its counterpart is."""

    is_exact = True

    def __init__(self, parts: Sequence[_Part]) -> None:
        self._parts = parts
        self._first_lines = [part.old for part in parts]

    def place(self, place: Place) -> Place | None:
        start, is_empty = (place.line, place.column), (place.line, place.column) == (place.end_line, place.end_column)
        first, last = self._at(place.line), self._at(place.end_line)
        begin = first.moved(*start, first.starts)
        end = last.moved(place.end_line, place.end_column, last.ends)
        if is_empty:
            begin = end = begin or end
        return None if begin is None or end is None else Place(place.path, *begin, *end)

    def _at(self, line: int) -> _Part:
        return self._parts[max(bisect_right(self._first_lines, line) - 1, 0)]


@dataclass
class _Part:
    """A statement of the top level in two texts, with what follows it.

    Attributes:
        old: The line where it begins in one text; `new` is that in the other.
        is_equal: It is the same in both.
        starts: Otherwise where its tokens begin, from lines and columns in one to those in the other, counted from the
            part; `ends` is where they end, and `lines` the lines that they begin in.
    """

    old: int
    new: int
    is_equal: bool = True
    starts: dict[_Position, _Position] = field(default_factory=dict)
    ends: dict[_Position, _Position] = field(default_factory=dict)
    lines: dict[int, int] = field(default_factory=dict)

    def pair(self, before: Sequence[tokenize.TokenInfo], after: Sequence[tokenize.TokenInfo]) -> None:
        """Take in its tokens, which are the same but for where they are."""
        self.is_equal = False
        pairs = list(zip(before, after, strict=True))
        # What has no width, such as the end of a block, stands where the next token begins.
        for old, new in [pair for pair in pairs if not pair[0].string] + [pair for pair in pairs if pair[0].string]:
            self.starts[old.start] = new.start
            self.ends[old.end] = new.end
        for old, new in reversed(pairs):
            self.lines[old.start[0]] = new.start[0]

    def moved(self, line: int, column: int, known: Mapping[_Position, _Position]) -> _Position | None:
        """Where a position is now, which begins or ends a token; both count from 1."""
        if self.is_equal:
            return line - self.old + self.new, column
        old = line - self.old + 1, column - 1
        if old[1] == 0 and old not in known and old[0] in self.lines:
            found: _Position | None = (self.lines[old[0]], 0)  # the beginning of an indented line
        else:
            found = known.get(old)
        return None if found is None else (found[0] + self.new - 1, found[1] + 1)


def reflowed(before: str, after: str) -> Reflow | None:
    """Where the places are, if two texts differ only in layout, and in comments that mean nothing to linters."""
    found: list[_Part] = []
    old_line = new_line = 1
    try:
        old_parts, new_parts = top_level_parts(before), top_level_parts(after)
        if len(old_parts) != len(new_parts):
            return None
        for old, new in zip(old_parts, new_parts):
            found.append(part := _Part(old_line, new_line))
            if old != new:  # most statements of an edited text are as they were
                # Which statement a comment is about depends on empty lines, too.
                skipped = {tokenize.ENCODING} if mentions_linters(old + new) else {tokenize.ENCODING, tokenize.NL}
                old_tokens, new_tokens = list(_tokens(old, skipped)), list(_tokens(new, skipped))
                if len(old_tokens) != len(new_tokens) or not all(map(_same, old_tokens, new_tokens)):
                    return None
                part.pair(old_tokens, new_tokens)
            old_line += old.count("\n")
            new_line += new.count("\n")
    except (tokenize.TokenError, SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    return Reflow(found)


def _tokens(text: str, skipped: Container[int]) -> Iterator[tokenize.TokenInfo]:
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        is_remark = token.type == tokenize.COMMENT and not mentions_linters(token.string)
        if not is_remark and token.type not in skipped:
            yield token


def _same(one: tokenize.TokenInfo, other: tokenize.TokenInfo) -> bool:
    return one.type == other.type and (one.type in _BLOCKS or one.string == other.string)


def _alike(one: str, other: str) -> int:
    """How many characters two texts have in common at the beginning."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((index for index, (first, second) in pairs if first != second), min(len(one), len(other)))


class Edit(Move):
    """One stretch of a text that was replaced: what comes before and behind it stays."""

    def __init__(self, before: Text, after: Text) -> None:
        old, new = before.text, after.text
        start = _alike(old, new)
        shorter = min(len(old), len(new)) - start
        tail = _alike(old[::-1][:shorter], new[::-1][:shorter])
        self._before, self._after = before, after
        self._start, self._end = start, len(old) - tail
        self._edit = Edits([Span(start, self._end, new[start : len(new) - tail])])

    def place(self, place: Place) -> Place | None:
        start, end = self._before.extent(place)
        if self._start < start < self._end or self._start < end < self._end:
            return None
        first, last = self._edit.moved(start)[1], self._edit.moved(end)[0]
        if end == start:
            last = first
        if last < first:
            return None
        return Place(place.path, *self._after.position(first), *self._after.position(last), place.cell)
