"""Calls of code outside the project, which may propagate, step, load weights, replace layers or switch modes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bn_lint.facts import Purpose
from bn_lint.static.interpreter.values import ABSENT, Arguments, Instance, Unknown, Value, alternatives, is_module
from bn_lint.static.syntax import nodes as cst
from bn_lint.static.syntax.places import NodeRef
from bn_lint.static.syntax.tree import asked_once, walk
from bn_lint.static.syntax.written import code_of
from bn_lint.static.torch_model.events import EventLog
from bn_lint.static.torch_model.happened import Call, batchnorm_layers
from bn_lint.static.torch_model.mode import BUILT, MODE, forget, modes_of
from bn_lint.static.torch_model.optimizers import owned_by
from bn_lint.static.torch_model.out_of_sight import (
    HANDLER,
    HARMLESS,
    LOADING,
    NAMED_LOADING,
    REPLACING,
    SWITCHING,
    TOOLS,
    method_of,
    receiver_of,
)
from bn_lint.static.torch_model.watchers import events_of
from bn_lint.static.torch_model.weights_log import preparation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bn_lint.static.interpreter.interpreter import Interpreter


def note_foreign_call(interpreter: Interpreter, function: Value, arguments: Arguments, ref: NodeRef) -> None:
    """Code outside the project is called: it may be `backward`, `step`, or anything that is handed a model."""
    events = events_of(interpreter)
    name, dotted = method_of(ref.node), getattr(function, "dotted", "")
    if events.depth == 0:
        if name in ("backward", "manual_backward"):
            events.propagated_by.update(_propagating(ref.node))
            events.backward(interpreter, ref)
            return
        if name == "step" and _steps_on_gradients(events, ref):
            given = arguments.positional[0] if arguments.positional else None  # `scaler.step(optimizer)`
            events.stepped(interpreter, ref, given, owned_by(given))
            return
        if name == "step":
            for call in events.calls:
                call.may_be_trained = call.may_be_trained or (call.backward and call.purpose is None)
        if name == "zero_grad":
            events.gradients_dropped(interpreter)
            return
        if dotted == "torch.autograd.grad":
            events.gradients_taken(interpreter, arguments)
            return
    modules = list(_modules_among(arguments)) or _held(events, function)
    if dotted in LOADING or NAMED_LOADING.search(name or dotted.rpartition(".")[2] or getattr(function, "name", "")):
        for module in modules:
            events.loaded(interpreter, module, ref)
    if name == "save":
        for value in arguments.values():
            events.statistics_known(value, ref)
    # `SummaryWriter.add_graph` traces a model in evaluation mode, and puts it back.
    if name in ("load_state_dict", "step", "zero_grad", "append", "add", "add_graph", "info", "debug", "log", "save"):
        return
    tool = next((purpose for pattern, purpose in TOOLS if pattern.match(dotted)), None)
    if tool is not None:
        _looked_at(interpreter, events, tool, arguments, ref)
        return
    if dotted == REPLACING:
        events.replaced.update(map(id, modules))
    if dotted and HARMLESS.match(dotted):
        return
    for value in arguments.values():
        events.statistics_known(value, ref)
    if len(modules) > 1:  # one of them may be made of the others
        events.kept.extend(modules)
        events.handed_together.update(map(id, modules))
    events.replaced.update(map(id, modules))
    called = name or dotted.rpartition(".")[2] or getattr(function, "name", "")
    if modules and SWITCHING.search(called):
        interpreter.store.disturb()
        if HANDLER.match(called):
            events.handled.update(map(id, modules))
            return
        parts = [one for module in modules for one in module.possible_descendants()]
        events.forgotten[ref.node] = [(one, MODE.of(one) or BUILT) for one in parts]
        for module in modules:
            forget(interpreter, module)


def made_of_models(interpreter: Interpreter, function: Value, arguments: Arguments, ref: NodeRef) -> Value:
    """An object that code outside the project makes of models, and whose methods may switch them; otherwise ABSENT."""
    made = ref.node.func if isinstance(ref.node, cst.Call) else None
    name = made.value if isinstance(made, cst.Name) else method_of(ref.node)
    if not isinstance(name, str) or not name[:1].isupper() or (isinstance(function, Unknown) and not function.foreign):
        return ABSENT  # what a function gives need not keep what it was given
    if not (modules := list(_modules_among(arguments))):
        return ABSENT
    interpreter.store.disturb()
    holder = Unknown("?", f"`{name}` is outside the project", foreign=True)
    events_of(interpreter).held_by.append((holder, modules))
    return holder


def _held(events: EventLog, function: Value) -> list[Instance]:
    """The models of the object of which a method is called."""
    owner = function.attribute_of[0] if isinstance(function, Unknown) and function.attribute_of is not None else None
    return next((models for holder, models in events.held_by if owner is not None and owner.is_twin(holder)), [])


def _modules_among(arguments: Arguments) -> Iterator[Instance]:
    """The modules that foreign code is given, and those behind unknown values."""
    for value in arguments.values():
        for one in alternatives(value):
            if is_module(one):
                yield one
            elif isinstance(one, Unknown) and one.stand_in is not None:
                yield one.stand_in


def _propagating(node: cst.CSTNode) -> Iterator[str]:
    """What computes gradients in `accelerator.backward(loss)` and `scaler.scale(loss).backward()`."""
    yield receiver_of(node)
    scaled = node.func.value if isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute) else None
    if scaled is not None and method_of(scaled) == "scale":
        yield receiver_of(scaled)


def _steps_on_gradients(events: EventLog, ref: NodeRef) -> bool:
    """Whether the program also sets gradients to zero through what it calls, or through its first argument.

    Or it sets those of something else to zero, as of the model, and this step is the first behind `backward()`.
    """
    receiver = receiver_of(ref.node)
    given = ref.node.args[:1] if isinstance(ref.node, cst.Call) else ()
    optimizers = (receiver, *(code_of(argument.value) for argument in given))
    text = ref.file.source.text
    return (
        receiver in events.propagated_by
        or any(f"{one}.zero_grad(" in text for one in optimizers)
        or (not given and ".zero_grad(" in text and ref.node in _behind_backward(ref.file.tree))
    )


@asked_once
def _behind_backward(tree: cst.CSTNode) -> frozenset[cst.CSTNode]:
    """The first call of a method `step` behind a `backward()` of the same block: a schedule takes its step later."""
    found: set[cst.CSTNode] = set()
    for block in walk(tree):
        is_propagated = False
        for statement in block.body if isinstance(block, (cst.IndentedBlock, cst.Module)) else ():
            calls = [node for node in walk(statement) if type(node) is cst.Call]
            steps = [node for node in calls if method_of(node) == "step"]
            if is_propagated and isinstance(statement, cst.SimpleStatementLine):
                found.update(steps)
            is_passed_once = isinstance(statement, (cst.SimpleStatementLine, cst.With, cst.If))
            propagates = is_passed_once and any(method_of(node) == "backward" for node in calls)
            is_propagated = not steps and (is_propagated or propagates)
    return frozenset(found)


def _looked_at(
    interpreter: Interpreter, events: EventLog, purpose: Purpose, arguments: Arguments, ref: NodeRef
) -> None:
    """A tool runs a model in its own way, in the mode it finds it in."""
    # `fuse_conv_bn_eval(conv, bn)` is given the layers, other tools the model.
    given = arguments.positional[: 2 if purpose is Purpose.FUSION else 1]
    modules = [one for value in given for one in alternatives(value) if isinstance(one, Instance) and one.is_module]
    model = next((one for one in modules if batchnorm_layers(one)), None)
    if model is None or interpreter.frame is None or events.depth:
        return
    layers = batchnorm_layers(model)
    if layers:
        interpreter.store.disturb()
        call = Call(model, layers, ref, interpreter.frame)
        call.order, call.purpose = events.now(), purpose
        call.modes = [modes_of(layer, events) for layer in layers]
        call.prepared = preparation(events, model)
        events.calls.append(call)
