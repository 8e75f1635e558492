"""What a `collate_fn` makes of the items of a data set."""

from __future__ import annotations

from bn_lint.static.interpreter.values import BoundMethod, Function, Partial, Value
from bn_lint.static.syntax import nodes as cst
from bn_lint.static.syntax.tree import asked_once, walk

#: Functions that join what has several rows, and those that make a row of each item.
_JOINING = frozenset("cat concat concatenate vstack hstack row_stack".split())
_STACKING = frozenset("stack default_collate".split())
_LOOPS = (cst.CompFor, cst.For)


def stacks_items(collate: Value) -> bool:
    """Whether a batch may have one row for each item, as far as the code of the function is in view.

    It has not where items are bags of rows that are joined, or where one item is the whole batch.
    """
    while isinstance(collate, (BoundMethod, Partial)):
        collate = collate.function
    return _stacks(collate.node) if isinstance(collate, Function) else True


@asked_once
def _stacks(function: cst.CSTNode) -> bool:
    loops = [node for node in walk(function) if isinstance(node, _LOOPS)]
    if any(isinstance(node, _LOOPS) and node is not loop for loop in loops for node in walk(loop)):
        return False
    called = {_name(node.func) for node in walk(function) if isinstance(node, cst.Call)}
    return bool(called) and (not _STACKING.isdisjoint(called) or _JOINING.isdisjoint(called))


def _name(function: cst.CSTNode) -> str:
    named = function.attr if isinstance(function, cst.Attribute) else function
    return named.value if isinstance(named, cst.Name) else ""
