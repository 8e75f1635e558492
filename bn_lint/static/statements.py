"""Executing statements."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import libcst as cst

from bn_lint.static.assign import assign, assign_name, delete
from bn_lint.static.calls import call, execute_function, make_parameters
from bn_lint.static.expressions import evaluate, evaluate_arguments
from bn_lint.static.frames import Frame, ModuleScope
from bn_lint.static.imports_execute import execute_import, execute_import_from
from bn_lint.static.initialisation import is_initialisation_loop
from bn_lint.static.iteration import iterate
from bn_lint.static.modes.gradients import GradientMode
from bn_lint.static.narrow import assume
from bn_lint.static.objects import finish_class
from bn_lint.static.operators import AUGMENTED, BINARY
from bn_lint.static.run import BREAK, CONTINUE, RAISE, RETURN, Run
from bn_lint.static.syntax import builds_on_last, called_names, switches_or_trains
from bn_lint.static.truth import truth
from bn_lint.static.values import (
    ITEMS,
    REST,
    Arguments,
    BoundMethod,
    Class,
    External,
    Function,
    Instance,
    Spot,
    Unknown,
    Value,
)

#: Passes of one `while` loop with a known condition.
_MAX_PASSES = 2000
#: Passes of a loop that calls models, after which nothing new is expected of further ones.
_TRAINING_PASSES = 3
#: Steps of one decorator. Longer ones write documentation or registries, and return what they were given.
_DECORATOR_STEPS = 600


def execute_body(run: Run, body: Sequence[cst.CSTNode], frame: Frame) -> str | None:
    """Execute statements in order; returns how they ended."""
    for statement in body:
        completion = execute(run, statement, frame)
        if completion is not None:
            return completion
    return None


def execute_suite(run: Run, suite: cst.BaseSuite, frame: Frame) -> str | None:
    return execute_body(run, suite.body, frame)


def execute(run: Run, node: cst.CSTNode, frame: Frame) -> str | None:
    run.step()
    executor = _EXECUTORS.get(type(node))
    return executor(run, node, frame) if executor is not None else None


def _line(run: Run, node: cst.SimpleStatementLine, frame: Frame) -> str | None:
    for statement in node.body:
        executor = _EXECUTORS.get(type(statement))
        if executor is not None:
            completion = executor(run, statement, frame)
            if completion is not None:
                return completion
    return None


#: What does not return, in the standard library and in tests.
_LEAVING = frozenset({"sys.exit", "os._exit", "os.abort", "pytest.skip", "pytest.fail", "pytest.xfail", "pytest.exit"})
_LAST_NAMES = {name.rpartition(".")[2] for name in _LEAVING} | {"quit"}


def _expression(run: Run, node: cst.Expr, frame: Frame) -> str | None:
    if type(node.value) in (cst.SimpleString, cst.ConcatenatedString):
        return None
    run.program.dropped = node.value
    evaluate(run, node.value, frame)
    return RAISE if type(node.value) is cst.Call and _leaves(run, node.value.func, frame) else None


def _leaves(run: Run, function: cst.BaseExpression, frame: Frame) -> bool:
    """Whether a called function ends the program or the test."""
    name = function.attr if type(function) is cst.Attribute else function
    if type(name) is not cst.Name or name.value not in _LAST_NAMES:
        return False
    found = evaluate(run, function, frame)
    return isinstance(found, External) and found.dotted in _LEAVING


def _assign(run: Run, node: cst.Assign, frame: Frame) -> None:
    value = evaluate(run, node.value, frame)
    for target in node.targets:
        assign(run, target.target, value, frame)


def _annotated(run: Run, node: cst.AnnAssign, frame: Frame) -> None:
    from bn_lint.static.values import MISSING

    value = evaluate(run, node.value, frame) if node.value is not None else MISSING
    if frame.class_body and type(node.target) is cst.Name:
        frame.annotated.append((node.target.value, value))
    if value is not MISSING:
        assign(run, node.target, value, frame)


def _augmented(run: Run, node: cst.AugAssign, frame: Frame) -> None:
    from bn_lint.static.values import List

    left, right = evaluate(run, node.target, frame), evaluate(run, node.value, frame)
    if isinstance(left, List) and type(node.operator) is cst.AddAssign:
        items, rest = iterate(run, right)
        extend_list(run, left, items, rest)
        return
    operation = AUGMENTED.get(type(node.operator))
    value = BINARY[operation](run, left, right, Spot(frame.file, node)) if operation is not None else Unknown("?")
    assign(run, node.target, value, frame)


def extend_list(run: Run, target: Any, items: tuple[Value, ...], rest: tuple[Value, ...] = ()) -> None:
    """Append to a list, whose own end may already be unknown."""
    if target.rest:
        run.heap.set(target, REST, (*target.rest, *items, *rest))
    else:
        run.heap.set(target, ITEMS, target.items + items)
        if rest:
            run.heap.set(target, REST, rest)


def _return(run: Run, node: cst.Return, frame: Frame) -> str:
    frame.returns.append(evaluate(run, node.value, frame) if node.value is not None else None)
    return RETURN


def _raise(run: Run, node: cst.Raise, frame: Frame) -> str:
    return RAISE


def _assert(run: Run, node: cst.Assert, frame: Frame) -> str | None:
    outcome = truth(evaluate(run, node.test, frame))
    if outcome is None:
        assume(run, node.test, frame, True)
    return RAISE if outcome is False and type(node.test) is cst.Name and node.test.value == "False" else None


def _delete(run: Run, node: cst.Del, frame: Frame) -> None:
    delete(run, node.target, frame)


def _global(run: Run, node: cst.Global, frame: Frame) -> None:
    for item in node.names:
        frame.global_names[item.name.value] = frame.module


def _nonlocal(run: Run, node: cst.Nonlocal, frame: Frame) -> None:
    for item in node.names:
        scope = frame.parent
        while scope is not None and item.name.value not in scope.cells:
            scope = scope.parent
        if scope is not None:
            frame.global_names[item.name.value] = scope


def _if(run: Run, node: cst.If, frame: Frame) -> str | None:
    if _is_type_checking(node.test):
        # What is imported for annotations is looked up as well, unless the program says what to use instead.
        decided: bool | None = node.orelse is None
    else:
        decided = truth(evaluate(run, node.test, frame))
    run.guards += 1
    run.branches.add((id(node), decided))
    try:
        return _branches(run, node, frame, decided)
    finally:
        run.guards -= 1


def _branches(run: Run, node: cst.If, frame: Frame, decided: bool | None) -> str | None:
    if decided is True:
        return execute_suite(run, node.body, frame)
    if decided is False:
        return _else(run, node.orelse, frame)

    def then() -> str | None:
        assume(run, node.test, frame, True)
        return execute_suite(run, node.body, frame)

    def otherwise() -> str | None:
        assume(run, node.test, frame, False)
        return _else(run, node.orelse, frame)

    return run.branch(frame, then, otherwise, can_give_up=True)


def _is_type_checking(test: cst.BaseExpression) -> bool:
    name = test.attr if type(test) is cst.Attribute else test
    return type(name) is cst.Name and name.value == "TYPE_CHECKING"


def _else(run: Run, node: cst.If | cst.Else | None, frame: Frame) -> str | None:
    if node is None:
        return None
    return _if(run, node, frame) if type(node) is cst.If else execute_suite(run, node.body, frame)


def _for(run: Run, node: cst.For, frame: Frame) -> str | None:
    if is_initialisation_loop(node):
        return None
    items, rest = iterate(run, evaluate(run, node.iter, frame))
    mark = len(frame.pending)
    for count, item in enumerate(items):
        run.step()
        seen = run.program.events
        assign(run, node.target, item, frame)
        completion = _pass(run, node.body, frame, mark)
        if completion == BREAK:
            run.arrive(frame, BREAK, mark)
            return None
        if completion in (RETURN, RAISE):
            return completion
        if count >= _TRAINING_PASSES and run.program.events > seen:
            break  # epochs are all alike
    for item in rest:
        # One pass with an element nobody knows stands for all of them; there may also be none.
        def again(item: Value = item) -> str | None:
            assign(run, node.target, item, frame)
            completion = _passes(run, node.body, frame, mark)
            return None if completion in (CONTINUE, BREAK) else completion

        run.branch(frame, again, lambda: None)
    run.arrive(frame, BREAK, mark)
    return execute_suite(run, node.orelse.body, frame) if node.orelse is not None else None


def _pass(run: Run, body: cst.BaseSuite, frame: Frame, mark: int) -> str | None:
    """Execute the body of a loop once."""
    run.program.loops.append(run.program.now())
    try:
        completion = execute_suite(run, body, frame)
        _end_of_pass(run, frame, mark)
    finally:
        run.program.loops.pop()
    return completion


def _passes(run: Run, body: cst.BaseSuite, frame: Frame, mark: int) -> str | None:
    """Execute the body of a loop; once more when the next pass may find what it has left: modes, ends of lists."""
    events = run.program.events
    run.program.open_loops += 1
    try:
        begin = run.heap.mark()
        completion = _pass(run, body, frame, mark)
        if completion in (None, CONTINUE) and (run.program.events > events or builds_on_last(body)):
            run.heap.widen(begin)
            completion = _pass(run, body, frame, mark)
    finally:
        run.program.open_loops -= 1
    return completion


def repeat(run: Run, once: Callable[[], object]) -> None:
    """Do what a framework does again and again, of which the second time meets what the first has left behind."""
    begin = run.heap.mark()
    for is_first in (True, False):
        run.program.loops.append(run.program.now())
        try:
            once()
        finally:
            run.program.loops.pop()
        if is_first:
            run.heap.widen(begin)


def _end_of_pass(run: Run, frame: Frame, mark: int) -> None:
    if len(frame.pending) > mark:
        run.arrive(frame, CONTINUE, mark)


def _while(run: Run, node: cst.While, frame: Frame) -> str | None:
    mark = len(frame.pending)
    for count in range(_MAX_PASSES):
        run.step()
        decided = truth(evaluate(run, node.test, frame))
        if decided is False:
            break
        if decided is None:

            def again() -> str | None:
                assume(run, node.test, frame, True)
                completion = _passes(run, node.body, frame, mark)
                return None if completion in (CONTINUE, BREAK) else completion

            run.branch(frame, again, lambda: None)
            break
        pending, seen = len(frame.pending), run.program.events
        completion = _pass(run, node.body, frame, mark)
        if completion is None and count >= _TRAINING_PASSES and run.program.events > seen:
            break
        if completion == BREAK:
            break
        if completion in (RETURN, RAISE):
            return completion
        if len(frame.pending) > pending:
            # A branch may have left the loop: that this pass was not the last is no longer known.
            break
    run.arrive(frame, BREAK, mark)
    return None


def _try(run: Run, node: cst.Try, frame: Frame) -> str | None:
    # A failing call that the program expects is no mistake.
    with run.observer.quiet(any(_expects_failure(handler.type) for handler in node.handlers)):
        completion = execute_suite(run, node.body, frame)
    if completion == RAISE and node.handlers:
        completions: list[str | None] = []

        def handle(handler: cst.ExceptHandler) -> Callable[[], str | None]:
            def execute_handler() -> str | None:
                if handler.name is not None and type(handler.name.name) is cst.Name:
                    assign_name(run, handler.name.name.value, Unknown("exception"), frame)
                completions.append(execute_suite(run, handler.body, frame))
                return completions[-1]

            return execute_handler

        if len(node.handlers) == 1:
            completion = handle(node.handlers[0])()
        else:
            completion = run.branch(frame, *(handle(h) for h in node.handlers))
    elif completion is None and node.orelse is not None:
        completion = execute_suite(run, node.orelse.body, frame)
    if node.finalbody is not None:
        final = execute_suite(run, node.finalbody.body, frame)
        completion = final or completion
    return completion


def _expects_failure(kind: cst.BaseExpression | None) -> bool:
    """Whether an exception handler names what PyTorch raises for shapes that do not fit."""
    if type(kind) is cst.Tuple:
        return any(_expects_failure(element.value) for element in kind.elements)
    return type(kind) is cst.Name and kind.value in ("RuntimeError", "ValueError")


def _expects_raise(manager: cst.BaseExpression) -> bool:
    """Whether a `with` block is `pytest.raises(...)` or `self.assertRaises(...)`."""
    if type(manager) is not cst.Call:
        return False
    name = manager.func.attr if type(manager.func) is cst.Attribute else manager.func
    return type(name) is cst.Name and name.value in ("raises", "assertRaises", "assertRaisesRegex")


def _with(run: Run, node: cst.With, frame: Frame) -> str | None:
    grad = run.program.grad
    try:
        return _with_items(run, node, frame, 0)
    finally:
        run.program.grad = grad


def _with_items(run: Run, node: cst.With, frame: Frame, index: int) -> str | None:
    """Enter the context managers from one on, and execute the suite within."""
    if index == len(node.items):
        with run.observer.quiet(any(_expects_raise(item.item) for item in node.items)):
            return execute_suite(run, node.body, frame)
    item = node.items[index]

    def enter(value: Value) -> str | None:
        if item.asname is not None:
            assign(run, item.asname.name, value, frame)
        return _with_items(run, node, frame, index + 1)

    generator = _generator_called(run, item.item, frame)
    if generator is not None:
        return _around(run, *generator, Spot(frame.file, item.item), frame, enter)
    manager = evaluate(run, item.item, frame)
    if isinstance(manager, GradientMode):
        run.program.grad = manager.enabled
        if manager.enabled is False:
            run.program.gradients_off_by = (Spot(frame.file, item.item), manager.name)
        return enter(None)
    if isinstance(manager, Instance) and isinstance(manager.cls.lookup("__enter__")[0], Function):
        spot = Spot(frame.file, item.item)
        entered = call(run, BoundMethod(manager.cls.lookup("__enter__")[0], manager), Arguments(), spot, frame)
        completion = enter(entered)
        leave = manager.cls.lookup("__exit__")[0]
        if isinstance(leave, Function):
            call(run, BoundMethod(leave, manager), Arguments([None, None, None]), spot, frame)
        return completion
    return enter(Unknown("context", manager.why) if isinstance(manager, Unknown) else manager)


def _generator_called(run: Run, manager: cst.BaseExpression, frame: Frame) -> tuple[Function, Arguments] | None:
    """The generator function behind `with switched(model):`, as `contextlib.contextmanager` makes them."""
    if type(manager) is not cst.Call or not run.generators:
        return None
    function = evaluate(run, manager.func, frame)
    receivers: tuple[Value, ...] = ()
    if isinstance(function, BoundMethod):
        receivers, function = (function.receiver,), function.function
    if not isinstance(function, Function) or function.node not in run.generators:
        return None
    return function, evaluate_arguments(run, manager.args, frame).prefixed(*receivers)


def _around(
    run: Run,
    function: Function,
    arguments: Arguments,
    spot: Spot,
    frame: Frame,
    enter: Callable[[Value], str | None],
) -> str | None:
    """Run a generator function, and where it yields what stands in the `with` block."""
    completions: list[str | None] = []

    def body(value: Value) -> None:
        inner, run.frame = run.frame, frame
        try:
            completions.append(enter(value))
        finally:
            run.frame = inner

    execute_function(run, function, arguments, spot, frame, body)
    return completions[0] if completions else enter(Unknown("context"))


def _function(run: Run, node: cst.FunctionDef, frame: Frame) -> None:
    params, defaults = make_parameters(run, node.params, frame)
    scope = frame
    while scope.class_body and scope.parent is not None:
        scope = scope.parent
    if scope.class_body:
        scope = Frame(frame.module, frame.file, frame.module.cells)
    function: Value = Function(node.name.value, node, params, defaults, scope, frame.file)
    function.owner = frame.owner
    if any(_is_context_manager(decorator) for decorator in node.decorators):
        run.generators.add(node)
    run.observer.function_defined(function, frame)
    if frame.function is not None and (switches_or_trains(node) or _calls_what_trains(node, frame)):
        run.program.nested.append(function)
    assign_name(run, node.name.value, _decorated(run, node.decorators, function, frame), frame)


def _calls_what_trains(node: cst.FunctionDef, frame: Frame) -> bool:
    """Whether a function calls one of its module or its scope that trains: what a search for settings is given."""
    for name in called_names(node):
        for cells in (frame.cells, frame.module.cells):
            found = cells.get(name)
            if isinstance(found, Function) and switches_or_trains(found.node):
                return True
    return False


def _is_context_manager(decorator: cst.Decorator) -> bool:
    name = decorator.decorator.attr if type(decorator.decorator) is cst.Attribute else decorator.decorator
    return type(name) is cst.Name and name.value in ("contextmanager", "_contextmanager", "asynccontextmanager")


def _decorated(run: Run, decorators: Sequence[cst.Decorator], value: Value, frame: Frame) -> Value:
    """Apply decorators. One that cannot be evaluated is taken to leave what it decorates as it is."""
    for decorator in reversed(decorators):
        function = evaluate(run, decorator.decorator, frame)
        if isinstance(function, GradientMode) and isinstance(value, Function):
            value.grad = GradientMode(function.enabled, function.name, Spot(frame.file, decorator.decorator))
            continue
        if isinstance(function, (Unknown, External)):
            continue
        result = run.within(
            _DECORATOR_STEPS, partial(call, run, function, Arguments([value]), Spot(frame.file, decorator), frame)
        )
        if result is not None and not isinstance(result, (Unknown, External)):
            value = result
    return value


def _class(run: Run, node: cst.ClassDef, frame: Frame) -> None:
    bases = tuple(evaluate(run, arg.value, frame) for arg in node.bases if arg.star == "")
    cls = Class(node.name.value, node, bases, frame, frame.file)
    body = Frame(frame.module, frame.file, cls.cells, frame, caller=frame.caller, site=frame.site)
    body.class_body = True
    body.owner = cls
    if frame.cells is frame.module.cells:
        body.parent = None
    execute_suite(run, node.body, body)
    finish_class(run, cls, body.annotated)
    run.observer.class_defined(cls, frame)
    cls.annotated = tuple(body.annotated)
    assign_name(run, node.name.value, _decorated(run, node.decorators, cls, frame), frame)


def _match(run: Run, node: cst.Match, frame: Frame) -> str | None:
    from bn_lint.static.patterns import matches

    subject = evaluate(run, node.subject, frame)
    undecided: list[cst.MatchCase] = []
    certain: cst.MatchCase | None = None
    for case in node.cases:
        outcome = matches(run, case, subject, frame)
        if outcome is True:
            certain = case
            break
        if outcome is None:
            undecided.append(case)
    if not undecided:
        return execute_suite(run, certain.body, frame) if certain is not None else None
    bodies = [partial(execute_suite, run, case.body, frame) for case in undecided]
    if certain is not None:
        bodies.append(partial(execute_suite, run, certain.body, frame))
    return run.branch(frame, *bodies, *(() if certain is not None else (lambda: None,)))


_EXECUTORS: dict[type, Callable[[Run, Any, Frame], str | None]] = {
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
    cst.Break: lambda run, node, frame: BREAK,
    cst.Continue: lambda run, node, frame: CONTINUE,
    cst.If: _if,
    cst.For: _for,
    cst.While: _while,
    cst.Try: _try,
    cst.With: _with,
    cst.FunctionDef: _function,
    cst.ClassDef: _class,
    cst.Match: _match,
}

__all__ = ["ModuleScope", "execute", "execute_body", "execute_suite", "extend_list"]
