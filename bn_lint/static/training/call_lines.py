"""The lines around a call of a model that a fix may change, and what follows them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bn_lint.facts import Place, Purpose
from bn_lint.static.syntax import nodes as cst
from bn_lint.static.syntax.places import NodeRef
from bn_lint.static.torch_model.events import EventLog
from bn_lint.static.torch_model.happened import Call
from bn_lint.static.torch_model.mode import Mode
from bn_lint.static.training.drafts import CallLines
from bn_lint.static.training.evidence import (
    model_of,
    ref_of,
)
from bn_lint.static.training.purpose import classify

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bn_lint.static.interpreter.frames import Frame


def lines_of(events: EventLog, call: Call, purpose: Purpose, trained: set[int]) -> CallLines:
    """The lines around a call that are run for its purpose."""
    others: set[cst.CSTNode] = set()
    if purpose is Purpose.REFERENCE:
        # What is trained on it may be in the same lines; it only must not be put back in training mode there.
        for switch in events.switches:
            if switch.mode.training is True and events.is_part_of(call.model, switch.model):
                others.update(_sites(ref_of(switch.mode), switch.frame))
    elif purpose is Purpose.TRAINING:
        for switch in events.switches:
            if switch.mode.training is False and events.related(call.model, switch.model):
                others.update(_sites(ref_of(switch.mode), switch.frame))
    else:
        for step in events.steps:
            others.update(_sites(step.ref, step.frame))
        for one in events.calls:
            if one.purpose is Purpose.TRAINING:
                others.update(_sites(one.ref, one.frame))
    peers = {
        one.ref.node
        for one in events.calls
        if one.model is call.model and one.purpose is call.purpose and one.frame.function is call.frame.function
        if purpose is not Purpose.REFERENCE and (one.purpose or classify(events, one, trained)) is purpose
    }
    return CallLines(
        call.ref, model_of(call), frozenset(others), frozenset(peers), prepared=purpose is Purpose.TRAINING
    )


def _sites(ref: NodeRef, frame: Frame | None) -> Iterator[cst.CSTNode]:
    """A place, and the calls that led there."""
    yield ref.node
    while frame is not None:
        if frame.site is not None:
            yield frame.site.node
        frame = frame.caller


def is_resumed(events: EventLog, call: Call) -> bool:
    """Whether the model is trained later on, after a call at this place, and nothing switches it on before."""
    training = [
        one.order for one in events.calls if one.purpose is Purpose.TRAINING and events.related(one.model, call.model)
    ]
    ons = [
        switch.mode.order
        for switch in events.switches
        if switch.mode.training is True and events.is_part_of(call.model, switch.model)
    ]
    for here in (one for one in events.calls if one.ref.node is call.ref.node and one.model is call.model):
        later = [order for order in training if order > here.order]
        if later and not any(here.order < order < min(later) for order in ons):
            return True
    return False


def switch_name(events: EventLog, call: Call, purpose: Purpose, mode: Mode | None) -> Place | None:
    """The name in `net.train()`, when the function of the call has it for this purpose alone."""
    switch = next((one for one in events.switches if one.mode is mode), None)
    node = mode.ref.node if mode is not None and mode.ref is not None else None
    if switch is None or switch.frame is not call.frame or not isinstance(node, cst.Call) or node.args:
        return None
    opposite = Purpose.TRAINING if purpose is Purpose.EVALUATION else None
    for one in events.calls:
        if one.purpose is opposite and any(m.ref is not None and m.ref.node is node for ms in one.modes for m in ms):
            return None
    return NodeRef(ref_of(switch.mode).file, node.func.attr).place if isinstance(node.func, cst.Attribute) else None
