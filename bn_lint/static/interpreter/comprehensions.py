"""Comprehensions and generator expressions, which are run at once."""

from __future__ import annotations

from typing import Any

from bn_lint.static.interpreter.assign import assign
from bn_lint.static.interpreter.budget import Standstill, unknown_like
from bn_lint.static.interpreter.dispatch import evaluate
from bn_lint.static.interpreter.frames import Frame
from bn_lint.static.interpreter.interpreter import Interpreter
from bn_lint.static.interpreter.iteration import iterate
from bn_lint.static.interpreter.lattice.keys import is_key, make_set
from bn_lint.static.interpreter.lattice.truth import truth
from bn_lint.static.interpreter.values import Dict, List, Value
from bn_lint.static.syntax import nodes as cst


def list_comprehension(interpreter: Interpreter, node: cst.ListComp | cst.GeneratorExp, frame: Frame) -> Value:
    items, rest = _comprehension(interpreter, node, frame)
    return List(tuple(items), tuple(rest))


def set_comprehension(interpreter: Interpreter, node: cst.SetComp, frame: Frame) -> Value:
    items, rest = _comprehension(interpreter, node, frame)
    return make_set(tuple(items), is_open=bool(rest))


def dict_comprehension(interpreter: Interpreter, node: cst.DictComp, frame: Frame) -> Value:
    items, rest = _comprehension(interpreter, node, frame)
    result = Dict(is_open=bool(rest))
    for item in items:
        if not isinstance(item, tuple):
            continue
        key, value = item
        if is_key(key):
            result.cells[key] = value
        else:
            result.cells[Dict.OPEN] = True
    return result


def _comprehension(interpreter: Interpreter, node: Any, frame: Frame) -> tuple[list[Value], list[Value]]:
    """Run a comprehension; returns the known results and samples of what may follow."""
    inner = Frame(frame.module, frame.file, {}, frame, caller=frame.caller, site=frame.site)
    inner.comprehends = True
    inner.owner, inner.receiver, inner.function = frame.owner, frame.receiver, frame.function
    results: list[Value] = []
    rest: list[Value] = []
    standstill = Standstill(interpreter, node)

    def element() -> Value:
        if type(node) is cst.DictComp:
            return evaluate(interpreter, node.key, inner), evaluate(interpreter, node.value, inner)
        return evaluate(interpreter, node.elt, inner)

    def clause(part: cst.CompFor, certain: bool) -> None:
        items, more = iterate(interpreter, evaluate(interpreter, part.iter, inner))
        for position, item in enumerate((*items, *more)):
            interpreter.budget.step()
            is_left = position < len(items) and bool(standstill)
            if is_left:
                item = unknown_like(items[position:])  # noqa: PLW2901
            known = certain and position < len(items) and not is_left
            assign(interpreter, part.target, item, inner)
            for condition in part.ifs:
                holds = truth(evaluate(interpreter, condition.test, inner))
                if holds is False:
                    break
                known = known and holds is True
            else:
                if part.inner_for_in is not None:
                    clause(part.inner_for_in, known)
                else:
                    (results if known and not rest else rest).append(element())
            if is_left:
                break

    clause(node.for_in, True)
    return results, rest
