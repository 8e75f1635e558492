"""Undecided conditions that a program asks again: the same value gives the same answer.

A condition is known by what it asks: an unknown value, or a comparison of one with a constant. On one side of a branch
the answer is known to all that runs there. And what the sides of an earlier branch on the same condition have written
belongs to the same sides of a later one: `if flag: width = 64` goes together with `if flag: x = wide(x)`.
"""

from __future__ import annotations

from ast import literal_eval
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from bn_lint.static.interpreter.dispatch import evaluate
from bn_lint.static.interpreter.first_and_last_pass import asks_for_last
from bn_lint.static.interpreter.paths import Condition, suppose, suppose_no_more
from bn_lint.static.interpreter.values import ABSENT, Dict, Instance, List, ModuleScope, Unknown, Value
from bn_lint.static.syntax import nodes as cst

if TYPE_CHECKING:
    from bn_lint.static.interpreter.frames import Frame
    from bn_lint.static.interpreter.interpreter import Interpreter

#: Comparisons, and the one that each is or denies.
_COMPARED: Final[dict[type, tuple[type, bool]]] = {
    cst.Equal: (cst.Equal, True),
    cst.NotEqual: (cst.Equal, False),
    cst.Is: (cst.Is, True),
    cst.IsNot: (cst.Is, False),
    cst.In: (cst.In, True),
    cst.NotIn: (cst.In, False),
}
_PLAIN: Final = frozenset({bool, int, float, str, type(None)})
#: How deep the operators of a test are looked into: each level is looked at again for those above it.
_MAX_DEPTH: Final = 10


def condition_of(interpreter: Interpreter, test: cst.BaseExpression, frame: Frame, depth: int = 0) -> Condition | None:
    """What an undecided test asks; None where that may be something else the next time."""
    if depth > _MAX_DEPTH:
        return None
    if type(test) is cst.UnaryOperation and type(test.operator) is cst.Not:
        inner = condition_of(interpreter, test.expression, frame, depth + 1)
        return None if inner is None else inner._replace(answer=not inner.answer)
    if type(test) is cst.BooleanOperation:
        left, right = (condition_of(interpreter, one, frame, depth + 1) for one in (test.left, test.right))
        if left is None or right is None:
            return None
        return Condition((type(test.operator), left, right), True, left.is_of_program or right.is_of_program)
    if type(test) is cst.Comparison and len(test.comparisons) == 1:
        operator, holds = _COMPARED.get(type(test.comparisons[0].operator), (None, True))
        if operator is cst.Equal and (last := asks_for_last(interpreter, test, frame)) is not None:
            return Condition(last, holds, True)
        sides = tuple(_side(interpreter, one, frame) for one in (test.left, test.comparisons[0].comparator))
        if operator is None or ABSENT in sides or not any(type(one) is Unknown for one in sides):
            return None
        is_of_program = any(type(one) is Unknown and not one.free for one in sides)
        return Condition((operator, *((type(one), one) for one in sides)), holds, is_of_program)
    asked = _read(test, frame)
    return Condition(asked, True, not asked.free) if type(asked) is Unknown else None


def answered(interpreter: Interpreter, test: cst.BaseExpression, frame: Frame, depth: int = 0) -> bool | None:
    """Whether a test holds, by the branches that surround it."""
    if not interpreter.path.answers or depth > _MAX_DEPTH:
        return None
    if type(test) is cst.UnaryOperation and type(test.operator) is cst.Not:
        inner = answered(interpreter, test.expression, frame, depth + 1)
        return None if inner is None else not inner
    if type(test) is cst.BooleanOperation:
        settled = type(test.operator) is cst.Or
        sides = [answered(interpreter, one, frame, depth + 1) for one in (test.left, test.right)]
        return settled if settled in sides else None if None in sides else not settled
    found = condition_of(interpreter, test, frame)
    if found is None:
        return None
    for answer in interpreter.path.answers[::-1]:
        if answer.question == found.question:
            interpreter.store.depends_on(answer.born)
            return answer.holds is found.answer
    return None


@contextmanager
def supposing(interpreter: Interpreter, test: cst.BaseExpression, frame: Frame, holds: bool) -> Iterator[None]:
    """On one side of a branch, the answers are known, and so is what earlier branches left with the same answers."""
    before = len(interpreter.path.answers)
    try:
        for question, answer in list(_follows(interpreter, test, frame, holds)):
            suppose(interpreter, frame, question, answer)
        yield
    finally:
        suppose_no_more(interpreter, before)


def _follows(
    interpreter: Interpreter, test: cst.BaseExpression, frame: Frame, holds: bool, depth: int = 0
) -> Iterator[tuple[Hashable, bool]]:
    """The answers that are known where a test holds, or where it does not."""
    if depth > _MAX_DEPTH:
        return
    found = condition_of(interpreter, test, frame)
    if found is not None:
        yield found.question, found.answer is holds
    if type(test) is cst.UnaryOperation and type(test.operator) is cst.Not:
        yield from _follows(interpreter, test.expression, frame, not holds, depth + 1)
    elif type(test) is cst.BooleanOperation and (type(test.operator) is cst.And) is holds:
        yield from _follows(interpreter, test.left, frame, holds, depth + 1)
        yield from _follows(interpreter, test.right, frame, holds, depth + 1)


def _side(interpreter: Interpreter, node: cst.BaseExpression, frame: Frame) -> Value | tuple[Value, ...]:
    """One side of a comparison: an unknown value or constants; otherwise ABSENT."""
    if isinstance(node, (cst.SimpleString, cst.Integer, cst.Float, cst.List, cst.Tuple)):
        value = evaluate(interpreter, node, frame)
    elif type(node) is cst.Name and node.value in ("None", "True", "False"):
        return {"None": None, "True": True, "False": False}[node.value]
    else:
        value = _read(node, frame)
    if isinstance(value, List):
        value = () if value.rest else value.items
    if isinstance(value, tuple):
        return value if value and all(type(one) in _PLAIN for one in value) else ABSENT
    return value if type(value) in _PLAIN or type(value) is Unknown else ABSENT


def _read(node: cst.BaseExpression, frame: Frame) -> Value:
    """What a name, an attribute or an item is that was read just now, without reading it again; ABSENT if unclear."""
    if type(node) is cst.Name:
        return frame.find(node.value)
    if type(node) is cst.Attribute:
        owner = _read(node.value, frame)
        if isinstance(owner, (Instance, ModuleScope)):
            return owner.cells.get(node.attr.value, ABSENT)
        return owner.member(("attr", node.attr.value), f".{node.attr.value}") if type(owner) is Unknown else ABSENT
    if type(node) is cst.Subscript and len(node.slice) == 1 and type(node.slice[0].slice) is cst.Index:
        owner, index = _read(node.value, frame), node.slice[0].slice.value
        if type(index) is cst.SimpleString:
            key = literal_eval(index.value)
            if isinstance(owner, Dict):
                return owner.cells.get(key, ABSENT)
            return owner.member(("item", key), f"[{key!r}]") if type(owner) is Unknown else ABSENT
    return ABSENT
