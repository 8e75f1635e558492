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
from bn_lint.facts import Evidence, Place
from bn_lint.project.edits import Edits, Span, Text
from bn_lint.rule import Finding, Fix

_BLOCKS = frozenset({tokenize.INDENT, tokenize.DEDENT, tokenize.NEWLINE})


def is_whole(text: str) -> bool:
    """Whether Python could run the text, as far as its syntax goes."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def same_code(before: str, after: str) -> bool:
    """Whether two texts differ only in layout, and in comments that mean nothing to linters."""
    try:
        return list(_tokens(before)) == list(_tokens(after))
    except (tokenize.TokenError, SyntaxError):
        return False


def _tokens(text: str) -> Iterator[tuple[int, str]]:
    # Which statement a comment is about depends on empty lines, too.
    skipped = {tokenize.ENCODING} if mentions_linters(text) else {tokenize.ENCODING, tokenize.NL}
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            if mentions_linters(token.string):
                yield token.type, token.string
        elif token.type not in skipped:
            yield token.type, "" if token.type in _BLOCKS else token.string


def _alike(one: str, other: str) -> int:
    """How many characters two texts have in common at the beginning."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((index for index, (first, second) in pairs if first != second), min(len(one), len(other)))


class Move:
    """Where the places of one text are in another one: what comes before and behind all differences stays."""

    def __init__(self, before: Text, after: Text) -> None:
        old, new = before.text, after.text
        start = _alike(old, new)
        shorter = min(len(old), len(new)) - start
        tail = _alike(old[::-1][:shorter], new[::-1][:shorter])
        self._before, self._after = before, after
        self._start, self._end = start, len(old) - tail
        self._edit = Edits([Span(start, self._end, new[start : len(new) - tail])])

    def finding(self, finding: Finding, display: str) -> Finding | None:
        """The finding in the new text; None if its place was edited."""
        if finding.place.path != display:
            return replace(finding, evidence=tuple(self._evidence(one, display) for one in finding.evidence))
        place = self.place(finding.place)
        if place is None:
            return None
        evidence = tuple(self._evidence(one, display) for one in finding.evidence)
        return replace(finding, place=place, evidence=evidence, fix=self._fix(finding.fix, display))

    def place(self, place: Place) -> Place | None:
        """The place in the new text; None if it begins or ends in what was edited."""
        start, end = self._before.extent(place)
        if self._start < start < self._end or self._start < end < self._end:
            return None
        first, last = self._edit.moved(start)[1], self._edit.moved(end)[0]
        if end == start:
            last = first
        if last < first:
            return None
        return Place(place.path, *self._after.position(first), *self._after.position(last), place.cell)

    def _evidence(self, evidence: Evidence, display: str) -> Evidence:
        if evidence.place.path != display:
            return evidence
        place = self.place(evidence.place)
        if place is None:  # the line is still there, more or less
            line = self._after.position(min(self._start, len(self._after.text)))[0]
            place = Place(display, line, 1, line, 1)
        return evidence._replace(place=place)

    def _fix(self, fix: Fix | None, display: str) -> Fix | None:
        edits = []
        for edit in () if fix is None else fix.edits:
            place = self.place(edit.place) if edit.place.path == display else edit.place
            if place is None:
                return None
            edits.append(replace(edit, place=place))
        return None if fix is None else replace(fix, edits=tuple(edits))
