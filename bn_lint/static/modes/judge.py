"""From the record of an entry point to facts: which calls train, which evaluate, and in which mode."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import libcst as cst

from bn_lint.facts import BatchNormCall, Evidence, Fact, ModeChange, ModelCall, Place
from bn_lint.static.describing import path_to
from bn_lint.static.modes.again import Again
from bn_lint.static.modes.batches import batch_facts
from bn_lint.static.modes.lines import CallLines
from bn_lint.static.modes.program import Call, Program, Switch, batchnorm_layers
from bn_lint.static.modes.state import FROZEN, Mode, agreed, alternatives
from bn_lint.static.modes.words import evidence_at, mode_evidence, spot_of, text_of
from bn_lint.static.places import NodePlace
from bn_lint.static.values import Instance, LibraryClass, Spot

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bn_lint.static.frames import Frame


def facts_of(program: Program, last_calls: Mapping[cst.CSTNode, BatchNormCall]) -> Iterator[Fact]:
    """State what one entry point showed.

    Args:
        last_calls: The latest call of the BatchNorm layers that are built at a place.
    """
    program.is_over = True
    trained = {id(call.model) for call in program.calls if call.purpose == "training"}
    if program.strangers:
        for call in program.calls:
            if call.model in program.strangers and _is_plain(program, call, trained):
                facts = (fact for fact in _call_facts(program, call, trained) if isinstance(fact, ModelCall))
                yield from (replace(fact, certain=False) for fact in facts)
        return
    for call in program.calls:
        yield from _call_facts(program, call, trained)
        if call.purpose == "training":
            yield from _teachers(program, call)
        if call.purpose == "training" and call.batches is not None:
            yield from batch_facts(program, call, call.batches, last_calls)
    for switch in program.switches:
        change = _reenabled(program, switch)
        if change is not None:
            yield change


def _is_plain(program: Program, call: Call, trained: set[int]) -> bool:
    """Whether the program alone shows that a call of a model that it was given is in the wrong mode."""
    before = [one for one in program.calls if one.model is call.model and one.order < call.order]
    on = [one for one in before if one.purpose == "training" and one.states == {True}]
    if call.purpose == "training":
        return call.states == {False} and bool(on)
    # Who calls `train()` for an evaluation wants the batch statistics of a model that is made for it.
    switched = call.states == {True} and not any(
        mode.spot is None or _is_local(program, call, mode) for modes in call.modes for mode in modes
    )
    return switched and bool(on) and _purpose(program, call, trained) == "evaluation" and call.grad is False


def _call_facts(program: Program, call: Call, trained: set[int]) -> Iterator[Fact]:
    purpose = call.purpose or _purpose(program, call, trained)
    if purpose in ("export", "fusion", "inspection"):
        if True in call.states and not (purpose == "inspection" and _nothing_to_lose(program, call)):
            yield ModelCall(
                text_of(call.spot, None if call.purpose is None else call.model),
                NodePlace(call.spot),
                training=True,
                grad=call.grad,
                purpose=purpose,
                because=None,
                mode=mode_evidence(next(m[0] for m in call.modes if agreed(m) is True)),
                path=path_to(call.frame),
                lines=_lines(program, call, purpose, trained),
                resumed=_resumed(program, call),
            )
        return
    if purpose is None:
        return
    training, mode = _state(program, call, purpose)
    if training is None or (purpose == "training" and not training and _leaves_batchnorm_alone(program, call)):
        return
    # A teacher whose weights are an average, or that is put in training mode by itself, is in it on purpose.
    meant = id(call.model) in program.averaged or (
        purpose == "reference" and mode is not None and mode.root is call.model
    )
    if any(_reenabled(program, switch) for switch in program.switches if switch.mode.order < call.order):
        meant = True  # they were frozen, and a call of train() undid that: BN302
    yield ModelCall(
        text_of(call.spot),
        NodePlace(call.spot),
        training=training,
        grad=call.grad,
        purpose=purpose,
        because=_because(program, call, purpose),
        mode=mode_evidence(mode),
        mode_is_local=mode is not None and _is_local(program, call, mode),
        certain=id(call.model) in trained | program.averaged
        and not call.uncertain
        and len(call.modes) > 0
        and None not in call.states,
        switched=tuple(_others(program, call)) if purpose == "evaluation" and training else (),
        frozen=evidence_at("the parameters are frozen here", None if meant else _frozen_and_trained(program, call)),
        path=path_to(call.frame),
        adversarial=_adversarial(program, call),
        replaced=_replaced(program, call),
        lines=_lines(program, call, purpose, trained),
        resumed=purpose != "training" and _resumed(program, call),
        switch_name=_switch_name(program, call, purpose, mode),
    )


def _because(program: Program, call: Call, purpose: str) -> Evidence | None:
    """What shows the purpose of a call; for an evaluation with gradients, how the weights came about."""
    if call.because is not None or purpose != "evaluation":
        return evidence_at(call.why, call.because)
    trained = next((c for c in program.calls if c.purpose == "training" and c.model is call.model), None)
    if trained is not None:
        return evidence_at("it is trained here: an optimizer steps on its results", trained.because)
    return evidence_at("its weights come from here", call.prepared)


def _teachers(program: Program, call: Call) -> Iterator[ModelCall]:
    """Frozen parts of a model in training mode that it calls for the results alone."""
    if not call.inside:
        return
    if any(_reenabled(program, switch) for switch in program.switches if switch.mode.order < call.order):
        return  # they were in evaluation mode, and a call of train() undid that: BN302
    for part in call.inside:
        if part.frozen is None or _follows_another(program, part.model):
            continue
        mode = next(modes[0] for modes in part.modes if agreed(modes) is True)
        if mode.root is part.model:
            continue  # it is put in training mode by itself, on purpose
        yield ModelCall(
            text_of(part.spot),
            NodePlace(part.spot),
            training=True,
            grad=False,
            purpose="reference",
            because=evidence_at(call.why, call.because),
            mode=mode_evidence(mode),
            frozen=evidence_at("the parameters are frozen here", part.frozen),
            path=path_to(part.frame),
            lines=CallLines(part.spot, text_of(part.spot), ()),
        )


def _follows_another(program: Program, model: Instance) -> bool:
    """Whether the program computes the weights of a model from others, as moving averages do."""
    from bn_lint.static.torch.module_methods import descendants

    return any(id(one) in program.averaged for _, one in descendants(model))


def _frozen_and_trained(program: Program, call: Call) -> Spot | None:
    """Where BatchNorm parameters were frozen of parts that the training runs through."""
    spared = [part.model for part in call.inside]
    outside = (
        spot for layer, spot in call.frozen_layers if not any(program.is_part_of(layer, part) for part in spared)
    )
    return next(outside, None)


def _purpose(program: Program, call: Call, trained: set[int]) -> str | None:
    """What a call is for that no optimizer steps on."""
    passes = [
        step for step in program.steps if step.loops == call.loops[: len(step.loops)] and step.frame in call.caller
    ]
    own = id(call.model) in trained
    if call.backward and any(c.purpose == "training" and c.spot.node is call.spot.node for c in program.calls):
        return None  # gradients that add up until a later pass steps on them
    if call.backward and call.made_up:
        return None  # gradients of nothing in particular, as a test wants them
    if call.backward and not passes:
        return "inspection" if call.prepared is not None else None  # saliency, gradients with respect to the input
    if call.grad is None or call.discarded or call.backward:
        return None
    if call.dropped:
        return "inspection" if call.made_up and call.grad is False and call.prepared is not None else None
    if any(step.order > call.order and step.loops for step in passes):
        # What is trained afterwards, in the same pass, is trained on this.
        return None if own or call.grad is True else "reference"
    if call.grad is True and program.steps:
        # In a loop of its own, in a function of its own, and when this pass has made its steps: nothing comes of it.
        aside = all(
            step.order < call.order and len(step.loops) < len(call.loops) and step.frame is not call.frame
            for step in passes
        )
        return "evaluation" if own and aside and call.prepared is not None else None
    return "evaluation" if call.prepared is not None or _replaced(program, call) is not None else None


def _adversarial(program: Program, call: Call) -> bool:
    """Whether the model is one of two that are trained by optimizers of their own, in turns."""
    own = [c.step for c in program.calls if c.model is call.model and c.step is not None]
    others = [c.step for c in program.calls if c.step is not None and c.model is not call.model]
    return any(
        a.optimizer is not b.optimizer and None not in (a.optimizer, b.optimizer) and a.loops[:1] == b.loops[:1]
        for a in own
        for b in others
    )


def _state(program: Program, call: Call, purpose: str) -> tuple[bool | None, Mode | None]:
    """The mode that matters for the purpose, and what switched it."""
    if purpose == "training":
        # A layer that alone is in evaluation mode is frozen on purpose; the whole model is not.
        if all(state is False for state in call.states):
            whole = next((m[0] for m in call.modes if m[0].root and program.is_part_of(call.model, m[0].root)), None)
            return (False, whole) if whole is not None else (None, None)
        left = _left_in_evaluation(call)
        if left is not None:
            return False, left
        return (True, call.modes[0][0]) if call.states == {True} or True in call.states else (None, None)
    for modes in call.modes:
        if agreed(modes) is True:
            return True, modes[0]
    return (False, None) if call.states == {False} else (None, None)


def _replaced(program: Program, call: Call) -> Evidence | None:
    """Where layers were built that came into the model after its `eval()`."""
    before = [s for s in program.switches if s.mode.order < call.order and program.is_part_of(call.model, s.model)]
    off = bool(before) and before[-1].mode.training is False
    for layer, modes in zip(batchnorm_layers(call.model), call.modes):
        if off and layer.built is not None and all(mode.spot is None and mode.training for mode in modes):
            return Evidence("this layer was put into the model after eval()", NodePlace(layer.built))
    return None


def _leaves_batchnorm_alone(program: Program, call: Call) -> bool:
    """Whether the training may concern other parts than those with BatchNorm, or another model altogether."""
    layers = batchnorm_layers(call.model)
    if all(isinstance(layer.cells.get(FROZEN), Spot) for layer in layers):
        return True
    step = call.step
    if step is None:
        return False
    if step.owned is not None:
        return not any(program.is_part_of(layer, one) for one in step.owned for layer in layers)
    # Nobody knows whose parameters the optimizer has: those of a student, of which this is the teacher?
    return _trains_a_part(call) or any(
        one.step is not None
        and one.step.spot.node is step.spot.node
        and True in one.states
        and one.spot.node is not call.spot.node  # otherwise the same model, built in another way
        and not program.related(one.model, call.model)
        for one in program.calls
    )


def _trains_a_part(call: Call) -> bool:
    """Whether the optimizer has the parameters of a part of the model that nobody knows: `model.fc.parameters()`."""
    optimizer = call.step.optimizer if call.step is not None else None
    built = optimizer.built.node if isinstance(optimizer, Instance) and optimizer.built is not None else None
    if not isinstance(built, cst.Call) or not built.args:
        return False
    given = cst.Module([]).code_for_node(built.args[0].value)
    part = given.removeprefix(text_of(call.spot) + ".").removesuffix(".parameters()")
    return given == f"{text_of(call.spot)}.{part}.parameters()" and part != "module"


def _left_in_evaluation(call: Call) -> Mode | None:
    """The `eval()` that one way here leaves behind, when nothing switches the model back on any."""
    found: Mode | None = None
    for modes in call.modes:
        off = [mode for mode in modes if mode.training is False]
        on = [mode for mode in modes if mode.training is True]
        if len(off) != 1 or len(off) + len(on) != len(modes) or (found is not None and off[0] is not found):
            return None
        if any(mode.order > off[0].order or mode.excludes(off[0]) for mode in on) or off[0].alone:
            return None
        found = off[0]
    return found


def _is_local(program: Program, call: Call, mode: Mode) -> bool:
    """Whether a switch was made for this call, rather than for something before it."""
    if mode.spot is None:
        return False
    between = [c for c in program.calls if c.model is call.model and mode.order < c.order < call.order]
    if call.purpose == "training":
        # `eval()` for an evaluation: something was evaluated since.
        return not any(c.purpose is None for c in between)
    return not any(c.purpose == "training" for c in between) and mode.loops == call.loops[: len(mode.loops)]


def _others(program: Program, call: Call) -> Iterator[Evidence]:
    """Other networks that were put in evaluation mode for the same evaluation."""
    for switch in program.switches:
        same = switch.mode.loops == call.loops[: len(switch.mode.loops)] and switch.mode.order < call.order
        other = switch.mode.training is False and not program.is_part_of(call.model, switch.model)
        if same and other and switch.frame in call.caller:
            yield Evidence(
                f"`{text_of(switch.mode.spot)}` is put in evaluation mode here", NodePlace(spot_of(switch.mode))
            )
            return


def _reenabled(program: Program, switch: Switch) -> ModeChange | None:
    """`train()` on a model some of whose layers had been put in evaluation mode by themselves."""
    if switch.mode.training is not True:
        return None
    alone = [
        (layer, modes[0])
        for layer, modes in switch.before
        if modes[0].training is False and agreed(modes) is False and modes[0].root is not None
    ]
    if not alone:
        return None
    later = [call for call in program.calls if call.purpose == "training" and call.order > switch.mode.order]
    if not any(program.related(call.model, switch.model) for call in later):
        return None
    after = frozenset().union(*map(program.in_evaluation, later))
    frozen: dict[Mode, Switch | None] = {}
    for layer, mode in alone:
        if (
            id(layer) in after
            or id(layer) in program.thawed
            or (mode.root and any(program.is_part_of(one, mode.root) for one in _unwrapped(switch.model)))
        ):
            continue
        if not any(
            c.purpose is None
            and c.grad is False
            and mode.order < c.order < switch.mode.order
            and program.related(c.model, layer)
            for c in program.calls
        ):
            frozen[mode] = next((one for one in program.switches if one.mode is mode), None)
    if not frozen:
        return None
    evidence = Evidence("they were put in evaluation mode here", NodePlace(spot_of(next(iter(frozen)))))
    again = Again([one for one in frozen.values() if one is not None], switch)
    return ModeChange(text_of(switch.mode.spot), True, NodePlace(spot_of(switch.mode)), evidence, again)


def _unwrapped(model: Instance) -> list[Instance]:
    """A model, and what may be in it if it is `DataParallel` or its like."""
    found = [model]
    if isinstance(model.cls, LibraryClass):
        found += [one for one in alternatives(model.cells.get("module")) if isinstance(one, Instance)]
    return found


# -- what fixes need ----------------------------------------------------------------------------------------------


def _lines(program: Program, call: Call, purpose: str, trained: set[int]) -> CallLines:
    """The lines around a call that are run for its purpose."""
    others: set[cst.CSTNode] = set()
    if purpose == "reference":
        # What is trained on it may be in the same lines; it only must not be put back in training mode there.
        for switch in program.switches:
            if switch.mode.training is True and program.is_part_of(call.model, switch.model):
                others.update(_sites(spot_of(switch.mode), switch.frame))
    elif purpose == "training":
        for switch in program.switches:
            if switch.mode.training is False and program.related(call.model, switch.model):
                others.update(_sites(spot_of(switch.mode), switch.frame))
    else:
        for step in program.steps:
            others.update(_sites(step.spot, step.frame))
        for one in program.calls:
            if one.purpose == "training":
                others.update(_sites(one.spot, one.frame))
    peers = {
        one.spot.node
        for one in program.calls
        if one.model is call.model and one.purpose == call.purpose and one.frame.function is call.frame.function
        if purpose != "reference" and (one.purpose or _purpose(program, one, trained)) == purpose
    }
    tool = None if call.purpose in (None, "training") else call.model
    return CallLines(call.spot, text_of(call.spot, tool), others, peers, prepared=purpose == "training")


def _sites(spot: Spot, frame: Frame | None) -> Iterator[cst.CSTNode]:
    """A place, and the calls that led there."""
    yield spot.node
    while frame is not None:
        if frame.site is not None:
            yield frame.site.node
        frame = frame.caller


def _resumed(program: Program, call: Call) -> bool:
    """Whether the model is trained later on, after a call at this place, and nothing switches it on before."""
    for here in (one for one in program.calls if one.spot.node is call.spot.node and one.model is call.model):
        later = [
            one.order
            for one in program.calls
            if one.purpose == "training" and one.order > here.order and program.related(one.model, call.model)
        ]
        if later and not any(
            switch.mode.training is True and here.order < switch.mode.order < min(later)
            for switch in program.switches
            if program.is_part_of(call.model, switch.model)
        ):
            return True
    return False


def _nothing_to_lose(program: Program, call: Call) -> bool:
    """Whether the statistics are still those of a new model, or it is trained before anything else is done with it.

    What a model has learnt by being looked at is soon forgotten in training, and overwritten by a checkpoint.
    """
    if call.prepared is None:
        return True
    following = [
        one
        for one in program.calls
        if one.order > call.order and one.purpose != "inspection" and program.related(one.model, call.model)
    ]
    first = min(following, key=lambda one: one.order, default=None)
    return first is not None and first.purpose == "training" and True in first.states


def _switch_name(program: Program, call: Call, purpose: str, mode: Mode | None) -> Place | None:
    """The name in `net.train()`, when the function of the call has it for this purpose alone."""
    switch = next((one for one in program.switches if one.mode is mode), None)
    node = mode.spot.node if mode is not None and mode.spot is not None else None
    if switch is None or switch.frame is not call.frame or not isinstance(node, cst.Call) or node.args:
        return None
    opposite = "training" if purpose == "evaluation" else None
    for one in program.calls:
        if one.purpose == opposite and any(m.spot is not None and m.spot.node is node for ms in one.modes for m in ms):
            return None
    return NodePlace(Spot(spot_of(switch.mode).file, node.func.attr)) if isinstance(node.func, cst.Attribute) else None
