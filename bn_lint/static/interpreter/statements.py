"""Executing statements."""

from __future__ import annotations

from functools import cache
from typing import Final

from bn_lint.static.interpreter.assign import assign, delete
from bn_lint.static.interpreter.branches import if_, match_, try_
from bn_lint.static.interpreter.builtins.methods import extend_list
from bn_lint.static.interpreter.definitions import define_class, define_function
from bn_lint.static.interpreter.dispatch import EXECUTORS, evaluate
from bn_lint.static.interpreter.frames import Frame
from bn_lint.static.interpreter.imports import execute_import, execute_import_from
from bn_lint.static.interpreter.interpreter import Interpreter
from bn_lint.static.interpreter.iteration import iterate
from bn_lint.static.interpreter.lattice.truth import truth
from bn_lint.static.interpreter.loops import for_, while_
from bn_lint.static.interpreter.narrow import assume
from bn_lint.static.interpreter.operators import AUGMENTED, BINARY
from bn_lint.static.interpreter.paths import BREAK, CONTINUE, RAISE, RETURN
from bn_lint.static.interpreter.values import ABSENT, DomainValue, External, List, Raised, Unknown, Value
from bn_lint.static.interpreter.with_blocks import with_
from bn_lint.static.syntax import nodes as cst
from bn_lint.static.syntax.places import NodeRef

#: What is raised where nothing is wrong.
_NO_ERRORS = frozenset({"KeyboardInterrupt", "NotImplementedError", "StopIteration", "SystemExit"})


def _line(interpreter: Interpreter, node: cst.SimpleStatementLine, frame: Frame) -> str | None:
    for statement in node.body:
        executor = EXECUTORS.get(type(statement))
        if executor is not None:
            completion = executor(interpreter, statement, frame)
            if completion is not None:
                return completion
    return None


def _expression(interpreter: Interpreter, node: cst.Expr, frame: Frame) -> str | None:
    if type(node.value) in (cst.SimpleString, cst.ConcatenatedString):
        return None
    interpreter.events.dropped = node.value
    if _never_happens(interpreter, evaluate(interpreter, node.value, frame)):
        return RAISE
    if type(node.value) is not cst.Call or not _leaves(interpreter, node.value.func, frame):
        return None
    frame.running.has_left = True
    return RAISE


def _never_happens(interpreter: Interpreter, value: Value) -> bool:
    """Whether a branch that nobody decides about leads to an error in what was called.

    A program that surely does is followed on: more likely its defaults are there to be replaced.
    """
    return isinstance(value, Raised) and interpreter.path.uncertain > interpreter.events.open_loops


def _leaves(interpreter: Interpreter, function: cst.BaseExpression, frame: Frame) -> bool:
    """Whether a called function never returns. It is evaluated once more, if its name is that of such a function."""
    name, leaving = function.attr if type(function) is cst.Attribute else function, interpreter.domain.never_return
    if type(name) is not cst.Name or name.value not in _last_names(leaving):
        return False
    found = evaluate(interpreter, function, frame)
    return isinstance(found, External) and found.dotted in leaving


@cache
def _last_names(dotted: frozenset[str]) -> frozenset[str]:
    return frozenset({"quit", *(name.rpartition(".")[2] for name in dotted)})  # `quit` is `sys.exit`


def _assign(interpreter: Interpreter, node: cst.Assign, frame: Frame) -> str | None:
    only = node.targets[0].target if len(node.targets) == 1 else None
    if type(only) is cst.Name and only.value == "_":
        interpreter.events.dropped = node.value
    value = evaluate(interpreter, node.value, frame)
    if _never_happens(interpreter, value):
        return RAISE
    for target in node.targets:
        assign(interpreter, target.target, value, frame)
    return None


def _annotated(interpreter: Interpreter, node: cst.AnnAssign, frame: Frame) -> None:
    value = evaluate(interpreter, node.value, frame) if node.value is not None else ABSENT
    if frame.class_body and type(node.target) is cst.Name:
        frame.annotated.append((node.target.value, value))
    if value is not ABSENT:
        assign(interpreter, node.target, value, frame)


def _augmented(interpreter: Interpreter, node: cst.AugAssign, frame: Frame) -> None:
    left, right = evaluate(interpreter, node.target, frame), evaluate(interpreter, node.value, frame)
    if isinstance(left, List) and type(node.operator) is cst.AddAssign:
        items, rest = iterate(interpreter, right)
        extend_list(interpreter, left, items, rest)
        return
    if isinstance(left, DomainValue):
        written = interpreter.domain.augmented(interpreter, left, NodeRef(frame.file, node))
        if written is not ABSENT:
            assign(interpreter, node.target, written, frame)
            return
    operation = AUGMENTED.get(type(node.operator))
    value = (
        BINARY[operation](interpreter, left, right, NodeRef(frame.file, node))
        if operation is not None
        else Unknown("?")
    )
    assign(interpreter, node.target, value, frame)


def _return(interpreter: Interpreter, node: cst.Return, frame: Frame) -> str:
    value = evaluate(interpreter, node.value, frame) if node.value is not None else None
    if _never_happens(interpreter, value):
        return RAISE
    frame.returns.append(value)
    return RETURN


def _raise(interpreter: Interpreter, node: cst.Raise, frame: Frame) -> str:
    error = node.exc.func if type(node.exc) is cst.Call else node.exc
    if type(error) is cst.Name and error.value in _NO_ERRORS:
        frame.running.has_left = True
    return RAISE


#: What stands for False where no other condition is asserted: `assert 0, "no such model"`.
_FALSE: Final = frozenset({"False", "0"})


def _assert(interpreter: Interpreter, node: cst.Assert, frame: Frame) -> str | None:
    interpreter.events.asserted = node.test
    outcome = truth(evaluate(interpreter, node.test, frame))
    if outcome is None:
        assume(interpreter, node.test, frame, True)
    is_written = isinstance(node.test, (cst.Name, cst.Integer)) and node.test.value in _FALSE
    return RAISE if outcome is False and is_written else None


def _delete(interpreter: Interpreter, node: cst.Del, frame: Frame) -> None:
    delete(interpreter, node.target, frame)


def _global(interpreter: Interpreter, node: cst.Global, frame: Frame) -> None:
    for item in node.names:
        frame.global_names[item.name.value] = frame.module


def _nonlocal(interpreter: Interpreter, node: cst.Nonlocal, frame: Frame) -> None:
    for item in node.names:
        scope = frame.parent
        while scope is not None and item.name.value not in scope.cells:
            scope = scope.parent
        if scope is not None:
            frame.global_names[item.name.value] = scope


EXECUTORS |= {
    cst.SimpleStatementLine: _line,
    cst.Expr: _expression,
    cst.Assign: _assign,
    cst.AnnAssign: _annotated,
    cst.AugAssign: _augmented,
    cst.Return: _return,
    cst.Raise: _raise,
    cst.Assert: _assert,
    cst.Del: _delete,
    cst.Global: _global,
    cst.Nonlocal: _nonlocal,
    cst.Import: execute_import,
    cst.ImportFrom: execute_import_from,
    cst.Break: lambda interpreter, node, frame: BREAK,
    cst.Continue: lambda interpreter, node, frame: CONTINUE,
    cst.If: if_,
    cst.For: for_,
    cst.While: while_,
    cst.Try: try_,
    cst.With: with_,
    cst.FunctionDef: define_function,
    cst.ClassDef: define_class,
    cst.Match: match_,
}
