"""What a call of a model is for."""

from __future__ import annotations

import re

from bn_lint.facts import Evidence, Purpose, Unclear
from bn_lint.project.mentions import switched_names
from bn_lint.static.interpreter.values import Instance
from bn_lint.static.syntax import nodes as cst
from bn_lint.static.syntax.lost_results import readers
from bn_lint.static.syntax.tree import asked_once, unread_calls, walk
from bn_lint.static.syntax.written import code_of
from bn_lint.static.torch_model.events import EventLog
from bn_lint.static.torch_model.following import scope_of
from bn_lint.static.torch_model.happened import Call, Step
from bn_lint.static.training.chosen_modes import is_local
from bn_lint.static.training.held_out import is_beside_training, is_held_out

#: The files in which tests are looked for.
_TEST_FILE = re.compile(r"test\w*\.py|\w+_test\.py")
_ASSERTION = re.compile(r"assert[_A-Z]\w*")


def classify(events: EventLog, call: Call, trained: frozenset[int]) -> Purpose | Unclear:
    """What a call is for that no optimizer steps on; each is asked for by the others of its model, too."""
    if call not in events.purposes:
        events.purposes[call] = _classify(events, call, trained)
    return events.purposes[call]


def _classify(events: EventLog, call: Call, trained: frozenset[int]) -> Purpose | Unclear:
    passes = [
        step for step in events.steps if step.loops == call.loops[: len(step.loops)] and step.frame in call.caller
    ]
    own = id(call.model) in trained
    if call.backward and any(c.purpose is Purpose.TRAINING and c.ref.node is call.ref.node for c in events.calls):
        return Unclear.UNSTEPPED  # they add up until a later pass steps on them
    if call.backward and call.made_up:
        return Unclear.MADE_UP
    if call.backward and call.is_frozen and passes and not own and _is_for_others(events, call, passes):
        return Purpose.REFERENCE
    if call.backward and not passes:
        # Saliency, gradients with respect to the input; weights that are written by hand are trained.
        written = events.averaged and any(id(one) in events.averaged for one in call.model.possible_descendants())
        is_looked_at = call.prepared is not None and not written and not call.may_be_trained
        return Purpose.INSPECTION if is_looked_at else Unclear.UNSTEPPED
    unclear = _unclear(call)
    if unclear is not None:
        return unclear
    if call.is_asked and call.grad is True and not events.following.is_without_gradient(call.ref.node, call.frame):
        return Unclear.RESULT
    if call.dropped and call.grad is False and id(call.model) in events.observed and call.prepared is not None:
        return Purpose.EVALUATION  # a calibration: the ranges are to be those of the model as it is deployed
    is_tried = call.is_unread and call.made_up and not own and put_in_after_eval(events, call) is None
    if call.dropped or is_tried or (call.grad is True and _is_lost(events, call)):
        is_look = call.made_up and call.grad is False and call.prepared is not None
        return Purpose.INSPECTION if is_look else Unclear.DROPPED
    if call.is_unread and call.grad is False and not own and _is_never_read(events, call):
        return Unclear.DROPPED  # how long does it take, what shape comes out
    if call.is_unread and call.grad is False and not call.made_up and _is_switched_on(events, call):
        return Unclear.DROPPED  # in the mode that was chosen for it, it updates the statistics
    if own and call.prepared is not None and passes and is_held_out(events, call):
        return Purpose.EVALUATION
    if own and is_beside_training(events, call):
        # As far as is known it is shown the same batch, to see how well the step fits it; or a step of its own.
        return Purpose.EVALUATION if call.prepared is not None and is_held_out(events, call) else Unclear.RESULT
    if any(step.order > call.order and step.loops for step in passes) or _is_propagated_next(events, call):
        # What is trained afterward, in the same pass, is trained on this.
        is_clear = call.grad is False and not (own and _is_still_trained(events, call)) and not _is_part(events, call)
        return Purpose.REFERENCE if is_clear else Unclear.RESULT
    if call.grad is True and events.steps:
        # In a loop of its own, in a function of its own, and when this pass has made its steps: nothing comes of it.
        aside = all(
            step.order < call.order and len(step.loops) < len(call.loops) and step.frame is not call.frame
            for step in passes
        )
        is_known = own or _is_built_again(events, call)
        return Purpose.EVALUATION if is_known and aside and call.prepared is not None else Unclear.RESULT
    if not own and _follows_in_this_pass(events, call):
        return Unclear.RESULT  # a teacher, wherever the training is that its results are for
    if call.grad is True and _is_set_apart(events, call):
        return Unclear.RESULT  # a step of training, without its end
    if call.grad is True and _is_method_of_nobody(call):
        return Unclear.RESULT  # it is given to whoever calls the method, who may train on it
    is_ready = call.prepared is not None or put_in_after_eval(events, call) is not None
    is_ready = is_ready or _is_served(events, call)
    return Purpose.EVALUATION if is_ready else Unclear.ARRIVED


def _is_built_again(events: EventLog, call: Call) -> bool:
    """Whether a model is one more of a class that the program has trained, and all steps are made."""
    return events.steps[-1].order < call.order and any(
        one.model.cls is call.model.cls for one in events.calls if one.purpose is Purpose.TRAINING
    )


def _is_part(events: EventLog, call: Call) -> bool:
    """Whether it is some layers of a model that is called as a whole for its training: what is said of that holds."""
    layers = {id(layer) for layer in call.layers}
    return any(
        one.purpose is Purpose.TRAINING and one.model is not call.model and layers.issubset(map(id, one.layers))
        for one in events.calls
    )


def _is_lost(events: EventLog, call: Call) -> bool:
    """Whether the values of a result are read by nobody, or by calls of models alone of which nobody reads them."""
    scope = scope_of(call.frame)
    if call.is_unread or scope is None:
        return call.is_unread
    reading = readers(scope, call.ref.node)
    if not reading:
        return False
    others = {one.ref.node for one in events.calls if one is not call and one.frame is call.frame and one.is_unread}
    others |= {node for node in events.others_called if node in unread_calls(scope)}
    read = {node for one in others for node in walk(one)}
    return read.issuperset(reading)


def _is_never_read(events: EventLog, call: Call) -> bool:
    """Whether nothing that a model gives is read in the whole run, so that nobody looks at what its mode changes."""
    related = [one for one in events.calls if events.related(one.model, call.model)]
    return all(one.is_unread for one in related) and put_in_after_eval(events, call) is None


def _is_for_others(events: EventLog, call: Call, passes: list[Step]) -> bool:
    """Whether the gradients that run through a model are used for other models alone."""
    return all(
        step.owned is not None and not any(events.related(call.model, one) for one in step.owned) for step in passes
    )


def _follows_in_this_pass(events: EventLog, call: Call) -> bool:
    """Whether the weights of a model are computed anew in the same pass of the same loop in which it is called.

    Those of a dictionary may be a checkpoint, too, if they are read before the call.
    """
    if not call.loops or not events.followed:
        return False
    around: Instance | None = call.model.owner
    models = list(call.model.possible_descendants())
    while around is not None and around not in models:
        models.append(around)
        around = around.owner
    return any(
        loops[: len(call.loops)] == call.loops and (when is None or when > call.order)
        for one in models
        for loops, when in events.followed.get(id(one), ())
    )


def _is_propagated_next(events: EventLog, call: Call) -> bool:
    """Whether the same run of a function goes on with a loss of the same model, whoever steps on it.

    Gradients that are set to zero were computed for something, seen or not.
    """
    return any(
        (one.backward or one.discarded)
        and one.grad is True
        and one.order > call.order
        and one.frame is call.frame
        and one.loops == call.loops
        and events.related(one.model, call.model)
        for one in events.calls
    )


def _is_set_apart(events: EventLog, call: Call) -> bool:
    """Whether another model is called without gradients beside this one, which then has them on purpose."""
    return any(
        one.grad is False
        and one.frame is call.frame
        and one.loops == call.loops
        and not events.related(one.model, call.model)
        for one in events.calls
    )


def _is_method_of_nobody(call: Call) -> bool:
    """Whether a call is made in a method that no visible code calls, of an object that visible code builds."""
    return any(
        isinstance(frame.receiver, Instance)
        and frame.receiver.built is not None
        and frame.site is not None
        and frame.site.node is frame.receiver.built.node
        and frame.function is not None
        and frame.function.name not in ("__init__", "forward")
        for frame in call.caller
    )


def _is_served(events: EventLog, call: Call) -> bool:
    """Whether a function that nobody in view calls, such as one of a server, only looks at what a loaded model says.

    The top level has loaded it. What the function gives away with a gradient may be trained on, and the file may have
    another function that switches the model before.
    """
    if call.loaded_before is None or call.frame.with_callers()[-1].function is None:
        return False
    name = code_of(call.ref.node.func).rpartition(".")[2] if isinstance(call.ref.node, cst.Call) else ""
    if name in switched_names(call.ref.file.source.text) | switched_names(call.loaded_before.file.source.text):
        return False
    return call.grad is False or events.following.is_without_gradient(call.ref.node, call.frame)


def _is_switched_on(events: EventLog, call: Call) -> bool:
    """Whether the program has put a model in training mode for this call."""
    modes = [mode for every in call.modes for mode in every]
    return all(mode.training is True and is_local(events, call, mode) for mode in modes)


def _unclear(call: Call) -> Unclear | None:
    if call.grad is None:
        return Unclear.GRADIENTS
    if call.discarded:
        return Unclear.DISCARDED
    if call.backward:
        return Unclear.UNSTEPPED
    return Unclear.ASSERTED if call.asserted or _is_of_a_test(call) else None


def _is_of_a_test(call: Call) -> bool:
    """Whether a test makes a call, as pytest and unittest collect them: what it asserts is about the code.

    That a step of training works is asked in training mode.
    """
    function = next((frame.function for frame in reversed(call.caller) if frame.function is not None), None)
    return (
        function is not None
        and function.name.startswith("test_")
        and _TEST_FILE.fullmatch(function.file.path.name) is not None
        and _asserts(function.node)
    )


@asked_once
def _asserts(function: cst.CSTNode) -> bool:
    return any(
        isinstance(node, cst.Assert)
        or (
            isinstance(node, cst.Call)
            and isinstance(node.func, cst.Attribute)
            and _ASSERTION.fullmatch(node.func.attr.value)
        )
        for node in walk(function)
    )


def _is_still_trained(events: EventLog, call: Call) -> bool:
    """Whether the training of a model goes on after a call, or in a loop that both are in."""
    return any(
        one.order > call.order or one.loops[:1] == call.loops[:1]
        for one in events.calls
        if one.purpose is Purpose.TRAINING and events.related(one.model, call.model)
    )


def put_in_after_eval(events: EventLog, call: Call) -> Evidence | None:
    """Where layers were built that came into the model after its `eval()`."""
    before = [s for s in events.switches if s.mode.order < call.order and events.is_part_of(call.model, s.model)]
    off = bool(before) and before[-1].mode.training is False
    # Those that it had already were switched, or it was called on another way than this one.
    present = {id(layer) for switch in before[-1:] for layer, _ in switch.before}
    for layer, modes in zip(call.layers, call.modes):
        if id(layer) in present:
            continue
        if off and layer.built is not None and all(mode.ref is None and mode.training for mode in modes):
            return Evidence("this layer was put into the model after eval()", layer.built.place)
    return None
