"""What an edit that leaves the code alone moves: comments, docstrings, and empty lines between statements.

Everything within a statement counts as code, also a comment between its brackets.
"""

from __future__ import annotations

import ast
import io
import re
import token
import tokenize
import warnings
from bisect import bisect_right
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING

from bn_lint.project.mentions import INDIRECT, answers
from bn_lint.project.prefilter import is_batchnorm_name

if TYPE_CHECKING:
    from bn_lint.facts import Place

#: Line and column, from 1.
Position = tuple[int, int]

_LAYOUT = frozenset({token.COMMENT, token.NL, token.INDENT, token.DEDENT, token.ENDMARKER})
_DOCSTRING = re.compile(r"""[rRuU]?(?:\"\"\"|''')""")
#: Longer strings stand for no name: see `static/relevance.py`.
_LONGEST_NAME = 60
#: Names of attributes that are no methods: docstrings may mention them.
_ATTRIBUTE = re.compile(r"\.\s*(\w+)\b(?!\s*\()")
_MOST_CHARACTERS = 1_000_000


class _Code:
    """The lines of a text that code stands in.

    Attributes:
        lines: What stands in each; of a docstring there is one line, and only that it is there.
        numbers: Where they are in the text.
        statements: For each the number of its statement.
        ends: Where the docstrings end, by the number of their line here.
        words: Those of each docstring.
        rows: All lines, as they are.
    """

    def __init__(self, text: str, *, is_top: bool = True) -> None:
        """Read a text.

        Args:
            is_top: It begins where the file does, and not with a later statement.

        Raises:
            SyntaxError, tokenize.TokenError: it is not Python.
        """
        self.lines: list[str] = []
        self.numbers: list[int] = []
        self.statements: list[int] = []
        self.ends: dict[int, Position] = {}
        self.words: list[frozenset[str]] = []
        rows = self.rows = text.split("\n")
        heads, opens = True, is_top  # the first statement of a file or a definition; it is the first in a block
        for count, (statement, is_indented) in enumerate(_statements(text)):
            first, last = statement[0], statement[-1]
            begin, (end, column) = first.start[0], last.end
            if len(statement) == 1 and heads and (opens or is_indented) and _is_docstring(first):
                self.ends[len(self.lines)] = (end, column + 1)
                self.words.append(frozenset(str(ast.literal_eval(first.string)).replace(".", " ").split()))
                self._add(rows[begin - 1][: first.start[1]] + '"""', begin, count)
            else:
                for number in range(begin, end):
                    self._add(rows[number - 1], number, count)
                self._add(rows[end - 1][:column], end, count)
            heads, opens = first.string in ("def", "class", "async"), False

    def _add(self, line: str, number: int, statement: int) -> None:
        self.lines.append(line)
        self.numbers.append(number)
        self.statements.append(statement)


@dataclass(frozen=True)
class _Part:
    """A statement of the top level in both texts, with what follows it.

    Attributes:
        first: The line where it begins in the old text; `first_now` is that in the new one.
    """

    old: str
    new: str
    first: int
    first_now: int

    @cached_property
    def code(self) -> _Code:
        return _Code(self.old, is_top=self.first == 1)

    @cached_property
    def code_now(self) -> _Code:
        return _Code(self.new, is_top=self.first == 1)

    @cached_property
    def _index(self) -> dict[int, int]:
        return {number: index for index, number in enumerate(self.code.numbers)}

    @cached_property
    def _ends(self) -> dict[Position, int]:
        return {end: index for index, end in self.code.ends.items()}

    def moved(self, start: Position, end: Position) -> tuple[Position, Position] | None:
        """Where a place in it is now, counted from the part; None if it is no part of a single statement."""
        if self.old == self.new:
            return start, end
        first, last = self._index.get(start[0]), self._index.get(end[0])
        if last is None:
            last = self._ends.get(end)
        if first is None or last is None or self.code.statements[first] != self.code.statements[last]:
            return None
        begin_now, end_now = self._position(start), self._position(end)
        return None if begin_now is None or end_now is None else (begin_now, end_now)

    def _position(self, position: Position) -> Position | None:
        line, column = position
        index = self._ends.get(position)
        if index is not None:
            return self.code_now.ends[index]
        index = self._index.get(line)
        if index is None:
            return None
        # Of a docstring only where it begins is the same.
        length = len(self.code.lines[index])
        if column > (length - 2 if index in self.code.ends else length + 1):
            return None
        return self.code_now.numbers[index], column


class Revision:
    """A text that has the code of another one: where the places of that are now."""

    def __init__(self, old: str, new: str) -> None:
        self._rows = old.split("\n"), new.split("\n")
        self._new = new
        self._parts: list[_Part] = []
        first = first_now = 1
        for part, part_now in zip(top_level_parts(old), top_level_parts(new), strict=True):
            self._parts.append(_Part(part, part_now, first, first_now))
            first += part.count("\n")
            first_now += part_now.count("\n")
        self._firsts = [part.first for part in self._parts]

    @cached_property
    def telling(self) -> frozenset[str]:
        """The words by which docstrings say something about layers."""
        return INDIRECT.union(_ATTRIBUTE.findall("\n".join(_Code(self._new).lines)))

    def moved(self, place: Place) -> Place | None:
        """A place of the old text in the new one; None if it is no part of a single statement.

        A block ends at the comments behind it: it moves if nothing in its statement of the top level has changed.
        """
        part = self._parts[bisect_right(self._firsts, place.line) - 1]
        if part is not self._parts[bisect_right(self._firsts, place.end_line) - 1]:
            return None
        before, now = part.first - 1, part.first_now - 1
        found = part.moved((place.line - before, place.column), (place.end_line - before, place.end_column))
        if found is None:
            return None
        (line, column), (end_line, end_column) = found
        return replace(place, line=line + now, column=column, end_line=end_line + now, end_column=end_column)

    def moved_with_lines(self, place: Place) -> Place | None:
        """The same for a place where the lines around it matter as well; None if they have changed."""
        new = self.moved(place)
        if new is None or self._around(0, place) != self._around(1, new):
            return None
        return new

    def _around(self, text: int, place: Place) -> list[str]:
        return self._rows[text][max(place.line - 2, 0) : place.end_line + 1]


def revision(old: str, new: str, defined: Container[str] = frozenset()) -> Revision | None:
    """How a new text comes from an old one; None if the engine may see more in it than places that moved.

    Args:
        defined: The names of functions and classes of the project.
    """
    if max(len(old), len(new)) > _MOST_CHARACTERS or ("\r" in old) != ("\r" in new):
        return None
    if not (_is_simple(old) and _is_simple(new)):
        return None
    old, new = old.replace("\r\n", "\n"), new.replace("\r\n", "\n")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            words = _words_that_differ(top_level_parts(old), top_level_parts(new))
    except (SyntaxError, tokenize.TokenError, ValueError, RecursionError, MemoryError):
        return None
    if words is None or answers(old, defined) != answers(new, defined):
        return None
    found = Revision(old, new)
    # Layers that a docstring mentions count as used, and so do all in a class that names a way to many at once.
    if words and not words.isdisjoint(found.telling):
        return None
    return found


def _words_that_differ(old: Sequence[str], new: Sequence[str]) -> frozenset[str] | None:
    """The words that come or go in docstrings; None if the code differs.

    Args:
        old: The parts of a text, and `new` those of another one.

    Raises:
        SyntaxError, tokenize.TokenError: a part is not Python.
    """
    if len(old) != len(new):
        return None
    found: set[str] = set()
    for number, (part, part_now) in enumerate(zip(old, new)):
        if part == part_now:
            continue
        one, other = _Code(part, is_top=not number), _Code(part_now, is_top=not number)
        if one.lines != other.lines or one.statements != other.statements or one.ends.keys() != other.ends.keys():
            return None
        found.update(*(words ^ words_now for words, words_now in zip(one.words, other.words)))
    return frozenset(found)


@lru_cache(maxsize=2)
def top_level_parts(text: str) -> tuple[str, ...]:
    """A text, divided where statements of the top level begin, except the first one; undivided if lines are unclear.

    The text before an edit is that after the one before: an editor asks again for it. Only what an edit has changed is
    parsed.

    Raises:
        SyntaxError, ValueError, RecursionError, MemoryError: it is not Python.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        parts = _edited_parts(_divided[-1], text) if _divided else None
        if parts is None:
            parts = _parts(text)
    _divided[:] = [parts]
    return parts


#: The parts of the text that was divided last.
_divided: list[tuple[str, ...]] = []


def _parts(text: str) -> tuple[str, ...]:
    starts = _starts(text)
    return _divided_at(starts, text) if _is_simple(text) else (text,)


def _starts(text: str) -> list[int]:
    """The rows in which statements begin, from 0, each once."""
    decorated = (
        (one.lineno, *(each.lineno for each in getattr(one, "decorator_list", ()))) for one in ast.parse(text).body
    )
    return list(dict.fromkeys(min(lines) - 1 for lines in decorated))


def _divided_at(starts: Sequence[int], text: str) -> tuple[str, ...]:
    rows = text.split("\n")
    return tuple("\n".join([*rows[first:last], ""]) for first, last in pairwise([0, *starts[1:], len(rows)]))


def _edited_parts(before: Sequence[str], text: str) -> tuple[str, ...] | None:
    """The parts of a text that begins and ends as another one does; None if it has to be parsed as a whole.

    Where each of three texts is Python by itself, all three in a row are. What follows the first part begins with a
    statement, and is no Python by itself if it begins as the rest of one.
    """
    if len(before) == 1 or "\r" in text:
        return None
    whole = f"{text}\n"
    first, start = 0, 0
    while first < len(before) and whole.startswith(before[first], start):
        start += len(before[first])
        first += 1
    last, end = len(before), len(whole)
    while last > max(first, 1) and end - len(before[last - 1]) >= start and whole.endswith(before[last - 1], 0, end):
        last -= 1
        end -= len(before[last])
    if first > 0 and before[first - 1].endswith("\\\n"):
        return None  # its last line goes on in the next one
    middle = whole[start:end]
    if not middle:
        return (*before[:first], *before[last:])
    if not middle.endswith("\n") or not _is_simple(middle):
        return None
    try:
        starts = _starts(middle if last < len(before) else middle.removesuffix("\n"))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    if not starts or (first > 0 and starts[0] > 0):
        return None  # comments, which belong to the part before
    return (*before[:first], *_divided_at(starts, middle.removesuffix("\n")), *before[last:])


def _is_simple(text: str) -> bool:
    """Whether Python and libcst divide a text into the same lines, all with the same ends."""
    if "\r" in text and not text.count("\r") == text.count("\n") == text.count("\r\n"):
        return False
    return not any(sign in text for sign in "\f\0\ufeff")


def _statements(text: str) -> Iterator[tuple[list[tokenize.TokenInfo], bool]]:
    """The tokens of each statement, or of the head of a compound one, and whether it is the first in its block."""
    found: list[tokenize.TokenInfo] = []
    is_indented = False
    for one in tokenize.generate_tokens(io.StringIO(text).readline):
        if one.type == token.NEWLINE:
            if found:
                yield found, is_indented
            found, is_indented = [], False
        elif one.type == token.INDENT:
            is_indented = True
        elif one.type not in _LAYOUT:
            found.append(one)


def _is_docstring(one: tokenize.TokenInfo) -> bool:
    if one.type != token.STRING or not _DOCSTRING.match(one.string):
        return False
    return len(one.string) >= _LONGEST_NAME or not is_batchnorm_name(one.string)
