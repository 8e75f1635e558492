"""Which function executes a statement, and which evaluates an expression.

An evaluator is recursive by nature: calls run statements, and statements contain calls. All of them import this module;
the tables are filled by `statements.py` and `expressions.py`, which know the function of each kind of syntax.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from bn_lint.static.interpreter.values import Unknown, Value
from bn_lint.static.syntax import nodes as cst

if TYPE_CHECKING:
    from bn_lint.static.interpreter.frames import Frame
    from bn_lint.static.interpreter.interpreter import Interpreter

#: An executor returns how the statement ended, see `paths.py`.
EXECUTORS: dict[type, Callable[[Interpreter, Any, Frame], str | None]] = {}
Evaluator = Callable[["Interpreter", Any, "Frame"], Value]
EVALUATORS: dict[type, Evaluator] = {}


def evaluate(interpreter: Interpreter, node: cst.BaseExpression, frame: Frame) -> Value:
    """Return the value of an expression; what is not understood is Unknown."""
    evaluator = interpreter.evaluators.get(type(node))
    if evaluator is None:
        return Unknown("?", f"{type(node).__name__} expressions are not evaluated")
    return evaluator(interpreter, node, frame)


def execute_body(interpreter: Interpreter, body: Sequence[cst.CSTNode], frame: Frame) -> str | None:
    """Execute statements in order; returns how they ended."""
    for statement in body:
        completion = execute(interpreter, statement, frame)
        if completion is not None:
            return completion
    return None


def execute_suite(interpreter: Interpreter, suite: cst.BaseSuite, frame: Frame) -> str | None:
    return execute_body(interpreter, suite.body, frame)


def execute(interpreter: Interpreter, node: cst.CSTNode, frame: Frame) -> str | None:
    interpreter.budget.step()
    executor = EXECUTORS.get(type(node))
    return executor(interpreter, node, frame) if executor is not None else None
