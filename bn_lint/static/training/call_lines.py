"""The lines around a call of a model that a fix may change, and what follows them."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar

from bn_lint.facts import Place, Purpose
from bn_lint.static.syntax import nodes as cst
from bn_lint.static.syntax.places import NodeRef
from bn_lint.static.torch_model.events import EventLog
from bn_lint.static.torch_model.happened import Call, Step
from bn_lint.static.torch_model.mode import Mode
from bn_lint.static.training.drafts import CallLines
from bn_lint.static.training.evidence import (
    model_of,
    ref_of,
)
from bn_lint.static.training.purpose import classify

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from bn_lint.static.interpreter.frames import Frame
    from bn_lint.static.interpreter.values import Function, Instance

_Asked = ParamSpec("_Asked")
_Answer = TypeVar("_Answer")


def _once(ask: Callable[Concatenate[EventLog, _Asked], _Answer]) -> Callable[Concatenate[EventLog, _Asked], _Answer]:
    """Let something be worked out once for an entry point that is over: it may have thousands of calls."""

    @wraps(ask)
    def remembering(events: EventLog, /, *asked: _Asked.args, **named: _Asked.kwargs) -> _Answer:
        key = (ask, *asked)
        if key not in events.answers:
            events.answers[key] = ask(events, *asked, **named)
        answer: _Answer = events.answers[key]
        return answer

    return remembering


def lines_of(events: EventLog, call: Call, purpose: Purpose, trained: frozenset[int]) -> CallLines:
    """The lines around a call that are run for its purpose."""
    others: tuple[NodeRef, ...]
    if purpose is Purpose.REFERENCE:
        # What is trained on it may be in the same lines; it only must not be put back in training mode there.
        others = _switching_lines(events, call.model, True)
    elif purpose is Purpose.TRAINING:
        others = _switching_lines(events, call.model, False)
    else:
        others = _training_lines(events)
    peers = _peers(events, call.model, call.frame.function, call.purpose, purpose, trained)
    return CallLines(call.ref, model_of(call), others, peers, prepared=purpose is Purpose.TRAINING)


@_once
def _switching_lines(events: EventLog, model: Instance, training: bool) -> tuple[NodeRef, ...]:
    """The lines that put a model in a mode: for training mode those that concern all of it."""
    concerned = events.is_part_of if training else events.related
    switches = [one for one in events.switches if one.mode.training is training and concerned(model, one.model)]
    return _each_once(ref for one in switches for ref in _sites(ref_of(one.mode), one.frame))


@_once
def _training_lines(events: EventLog) -> tuple[NodeRef, ...]:
    happened: list[Step | Call] = [*events.steps, *(one for one in events.calls if one.purpose is Purpose.TRAINING)]
    return _each_once(ref for one in happened for ref in _sites(one.ref, one.frame))


@_once
def _peers(
    events: EventLog,
    model: Instance,
    function: Function | None,
    own: Purpose | None,
    purpose: Purpose,
    trained: frozenset[int],
) -> tuple[NodeRef, ...]:
    """The calls of a model in a function that are for the same."""
    return _each_once(
        one.ref
        for one in _calls_of(events, model)
        if one.purpose is own and one.frame.function is function
        if purpose is not Purpose.REFERENCE and (one.purpose or classify(events, one, trained)) is purpose
    )


def _calls_of(events: EventLog, model: Instance) -> list[Call]:
    return _calls_by_model(events)[id(model)]


@_once
def _calls_by_model(events: EventLog) -> dict[int, list[Call]]:
    found: dict[int, list[Call]] = {}
    for call in events.calls:
        found.setdefault(id(call.model), []).append(call)
    return found


def _sites(ref: NodeRef, frame: Frame | None) -> Iterator[NodeRef]:
    """A place, and the calls that led there."""
    yield ref
    while frame is not None:
        if frame.site is not None:
            yield frame.site
        frame = frame.caller


def _each_once(refs: Iterable[NodeRef]) -> tuple[NodeRef, ...]:
    return tuple(dict.fromkeys(refs))


def is_resumed(events: EventLog, call: Call) -> bool:
    """Whether the model is trained later on, after a call at this place, and nothing switches it on before."""
    return _is_resumed(events, call.model, call.ref.node)


@_once
def _is_resumed(events: EventLog, model: Instance, place: cst.CSTNode) -> bool:
    training = sorted(
        one.order for one in events.calls if one.purpose is Purpose.TRAINING and events.related(one.model, model)
    )
    ons = sorted(
        switch.mode.order
        for switch in events.switches
        if switch.mode.training is True and events.is_part_of(model, switch.model)
    )
    for here in _calls_of(events, model):
        later = bisect_right(training, here.order)
        if (
            here.ref.node is place
            and later < len(training)
            and bisect_right(ons, here.order) == bisect_left(ons, training[later])
        ):
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
