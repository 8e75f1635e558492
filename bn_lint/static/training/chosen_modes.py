"""Whether the mode of a call was chosen for it, or was left behind by something before."""

from __future__ import annotations

from bn_lint.facts import Purpose
from bn_lint.project.mentions import classes_that_decline, declined
from bn_lint.static.interpreter.values import Class
from bn_lint.static.syntax import nodes as cst
from bn_lint.static.syntax.places import NodeRef
from bn_lint.static.syntax.tree import walk, ways_to
from bn_lint.static.syntax.written import code_of
from bn_lint.static.torch_model.batchnorm import batchnorm_class
from bn_lint.static.torch_model.events import EventLog
from bn_lint.static.torch_model.happened import Call, batchnorm_layers
from bn_lint.static.torch_model.mode import ARRIVED, FROZEN, Mode
from bn_lint.static.training.evidence import model_of


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
        return not (left and _was_on_before(call, mode, events))
    if _is_put_back(mode.ref.node) or _is_behind_an_evaluation(events, call, mode):
        return False
    return not any(c.purpose is Purpose.TRAINING for c in between) and mode.loops == call.loops[: len(mode.loops)]


def are_switched_by_themselves(call: Call) -> bool:
    """Whether a program has put all BatchNorm layers that are in training mode there one by one, and no model.

    It wants the statistics of the batch that is evaluated, as to adapt to other data.
    """
    on = [mode for modes in call.modes for mode in modes if mode.training is not False]
    return bool(on) and all(mode.root is not None and batchnorm_class(mode.root) is not None for mode in on)


def is_declined(call: Call) -> bool:
    """Whether an `eval()` of the model, or of a part of it, is commented out where it is called or loaded."""
    cls = call.model.cls
    own = isinstance(cls, Class) and cls.name in classes_that_decline(cls.file.source.text)
    files = {ref.file for ref in (call.ref, call.prepared) if ref is not None}
    return own or any(model_of(call).rpartition(".")[2] in declined(file.source.text) for file in files)


def _is_put_back(switch: cst.CSTNode) -> bool:
    """Whether a mode is one that was kept: `model.train(was_training)`."""
    given = [arg.value for arg in switch.args] if isinstance(switch, cst.Call) else []
    return any(isinstance(one, (cst.Name, cst.Attribute)) and code_of(one) not in ("True", "False") for one in given)


def _is_behind_an_evaluation(events: EventLog, call: Call, mode: Mode) -> bool:
    """Whether a function that is over has put a model in evaluation mode for itself, and ends with `train()`."""
    at = next((place for place, one in enumerate(events.switches) if one.mode is mode), 0)
    own = events.switches[at].frame if events.switches else None
    before = [one for one in events.switches[:at] if one.frame is own and one.model is mode.root]
    return own is not None and own not in call.caller and bool(before) and before[-1].mode.training is False


def _was_on_before(call: Call, mode: Mode, events: EventLog) -> bool:
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


def had_learned(events: EventLog, call: Call, mode: Mode) -> bool:
    """Whether a model had learned its statistics before it was put in evaluation mode: not by the same training."""
    if _was_on_before(call, mode, events):
        return False
    loaded = call.prepared or call.loaded_before
    if loaded is not None and not any(one.ref.node is loaded.node for one in events.steps):
        return True
    return any(
        one.purpose is Purpose.TRAINING and one.states == {True} and one.order < mode.order
        for one in events.calls
        if events.is_copy_of(call.model, one.model)
    )
