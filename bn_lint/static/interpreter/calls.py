"""Calling things."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from bn_lint.static.interpreter.budget import BudgetExhausted
from bn_lint.static.interpreter.dispatch import evaluate, execute_suite
from bn_lint.static.interpreter.frames import Frame
from bn_lint.static.interpreter.havoc import abort_call
from bn_lint.static.interpreter.interpreter import Interpreter
from bn_lint.static.interpreter.lattice.join import join
from bn_lint.static.interpreter.limits import MAX_ALTERNATIVES, MAX_BLIND_RECURSION, MAX_CALLED
from bn_lint.static.interpreter.objects import instantiate
from bn_lint.static.interpreter.paths import RAISE, RETURN, fork_paths, join_at, suppose_no_more
from bn_lint.static.interpreter.recursion import is_too_deep
from bn_lint.static.interpreter.signatures import bind, fitting
from bn_lint.static.interpreter.values import (
    ABSENT,
    REST,
    Arguments,
    BoundMethod,
    Builtin,
    Class,
    ClassMethod,
    Dict,
    External,
    Function,
    Instance,
    LibraryClass,
    List,
    Partial,
    Raised,
    Refused,
    StaticMethod,
    Union,
    Unknown,
    Value,
    ValueIterator,
)
from bn_lint.static.syntax import nodes as cst
from bn_lint.static.syntax.places import NodeRef
from bn_lint.static.syntax.tree import is_generator, uses_receiver

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def call(interpreter: Interpreter, function: Value, arguments: Arguments, ref: NodeRef, frame: Frame | None) -> Value:
    """Return what calling a value gives. `frame` is the caller's, for the path of calls."""
    interpreter.budget.step()
    if isinstance(function, BoundMethod):
        return _call_method(interpreter, function, arguments, ref, frame)
    if isinstance(function, Function):
        return _call_function(interpreter, function, arguments, ref, frame)
    if isinstance(function, Builtin):
        return _call_builtin(interpreter, function, arguments, ref, frame)
    if isinstance(function, (Class, LibraryClass)):
        return instantiate(interpreter, function, arguments, ref, frame)
    if isinstance(function, Instance):
        return call_instance(interpreter, function, arguments, ref, frame)
    if isinstance(function, Partial):
        merged = Arguments(
            [*function.positional, *arguments.positional],
            {**dict(function.keywords), **arguments.keywords},
            more=arguments.more,
            rest=arguments.rest,
            partial=function.ref if function.keywords else arguments.partial,
        )
        return call(interpreter, function.function, merged, ref, frame)
    if isinstance(function, Union):
        return _call_alternatives(interpreter, function, arguments, ref, frame)
    if isinstance(function, (StaticMethod, ClassMethod)):
        return call(interpreter, function.function, arguments, ref, frame)
    escape(interpreter, arguments)
    result = interpreter.domain.call(interpreter, function, arguments, ref)
    if result is not ABSENT:
        return result
    if isinstance(function, External):
        return Unknown("?", f"`{function.dotted}` is outside the project", foreign=True)
    if isinstance(function, Unknown):
        name = f"{function.name}(...)" if len(function.name) < 40 else "?"
        return Unknown(name, function.why, foreign=function.foreign)
    return Unknown("?", f"calling {type(function).__name__} is not evaluated")


def _call_method(
    interpreter: Interpreter, method: BoundMethod, arguments: Arguments, ref: NodeRef, frame: Frame | None
) -> Value:
    function, receiver = method.function, method.receiver
    given = arguments.prefixed(receiver)
    events = interpreter.events
    if isinstance(receiver, Instance) and not receiver.is_module:
        function = interpreter.domain.in_place_of(receiver, function)
    if not isinstance(receiver, Instance) or not receiver.is_module or events.depth or frame is None:
        return call(interpreter, function, given, ref, frame)
    if isinstance(function, Function):
        events.method_called(interpreter, receiver, function, ref)
    if function is receiver.cls.lookup("forward")[0]:  # `model.forward(x)` instead of `model(x)`
        events.module_called(interpreter, receiver, arguments, ref, frame)
        events.depth += 1
        try:
            return call(interpreter, function, given, ref, frame)
        finally:
            events.depth -= 1
    return call(interpreter, function, given, ref, frame)


def escape(interpreter: Interpreter, arguments: Arguments) -> None:
    """Forget what lists hold that foreign code may change."""
    for value in (*arguments.positional, *arguments.keywords.values()):
        if isinstance(value, List) and not value.rest:
            interpreter.store.set(value, REST, (Unknown("?", "the list was passed to code outside the project"),))
        elif isinstance(value, Dict):
            interpreter.store.set(value, Dict.OPEN, True)
        elif isinstance(value, Instance) and value.entries is not None:
            interpreter.store.set(value.entries, Dict.OPEN, True)


def _call_builtin(
    interpreter: Interpreter, function: Builtin, arguments: Arguments, ref: NodeRef, frame: Frame | None
) -> Value:
    outer = interpreter.frame
    interpreter.frame = frame if frame is not None else outer
    try:
        return function.implementation(interpreter, arguments, ref)
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
        # What the analyzed program passes may be anything; the real call would fail as well.
        if interpreter.strict:
            raise
        return Unknown("?", f"`{function.name}` cannot be evaluated here ({type(error).__name__})")
    finally:
        interpreter.frame = outer


def _call_alternatives(
    interpreter: Interpreter, function: Union, arguments: Arguments, ref: NodeRef, frame: Frame | None
) -> Value:
    callable_: list[Value] = [
        v for v in function.values if v is not None and not isinstance(v, (bool, int, str, float))
    ]
    callable_ = fitting(callable_, arguments)
    if len(callable_) == 1:
        return call(interpreter, callable_[0], arguments, ref, frame)
    if all(isinstance(one, Unknown) or _is_method_of_module(one) for one in callable_):
        # Whichever model it is, its mode is switched: each has the method called on itself.
        methods = [one for one in callable_ if isinstance(one, BoundMethod)]
        given = interpreter.domain.given_on_one(methods, arguments) if methods else arguments
        return join([call(interpreter, one, given, ref, frame) for one in callable_])
    owner = frame if frame is not None else interpreter.frame
    if owner is None:
        return Unknown("?")
    called = callable_
    if len(callable_) > MAX_ALTERNATIVES:
        called = _representatives(interpreter, callable_)
    results: list[Value] = []

    def alternative(one: Value) -> None:
        results.append(call(interpreter, one, arguments, ref, frame))

    with interpreter.collector.choosing(interpreter, callable_, ref):
        fork_paths(interpreter, owner, *(partial(alternative, one) for one in called))
    if len(called) < len(callable_):
        results.append(Unknown("?", "one of many may be called"))
    return join(results)


def _representatives(interpreter: Interpreter, alternatives: Sequence[Value]) -> list[Value]:
    """Those of many alternatives that are called in place of all: first the models that concern the domain."""
    modules = [one for one in alternatives if isinstance(one, Instance) and one.is_module]
    watched = [one for one in modules if any(map(interpreter.domain.concerned, one.possible_descendants()))]
    if watched:
        return [*watched[:MAX_ALTERNATIVES]]
    return list(alternatives[:MAX_CALLED])


def _is_method_of_module(value: Value) -> bool:
    """Whether a value is a method that `nn.Module` has, of a module that is known."""
    if not isinstance(value, BoundMethod) or not isinstance(value.function, Builtin):
        return False
    return isinstance(value.receiver, Instance) and value.receiver.is_module


def cannot_exist(instance: Instance) -> bool:
    """Whether one of the attributes of an object should come of a call that raises."""
    return any(type(cell) is Refused for cell in instance.cells.values())


def call_instance(
    interpreter: Interpreter, instance: Instance, arguments: Arguments, ref: NodeRef, frame: Frame | None
) -> Value:
    """Call an object: a module's `forward`, or `__call__`."""
    own: Value = ABSENT
    method, owner = instance.cls.lookup("__call__")
    if method is ABSENT or isinstance(owner, LibraryClass):
        if not instance.is_module:
            return Unknown("?", f"calling a {instance.cls.name} is not evaluated")
        method = own = instance.cells.get("forward", ABSENT)  # `block.forward = block.forward_fused`
        if own is ABSENT:
            method, _ = instance.cls.lookup("forward")
        if method is ABSENT:
            return Unknown("?", f"`{instance.cls.name}` has no visible forward")
    instance.called = True
    if instance.is_module and cannot_exist(instance):
        return Unknown("?", f"`{instance.cls.name}` cannot be built: Python raises TypeError in its constructor")
    key = None
    if own is ABSENT and (isinstance(method, Function) or any(instance.children())):
        keys = interpreter.keys.of_call(arguments)
        behavior = interpreter.keys.of(instance) if keys is not None and instance.is_module else None
        key = ("call", behavior, keys) if behavior is not None else None
    if frame is not None and instance.is_module:
        interpreter.events.module_called(interpreter, instance, arguments, ref, frame)
    given = arguments.prefixed(instance) if own is ABSENT else arguments
    interpreter.events.depth += instance.is_module
    try:
        if key is None:
            result = call(interpreter, method, given, ref, frame)
        elif type(method) is not Function:
            result = interpreter.summaries.memoize(
                key, lambda: call(interpreter, method, given, ref, frame), arguments.values()
            )
        else:
            result = interpreter.summaries.memoize(
                key, lambda: _call_function(interpreter, method, given, ref, frame, remembered=True), arguments.values()
            )
    finally:
        interpreter.events.depth -= instance.is_module
    if instance.is_module:
        interpreter.collector.module_returned(instance, arguments, result, ref, direct=frame is not None)
    return result


def _call_function(
    interpreter: Interpreter,
    function: Function,
    arguments: Arguments,
    ref: NodeRef,
    frame: Frame | None,
    *,
    remembered: bool = False,
) -> Value:
    """Call a function of the program. `remembered`: the caller remembers the call, by what it knows of the receiver."""
    interpreter.reads.calls(function)
    depth = interpreter.stack.count(function)
    if is_too_deep(interpreter, function, arguments, depth):
        return Unknown("?", f"`{function.name}` calls itself too often")
    if interpreter.events.dropped is not ref.node:
        return _run(interpreter, function, arguments, ref, frame, depth, remembered=remembered)
    return interpreter.idle_calls.run(
        interpreter,
        function,
        arguments,
        frame,
        lambda: _run(interpreter, function, arguments, ref, frame, depth, remembered=remembered),
    )


def _run(
    interpreter: Interpreter,
    function: Function,
    arguments: Arguments,
    ref: NodeRef,
    frame: Frame | None,
    depth: int,
    *,
    remembered: bool,
) -> Value:
    """Run a function, unless it is remembered what it gives."""
    given = arguments.shifted() if _leaves_receiver_alone(function, arguments) else arguments
    key = None if remembered else interpreter.keys.of_call(given)
    if key is not None:
        if function.scope.parent is None and function.scope.cells is function.scope.module.cells:
            # What a model calls is a part of it; what others call may call a model, which is noted.
            inside = interpreter.events.depth > 0
            memory = ("function", function, key, inside)
            if depth > MAX_BLIND_RECURSION and interpreter.summaries.is_running(memory):
                return Unknown("?", f"`{function.name}` calls itself again and again")  # with what it was called with
            return interpreter.summaries.memoize(
                memory,
                lambda: execute_function(interpreter, function, arguments, ref, frame),
                given.values(),
            )
        if function in interpreter.stack:
            # Nothing outside runs while a function recurses: within one outermost call its results hold.
            return interpreter.summaries.while_running(
                function, key, lambda: execute_function(interpreter, function, arguments, ref, frame)
            )
    return execute_function(interpreter, function, arguments, ref, frame)


def _leaves_receiver_alone(function: Function, arguments: Arguments) -> bool:
    """Whether it makes no difference which object a method is called on, be it one that is only being built."""
    receiver = arguments.positional[0] if function.owner is not None and arguments.positional else None
    return (
        isinstance(receiver, Instance)
        and type(function.node) is cst.FunctionDef
        and not uses_receiver(function.node)
        and function.name not in receiver.cells
        and receiver.cls.lookup(function.name)[0] is function
    )


def execute_function(
    interpreter: Interpreter,
    function: Function,
    arguments: Arguments,
    ref: NodeRef,
    frame: Frame | None,
    on_yield: Callable[[Value], None] | None = None,
) -> Value:
    """Run the body of a function. `on_yield` is run in place of its first `yield`."""
    interpreter.reads.function(function)
    cells = bind(function, arguments)
    for default in function.defaults.values():
        if isinstance(default, (List, Dict)):
            interpreter.store.reads_container(default)
    interpreter.collector.function_entered(function, cells)
    inner = Frame(
        function.scope.module,
        function.file,
        cells,
        function.scope,
        function=function,
        caller=frame or interpreter.frame,
        site=ref,
    )
    if inner.parent is not None and inner.parent.cells is inner.module.cells:
        inner.parent = None
    if function.params.positional:
        inner.receiver = cells.get(function.params.positional[0])
    inner.uncertain, inner.guards, inner.on_yield = interpreter.path.uncertain, interpreter.path.guards, on_yield
    inner.began, inner.began_changes = interpreter.budget.steps, interpreter.store.mark()
    inner.began_created, inner.began_events = len(interpreter.created), interpreter.events.count
    interpreter.stack.append(function)
    outer, interpreter.frame = interpreter.frame, inner
    ambient: object = None
    dropped = interpreter.events.dropped
    if function.context is not None:
        ambient = interpreter.events.ambient
        function.context.enter(interpreter, ref)
    inner.is_running = True
    depth, answers = len(interpreter.stack), len(interpreter.path.answers)
    try:
        if interpreter.budget.is_bounded(function, inner):
            if function.node in interpreter.aborted:
                interpreter.reads.entered_again(function)
            return interpreter.budget.bounded(inner, lambda: _run_body(interpreter, function, inner))
        return _run_body(interpreter, function, inner)
    except BudgetExhausted as exhausted:
        exhausted.lost += [changes for _, changes, _ in inner.pending]  # type: ignore[misc]
        if exhausted.call is not inner:
            raise
        del interpreter.stack[depth:]
        return abort_call(interpreter, inner, function, arguments, exhausted.lost)
    finally:
        if function.context is not None:
            interpreter.events.ambient = ambient
        interpreter.frame = outer
        interpreter.events.dropped = dropped
        suppose_no_more(interpreter, answers)
        inner.is_running = False
        interpreter.stack.pop()
        interpreter.budget.cost[function.node] += interpreter.budget.steps - inner.began
        interpreter.summaries.call_over(function, interpreter.stack)


def _run_body(interpreter: Interpreter, function: Function, frame: Frame) -> Value:
    node = function.node
    if type(node) is cst.Lambda:
        return evaluate(interpreter, node.body, frame)
    generator = is_generator(function.file, node)
    if generator:
        frame.yields = []
    answers = len(interpreter.path.answers)
    completion = execute_suite(interpreter, node.body, frame)  # type: ignore[arg-type]
    suppose_no_more(interpreter, answers)
    if frame.pending:
        join_at(interpreter, frame, RETURN, 0)
    if generator:
        return ValueIterator(tuple(frame.yields or ()), tuple(frame.yield_rest))
    if completion == RAISE and not frame.returns:
        why = f"`{function.name}` raises"
        if frame.has_left:
            return Unknown("?", why)
        if interpreter.path.uncertain <= interpreter.events.open_loops:
            interpreter.fails = True
        return Raised("?", why)
    if completion is None:
        frame.returns.append(None)
    return join(frame.returns)


__all__ = ["call", "call_instance", "escape"]
