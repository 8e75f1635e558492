"""Executing statements."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import libcst as cst

from bn_lint.libraries import LIBRARIES
from bn_lint.static.interpreter.assign import assign, assign_name, delete
from bn_lint.static.interpreter.calls import call, execute_function, make_parameters
from bn_lint.static.interpreter.expressions import evaluate, evaluate_arguments
from bn_lint.static.interpreter.frames import Frame, ModuleScope
from bn_lint.static.interpreter.hooks import Context
from bn_lint.static.interpreter.imports import execute_import, execute_import_from
from bn_lint.static.interpreter.interpreter import Interpreter
from bn_lint.static.interpreter.iteration import iterate
from bn_lint.static.interpreter.limits import DECORATOR_STEPS, MAX_PASSES
from bn_lint.static.interpreter.match_patterns import matches
from bn_lint.static.interpreter.narrow import assume
from bn_lint.static.interpreter.objects import finish_class
from bn_lint.static.interpreter.operators import AUGMENTED, BINARY
from bn_lint.static.interpreter.paths import BREAK, CONTINUE, RAISE, RETURN, fork_paths, join_at
from bn_lint.static.interpreter.truth import truth
from bn_lint.static.interpreter.values import (
    ABSENT,
    ITEMS,
    REST,
    Arguments,
    BoundMethod,
    Class,
    External,
    Function,
    Instance,
    List,
    Unknown,
    Value,
)
from bn_lint.static.syntax.places import NodeRef
from bn_lint.static.syntax.tree import builds_on_last

#: Passes of a loop in which something happens for the domain, after which nothing new is expected of further ones.
_ALIKE_PASSES = 3


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
    executor = _EXECUTORS.get(type(node))
    return executor(interpreter, node, frame) if executor is not None else None


def _line(interpreter: Interpreter, node: cst.SimpleStatementLine, frame: Frame) -> str | None:
    for statement in node.body:
        executor = _EXECUTORS.get(type(statement))
        if executor is not None:
            completion = executor(interpreter, statement, frame)
            if completion is not None:
                return completion
    return None


#: What does not return, in the standard library and in tests.
_LEAVING = frozenset({"sys.exit", "os._exit", "os.abort"}.union(*(library.leaves for library in LIBRARIES)))
_LAST_NAMES = {name.rpartition(".")[2] for name in _LEAVING} | {"quit"}


def _expression(interpreter: Interpreter, node: cst.Expr, frame: Frame) -> str | None:
    if type(node.value) in (cst.SimpleString, cst.ConcatenatedString):
        return None
    interpreter.events.dropped = node.value
    evaluate(interpreter, node.value, frame)
    return RAISE if type(node.value) is cst.Call and _leaves(interpreter, node.value.func, frame) else None


def _leaves(interpreter: Interpreter, function: cst.BaseExpression, frame: Frame) -> bool:
    """Whether a called function ends the program or the test."""
    name = function.attr if type(function) is cst.Attribute else function
    if type(name) is not cst.Name or name.value not in _LAST_NAMES:
        return False
    found = evaluate(interpreter, function, frame)
    return isinstance(found, External) and found.dotted in _LEAVING


def _assign(interpreter: Interpreter, node: cst.Assign, frame: Frame) -> None:
    value = evaluate(interpreter, node.value, frame)
    for target in node.targets:
        assign(interpreter, target.target, value, frame)


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
    operation = AUGMENTED.get(type(node.operator))
    value = (
        BINARY[operation](interpreter, left, right, NodeRef(frame.file, node))
        if operation is not None
        else Unknown("?")
    )
    assign(interpreter, node.target, value, frame)


def extend_list(interpreter: Interpreter, target: Any, items: tuple[Value, ...], rest: tuple[Value, ...] = ()) -> None:
    """Append to a list, whose own end may already be unknown."""
    if target.rest:
        interpreter.store.set(target, REST, (*target.rest, *items, *rest))
    else:
        interpreter.store.set(target, ITEMS, target.items + items)
        if rest:
            interpreter.store.set(target, REST, rest)


def _return(interpreter: Interpreter, node: cst.Return, frame: Frame) -> str:
    frame.returns.append(evaluate(interpreter, node.value, frame) if node.value is not None else None)
    return RETURN


def _raise(interpreter: Interpreter, node: cst.Raise, frame: Frame) -> str:
    return RAISE


def _assert(interpreter: Interpreter, node: cst.Assert, frame: Frame) -> str | None:
    outcome = truth(evaluate(interpreter, node.test, frame))
    if outcome is None:
        assume(interpreter, node.test, frame, True)
    return RAISE if outcome is False and type(node.test) is cst.Name and node.test.value == "False" else None


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


def _if(interpreter: Interpreter, node: cst.If, frame: Frame) -> str | None:
    if _is_type_checking(node.test):
        # What is imported for annotations is looked up as well, unless the program says what to use instead.
        decided: bool | None = node.orelse is None
    else:
        decided = truth(evaluate(interpreter, node.test, frame))
    interpreter.path.guards += 1
    interpreter.branches.add((id(node), decided))
    try:
        return _branches(interpreter, node, frame, decided)
    finally:
        interpreter.path.guards -= 1


def _branches(interpreter: Interpreter, node: cst.If, frame: Frame, decided: bool | None) -> str | None:
    if decided is True:
        return execute_suite(interpreter, node.body, frame)
    if decided is False:
        return _else(interpreter, node.orelse, frame)

    def then() -> str | None:
        assume(interpreter, node.test, frame, True)
        return execute_suite(interpreter, node.body, frame)

    def otherwise() -> str | None:
        assume(interpreter, node.test, frame, False)
        return _else(interpreter, node.orelse, frame)

    return fork_paths(interpreter, frame, then, otherwise, can_give_up=True)


def _is_type_checking(test: cst.BaseExpression) -> bool:
    name = test.attr if type(test) is cst.Attribute else test
    return type(name) is cst.Name and name.value == "TYPE_CHECKING"


def _else(interpreter: Interpreter, node: cst.If | cst.Else | None, frame: Frame) -> str | None:
    if node is None:
        return None
    return _if(interpreter, node, frame) if type(node) is cst.If else execute_suite(interpreter, node.body, frame)


def _for(interpreter: Interpreter, node: cst.For, frame: Frame) -> str | None:
    items, rest = iterate(interpreter, evaluate(interpreter, node.iter, frame))
    mark = len(frame.pending)
    for count, item in enumerate(items):
        interpreter.budget.step()
        seen = interpreter.events.count
        assign(interpreter, node.target, item, frame)
        completion = _pass(interpreter, node.body, frame, mark)
        if completion == BREAK:
            join_at(interpreter, frame, BREAK, mark)
            return None
        if completion in (RETURN, RAISE):
            return completion
        if count >= _ALIKE_PASSES and isinstance(item, int) and interpreter.events.count > seen:
            break  # epochs are all alike, unlike the modules of a model
    for item in rest:
        # One pass with an unknown element stands for all of them; there may also be none.
        def again(item: Value = item) -> str | None:
            assign(interpreter, node.target, item, frame)
            completion = _passes(interpreter, node.body, frame, mark)
            return None if completion in (CONTINUE, BREAK) else completion

        fork_paths(interpreter, frame, again, lambda: None)
    join_at(interpreter, frame, BREAK, mark)
    return execute_suite(interpreter, node.orelse.body, frame) if node.orelse is not None else None


def _pass(interpreter: Interpreter, body: cst.BaseSuite, frame: Frame, mark: int) -> str | None:
    """Execute the body of a loop once."""
    interpreter.events.loops.append(interpreter.events.now())
    try:
        completion = execute_suite(interpreter, body, frame)
        _end_of_pass(interpreter, frame, mark)
    finally:
        interpreter.events.loops.pop()
    return completion


def _passes(interpreter: Interpreter, body: cst.BaseSuite, frame: Frame, mark: int) -> str | None:
    """Execute the body of a loop; once more when the next pass may find what it has left: modes, ends of lists."""
    events = interpreter.events.count
    interpreter.events.open_loops += 1
    try:
        begin = interpreter.store.mark()
        completion = _pass(interpreter, body, frame, mark)
        if completion in (None, CONTINUE) and (interpreter.events.count > events or builds_on_last(body)):
            interpreter.store.widen(begin)
            completion = _pass(interpreter, body, frame, mark)
    finally:
        interpreter.events.open_loops -= 1
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


def _while(interpreter: Interpreter, node: cst.While, frame: Frame) -> str | None:
    mark = len(frame.pending)
    for count in range(MAX_PASSES):
        interpreter.budget.step()
        decided = truth(evaluate(interpreter, node.test, frame))
        if decided is False:
            break
        if decided is None:

            def again() -> str | None:
                assume(interpreter, node.test, frame, True)
                completion = _passes(interpreter, node.body, frame, mark)
                return None if completion in (CONTINUE, BREAK) else completion

            fork_paths(interpreter, frame, again, lambda: None)
            break
        pending, seen = len(frame.pending), interpreter.events.count
        completion = _pass(interpreter, node.body, frame, mark)
        if completion is None and count >= _ALIKE_PASSES and interpreter.events.count > seen:
            break
        if completion == BREAK:
            break
        if completion in (RETURN, RAISE):
            return completion
        if len(frame.pending) > pending:
            # A branch may have left the loop: that this pass was not the last is no longer known.
            break
    join_at(interpreter, frame, BREAK, mark)
    return None


def _try(interpreter: Interpreter, node: cst.Try, frame: Frame) -> str | None:
    # A failing call that the program expects is no mistake.
    with interpreter.collector.quiet(any(_expects_failure(handler.type) for handler in node.handlers)):
        completion = execute_suite(interpreter, node.body, frame)
    if completion == RAISE and node.handlers:
        completions: list[str | None] = []

        def handle(handler: cst.ExceptHandler) -> Callable[[], str | None]:
            def execute_handler() -> str | None:
                if handler.name is not None and type(handler.name.name) is cst.Name:
                    assign_name(interpreter, handler.name.name.value, Unknown("exception"), frame)
                completions.append(execute_suite(interpreter, handler.body, frame))
                return completions[-1]

            return execute_handler

        if len(node.handlers) == 1:
            completion = handle(node.handlers[0])()
        else:
            completion = fork_paths(interpreter, frame, *(handle(h) for h in node.handlers))
    elif completion is None and node.orelse is not None:
        completion = execute_suite(interpreter, node.orelse.body, frame)
    if node.finalbody is not None:
        final = execute_suite(interpreter, node.finalbody.body, frame)
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


def _with(interpreter: Interpreter, node: cst.With, frame: Frame) -> str | None:
    ambient = interpreter.events.ambient
    try:
        return _with_items(interpreter, node, frame, 0)
    finally:
        interpreter.events.ambient = ambient


def _with_items(interpreter: Interpreter, node: cst.With, frame: Frame, index: int) -> str | None:
    """Enter the context managers from one on, and execute the suite within."""
    if index == len(node.items):
        with interpreter.collector.quiet(any(_expects_raise(item.item) for item in node.items)):
            return execute_suite(interpreter, node.body, frame)
    item = node.items[index]

    def enter(value: Value) -> str | None:
        if item.asname is not None:
            assign(interpreter, item.asname.name, value, frame)
        return _with_items(interpreter, node, frame, index + 1)

    generator = _generator_called(interpreter, item.item, frame)
    if generator is not None:
        return _around(interpreter, *generator, NodeRef(frame.file, item.item), frame, enter)
    manager = evaluate(interpreter, item.item, frame)
    if isinstance(manager, Context):
        manager.enter(interpreter, NodeRef(frame.file, item.item))
        return enter(None)
    if isinstance(manager, Instance) and isinstance(manager.cls.lookup("__enter__")[0], Function):
        ref = NodeRef(frame.file, item.item)
        entered = call(interpreter, BoundMethod(manager.cls.lookup("__enter__")[0], manager), Arguments(), ref, frame)
        completion = enter(entered)
        leave = manager.cls.lookup("__exit__")[0]
        if isinstance(leave, Function):
            call(interpreter, BoundMethod(leave, manager), Arguments([None, None, None]), ref, frame)
        return completion
    return enter(Unknown("context", manager.why) if isinstance(manager, Unknown) else manager)


def _generator_called(
    interpreter: Interpreter, manager: cst.BaseExpression, frame: Frame
) -> tuple[Function, Arguments] | None:
    """The generator function behind `with switched(model):`, as `contextlib.contextmanager` makes them."""
    if type(manager) is not cst.Call or not interpreter.generators:
        return None
    function = evaluate(interpreter, manager.func, frame)
    receivers: tuple[Value, ...] = ()
    if isinstance(function, BoundMethod):
        receivers, function = (function.receiver,), function.function
    if not isinstance(function, Function) or function.node not in interpreter.generators:
        return None
    return function, evaluate_arguments(interpreter, manager.args, frame).prefixed(*receivers)


def _around(
    interpreter: Interpreter,
    function: Function,
    arguments: Arguments,
    ref: NodeRef,
    frame: Frame,
    enter: Callable[[Value], str | None],
) -> str | None:
    """Run a generator function, and where it yields what stands in the `with` block."""
    completions: list[str | None] = []

    def body(value: Value) -> None:
        inner, interpreter.frame = interpreter.frame, frame
        try:
            completions.append(enter(value))
        finally:
            interpreter.frame = inner

    execute_function(interpreter, function, arguments, ref, frame, body)
    return completions[0] if completions else enter(Unknown("context"))


def _function(interpreter: Interpreter, node: cst.FunctionDef, frame: Frame) -> None:
    params, defaults = make_parameters(interpreter, node.params, frame)
    scope = frame
    while scope.class_body and scope.parent is not None:
        scope = scope.parent
    if scope.class_body:
        scope = Frame(frame.module, frame.file, frame.module.cells)
    function = Function(node.name.value, node, params, defaults, scope, frame.file)
    function.owner = frame.owner
    if any(_is_context_manager(decorator) for decorator in node.decorators):
        interpreter.generators.add(node)
    interpreter.collector.function_defined(function, frame)
    if frame.function is not None:
        interpreter.events.function_defined(function, frame)
    assign_name(interpreter, node.name.value, _decorated(interpreter, node.decorators, function, frame), frame)


def _is_context_manager(decorator: cst.Decorator) -> bool:
    name = decorator.decorator.attr if type(decorator.decorator) is cst.Attribute else decorator.decorator
    return type(name) is cst.Name and name.value in ("contextmanager", "_contextmanager", "asynccontextmanager")


def _decorated(interpreter: Interpreter, decorators: Sequence[cst.Decorator], value: Value, frame: Frame) -> Value:
    """Apply decorators. One that cannot be evaluated is taken to leave what it decorates as it is."""
    for decorator in reversed(decorators):
        function = evaluate(interpreter, decorator.decorator, frame)
        if isinstance(function, Context) and isinstance(value, Function):
            value.context = function.decorating(NodeRef(frame.file, decorator.decorator))
            continue
        if isinstance(function, (Unknown, External)):
            continue
        result = interpreter.budget.within(
            DECORATOR_STEPS,
            partial(call, interpreter, function, Arguments([value]), NodeRef(frame.file, decorator), frame),
        )
        if result is not None and not isinstance(result, (Unknown, External)):
            value = result
    return value


def _class(interpreter: Interpreter, node: cst.ClassDef, frame: Frame) -> None:
    bases = tuple(evaluate(interpreter, arg.value, frame) for arg in node.bases if arg.star == "")
    cls = Class(node.name.value, node, bases, frame, frame.file)
    body = Frame(frame.module, frame.file, cls.cells, frame, caller=frame.caller, site=frame.site)
    body.class_body = True
    body.owner = cls
    if frame.cells is frame.module.cells:
        body.parent = None
    execute_suite(interpreter, node.body, body)
    finish_class(interpreter, cls, body.annotated)
    interpreter.collector.class_defined(cls, frame)
    cls.annotated = tuple(body.annotated)
    assign_name(interpreter, node.name.value, _decorated(interpreter, node.decorators, cls, frame), frame)


def _match(interpreter: Interpreter, node: cst.Match, frame: Frame) -> str | None:
    subject = evaluate(interpreter, node.subject, frame)
    undecided: list[cst.MatchCase] = []
    certain: cst.MatchCase | None = None
    for case in node.cases:
        outcome = matches(interpreter, case, subject, frame)
        if outcome is True:
            certain = case
            break
        if outcome is None:
            undecided.append(case)
    if not undecided:
        return execute_suite(interpreter, certain.body, frame) if certain is not None else None
    bodies = [partial(execute_suite, interpreter, case.body, frame) for case in undecided]
    if certain is not None:
        bodies.append(partial(execute_suite, interpreter, certain.body, frame))
    return fork_paths(interpreter, frame, *bodies, *(() if certain is not None else (lambda: None,)))


_EXECUTORS: dict[type, Callable[[Interpreter, Any, Frame], str | None]] = {
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
