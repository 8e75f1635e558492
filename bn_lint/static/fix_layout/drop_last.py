"""How a data loader can be told to leave out its last batch. Worked out only for fixes."""

from __future__ import annotations

from functools import cached_property

import libcst as cst

from bn_lint.facts import Place, Replacement
from bn_lint.project.edits import NEWLINE
from bn_lint.static.syntax.import_table import dotted_name
from bn_lint.static.syntax.places import NodeRef
from bn_lint.static.syntax.source_text import code_of

#: Where `DataLoader` takes it without a name.
_POSITION = 8


class DropLast(Replacement):
    """The argument `drop_last` in a call of `DataLoader`.

    Args:
        spot: The call.
        shared: Loaders that nobody trains on are made here too.
        hidden: The argument is given in a dictionary.
    """

    _ref: NodeRef
    _shared: bool
    _hidden: bool

    def __init__(self, ref: NodeRef, *, shared: bool, hidden: bool) -> None:
        for name, value in (("_ref", ref), ("_shared", shared), ("_hidden", hidden)):
            object.__setattr__(self, name, value)

    @cached_property
    def _call(self) -> cst.Call | None:
        node = self._ref.node
        if not isinstance(node, cst.Call) or (dotted_name(node.func) or "").rpartition(".")[2] != "DataLoader":
            return None
        return node if node.args and not any(arg.star == "*" for arg in node.args) else None

    @cached_property
    def _given(self) -> cst.Arg | None:
        args = self._call.args if self._call is not None else ()
        named = [arg for arg in args if arg.keyword is not None and arg.keyword.value == "drop_last"]
        placed = [arg for arg in args if arg.keyword is None and not arg.star]
        return named[0] if named else placed[_POSITION] if len(placed) > _POSITION else None

    @cached_property
    def _value(self) -> str | None:
        """What makes the loader drop its last batch in training: True, or what makes it shuffle."""
        args = self._call.args if self._call is not None else ()
        shuffle = next((arg.value for arg in args if arg.keyword is not None and arg.keyword.value == "shuffle"), None)
        if isinstance(shuffle, (cst.Name, cst.Attribute)) and dotted_name(shuffle) not in ("True", "False", "None"):
            return code_of(self._ref.file, shuffle)
        return None if self._shared else "True"

    @property
    def place(self) -> Place | None:
        file = self._ref.file
        if self._call is None or self._value is None:
            return None
        if self._given is not None:
            literal = isinstance(self._given.value, cst.Name) and self._given.value.value == "False"
            return file.place(self._given.value) if literal else None
        if self._hidden:
            return None
        where = file.place(self._call.args[-1])
        if self._is_first:
            return Place(where.path, where.line, where.column, where.line, where.column)
        return Place(where.path, where.end_line, where.end_column, where.end_line, where.end_column)

    @property
    def text(self) -> str:
        between = f",{self._separator or ' '}"
        if self._given is not None:
            return self._value or ""
        return f"drop_last={self._value}{between}" if self._is_first else f"{between}drop_last={self._value}"

    @property
    def _is_first(self) -> bool:
        """Whether the argument comes before the last one: a dictionary, or one with a comment behind it."""
        args = self._call.args if self._call is not None else ()
        if not args or args[-1].star:
            return bool(args)
        line = NEWLINE.split(self._ref.file.tree.code)[self._ref.file.place(args[-1]).end_line - 1]
        return args[-1].keyword is not None and self._separator is not None and "#" in line

    @cached_property
    def _separator(self) -> str | None:
        """The line break between two arguments, where each has a line of its own."""
        if self._call is None:
            return None
        places = [self._ref.file.place(arg) for arg in self._call.args]
        rows = [place.line for place in places]
        last = places[-1]
        begins = NEWLINE.split(self._ref.file.tree.code)[last.line - 1][: last.column - 1]
        return f"\n{begins}" if len(set(rows)) == len(rows) and not begins.strip() else None
