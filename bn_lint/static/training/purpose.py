"""What a call of a model is for."""

from __future__ import annotations

import re

from bn_lint.facts import Evidence, Purpose, Unclear
from bn_lint.project.mentions import switched_names
from bn_lint.static.interpreter.values import Instance
from bn_lint.static.syntax import nodes as cst
from bn_lint.static.syntax.lost_results import readers
from bn_lint.static.syntax.places import NodeRef
from bn_lint.static.syntax.tree import asked_once, unread_calls, walk, ways_to
from bn_lint.static.syntax.written import code_of
from bn_lint.static.torch_model.events import EventLog
from bn_lint.static.torch_model.following import scope_of
from bn_lint.static.torch_model.happened import Call, Step, batchnorm_layers
from bn_lint.static.torch_model.mode import ARRIVED, FROZEN, Mode
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
        return Purpose.EVALUATION if own and aside and call.prepared is not None else Unclear.RESULT
    if not own and _follows_in_this_pass(events, call):
        return Unclear.RESULT  # a teacher, wherever the training is that its results are for
    if call.grad is True and _is_set_apart(events, call):
        return Unclear.RESULT  # a step of training, without its end
    if call.grad is True and _is_method_of_nobody(call):
        return Unclear.RESULT  # it is given to whoever calls the method, who may train on it
    is_ready = call.prepared is not None or put_in_after_eval(events, call) is not None
    is_ready = is_ready or _is_served(events, call)
    return Purpose.EVALUATION if is_ready else Unclear.ARRIVED


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


def is_local(events: EventLog, call: Call, mode: Mode) -> bool:
    """Whether a switch was made for this call, rather than for something before it."""
    if mode.ref is None:
        return False
    meant = (call.model, mode.root)
    since = [c for c in events.calls if mode.order < c.order < call.order]
    between = [c for c in since if c.model in meant]
    if call.purpose is Purpose.TRAINING:
        # `eval()` for an evaluation: something was evaluated since, and not after it was trained in this mode first.
        if any(c.purpose is None for c in between):
            return mode.training is False and between[0].purpose is Purpose.TRAINING
        # The same line has trained in training mode before: it may also have been for a part, or for a checkpoint.
        is_part = any(c.purpose is None and events.is_part_of(c.model, call.model) for c in since)
        left = mode.training is False and (is_part or _is_for_saving(mode))
        return not (left and was_on_before(call, mode, events))
    if _is_put_back(mode.ref.node):
        return False
    return not any(c.purpose is Purpose.TRAINING for c in between) and mode.loops == call.loops[: len(mode.loops)]


def _is_put_back(switch: cst.CSTNode) -> bool:
    """Whether a mode is one that was kept: `model.train(was_training)`."""
    given = [arg.value for arg in switch.args] if isinstance(switch, cst.Call) else []
    return any(isinstance(one, (cst.Name, cst.Attribute)) and code_of(one) not in ("True", "False") for one in given)


def was_on_before(call: Call, mode: Mode, events: EventLog) -> bool:
    """Whether the same line has trained the model in training mode, before it was put in evaluation mode."""
    return any(
        one.ref.node is call.ref.node and one.order < mode.order and one.states == {True} for one in events.calls
    )


def _is_for_saving(mode: Mode) -> bool:
    """Whether what was put in evaluation mode is saved next, in the same block, and nothing is trained there."""
    switch = mode.ref.node if mode.ref is not None else None
    if mode.ref is None or not isinstance(switch, cst.Call) or not isinstance(switch.func, cst.Attribute):
        return False
    model = code_of(switch.func.value)
    above = ways_to([switch], mode.ref.file.tree).get(switch, ())
    block = next((node for node in reversed(above) if type(node) in (cst.IndentedBlock, cst.Module)), None)
    called = [code_of(node.func) for node in walk(block) if type(node) is cst.Call] if block is not None else []
    return f"{model}.state_dict" in called and not any(name.endswith(".backward") for name in called)


def left_in_evaluation(events: EventLog, call: Call) -> Mode | None:
    """The `eval()` that one way here leaves behind, when nothing switches the model back on any.

    Of several on different ways, the first. One of a part of the model counts if that was evaluated, and is trained
    with the rest.
    """
    alone = {id(mode): mode for every in call.modes for mode in every if mode.training is False and mode.alone}
    evaluated = {key for key, mode in alone.items() if _was_for_an_evaluation(events, call, mode)}
    found: Mode | None = None
    for every in call.modes:
        modes = [mode for mode in every if id(mode) not in alone or id(mode) in evaluated]
        off = sorted((mode for mode in modes if mode.training is False), key=lambda mode: mode.order)
        on = [mode for mode in modes if mode.training is True or mode is ARRIVED]
        if not modes or (evaluated and not off and len(on) == len(modes)):
            continue  # this layer is frozen by itself, or is in another part
        if not off or len(off) + len(on) != len(modes) or (found is not None and off[0] is not found):
            return None
        if any(mode.order > one.order or mode.excludes(one) for mode in on for one in off):
            return None
        found = off[0]
    return found


def is_a_choice(events: EventLog, call: Call, mode: Mode) -> bool:
    """Whether training in evaluation mode is wanted: an option, or by turns with training mode."""
    root = mode.root
    if root is None or mode.ref is None:
        return False
    if _takes_turns(events, call, mode) or _is_kept_from_then_on(events, call, mode):
        return True
    if _is_for_the_rest(events, call, mode):
        return True
    # `train()`, and right behind it `eval()` under a condition.
    before = [one for one in events.switches if one.mode.order <= mode.order and events.related(one.model, root)]
    on, off = before[-2:] if len(before) > 1 else (None, None)
    if on is None or off is None or off.mode is not mode or not on.mode.training or on.frame is not off.frame:
        return False
    if on.mode.ref is None or any(on.mode.order < call.order < mode.order for call in events.calls):
        return False
    above = ways_to([mode.ref.node], mode.ref.file.tree).get(mode.ref.node, ())
    conditions = [node for node in above if isinstance(node, cst.If)]
    return any(all(node is not on.mode.ref.node for node in walk(condition)) for condition in conditions)


def _is_for_the_rest(events: EventLog, call: Call, mode: Mode) -> bool:
    """Whether parts of a model were put back in training mode right behind `eval()`, and the model was trained then."""
    first = next((one for one in events.calls if one.order > mode.order and one.model is call.model), None)
    return (
        first is not None
        and first.purpose is Purpose.TRAINING
        and any(
            one.mode.training is True
            and mode.order < one.mode.order < first.order
            and one.model is not mode.root
            and mode.root is not None
            and events.is_part_of(one.model, mode.root)
            for one in events.switches
        )
    )


def _takes_turns(events: EventLog, call: Call, mode: Mode) -> bool:
    """Whether one pass of a loop trains a model in both modes, and switches for each."""
    if not mode.loops or mode.loops != call.loops[: len(mode.loops)]:
        return False
    turns = [one for one in events.calls if one.loops[: len(mode.loops)] == mode.loops and one.model is call.model]
    return all(one.purpose is Purpose.TRAINING for one in turns if mode.order < one.order < call.order) and any(
        one.grad is not False and one.states == {True} for one in turns
    )


def _is_kept_from_then_on(events: EventLog, call: Call, mode: Mode) -> bool:
    """Whether earlier passes trained in training mode, by the other side of the `if` that `eval()` stands in.

    Statistics are learned in the first epochs, and kept from then on.
    """
    if mode.ref is None or not any(one.ref.node is call.ref.node and one.states == {True} for one in events.calls):
        return False
    switch = mode.ref.node
    if not isinstance(switch, cst.Call) or not isinstance(switch.func, cst.Attribute):
        return False
    model = code_of(switch.func.value)
    above = ways_to([switch], mode.ref.file.tree).get(switch, ())
    sides = [
        side for node in above if isinstance(node, cst.If) for side in (node.body, node.orelse) if side is not None
    ]
    return any(
        type(node) is cst.Call and code_of(node.func) == f"{model}.train"
        for side in sides
        if all(node is not switch for node in walk(side))
        for node in walk(side)
    )


def _was_for_an_evaluation(events: EventLog, call: Call, mode: Mode) -> bool:
    """Whether a part of a model that is trained was put in evaluation mode to evaluate it alone."""
    part = mode.root
    owned = call.step.owned if call.step is not None else None
    if part is None or owned is None or not any(events.is_part_of(part, one) for one in owned):
        return False
    if any(isinstance(FROZEN.of(layer), NodeRef) for layer in batchnorm_layers(part)):
        return False
    return any(
        one.model is part and one.grad is False and one.purpose is not Purpose.TRAINING and one.order > mode.order
        for one in events.calls
    )
