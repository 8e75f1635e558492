"""Tests for the first and the last pass of a loop.

What those for the last one lead to is left to no other pass: `if step + 1 == len(loader): validate(model)` runs once,
and behind it the loop is over. Which pass is the last one is rarely known, so the test is undecided in each of them;
but a pass that another one follows was not the last.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from bn_lint.static.interpreter.paths import Passes, suppose
from bn_lint.static.syntax import nodes as cst
from bn_lint.static.syntax.flow import names_in

if TYPE_CHECKING:
    from bn_lint.static.interpreter.frames import Frame
    from bn_lint.static.interpreter.interpreter import Interpreter
    from bn_lint.static.interpreter.values import Value


@contextmanager
def passes_of(interpreter: Interpreter, loop: cst.For, frame: Frame) -> Iterator[None]:
    """While a loop runs, tests of what it counts may ask for its last pass."""
    running = interpreter.path.passes
    running.append(Passes(loop, frame, frozenset(names_in(loop.target))))
    try:
        yield
    finally:
        running.pop()


def begin_pass(interpreter: Interpreter, body: cst.BaseSuite, frame: Frame) -> None:
    """A pass begins, so none of those before was the last."""
    running = interpreter.path.passes[-1] if interpreter.path.passes else None
    if running is None or running.frame is not frame or running.loop.body is not body:
        return
    for question in running.asked:
        suppose(interpreter, frame, question, False)
    running.number += 1


def is_in_first_pass(interpreter: Interpreter, counter: Value) -> bool:
    """Whether a value is what a loop counts that runs for the first time."""
    return any(
        running.number == 1 and any(running.frame.cells.get(name) is counter for name in running.names)
        for running in interpreter.path.passes
    )


def asks_for_last(interpreter: Interpreter, test: cst.Comparison, frame: Frame) -> Hashable | None:
    """The question whether this pass is the last, if a test for equality asks it: of `i + 1`, `n - 1` or `len(x)`."""
    left, right = test.left, test.comparisons[0].comparator
    for index, end in ((left, right), (right, left)):
        is_next = _is_shifted(index, cst.Add)
        name = index.left if is_next and type(index) is cst.BinaryOperation else index
        if type(name) is not cst.Name or not (is_next or _is_shifted(end, cst.Subtract) or _is_length(end)):
            continue
        if isinstance(end, (cst.Integer, cst.UnaryOperation)):
            continue
        for running in reversed(interpreter.path.passes):
            if running.frame is frame and name.value in running.names:
                question = ("last pass", running, running.number, id(test))
                running.asked.setdefault(question)
                return question
    return None


def _is_shifted(node: cst.BaseExpression, operator: type) -> bool:
    return type(node) is cst.BinaryOperation and type(node.operator) is operator and type(node.right) is cst.Integer


def _is_length(node: cst.BaseExpression) -> bool:
    return type(node) is cst.Call and type(node.func) is cst.Name and node.func.value == "len"
