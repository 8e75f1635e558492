"""The lines that a call of a model is made for, as fixes that switch its mode need them. Worked out only for fixes."""

from __future__ import annotations

from collections.abc import Collection
from functools import cached_property
from typing import NamedTuple

import libcst as cst

from bn_lint.facts import Lines, Place
from bn_lint.project.edits import NEWLINE
from bn_lint.static.fix_layout.spelling import binds
from bn_lint.static.syntax.places import NodeRef
from bn_lint.static.syntax.source_files import SourceFile
from bn_lint.static.syntax.tree import children, walk, ways_to

_ENDS = (cst.FunctionDef, cst.ClassDef, cst.Lambda)
_LOOPS = (cst.For, cst.While)


class CallLines(Lines):
    """The largest loops and blocks around a call in which nothing else is done.

    Args:
        spot: The call.
        model: The model as it is written there. Lines that give the name a value do not belong to the call.
        others: Calls and statements that are made for another purpose.
        peers: Calls for the same purpose; lines that follow each other are taken together.
        prepared: What leads up to a call in the body of a loop or function belongs to it as well.
    """

    _ref: NodeRef
    _model: str
    _others: Collection[cst.CSTNode]
    _peers: Collection[cst.CSTNode]
    _prepared: bool

    def __init__(
        self,
        ref: NodeRef,
        model: str,
        others: Collection[cst.CSTNode],
        peers: Collection[cst.CSTNode] = (),
        *,
        prepared: bool = False,
    ) -> None:
        fields = {"_ref": ref, "_model": model, "_others": others, "_peers": peers, "_prepared": prepared}
        for name, value in fields.items():
            object.__setattr__(self, name, value)

    @cached_property
    def _block(self) -> _Block | None:
        if not all(name.isidentifier() for name in self._model.split(".")):
            return None
        ways = ways_to([self._ref.node, *self._peers], self._ref.file.tree)
        block = self._alone(ways.get(self._ref.node, ()))
        if block is None:
            return None
        # What follows it for the same purpose belongs to it, up to the first statement that does not.
        nodes, first, last = block.body, block.first, block.last
        wanted = {nodes.index(one) for peer in self._peers for one in ways.get(peer, ()) if one in nodes}
        between = range(min(wanted | {first}), max(wanted | {last}) + 1)
        if all(not self._is_foreign(nodes[index]) for index in between):
            first, last = between[0], between[-1]
        if self._prepared and isinstance(nodes[first], cst.SimpleStatementLine) and block.is_indented:
            while first > 0 and not self._is_foreign(nodes[first - 1]) and not _is_docstring(nodes[first - 1]):
                first -= 1
        return _Block(nodes, first, last, block.is_indented)

    def _alone(self, way: tuple[cst.CSTNode, ...]) -> _Block | None:
        found: _Block | None = None
        for around, node in zip(way[-2::-1], way[:0:-1]):
            if isinstance(node, _ENDS):
                break
            if not isinstance(around, (cst.Module, cst.IndentedBlock)):
                continue
            if self._is_foreign(node):
                break
            if found is None and not _starts_with(node, self._ref.node):
                return None  # in the body of an `if` that shares its line
            if found is None or isinstance(node, (cst.With, *_LOOPS)):
                nodes = tuple(around.body)
                found = _Block(nodes, nodes.index(node), nodes.index(node), isinstance(around, cst.IndentedBlock))
        return found

    def _is_foreign(self, node: cst.CSTNode) -> bool:
        names = {self._model[:end] for end in range(1, len(self._model) + 1) if self._model[end : end + 1] in ("", ".")}
        return any(one in self._others or not names.isdisjoint(binds(one)) for one in walk(node))

    @property
    def before(self) -> Place | None:
        if self._block is None:
            return None
        place = self._ref.file.place(self._block.nodes[0])
        line, column = place.line, place.column
        first = self._block.nodes[0]
        if isinstance(first, cst.FunctionDef) and first.decorators:
            return None
        return (
            None if _line(self._ref.file, line)[: column - 1].strip() else Place(place.path, line, column, line, column)
        )

    @property
    def behind(self) -> Place | None:
        if self._block is None or any(_leaves(node) for node in self._block.nodes):
            return None
        return end_of_lines(self._ref.file, self._block.nodes[-1])

    @property
    def indent(self) -> str:
        before = self.before
        return "" if before is None else _line(self._ref.file, before.line)[: before.column - 1]


class _Block(NamedTuple):
    """Statements of one body, from the first to the last."""

    body: tuple[cst.CSTNode, ...]
    first: int
    last: int
    is_indented: bool

    @property
    def nodes(self) -> tuple[cst.CSTNode, ...]:
        return self.body[self.first : self.last + 1]


def end_of_lines(file: SourceFile, statement: cst.CSTNode) -> Place:
    """The empty place at the end of a statement's last line, behind the comments that belong to it."""
    place = file.place(last_of(statement))
    lines = NEWLINE.split(file.tree.code)
    last, outer = place.end_line, file.place(statement).column
    for number in range(place.end_line + 1, len(lines) + 1):
        line = lines[number - 1].lstrip()
        if not line.startswith("#") and line:
            break
        if line and len(lines[number - 1]) - len(line) >= outer:
            last = number
    column = len(lines[last - 1].rstrip()) + 1
    return Place(place.path, last, column, last, column)


def last_of(statement: cst.CSTNode) -> cst.CSTNode:
    """The simple statement that a statement ends with: places of blocks end at the comments behind them."""
    while True:
        inner: cst.CSTNode | None = None
        match statement:
            case cst.Try() | cst.TryStar():
                inner = statement.finalbody or statement.orelse or (statement.handlers or [statement.body])[-1]
            case cst.Match(cases=cases):
                inner = cases[-1]
            case cst.If() | cst.For() | cst.While():
                inner = statement.orelse or statement.body
            case cst.IndentedBlock(body=body) | cst.SimpleStatementSuite(body=body):
                inner = body[-1] if body else None
            case cst.BaseCompoundStatement() | cst.Else() | cst.Finally() | cst.ExceptHandler() | cst.MatchCase():
                inner = statement.body
        if inner is None:
            return statement
        statement = inner


def _line(file: SourceFile, number: int) -> str:
    return NEWLINE.split(file.tree.code)[number - 1]


def _is_docstring(statement: cst.CSTNode) -> bool:
    match statement:
        case cst.SimpleStatementLine(body=[cst.Expr(value=cst.SimpleString() | cst.ConcatenatedString())]):
            return True
    return False


def _starts_with(statement: cst.CSTNode, call: cst.CSTNode) -> bool:
    """Whether a statement always comes to the call, or is a block that may be prepared for it."""
    if isinstance(statement, (cst.SimpleStatementLine, cst.With, *_LOOPS)):
        return True
    return isinstance(statement, cst.If) and any(node is call for node in walk(statement.test))


def _leaves(node: cst.CSTNode, *, in_loop: bool = False) -> bool:
    """Whether running a statement may go on elsewhere than behind it."""
    if isinstance(node, (cst.Return, cst.Yield)) or (isinstance(node, (cst.Break, cst.Continue)) and not in_loop):
        return True
    if isinstance(node, _ENDS):
        return False
    return any(_leaves(child, in_loop=in_loop or isinstance(node, _LOOPS)) for child in children(node))
