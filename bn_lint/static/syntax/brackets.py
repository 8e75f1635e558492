"""The parentheses of a text: which are around expressions, and how many."""

from __future__ import annotations

import re

#: What the search stops at: it skips strings and comments. It takes time in proportion to the text, whatever that is.
_TOKEN = re.compile(
    rb"""(?P<comment>\#[^\n]*)"""
    rb"""|(?P<string>(\"\"\"|''')(?:\\[\s\S]|(?!\3)[^\\])*(?:\3|\\?\Z)"""
    rb"""|"(?:\\[\s\S]|[^"\\\n])*"?|'(?:\\[\s\S]|[^'\\\n])*'?)"""
    rb"""|(?P<open>\()|(?P<close>\))"""
)
#: What may stand between two words or signs.
_SPACE = re.compile(rb"(?:[ \t\f\n]|\\\n|#[^\n]*)*")


class Brackets:
    """Where parentheses are in a valid program.

    Attributes:
        pairs: Where each is closed, by where it is opened.
        opened: Those that are opened, by where the next word or sign begins.
        own: Where parentheses are closed that belong to a call or a statement, and so are around no expression.
    """

    def __init__(self, text: bytes) -> None:
        self.pairs: dict[int, int] = {}
        self.opened: dict[int, int] = {}
        self.own: set[int] = set()
        #: Those that are closed, by where the word or sign before ends.
        self._closed: dict[int, int] = {}
        pending: list[int] = []
        seen = end_before = 0
        for match in _TOKEN.finditer(text):
            start, end = match.span()
            between = text[seen:start].rstrip(b" \t\f\n\\")
            if between:
                end_before = seen + len(between)
            seen = end
            if match.lastgroup == "open":
                pending.append(start)
                space = _SPACE.match(text, end)
                self.opened[space.end() if space else end] = start
            elif match.lastgroup == "close" and pending:
                self.pairs[pending.pop()] = start
                self._closed[end_before] = start
            if match.lastgroup != "comment":
                end_before = end

    def around(self, start: int, end: int) -> int:
        """How many pairs are around the expression between two offsets."""
        return self._outwards(start, end)[0]

    def outer_end(self, start: int, end: int) -> int:
        """Where an expression ends with the parentheses around it."""
        return self._outwards(start, end)[1]

    def _outwards(self, start: int, end: int) -> tuple[int, int]:
        count = 0
        while True:
            opened, closed = self.opened.get(start), self._closed.get(end)
            if opened is None or closed is None or self.pairs.get(opened) != closed or closed in self.own:
                return count, end
            count += 1
            start, end = opened, closed + 1
