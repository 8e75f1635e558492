"""Loops: each pass over a known element, and two that stand for an unknown number of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bn_lint.static.interpreter.alike import AlikePasses, names_that_decide
from bn_lint.static.interpreter.assign import assign
from bn_lint.static.interpreter.budget import Standstill, Toil, progress, unknown_like
from bn_lint.static.interpreter.dispatch import evaluate, execute_suite
from bn_lint.static.interpreter.first_and_last_pass import begin_pass, passes_of
from bn_lint.static.interpreter.frames import Frame
from bn_lint.static.interpreter.havoc import forget_changes
from bn_lint.static.interpreter.interpreter import Interpreter
from bn_lint.static.interpreter.iteration import iterate
from bn_lint.static.interpreter.lattice.truth import truth
from bn_lint.static.interpreter.limits import BUSY_PASSES, ENDLESS_PASSES, ENDLESS_STEPS, MAX_PASSES, UNROLLED_PASSES
from bn_lint.static.interpreter.narrow import assume
from bn_lint.static.interpreter.paths import BREAK, CONTINUE, RAISE, RETURN, fork_paths, join_at, suppose_no_more
from bn_lint.static.interpreter.values import ABSENT, Instance, Value, birth
from bn_lint.static.syntax import nodes as cst
from bn_lint.static.syntax.tree import builds_on_last


def for_(interpreter: Interpreter, node: cst.For, frame: Frame) -> str | None:
    items, rest = iterate(interpreter, evaluate(interpreter, node.iter, frame))
    with passes_of(interpreter, node, frame):
        return _for(interpreter, node, frame, items, rest)


def _for(
    interpreter: Interpreter, node: cst.For, frame: Frame, items: Sequence[Value], rest: Sequence[Value]
) -> str | None:
    mark, begin = len(frame.pending), interpreter.store.mark()
    over_modules = _are_modules(items)
    deciding = names_that_decide(node) if over_modules and not frame.global_names else None
    alike = AlikePasses(interpreter, frame)
    standstill = Standstill(interpreter, node, over_modules=over_modules)
    toil = Toil(interpreter, node)
    left: int | None = None  # the mark behind the first pass that a branch may have left the loop in
    later, idle_since = 0, progress(interpreter)  # how many passes there were since then
    is_cut = False
    for count, item in enumerate(items):
        interpreter.budget.step()
        seen = interpreter.events.count
        assign(interpreter, node.target, item, frame)
        if deciding is None:
            completion = _pass(interpreter, node.body, frame, mark)
        else:
            given = [frame.cells.get(name, ABSENT) for name in deciding]
            completion = alike.run(given, lambda: _pass(interpreter, node.body, frame, mark))
        if completion == BREAK:
            join_at(interpreter, frame, BREAK, mark)
            return None
        if completion in (RETURN, RAISE):
            return completion
        if left is None and len(frame.pending) > mark and any(kind == BREAK for kind, *_ in frame.pending[mark:]):
            left, idle_since = interpreter.store.mark(), progress(interpreter)
        matters = count + 1 >= UNROLLED_PASSES and isinstance(item, int) and interpreter.events.count > seen
        is_idle = bool(standstill)
        if left is not None and isinstance(item, int):  # what these passes change will not be known
            later += 1
            is_idle |= later >= UNROLLED_PASSES and progress(interpreter) == idle_since
        is_cut = not is_idle and toil.is_over() and len(items) - count > BUSY_PASSES
        if matters or ((is_idle or is_cut) and not over_modules):
            # Epochs or data, unlike the modules of a model: the others are run like those of a loop of unknown length.
            if count + 1 < len(items):
                interpreter.store.widen(begin)
                rest = (unknown_like(items[count + 1 :]),)
            break
    for item in rest:
        # One pass with an unknown element stands for all of them; there may also be none.
        def again(item: Value = item) -> str | None:
            assign(interpreter, node.target, item, frame)
            return _end_of_passes(_passes(interpreter, node.body, frame, mark, once=is_cut), frame)

        fork_paths(interpreter, frame, again, lambda: None)
    if left is not None:
        interpreter.store.widen(left)
    return _else(interpreter, node.orelse, frame, mark)


def _are_modules(items: Sequence[Value]) -> bool:
    """Whether a loop runs over modules, perhaps with their names: of those many were built alike."""
    last = items[-1] if items else None
    if type(last) is tuple and last:
        last = last[-1]
    return isinstance(last, Instance) and last.is_module


def while_(interpreter: Interpreter, node: cst.While, frame: Frame) -> str | None:
    mark, begin = len(frame.pending), interpreter.store.mark()
    began, began_with = interpreter.budget.steps, progress(interpreter)
    is_unrolled = False
    decided: bool | None = True
    for count in range(MAX_PASSES):
        interpreter.budget.step()
        decided = truth(evaluate(interpreter, node.test, frame))
        if decided is False:
            break
        if decided is None or is_unrolled:

            def again() -> str | None:
                assume(interpreter, node.test, frame, True)
                return _end_of_passes(_passes(interpreter, node.body, frame, mark), frame)

            fork_paths(interpreter, frame, again, lambda: None)
            break
        pending, seen = len(frame.pending), interpreter.events.count
        completion = _pass(interpreter, node.body, frame, mark)
        if completion == BREAK:
            break
        if completion in (RETURN, RAISE):
            return completion
        # A branch that may have left the loop: whether there is another pass is no longer known.
        # A program that never ends does the same again and again.
        endless = count + 1 >= UNROLLED_PASSES and _is_true(node.test)
        if endless and count + 1 < ENDLESS_PASSES:
            endless = interpreter.budget.steps - began > ENDLESS_STEPS and progress(interpreter) == began_with
        matters = count + 1 >= UNROLLED_PASSES and interpreter.events.count > seen
        if len(frame.pending) > pending or matters or endless:
            is_unrolled = True
            interpreter.store.widen(begin)
    else:
        forget_changes(interpreter, begin)
        decided = None
    return _else(interpreter, None if decided is True else node.orelse, frame, mark)


def _is_true(test: cst.BaseExpression) -> bool:
    return isinstance(test, (cst.Name, cst.Integer)) and test.value in ("True", "1")


def _end_of_passes(completion: str | None, frame: Frame) -> str | None:
    """How passes that may have been run end for the code after the loop; a `break` that ended them is noted."""
    if completion == BREAK:
        frame.pending.append((BREAK, {}, birth()))
    return None if completion in (CONTINUE, BREAK) else completion


def _else(interpreter: Interpreter, orelse: cst.Else | None, frame: Frame, mark: int) -> str | None:
    """Go on after a loop: by its `else`, unless a branch left it by `break`."""
    may_have_left = any(kind == BREAK for kind, *_ in frame.pending[mark:])
    join_at(interpreter, frame, BREAK, mark)
    if orelse is None:
        return None
    body = orelse.body
    if may_have_left:
        return fork_paths(interpreter, frame, lambda: execute_suite(interpreter, body, frame), lambda: None)
    return execute_suite(interpreter, body, frame)


def _pass(interpreter: Interpreter, body: cst.BaseSuite, frame: Frame, mark: int) -> str | None:
    """Execute the body of a loop once."""
    interpreter.events.loops.append(interpreter.events.now())
    answers = len(interpreter.path.answers)
    try:
        begin_pass(interpreter, body, frame)
        completion = execute_suite(interpreter, body, frame)
        _end_of_pass(interpreter, frame, mark)
    finally:
        interpreter.events.loops.pop()
        suppose_no_more(interpreter, answers)
    return completion


def _passes(
    interpreter: Interpreter, body: cst.BaseSuite, frame: Frame, mark: int, *, once: bool = False
) -> str | None:
    """Execute the body of a loop; once more when the next pass may find what it has left: modes, ends of lists.

    With `once`, this is the next pass: there was another one before.
    """
    events, budget = interpreter.events.count, interpreter.budget
    began = budget.steps
    interpreter.events.open_loops += 1
    try:
        begin = interpreter.store.mark()
        completion = _pass(interpreter, body, frame, mark)
        if completion in (None, CONTINUE) and (interpreter.events.count > events or builds_on_last(body)):
            interpreter.store.widen(begin)
            if not once and not budget.has_toiled(body):  # else earlier runs have shown what the next pass meets
                completion = _pass(interpreter, body, frame, mark)
    finally:
        interpreter.events.open_loops -= 1
        budget.busy[body] += budget.steps - began
    return completion


def repeat(interpreter: Interpreter, once: Callable[[], object]) -> None:
    """Do what a framework does again and again, of which the second time meets what the first has left behind."""
    begin = interpreter.store.mark()
    for is_first in (True, False):
        interpreter.events.loops.append(interpreter.events.now())
        try:
            once()
        finally:
            interpreter.events.loops.pop()
        if is_first:
            interpreter.store.widen(begin)


def _end_of_pass(interpreter: Interpreter, frame: Frame, mark: int) -> None:
    if len(frame.pending) > mark:
        join_at(interpreter, frame, CONTINUE, mark)
