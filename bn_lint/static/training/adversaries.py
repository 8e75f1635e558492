"""Networks that take turns in training, as generator and critic do: they are often used in training mode on purpose."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

from bn_lint.static.interpreter.values import Class
from bn_lint.static.syntax import nodes as cst
from bn_lint.static.syntax.written import code_of
from bn_lint.static.torch_model.events import EventLog
from bn_lint.static.torch_model.happened import Call, Step
from bn_lint.static.torch_model.optimizers import made_within


def is_adversarial(events: EventLog, call: Call) -> bool:
    """Whether the model is one of two that are trained by optimizers of their own, in turns."""
    question = is_adversarial, id(call.model)
    if question not in events.answers:
        events.answers[question] = _is_adversarial(events, call)
    return bool(events.answers[question])


def _is_adversarial(events: EventLog, call: Call) -> bool:
    trained = [c for c in events.calls if c.step is not None]
    own = [c for c in trained if c.model is call.model]
    # The halves of a GAN play different parts: what the same lines train are two of a kind.
    lines = {c.ref.node for c in own}
    alike = {id(c.model) for c in trained if c.ref.node in lines or any(_are_twins(c, one) for one in own)}
    steps = list({(id(c.step.optimizer), c.step.loops, c.step.propagations): c.step for c in own if c.step}.values())
    others = {id(c.step): c.step for c in trained if id(c.model) not in alike and c.step is not None}
    passes = {(id(step.optimizer), step.loops): step for step in others.values()}
    if any(
        one.optimizer is not other.optimizer and None not in (one.optimizer, other.optimizer) and _in_turns(one, other)
        for other in passes.values()
        for one in {(id(step.optimizer), step.loops): step for step in steps}.values()
    ):
        return True
    if _has_two_halves(events, call):
        return True
    # The other half may have no BatchNorm, so its calls were not noted. It learns from gradients of its own.
    places = {step.ref.node for step in steps}
    return any(
        step.owned is not None
        and step.ref.node not in places
        and not all(one.optimizer is step.optimizer for one in steps)
        and _learns_apart(events, step, [one for one in steps if _in_turns(one, step)])
        and not any(events.related(call.model, one) or id(one) in alike for one in step.owned)
        for step in events.steps
    )


def _in_turns(one: Step, other: Step) -> bool:
    """Whether two steps are taken in one pass of a loop behind which an optimizer of theirs goes on.

    In a loop over folds or seeds, which makes optimizers anew, one network is trained after the other.
    """
    if one.loops[:1] != other.loops[:1]:
        return False
    depth = 1 + min(made_within(step.optimizer, step.loops) for step in (one, other))
    return one.loops[:depth] == other.loops[:depth]


def _learns_apart(events: EventLog, step: Step, own: Sequence[Step]) -> bool:
    """Whether a step is of another optimizer, on other gradients, than each of the steps that a model is trained by."""
    optimizers = [one.optimizer for one in own if one.optimizer is not None]
    is_other = bool(optimizers) and not any(step.optimizer is one for one in optimizers)
    return is_other and all(one.propagations != step.propagations or _has_two_losses(events, one) for one in own)


def _has_two_losses(events: EventLog, step: Step) -> bool:
    """Whether the gradients of two losses were computed for a step, each by a call of its own."""
    before = [one.propagations for one in events.steps if one.propagations < step.propagations]
    return len(set(events.propagated[max(before, default=0) : step.propagations])) > 1


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
            passes = step.loops[: 1 + made_within(step.optimizer, step.loops)]
            first.setdefault((id(step.optimizer), passes), step)
    return any(
        _in_turns(one, other)
        and one.propagations != other.propagations
        and not any(events.related(a, b) for a in one.owned or () for b in other.owned or ())
        for one, other in combinations(first.values(), 2)
    )
