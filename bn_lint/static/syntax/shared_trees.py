"""Syntax trees of files that are read for context, kept for the analyses to come.

Scripts that import the same package are units of their own, and so are the states of a file while somebody edits it:
each of them would parse the package again. Trees are never changed, so it does not matter who reads them.
"""

from __future__ import annotations

import threading
from collections import OrderedDict

from bn_lint.static.syntax.lenient import Reading, read_leniently

#: Characters of all texts together whose trees are kept: a tree takes some 15 bytes for each.
MOST_CHARACTERS = 3_000_000

_kept: OrderedDict[str, Reading] = OrderedDict()
_lock = threading.Lock()


def read_shared(text: str) -> Reading:
    """What could be read of a text; the same objects as the last time, if that is not long ago.

    Raises:
        ParseError: too little of it is Python.
    """
    with _lock:
        found = _kept.get(text)
        if found is not None:
            _kept.move_to_end(text)
            return found
    found = read_leniently(text)
    with _lock:
        _kept[text] = found
        characters = sum(map(len, _kept))
        while characters > MOST_CHARACTERS:
            characters -= len(_kept.popitem(last=False)[0])
    return found


def forget_trees() -> None:
    """Drop all trees, to free their memory."""
    with _lock:
        _kept.clear()
