"""Frozen BatchNorm layers that a call of `train()` puts back in training mode."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from bn_lint import facts
from bn_lint.facts import Evidence, ModeChange, Purpose
from bn_lint.static.interpreter.values import Instance, LibraryClass, alternatives
from bn_lint.static.syntax import nodes as cst
from bn_lint.static.syntax.flow import dotted
from bn_lint.static.syntax.places import NodeRef
from bn_lint.static.syntax.tree import walk
from bn_lint.static.torch_model.callers import is_being_built
from bn_lint.static.torch_model.events import EventLog
from bn_lint.static.torch_model.happened import Call, Switch, has_batchnorm_for_sure, owners
from bn_lint.static.torch_model.mode import FROZEN, Mode, agreed
from bn_lint.static.training.drafts import Refreezing
from bn_lint.static.training.evidence import ref_of, text_of

if TYPE_CHECKING:
    from bn_lint.static.training.facts_from_layers import FactCollector


def reenabled(events: EventLog, switch: Switch) -> dict[Mode, Switch | None] | None:
    """What froze the layers that a call of `train()` puts back: some of the model had been in evaluation mode alone."""
    if switch not in events.reenabled:
        events.reenabled[switch] = _reenabled(events, switch)
    return events.reenabled[switch]


def _reenabled(events: EventLog, switch: Switch) -> dict[Mode, Switch | None] | None:
    if switch.mode.training is not True or _is_put_back(switch):
        return None
    off = [
        (layer, modes[0])
        for layer, modes in switch.before
        if modes[0].training is False and agreed(modes) is False and modes[0].root is not None
    ]
    if not off:
        return None
    later = [call for call in events.calls if call.purpose is Purpose.TRAINING and call.order > switch.mode.order]
    if not any(events.related(call.model, switch.model) for call in later):
        return None
    after = frozenset().union(*map(events.in_evaluation, later))
    until = min((one.order for one in later), default=0)
    frozen_again = [
        one.model
        for one in events.switches
        if one.mode.training is False and switch.mode.order < one.mode.order < until
    ]
    frozen: dict[Mode, Switch | None] = {}
    layers: set[int] = set()
    wholes = unwrapped(switch.model)
    alone = [(layer, *_set_alone(events, layer, mode, switch, wholes)) for layer, mode in off]
    for layer, mode, end in alone:
        if (
            id(layer) in after
            or id(layer) in events.thawed
            or id(layer) in events.switched_inside
            or _is_of_whole(events, mode, wholes)
            or (mode.root and not events.is_part_of(layer, mode.root))  # it was taken apart since
            or not any(owner in wholes for owner in owners(layer))
            or any(events.is_part_of(layer, one) for one in frozen_again)
            or (_is_not_meant_to_last(events, mode) and not isinstance(FROZEN.of(layer), NodeRef))
        ):
            continue
        # What was switched and then called, and not trained, was in evaluation mode for that, also without `no_grad`.
        if not any(
            c.purpose is None
            and (c.grad is False or (c.model is mode.root and not c.backward))
            and mode.order < c.order < end
            and events.related(c.model, layer)
            for c in events.calls
        ):
            frozen[mode] = next((one for one in events.switches if one.mode is mode), None)
            layers.add(id(layer))
    # Of what may not be in the model nobody knows whether it was frozen.
    return frozen if frozen and has_batchnorm_for_sure(switch.model, layers) else None


def _is_put_back(switch: Switch) -> bool:
    """Whether `train(before)` gives a model the mode that the same function has read, to put it back."""
    call = switch.mode.ref.node if switch.mode.ref is not None else None
    frame = switch.frame
    if not isinstance(call, cst.Call) or not call.args or frame is None or frame.function is None:
        return False
    name = call.args[0].value
    return type(name) is cst.Name and any(
        type(node) is cst.Assign
        and any(type(one.target) is cst.Name and one.target.value == name.value for one in node.targets)
        and any(type(one) is cst.Attribute and one.attr.value == "training" for one in walk(node.value))
        for node in walk(frame.function.node)
    )


def _set_alone(
    events: EventLog, layer: Instance, mode: Mode, switch: Switch, wholes: Sequence[Instance]
) -> tuple[Mode, int]:
    """The evaluation mode of its own that a layer was in, and until when.

    Where a loop evaluates the whole model in between, and goes on training, that is the mode in which it was trained.
    """
    own, until = _before_evaluations(events, layer, mode, wholes)
    is_before = len(own.loops) < len(mode.loops) and own.loops == mode.loops[: len(own.loops)]
    is_resumed = is_before and mode.loops == switch.mode.loops
    if is_resumed and _is_trained_between(events, layer, own, until, mode.loops[:1]):
        return own, until
    return mode, switch.mode.order


def were_frozen(events: EventLog, call: Call, mode: Mode) -> bool:
    """Whether BatchNorm was in evaluation mode on its own, and trained so, when `eval()` put the whole model in it."""
    wholes = unwrapped(call.model)
    for layer in call.layers:
        own, until = _before_evaluations(events, layer, mode, wholes)
        if _is_of_whole(events, own, wholes) or not _is_trained_between(events, layer, own, until):
            return False
    return True


def _is_trained_between(events: EventLog, layer: Instance, mode: Mode, until: int, loops: tuple[int, ...] = ()) -> bool:
    """Whether a layer was trained in evaluation mode from a switch to a time, in these passes of loops."""
    return any(
        call.purpose is Purpose.TRAINING
        and mode.order < call.order < until
        and call.loops[: len(loops)] == loops
        and id(layer) in events.in_evaluation(call)
        for call in events.calls
    )


def _before_evaluations(events: EventLog, layer: Instance, mode: Mode, wholes: Sequence[Instance]) -> tuple[Mode, int]:
    """The evaluation mode in which calls of `eval()` of a whole model have found a layer, and when the first came."""
    own, until = mode, 0
    while _is_of_whole(events, own, wholes):
        evaluation = next((one for one in events.switches if one.mode is own), None)
        before = next((modes for one, modes in evaluation.before if one is layer), ()) if evaluation is not None else ()
        if not before or agreed(before) is not False or before[0].root is None:
            break
        own, until = before[0], own.order
    return own, until


def _is_of_whole(events: EventLog, mode: Mode, wholes: Sequence[Instance]) -> bool:
    return mode.root is not None and any(events.is_part_of(one, mode.root) for one in wholes)


def _is_not_meant_to_last(events: EventLog, mode: Mode) -> bool:
    """Whether a function puts a model in evaluation mode before anybody can want to freeze it.

    It makes models, and hands them out so; one that is given the model freezes it. Or a constructor runs it, and it
    calls the part itself, to see how large what it gives is.
    """
    switch = next((one for one in events.switches if one.mode is mode), None)
    function = switch.frame.function if switch is not None and switch.frame is not None else None
    if mode.ref is None or switch is None or function is None or not isinstance(function.node, cst.FunctionDef):
        return False
    switched = mode.ref.node
    if not isinstance(switched, cst.Call) or not isinstance(switched.func, cst.Attribute):
        return False
    model = dotted(switched.func.value)
    calls = (node for node in walk(function.node) if type(node) is cst.Call)
    if (
        switch.frame is not None
        and is_being_built(switch.frame)
        and any(dotted(one.func) == model != "" for one in calls)
    ):
        return True
    return model not in function.params.positional and any(
        any(part is switched for part in walk(node)) or (node.value is not None and dotted(node.value) == model != "")
        for node in walk(function.node)
        if type(node) is cst.Return
    )


def mode_change(switch: Switch, frozen: Mapping[Mode, Switch | None], collector: FactCollector) -> ModeChange:
    ref = ref_of(switch.mode)
    evidence = Evidence("they were put in evaluation mode here", ref_of(next(iter(frozen))).place)
    draft = Refreezing(tuple(one for one in frozen.values() if one is not None), switch)
    return ModeChange(text_of(ref), facts.Mode.TRAINING, ref.place, evidence, draft=collector.draft(draft))


def unwrapped(model: Instance) -> list[Instance]:
    """A model, and what may be in it if it is `DataParallel` or its like."""
    found = [model]
    if isinstance(model.cls, LibraryClass):
        found += [one for one in alternatives(model.cells.get("module")) if isinstance(one, Instance)]
    return found
