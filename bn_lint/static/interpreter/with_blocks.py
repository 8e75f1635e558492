"""`with` blocks, and the generator functions that stand around them."""

from __future__ import annotations

from collections.abc import Callable

from bn_lint.static.interpreter.assign import assign
from bn_lint.static.interpreter.calls import call, execute_function
from bn_lint.static.interpreter.dispatch import evaluate, execute_suite
from bn_lint.static.interpreter.expressions import evaluate_arguments
from bn_lint.static.interpreter.frames import Frame
from bn_lint.static.interpreter.hooks import Context
from bn_lint.static.interpreter.interpreter import Interpreter
from bn_lint.static.interpreter.values import Arguments, BoundMethod, Function, Instance, Unknown, Value
from bn_lint.static.syntax import nodes as cst
from bn_lint.static.syntax.places import NodeRef


def with_(interpreter: Interpreter, node: cst.With, frame: Frame) -> str | None:
    ambient = interpreter.events.ambient
    try:
        return _with_items(interpreter, node, frame, 0)
    finally:
        interpreter.events.ambient = ambient


def _with_items(interpreter: Interpreter, node: cst.With, frame: Frame, index: int) -> str | None:
    """Enter the context managers from one on, and execute the suite within."""
    if index == len(node.items):
        with interpreter.collector.quiet(any(_expects_failure(interpreter, item.item) for item in node.items)):
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
    completion = enter(Unknown("context", manager.why) if isinstance(manager, Unknown) else manager)
    if isinstance(manager, Unknown) and type(item.item) is cst.Call:
        interpreter.events.taken_back(interpreter, item.item)
    return completion


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


def _expects_failure(interpreter: Interpreter, manager: cst.BaseExpression) -> bool:
    if type(manager) is not cst.Call:
        return False
    name = manager.func.attr if type(manager.func) is cst.Attribute else manager.func
    return type(name) is cst.Name and name.value in interpreter.domain.expect_failure
