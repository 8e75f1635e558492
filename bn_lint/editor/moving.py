"""Findings of an earlier text, where they are in the present one.

An edit that changes no token changes no finding. A line that is half typed is no program, and says nothing new of the
rest. In both cases the findings only move.
"""

from __future__ import annotations

import ast
import io
import tokenize
import warnings
from collections.abc import Iterator
from dataclasses import replace

from bn_lint.check.suppress import mentions_linters
from bn_lint.facts import Evidence, Inventory, Place
from bn_lint.project.edits import Edits, Span, Text
from bn_lint.rule import Finding, Fix

_BLOCKS = frozenset({tokenize.INDENT, tokenize.DEDENT, tokenize.NEWLINE, tokenize.NL})


def is_whole(text: str) -> bool:
    """Whether Python could run the text, as far as its syntax goes."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(text)
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

    def __init__(self, before: list[tokenize.TokenInfo], after: list[tokenize.TokenInfo]) -> None:
        self._starts: dict[tuple[int, int], tuple[int, int]] = {}
        self._ends: dict[tuple[int, int], tuple[int, int]] = {}
        self._lines: dict[int, int] = {}
        pairs = list(zip(before, after, strict=True))
        # What has no width, such as the end of a block, stands where the next token begins.
        for old, new in [pair for pair in pairs if not pair[0].string] + [pair for pair in pairs if pair[0].string]:
            self._starts[old.start] = new.start
            self._ends[old.end] = new.end
        for old, new in reversed(pairs):
            self._lines[old.start[0]] = new.start[0]

    def place(self, place: Place) -> Place | None:
        start = self._moved((place.line, place.column - 1), self._starts)
        end = self._moved((place.end_line, place.end_column - 1), self._ends)
        if (place.line, place.column) == (place.end_line, place.end_column):
            start = end = start or end
        return None if start is None or end is None else Place(place.path, start[0], start[1] + 1, end[0], end[1] + 1)

    def _moved(self, old: tuple[int, int], known: dict[tuple[int, int], tuple[int, int]]) -> tuple[int, int] | None:
        if old[1] == 0 and old not in known and old[0] in self._lines:
            return self._lines[old[0]], 0  # the beginning of an indented line
        return known.get(old)


def reflowed(before: str, after: str) -> Reflow | None:
    """Where the places are, if two texts differ only in layout, and in comments that mean nothing to linters."""
    try:
        old, new = list(_tokens(before)), list(_tokens(after))
    except (tokenize.TokenError, SyntaxError):
        return None
    same = len(old) == len(new) and all(map(_same, old, new))
    return Reflow(old, new) if same else None


def _tokens(text: str) -> Iterator[tokenize.TokenInfo]:
    # Which statement a comment is about depends on empty lines, too.
    skipped = {tokenize.ENCODING} if mentions_linters(text) else {tokenize.ENCODING, tokenize.NL}
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
