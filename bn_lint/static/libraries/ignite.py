"""Engines of ignite: a step for each batch, and handlers at the beginning and the end of batches, epochs and runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bn_lint.static.interpreter.paths import fork_paths
from bn_lint.static.interpreter.values import (
    Arguments,
    BoundMethod,
    Builtin,
    DomainValue,
    Function,
    Ghost,
    Instance,
    LibraryClass,
    Partial,
    Unknown,
    Value,
    alternatives,
)
from bn_lint.static.syntax import nodes as cst
from bn_lint.static.syntax.places import NodeRef
from bn_lint.static.torch_model.mode import switch
from bn_lint.static.torch_model.watchers import events_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from bn_lint.static.interpreter.interpreter import Interpreter

_EVENTS = frozenset(
    "STARTED EPOCH_STARTED ITERATION_STARTED GET_BATCH_STARTED GET_BATCH_COMPLETED ITERATION_COMPLETED EPOCH_COMPLETED "
    "COMPLETED".split()
)


class _Handler:
    """What is called at some events; not at all of them, if there is a condition."""

    def __init__(self, function: Value, given: Arguments, event: cst.BaseExpression) -> None:
        self.function = function
        self.given = given
        self.events: set[str] = set()
        self.filtered = False
        pending: list[cst.CSTNode] = [event]
        while pending:
            node = pending.pop()
            if isinstance(node, cst.Call):  # `Events.EPOCH_COMPLETED(every=3)`
                self.filtered = True
                node = node.func
            if isinstance(node, cst.Attribute) and node.attr.value in _EVENTS:
                self.events.add(node.attr.value)
            elif isinstance(node, cst.BinaryOperation):  # `Events.EPOCH_COMPLETED | Events.COMPLETED`
                pending += [node.left, node.right]

    def arguments(self, engine: Instance) -> Arguments:
        """With the engine first, where the handler takes so many."""
        function, bound = self.function, 0
        while isinstance(function, (Partial, BoundMethod)):
            bound += len(function.positional) if isinstance(function, Partial) else 1
            function = function.function
        takes = len(function.params.positional) - bound if isinstance(function, Function) else 0
        star = isinstance(function, Function) and function.params.star is not None
        given = len(self.given.positional) + len(self.given.keywords)
        return self.given.prefixed(engine) if takes > given or star else self.given


class _Work(DomainValue):
    """What an engine does."""

    def __init__(self, step: Callable[[Interpreter, Arguments, NodeRef], object]) -> None:
        self.step = step
        self.handlers: list[_Handler] = []
        self.is_running = False


def _init(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> None:
    function = arguments.get(1, "process_function")

    def step(interpreter: Interpreter, given: Arguments, ref: NodeRef) -> None:
        from bn_lint.static.interpreter.calls import call

        call(interpreter, function, given, ref, interpreter.frame)

    _WORK.put(arguments.receiver, _Work(step))


def _add(interpreter: Interpreter, engine: Instance, function: Value, given: Arguments, ref: NodeRef) -> None:
    work = _WORK.of(engine)
    if not isinstance(ref.node, cst.Call) or not ref.node.args or work is None:
        return
    handler = _Handler(function, given, ref.node.args[0].value)
    inner = function
    while isinstance(inner, (Partial, BoundMethod)):
        inner = inner.function
    if handler.events and isinstance(inner, Function):
        handlers = work.handlers
        handlers[:] = [one for one in handlers if one.function is not function] + [handler]


def _on(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
    """`@trainer.on(Events.EPOCH_COMPLETED)`."""
    engine, rest = arguments.receiver, Arguments(arguments.positional[2:], arguments.keywords)

    def decorate(interpreter: Interpreter, given: Arguments, inner: NodeRef) -> Value:
        _add(interpreter, engine, given.positional[0], rest, ref)
        return given.positional[0]

    return Builtin("on", decorate)


def _add_event_handler(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
    rest = {name: value for name, value in arguments.keywords.items() if name not in ("event_name", "handler")}
    _add(
        interpreter,
        arguments.receiver,
        arguments.get(2, "handler"),
        Arguments(list(arguments.positional[3:]), rest),
        ref,
    )
    return Unknown("handle")


def _run(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
    from bn_lint.static.interpreter.iteration import iterate
    from bn_lint.static.interpreter.loops import repeat

    engine = arguments.receiver
    work = _WORK.of(engine)
    if work is None or work.is_running:
        return Unknown("state")
    data = arguments.get(1, "data")
    items, rest = iterate(interpreter, data) if data is not None else ((), ())
    batch = next(iter((*items, *rest)), Unknown("batch"))

    def fire(event: str) -> None:
        for handler in list(work.handlers):
            if event in handler.events:
                _handle(interpreter, engine, handler, ref)

    def one_batch() -> None:
        fire("GET_BATCH_STARTED")
        fire("GET_BATCH_COMPLETED")
        fire("ITERATION_STARTED")
        work.step(interpreter, Arguments([engine, batch]), ref)
        fire("ITERATION_COMPLETED")

    def one_epoch() -> None:
        fire("EPOCH_STARTED")
        repeat(interpreter, one_batch)
        fire("EPOCH_COMPLETED")

    work.is_running = True
    try:
        fire("STARTED")
        if arguments.get(2, "max_epochs") in (None, 1):
            one_epoch()
        else:
            repeat(interpreter, one_epoch)
        fire("COMPLETED")
    finally:
        work.is_running = False
    return Unknown("state")


def _handle(interpreter: Interpreter, engine: Instance, handler: _Handler, ref: NodeRef) -> None:
    from bn_lint.static.interpreter.calls import call

    def now() -> None:
        call(interpreter, handler.function, handler.arguments(engine), ref, interpreter.frame)

    if handler.filtered and interpreter.frame is not None:
        fork_paths(interpreter, interpreter.frame, now, lambda: None)
    else:
        now()


def _supervised(training: bool) -> Builtin:
    """Engines whose step switches the model, and trains or evaluates it."""

    def make(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
        model = arguments.get(0, "model")

        def step(interpreter: Interpreter, given: Arguments, inner: NodeRef) -> None:
            for one in alternatives(model):
                if isinstance(one, Instance) and one.is_module:
                    switch(interpreter, one, training, ref)
                    events_of(interpreter).called_out_of_sight(one, ref, interpreter.frame)
                    if training:
                        events_of(interpreter).prepare(one, ref)

        engine = Instance(_ENGINE, ref)
        _WORK.put(engine, _Work(step))
        return engine

    return Builtin("create_supervised", make)


#: What an engine does.
_WORK: Ghost[_Work] = Ghost("work")
_ENGINE = LibraryClass(
    "ignite.engine.Engine",
    (),
    (),
    {
        "__init__": Builtin("__init__", _init),
        "on": Builtin("on", _on),
        "add_event_handler": Builtin("add_event_handler", _add_event_handler),
        "run": Builtin("run", _run),
    },
)
ENGINES: dict[str, Value] = {
    "ignite.engine.Engine": _ENGINE,
    "ignite.engine.create_supervised_trainer": _supervised(True),
    "ignite.engine.create_supervised_evaluator": _supervised(False),
}
