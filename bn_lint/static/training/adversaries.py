"""Networks that take turns in training, as generator and critic do: they are often used in training mode on purpose."""

from __future__ import annotations

from itertools import combinations

from bn_lint.static.interpreter.values import Class
from bn_lint.static.syntax import nodes as cst
from bn_lint.static.syntax.written import code_of
from bn_lint.static.torch_model.events import EventLog
from bn_lint.static.torch_model.happened import Call, Step


def is_adversarial(events: EventLog, call: Call) -> bool:
    """Whether the model is one of two that are trained by optimizers of their own, in turns."""
    trained = [c for c in events.calls if c.step is not None]
    own = [c for c in trained if c.model is call.model]
    # The halves of a GAN play different parts: what the same lines train are two of a kind.
    lines = {c.ref.node for c in own}
    alike = {id(c.model) for c in trained if c.ref.node in lines or any(_are_twins(c, one) for one in own)}
    optimizers: dict[tuple[int, ...], set[int]] = {}
    for step in (c.step for c in own if c.step is not None and c.step.optimizer is not None):
        optimizers.setdefault(step.loops[:1], set()).add(id(step.optimizer))
    if any(
        bool(optimizers.get(c.step.loops[:1], set()) - {id(c.step.optimizer)})
        for c in trained
        if id(c.model) not in alike and c.step is not None and c.step.optimizer is not None
    ):
        return True
    if _has_two_halves(events, call):
        return True
    # The other half may have no BatchNorm, so its calls were not noted. It learns from gradients of its own.
    steps = [c.step for c in own if c.step is not None]
    mine = {(step.loops[:1], step.propagations) for step in steps}
    places = {step.ref.node for step in steps}
    return any(
        step.owned is not None
        and step.ref.node not in places
        and id(step.optimizer) not in optimizers.get(step.loops[:1], {id(step.optimizer)})
        and (step.loops[:1], step.propagations) not in mine
        and not any(events.related(call.model, one) or id(one) in alike for one in step.owned)
        for step in events.steps
    )


def _are_twins(one: Call, other: Call) -> bool:
    """Whether two models of one class of the program are shown the same: they are compared, or teach each other."""
    a, b = one.ref.node, other.ref.node
    same = one.model.cls is other.model.cls and isinstance(one.model.cls, Class) and one.model is not other.model
    if not same or type(a) is not cst.Call or type(b) is not cst.Call:
        return False
    return [code_of(given.value) for given in a.args] == [code_of(given.value) for given in b.args]


def _has_two_halves(events: EventLog, call: Call) -> bool:
    """Whether two parts of the model are trained in turns, each by an optimizer and on gradients of its own."""
    first: dict[tuple[int, tuple[int, ...]], Step] = {}
    for step in events.steps:
        if step.owned and all(events.is_part_of(one, call.model) for one in step.owned):
            first.setdefault((id(step.optimizer), step.loops[:1]), step)
    return any(
        one.loops[:1] == other.loops[:1]
        and one.propagations != other.propagations
        and not any(events.related(a, b) for a in one.owned or () for b in other.owned or ())
        for one, other in combinations(first.values(), 2)
    )
