"""The lines that a call of a model is made for, as fixes that switch its mode need them. Worked out only for fixes."""

from __future__ import annotations

from typing import NamedTuple

from bn_lint.facts import Lines, Place
from bn_lint.static.fix_layout.spelling import binds
from bn_lint.static.syntax import nodes as cst
from bn_lint.static.syntax.source_files import SourceFile
from bn_lint.static.syntax.tree import children, walk, ways_to
from bn_lint.static.training.drafts import CallLines

_ENDS = (cst.FunctionDef, cst.ClassDef, cst.Lambda)
_LOOPS = (cst.For, cst.While)


def call_lines(draft: CallLines) -> Lines | None:
    """The lines that a call is made for; None when nothing can be put in front of them."""
    block, file = _block(draft), draft.call.file
    if block is None:
        return None
    first, *_, last = (*block.nodes, block.nodes[-1])
    if isinstance(first, cst.FunctionDef) and first.decorators:
        return None
    place = file.place(first)
    indent = file.lines[place.line - 1][: place.column - 1]
    if indent.strip():
        return None
    behind = None if any(_leaves(node) for node in block.nodes) else end_of_lines(file, last)
    return Lines(Place(place.path, place.line, place.column, place.line, place.column), behind, indent)


def _block(draft: CallLines) -> _Block | None:
    if not all(name.isidentifier() for name in draft.model.split(".")):
        return None
    ways = ways_to([draft.call.node, *(one.node for one in draft.peers)], draft.call.file.tree)
    block = _alone(draft, ways.get(draft.call.node, ()))
    if block is None:
        return None
    # What follows it for the same purpose belongs to it, up to the first statement that does not.
    nodes, first, last = block.body, block.first, block.last
    wanted = {nodes.index(one) for peer in draft.peers for one in ways.get(peer.node, ()) if one in nodes}
    between = range(min(wanted | {first}), max(wanted | {last}) + 1)
    if all(not _is_foreign(draft, nodes[index]) for index in between):
        first, last = between[0], between[-1]
    if draft.prepared and isinstance(nodes[first], cst.SimpleStatementLine) and block.is_indented:
        while first > 0 and not _is_foreign(draft, nodes[first - 1]) and not _is_docstring(nodes[first - 1]):
            first -= 1
    return _Block(nodes, first, last, block.is_indented)


def _alone(draft: CallLines, way: tuple[cst.CSTNode, ...]) -> _Block | None:
    found: _Block | None = None
    for around, node in zip(way[-2::-1], way[:0:-1]):
        if isinstance(node, _ENDS):
            break
        if not isinstance(around, (cst.Module, cst.IndentedBlock)):
            continue
        if _is_foreign(draft, node):
            break
        if found is None and not _starts_with(node, draft.call.node):
            return None  # in the body of an `if` that shares its line
        if found is None or isinstance(node, (cst.With, *_LOOPS)):
            nodes = tuple(around.body)
            found = _Block(nodes, nodes.index(node), nodes.index(node), isinstance(around, cst.IndentedBlock))
    return found


def _is_foreign(draft: CallLines, node: cst.CSTNode) -> bool:
    model = draft.model
    names = {model[:end] for end in range(1, len(model) + 1) if model[end : end + 1] in ("", ".")}
    return any(one in draft.other_nodes or not names.isdisjoint(binds(one)) for one in walk(node))


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
    lines = file.lines
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
            case cst.With() | cst.FunctionDef() | cst.ClassDef() | cst.MatchCase():
                inner = statement.body
            case cst.Else() | cst.Finally() | cst.ExceptHandler() | cst.ExceptStarHandler():
                inner = statement.body
        if inner is None:
            return statement
        statement = inner


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
