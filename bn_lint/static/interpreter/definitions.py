"""Definitions of functions and classes, and their decorators."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from bn_lint.static.interpreter.assign import assign_name
from bn_lint.static.interpreter.calls import call
from bn_lint.static.interpreter.dispatch import evaluate, execute_suite
from bn_lint.static.interpreter.frames import Frame
from bn_lint.static.interpreter.havoc import ReachableSet, forget_changes
from bn_lint.static.interpreter.hooks import Context
from bn_lint.static.interpreter.interpreter import Interpreter
from bn_lint.static.interpreter.limits import DECORATOR_STEPS
from bn_lint.static.interpreter.objects import finish_class
from bn_lint.static.interpreter.signatures import make_parameters
from bn_lint.static.interpreter.subclasses import class_made
from bn_lint.static.interpreter.values import ABSENT, Arguments, Class, External, Function, Unknown, Value
from bn_lint.static.syntax import nodes as cst
from bn_lint.static.syntax.places import NodeRef
from bn_lint.static.syntax.tree import returns_first_parameter


def define_function(interpreter: Interpreter, node: cst.FunctionDef, frame: Frame) -> None:
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


def define_class(interpreter: Interpreter, node: cst.ClassDef, frame: Frame) -> None:
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
    class_made(interpreter, cls, node, frame)
    assign_name(interpreter, node.name.value, _decorated(interpreter, node.decorators, cls, frame), frame)


def _decorated(interpreter: Interpreter, decorators: Sequence[cst.Decorator], value: Value, frame: Frame) -> Value:
    """Apply decorators. One that cannot be evaluated is taken to leave what it decorates as it is."""
    for decorator in reversed(decorators):
        function = evaluate(interpreter, decorator.decorator, frame)
        if isinstance(function, Context) and isinstance(value, Function):
            value.context = function.decorating(NodeRef(frame.file, decorator.decorator))
            continue
        if isinstance(function, (Unknown, External)):
            continue
        result = _decorate(interpreter, function, value, NodeRef(frame.file, decorator), frame)
        if result is ABSENT:
            value = Unknown("?", "its decorator takes too long to evaluate")
            continue
        if result is not None and not isinstance(result, (Unknown, External)):
            value = result
    return value


def _decorate(interpreter: Interpreter, function: Value, value: Value, ref: NodeRef, frame: Frame) -> Value:
    """Return what a decorator makes of a function or class, or ABSENT if that takes too long."""
    mark = interpreter.store.mark()
    decorate = partial(call, interpreter, function, Arguments([value]), ref, frame)
    result = interpreter.budget.within(DECORATOR_STEPS, decorate)
    if result is not ABSENT:
        return result
    forget_changes(interpreter, mark)
    if not isinstance(function, Function):
        return ABSENT
    ReachableSet(interpreter, function, (value,)).forget(interpreter, ref)
    # Many decorators only write documentation, or put the function into a table.
    return value if returns_first_parameter(function.node) else ABSENT
