"""Syntax trees that are kept for the analyses to come.

Scripts that import the same package are units of their own, and so are the states of a file while somebody edits it:
each of them would parse the package again. Trees are never changed, so it does not matter who reads them. Those of
files that are read for context stay in memory for a while; who has a place for the others gives them as `Trees`.
"""

from __future__ import annotations

from typing import Protocol

from bn_lint.static.syntax.from_ast import read_from_ast
from bn_lint.static.syntax.kept import KeptByText
from bn_lint.static.syntax.lenient import Reading, read_leniently
from bn_lint.static.syntax.nodes import Module
from bn_lint.static.syntax.parse import Parser, parse

#: A tree takes some 15 bytes for each character of its text.
_kept: KeptByText[Reading] = KeptByText(most_characters=3_000_000)


class Trees(Protocol):
    """A place where the trees of valid texts are kept from one run to the next."""

    def tree(self, text: str) -> Module | None:
        """The tree of a text, if it is there."""

    def has_tree(self, text: str) -> bool:
        """Whether there seems to be a tree of a text: it is not read."""

    def keep(self, text: str, tree: Module) -> None:
        """Keep the tree of a text."""

    def name(self, text: str) -> str:
        """What the tree of a text is kept under."""

    def named(self, name: str) -> Module | None:
        """The tree that is kept under a name, if it is there."""


def read_shared(text: str, trees: Trees | None = None) -> Reading:
    """What could be read of a text; the same objects as the last time, if that is not long ago.

    Raises:
        ParseError: too little of it is Python.
    """
    found = _kept.get(text)
    if found is None:
        found = read_kept(text, trees, is_judged=False)
        _kept.keep(text, found)
    return found


def read_kept(text: str, trees: Trees | None, parse: Parser = parse, *, is_judged: bool = True) -> Reading:
    """What could be read of a text, without parsing it if its tree was kept.

    Args:
        is_judged: It is looked at for its own sake; what is only read for others may be read by Python's own parser.

    Raises:
        ParseError: too little of it is Python.
    """
    tree = None if trees is None else trees.tree(text)
    if tree is not None:
        return Reading(tree, text)
    tree = None if is_judged else read_from_ast(text)
    found = read_leniently(text, parse) if tree is None else Reading(tree, text)
    if trees is not None and found.error is None:
        trees.keep(text, found.tree)
    return found


def forget_trees() -> None:
    """Drop all trees, to free their memory."""
    _kept.clear()
