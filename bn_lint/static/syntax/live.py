"""Which code of a function runs, where what it is given decides its conditions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, TypeAlias

from bn_lint.static.syntax import nodes as cst
from bn_lint.static.syntax.tree import asked_once, binds, children, walk

#: Parameters with what a call gives them.
Given: TypeAlias = frozenset[tuple[str, object]]
NOTHING: Final[Given] = frozenset()
_CONSTANTS: Final[dict[str, object]] = {"None": None, "True": True, "False": False}


@asked_once
def asked_names(function: cst.FunctionDef | cst.Lambda) -> frozenset[str]:
    """The names that conditions of a function ask for, and that it does not bind."""
    tests = [node.test for node in walk(function) if isinstance(node, (cst.If, cst.IfExp))]
    asked = {one.value for test in tests for one in walk(test) if type(one) is cst.Name}
    return frozenset(name for name in asked if not any(binds(node, name) for node in walk(function.body)))


@asked_once
def live(function: cst.FunctionDef | cst.Lambda, given: Given) -> tuple[cst.CSTNode, ...]:
    """All nodes of a function that a call may come to, in no order. What is given are parameters that it keeps."""
    known = dict(given)
    found: list[cst.CSTNode] = []
    pending: list[cst.CSTNode] = [function]
    while pending:
        node = pending.pop()
        found.append(node)
        side = _side(node, known) if known else None
        if side is not None:
            pending.extend(side)
        elif type(node) is cst.IndentedBlock:
            pending.extend(_until_left(node, known))
        else:
            pending.extend(children(node))
    return tuple(found)


def _side(node: cst.CSTNode, known: dict[str, object]) -> tuple[cst.CSTNode, ...] | None:
    """Of an `if` its condition and what runs; None if that is not known."""
    outcome = _decided(node.test, known) if isinstance(node, (cst.If, cst.IfExp)) else None
    if not isinstance(node, (cst.If, cst.IfExp)) or outcome is None:
        return None
    side = node.body if outcome else node.orelse
    return (node.test,) if side is None else (node.test, side)


def _until_left(block: cst.IndentedBlock, known: dict[str, object]) -> Iterator[cst.CSTNode]:
    """The statements of a block up to one that surely leaves the function."""
    for statement in block.body:
        yield statement
        if _leaves(statement, known):
            return


def _leaves(node: cst.CSTNode, known: dict[str, object]) -> bool:
    if isinstance(node, cst.SimpleStatementLine):
        return any(isinstance(one, (cst.Return, cst.Raise)) for one in node.body)
    if isinstance(node, (cst.IndentedBlock, cst.SimpleStatementSuite)):
        return any(_leaves(one, known) or isinstance(one, (cst.Return, cst.Raise)) for one in node.body)
    if isinstance(node, cst.Else):
        return _leaves(node.body, known)
    sides = _side(node, known) if known else None
    return sides is not None and any(_leaves(one, known) for one in sides)


def _decided(test: cst.BaseExpression, known: dict[str, object]) -> bool | None:
    """Whether a condition holds; None if that is not known."""
    if type(test) is cst.Name and test.value in known:
        return bool(known[test.value])
    if type(test) is cst.UnaryOperation and type(test.operator) is cst.Not:
        inner = _decided(test.expression, known)
        return None if inner is None else not inner
    if type(test) is cst.BooleanOperation:
        sides = [_decided(test.left, known), _decided(test.right, known)]
        decisive = type(test.operator) is cst.Or
        return decisive if decisive in sides else (None if None in sides else not decisive)
    if type(test) is cst.Comparison and len(test.comparisons) == 1 and type(test.left) is cst.Name:
        return _compared(test.left.value, test.comparisons[0], known)
    return None


def _compared(name: str, target: cst.ComparisonTarget, known: dict[str, object]) -> bool | None:
    other = target.comparator
    if name not in known:
        return None
    if type(other) is cst.Name and other.value in _CONSTANTS:
        value = _CONSTANTS[other.value]
    elif type(other) is cst.SimpleString or type(other) is cst.Integer:
        value = other.evaluated_value
    else:
        return None
    if type(target.operator) in (cst.Equal, cst.Is):
        return known[name] == value
    return known[name] != value if type(target.operator) in (cst.NotEqual, cst.IsNot) else None
