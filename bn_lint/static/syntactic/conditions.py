"""Conditions on the mode of a module, or on the size of a batch."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from bn_lint.static.syntax import nodes as cst
from bn_lint.static.syntax.import_table import dotted_name
from bn_lint.static.syntax.scopes import Scope, inside
from bn_lint.static.syntax.tree import children
from bn_lint.static.syntax.written import code_of

_BATCH = re.compile(r"(\w+)\.(?:size\(0\)|size\(\)\[0\]|shape\[0\])$|len\((\w+)\)$")
_CONDITIONAL = (cst.If, cst.IfExp, cst.BooleanOperation, cst.Try, cst.TryStar, cst.Match, cst.Lambda, cst.FunctionDef)
_FLIPPED: dict[type[cst.BaseCompOp], type[cst.BaseCompOp]] = {
    cst.GreaterThan: cst.LessThan,
    cst.GreaterThanEqual: cst.LessThanEqual,
    cst.LessThan: cst.GreaterThan,
    cst.LessThanEqual: cst.GreaterThanEqual,
}
_OUTCOMES: dict[type[cst.BaseCompOp], Callable[[int, int], bool]] = {
    cst.GreaterThan: operator.gt,
    cst.GreaterThanEqual: operator.ge,
    cst.LessThan: operator.lt,
    cst.LessThanEqual: operator.le,
    cst.Equal: operator.eq,
    cst.NotEqual: operator.ne,
}
#: A batch that is certainly not small.
_LARGE = 1 << 20


class Condition(NamedTuple):
    """What a condition asks about.

    Attributes:
        on: `mode` or `batch size`.
        holds: Whether it is true in training mode; for batches that are large enough.
        tensor: The tensor whose size is compared, when the condition names it.
    """

    on: str
    holds: bool
    tensor: str | None = None


class Conditions:
    """Reads the conditions of one method."""

    def __init__(self, owner: str, sizes: dict[str, str]) -> None:
        self._mode = f"{owner}.training"
        self._sizes = sizes

    def read(self, test: cst.BaseExpression) -> Condition | None:
        """What decides a condition, when it is the mode of the module or the size of a batch."""
        match test:
            case cst.UnaryOperation(operator=cst.Not(), expression=expression):
                inner = self.read(expression)
                return inner._replace(holds=not inner.holds) if inner is not None else None
            case cst.BooleanOperation(operator=both, left=left, right=right):
                # `use_bn and len(x) > 1` lets small batches around the layer; with `or` they might still take it.
                for found in (self.read(left), self.read(right)):
                    if found is not None and found.holds is isinstance(both, cst.And):
                        return found
            case cst.Attribute() if dotted_name(test) == self._mode:
                return Condition("mode", True)
            case cst.Comparison(left=left, comparisons=[cst.ComparisonTarget(operator=sign, comparator=right)]):
                return self._comparison(left, type(sign), right)
        return None

    def mentions(self, test: cst.BaseExpression) -> bool:
        """Whether the mode or the size of a batch has any part in a condition."""
        text = _text(test)
        if "training" in text or any(re.search(rf"\b{name}\b", text) for name in self._sizes):
            return True
        return re.search(r"\.size\(|\.shape\b|\blen\(|batch", text) is not None

    def _comparison(
        self, left: cst.BaseExpression, comparison: type[cst.BaseCompOp], right: cst.BaseExpression
    ) -> Condition | None:
        if isinstance(left, cst.Integer):
            left, right, comparison = right, left, _FLIPPED.get(comparison, comparison)
        tensor = self._tensor(left)
        outcomes = _OUTCOMES.get(comparison)
        if tensor is None or outcomes is None or not isinstance(right, cst.Integer):
            return None
        # A condition that only tells empty batches apart, or one size of many, is about something else.
        single, large = outcomes(1, right.evaluated_value), outcomes(_LARGE, right.evaluated_value)
        return Condition("batch size", large, tensor) if single is not large else None

    def _tensor(self, expression: cst.BaseExpression) -> str | None:
        """The tensor whose first axis an expression measures."""
        if isinstance(expression, cst.Name):
            return self._sizes.get(expression.value)
        found = _BATCH.match(_text(expression))
        return found[1] or found[2] if found is not None else None


def conditions_of(method: cst.FunctionDef, owner: str) -> Conditions:
    """Prepare to read the conditions of a method; `owner` is what it calls its module."""
    sizes: dict[str, str] = {}
    bound: list[str] = []
    for located in inside(Scope(method)):
        match located.statement:
            case cst.Assign(targets=[cst.AssignTarget(target=cst.Name(value=name))], value=value):
                bound.append(name)
                found = _BATCH.match(_text(value))
                if found is not None and found[1]:
                    sizes[name] = found[1]
            case cst.Assign(
                targets=[cst.AssignTarget(target=cst.Tuple(elements=[cst.Element(value=cst.Name(value=name)), *_]))],
                value=value,
            ):
                bound.append(name)
                found = re.match(r"(\w+)\.(?:shape|size\(\))$", _text(value))
                if found is not None:
                    sizes[name] = found[1]
    return Conditions(owner, {name: tensor for name, tensor in sizes.items() if bound.count(name) == 1})


def _text(expression: cst.BaseExpression) -> str:
    return re.sub(r"\s", "", code_of(expression))


def unconditional_calls(root: cst.CSTNode) -> Iterator[cst.Call]:
    """The calls that a body makes whenever it runs."""
    pending = [root]
    while pending:
        node = pending.pop()
        if isinstance(node, cst.Call):
            yield node
        pending.extend(child for child in children(node) if not isinstance(child, _CONDITIONAL))
