"""Syntax trees of files that are read for context, kept for the analyses to come.

Scripts that import the same package are units of their own, and so are the states of a file while somebody edits it:
each of them would parse the package again. Trees are never changed, so it does not matter who reads them.
"""

from __future__ import annotations

from bn_lint.static.syntax.kept import KeptByText
from bn_lint.static.syntax.lenient import Reading, read_leniently

#: A tree takes some 15 bytes for each character of its text.
_kept: KeptByText[Reading] = KeptByText(most_characters=3_000_000)


def read_shared(text: str) -> Reading:
    """What could be read of a text; the same objects as the last time, if that is not long ago.

    Raises:
        ParseError: too little of it is Python.
    """
    found = _kept.get(text)
    if found is None:
        found = read_leniently(text)
        _kept.keep(text, found)
    return found


def forget_trees() -> None:
    """Drop all trees, to free their memory."""
    _kept.clear()
