"""From the record of an entry point to facts: which calls train, which evaluate, and in which mode."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bn_lint import facts
from bn_lint.facts import CheckedCall, Evidence, Fact, ModelCall, Purpose, Shows, Unclear
from bn_lint.static.interpreter.paths import excludes
from bn_lint.static.interpreter.values import Instance
from bn_lint.static.syntax import nodes as cst
from bn_lint.static.syntax.written import code_of
from bn_lint.static.torch_model.describing import path_to
from bn_lint.static.torch_model.events import EventLog
from bn_lint.static.torch_model.happened import Call, has_batchnorm_for_sure
from bn_lint.static.torch_model.mode import ARRIVED, Mode, agreed
from bn_lint.static.torch_model.symbolic_models import are_supposed, is_symbolic
from bn_lint.static.training.adversaries import is_adversarial
from bn_lint.static.training.batch_sizes import batch_facts, has_single_samples_alone, single_sample
from bn_lint.static.training.call_lines import is_resumed, lines_of, switch_name
from bn_lint.static.training.chosen_modes import (
    are_switched_by_themselves,
    had_learned,
    is_a_choice,
    is_declined,
    is_local,
    left_in_evaluation,
)
from bn_lint.static.training.drafts import CallLines
from bn_lint.static.training.evidence import (
    evidence_at,
    mode_evidence,
    model_of,
    override_that_ignores_eval,
    ref_of,
    text_of,
)
from bn_lint.static.training.frozen_parts import follows_another, frozen_and_trained, is_a_copy, is_switched_off
from bn_lint.static.training.one_input import is_given_its_only_input
from bn_lint.static.training.only_evaluated import is_only_evaluated
from bn_lint.static.training.purpose import classify, put_in_after_eval
from bn_lint.static.training.reenabled import mode_change, reenabled, unwrapped, were_frozen
from bn_lint.static.training.symbolic_models import is_proven
from bn_lint.static.training.trials import is_a_trial, is_before_training, is_undone

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bn_lint.static.training.facts_from_layers import FactCollector


def facts_from_events(events: EventLog, collector: FactCollector) -> Iterator[Fact]:
    """State what one entry point showed."""
    shown = list(_facts_from_events(events, collector))
    calls = (fact for fact in shown if type(fact) is ModelCall)
    switched = {call.place for call in calls if call.certain and _is_trained_off(call, local=True)}
    for fact in shown:
        # Of a model that is switched off to be trained, no evaluation is to blame in another pass of a loop.
        if not (type(fact) is ModelCall and fact.place in switched and _is_trained_off(fact, local=False)):
            yield fact


def _is_trained_off(call: ModelCall, *, local: bool) -> bool:
    """Whether a model is trained in evaluation mode, for which it was switched or not."""
    is_off = call.purpose is Purpose.TRAINING and call.mode is facts.Mode.EVALUATION
    return is_off and call.switch is not None and call.switch_is_local is local


def _facts_from_events(events: EventLog, collector: FactCollector) -> Iterator[Fact]:
    events.is_over = True
    trained = frozenset(id(call.model) for call in events.calls if call.purpose is Purpose.TRAINING)
    for call in events.calls:
        if are_supposed(call.layers):
            proven = is_proven(events, call, trained)
            call.checked = _check_symbolic(events, call, trained, proven=proven)
            if proven:
                facts = (fact for fact in _call_facts(events, call, trained, collector) if isinstance(fact, ModelCall))
                yield from (replace(fact, certain=False, is_symbolic=True) for fact in facts)
            continue
        yield from _call_facts(events, call, trained, collector)
        if call.purpose is Purpose.TRAINING:
            yield from _teachers(events, call, collector)
            yield from batch_facts(events, call, collector)
    switched = {id(switch.model): switch.model for switch in events.switches}
    symbolic = {number for number, model in switched.items() if is_symbolic(model)}
    for switch in events.switches:
        undone = None if id(switch.model) in symbolic else reenabled(events, switch)
        if undone is not None:
            yield mode_change(switch, undone, collector)


def _call_facts(events: EventLog, call: Call, trained: frozenset[int], collector: FactCollector) -> Iterator[Fact]:
    purpose = call.purpose or classify(events, call, trained)
    call.checked = _checked(call, purpose)
    again = events.recalibrated
    if again and call.purpose is None and any(id(layer) in again for layer in call.layers):
        return  # its statistics are recomputed: training mode is intended
    if purpose is Purpose.EVALUATION and call.needs_batch_statistics:
        return  # evaluation mode would normalize by the last batch that was trained on, or by no statistics at all
    if purpose is Purpose.EVALUATION and True in call.states and has_single_samples_alone(events, call):
        return  # BN203 says so of the training
    if purpose is Purpose.FUSION and not _is_wrongly_fused(events, call):
        return
    if purpose in (Purpose.EXPORT, Purpose.FUSION, Purpose.INSPECTION):
        if True in call.states and not (purpose is Purpose.INSPECTION and _nothing_to_lose(events, call)):
            yield ModelCall(
                model_of(call),
                call.ref.place,
                mode=facts.Mode.TRAINING,
                grad=call.grad,
                purpose=purpose,
                because=None,
                switch=mode_evidence(next(m[0] for m in call.modes if agreed(m) is True)),
                path=path_to(call.frame),
                draft=collector.draft(lines_of(events, call, purpose, trained)),
                resumed=is_resumed(events, call),
            )
        return
    if isinstance(purpose, Unclear):
        return
    training, mode = _state(events, call, purpose)
    if training is None:
        call.checked = _checked(call, Unclear.MODE)
        return
    if purpose is Purpose.TRAINING and not training and _leaves_batchnorm_alone(events, call):
        call.checked = _checked(call, Unclear.OTHER_PARTS)
        return
    if purpose is Purpose.TRAINING and not training and is_a_trial(events, call):
        return
    left = mode if purpose is Purpose.TRAINING and not training else None
    if left is not None and (is_a_choice(events, call, left) or were_frozen(events, call, left)):
        return
    if (
        purpose is Purpose.EVALUATION
        and training
        and (
            is_before_training(events, call)
            or _is_compared(events, call, mode)
            or are_switched_by_themselves(call)
            or _is_said_of_the_other_side(events, call)
        )
    ):
        return
    # A teacher whose weights are an average, or that is put in training mode by itself, is in it intentionally.
    meant = _is_computed(events, call.model) or (
        purpose is Purpose.REFERENCE
        and mode is not None
        and mode.root is call.model
        and _is_lasting(events, call, mode)
    )
    if any(reenabled(events, switch) for switch in events.switches if switch.mode.order < call.order):
        meant = True  # they were frozen, and a call of train() undid that: BN302
    frozen = None if meant else frozen_and_trained(events, call, purpose)
    if frozen is not None and is_undone(call):
        frozen = None
    yield ModelCall(
        model_of(call),
        call.ref.place,
        mode=facts.Mode.of(training),
        grad=call.grad,
        purpose=purpose,
        because=_because(events, call, purpose),
        switch=mode_evidence(mode),
        switch_is_local=mode is not None and is_local(events, call, mode),
        certain=id(call.model) in trained | events.averaged
        and not call.uncertain
        and id(call.model) not in events.handled
        and len(call.modes) > 0
        and None not in call.states
        and has_batchnorm_for_sure(call.model),
        others=tuple(_others(events, call)) if purpose is Purpose.EVALUATION and training else (),
        frozen=evidence_at("the parameters are frozen here", frozen),
        path=path_to(call.frame),
        adversarial=is_adversarial(events, call)
        and not (
            purpose is Purpose.EVALUATION and training and _is_evaluated_with_another(events, call, mode, trained)
        ),
        replaced=put_in_after_eval(events, call),
        draft=collector.draft(lines_of(events, call, purpose, trained)),
        resumed=purpose is not Purpose.TRAINING and is_resumed(events, call),
        switch_name=switch_name(events, call, purpose, mode),
        override=override_that_ignores_eval(events, call) if training else None,
        is_declined=(purpose is Purpose.EVALUATION and training and is_declined(call))
        or (frozen is not None and is_switched_off(call)),
        only_evaluated=is_only_evaluated(events, call),
        has_learned=left is not None and had_learned(events, call, left),
        only_input=purpose is Purpose.EVALUATION and training is True and is_given_its_only_input(events, call),
        single=single_sample(call) if purpose is Purpose.EVALUATION and training else (),
    )


def _is_wrongly_fused(events: EventLog, call: Call) -> bool:
    """Whether a program fuses layers for evaluation, as they are.

    Before PyTorch 1.11 `fuse_modules` in training mode made layers for quantization-aware training. A method or a
    factory that no program calls may be called in any mode.
    """
    if call.frame.with_callers()[-1].function is not None:
        return False
    return not any(events.is_part_of(call.model, one) or events.is_part_of(one, call.model) for one in events.quantized)


def _checked(call: Call, purpose: Purpose | Unclear) -> CheckedCall:
    if isinstance(purpose, Unclear):
        return CheckedCall(call.ref.place, None, purpose.value)
    return CheckedCall(call.ref.place, purpose)


def _check_symbolic(events: EventLog, call: Call, trained: frozenset[int], *, proven: bool) -> CheckedCall:
    """Whether the mode of a model that is made out of view was checked: if it is set for the call, or proven wrong."""
    purpose = call.purpose or classify(events, call, trained)
    modes = [mode for every in call.modes for mode in every]
    if isinstance(purpose, Purpose) and not proven and not any(is_local(events, call, mode) for mode in modes):
        return _checked(call, Unclear.OUT_OF_VIEW)
    return _checked(call, purpose)


def _because(events: EventLog, call: Call, purpose: Purpose) -> Evidence | None:
    """What shows the purpose of a call; for an evaluation with gradients, how the weights came about."""
    if call.because is not None or purpose is not Purpose.EVALUATION:
        return call.because
    trained = next((c for c in events.calls if c.purpose is Purpose.TRAINING and c.model is call.model), None)
    if trained is not None and trained.because is not None:
        return Evidence("it is trained here: an optimizer steps on its results", trained.because.place)
    return evidence_at("its weights come from here", call.prepared or call.loaded_before)


def _teachers(events: EventLog, call: Call, collector: FactCollector) -> Iterator[ModelCall]:
    """Frozen parts of a model in training mode that it calls for the results alone."""
    if not call.inside:
        return
    if any(reenabled(events, switch) for switch in events.switches if switch.mode.order < call.order):
        return  # they were in evaluation mode, and a call of train() undid that: BN302
    for part in call.inside:
        if part.frozen is None or follows_another(events, part.model) or is_a_copy(events, call, part.model):
            continue
        mode = next(modes[0] for modes in part.modes if agreed(modes) is True)
        if mode.root is part.model:
            continue  # it is put in training mode by itself, intentionally
        yield ModelCall(
            text_of(part.ref),
            part.ref.place,
            mode=facts.Mode.TRAINING,
            grad=False,
            purpose=Purpose.REFERENCE,
            because=call.because,
            switch=mode_evidence(mode),
            frozen=evidence_at("the parameters are frozen here", part.frozen),
            path=path_to(part.frame),
            draft=collector.draft(CallLines(part.ref, text_of(part.ref))),
        )


def _is_computed(events: EventLog, model: Instance) -> bool:
    """Whether the weights of a model, or of what `DataParallel` holds, are computed from those of others."""
    return any(id(one) in events.averaged | events.handed_together for one in unwrapped(model))


def _is_lasting(events: EventLog, call: Call, mode: Mode) -> bool:
    """Whether a mode was set for more than a training that is over."""
    return not any(
        one.purpose is Purpose.TRAINING and one.model is call.model and mode.order < one.order < call.order
        for one in events.calls
    )


def _state(events: EventLog, call: Call, purpose: Purpose) -> tuple[bool | None, Mode | None]:
    """The mode that matters for the purpose, and what switched it."""
    if purpose is Purpose.TRAINING:
        # A layer that alone is in evaluation mode is intentionally frozen; the whole model is not.
        if all(state is False for state in call.states):
            models = unwrapped(call.model)
            switches = (m[0] for m in call.modes)
            whole = next((m for m in switches if m.root and any(_is_of(events, x, m.root) for x in models)), None)
            return (False, whole) if whole is not None else (None, None)
        left = left_in_evaluation(events, call)
        if left is not None:
            return False, left
        return (True, call.modes[0][0]) if call.states == {True} or True in call.states else (None, None)
    for modes in call.modes:
        on = next((mode for mode in modes if mode.training), None)
        if on is not None and all(mode.training or mode is ARRIVED for mode in modes):
            return True, on
    return (False, None) if call.states == {False} else (None, None)


def _is_of(events: EventLog, model: Instance, switched: Instance) -> bool:
    """Whether a model is what was switched, a part of it, or a copy of it."""
    return events.is_copy_of(model, switched) or events.is_part_of(model, switched)


def _leaves_batchnorm_alone(events: EventLog, call: Call) -> bool:
    """Whether the training may concern other parts than those with BatchNorm, or another model altogether."""
    if call.is_frozen:
        return True
    layers = call.layers
    step = call.step
    if step is None:
        return False
    if step.owned is not None:
        return not any(events.is_part_of(layer, one) for one in step.owned for layer in layers)
    # Nobody knows whose parameters the optimizer has: those of a student, of which this is the teacher?
    return _trains_a_part(call) or any(
        one.step is not None
        and one.step.ref.node is step.ref.node
        and True in one.states
        and one.ref.node is not call.ref.node  # otherwise the same model, built in another way
        and not events.related(one.model, call.model)
        and set(map(id, one.layers)).isdisjoint(map(id, layers))  # or wrapped in another way
        for one in events.calls
    )


def _trains_a_part(call: Call) -> bool:
    """Whether the optimizer has the parameters of an unknown part of the model: `model.fc.parameters()`."""
    optimizer = call.step.optimizer if call.step is not None else None
    built = optimizer.built.node if isinstance(optimizer, Instance) and optimizer.built is not None else None
    if not isinstance(built, cst.Call) or not built.args:
        return False
    given = code_of(built.args[0].value)
    part = given.removeprefix(model_of(call) + ".").removesuffix(".parameters()")
    return given == f"{model_of(call)}.{part}.parameters()" and part != "module"


def _is_compared(events: EventLog, call: Call, mode: Mode | None) -> bool:
    """Whether a function chooses the mode, and evaluates the model in either: to see the difference."""
    chosen = any(switch.mode is mode and switch.frame is call.frame for switch in events.switches)
    return chosen and any(
        one.ref.node is call.ref.node and one.model is call.model and one.states == {False} for one in events.calls
    )


def _is_said_of_the_other_side(events: EventLog, call: Call) -> bool:
    """Whether the other side of a branch makes the same call, of the model or what `DataParallel` makes of it."""
    models = {id(one) for one in unwrapped(call.model)}
    return any(
        one.order < call.order
        and one.model is not call.model
        and one.frame is call.frame
        and one.loops == call.loops
        and one.states == call.states
        and one.grad is call.grad
        and one.purpose is call.purpose
        and excludes(one.ways, call.ways)
        and any(id(model) in models for model in unwrapped(one.model))
        for one in events.calls
    )


def _others(events: EventLog, call: Call) -> Iterator[Evidence]:
    """Other networks that were put in evaluation mode for the same evaluation."""
    for switch in events.switches:
        same = switch.mode.loops == call.loops[: len(switch.mode.loops)] and switch.mode.order < call.order
        other = switch.mode.training is False and not events.is_part_of(call.model, switch.model)
        if same and other and switch.frame in call.caller:
            yield Evidence.of(Shows.EVALUATION_MODE, ref_of(switch.mode).place, text_of(switch.mode.ref))
            return


def _is_evaluated_with_another(events: EventLog, call: Call, mode: Mode | None, trained: frozenset[int]) -> bool:
    """Whether the same lines evaluate another network that is trained, in evaluation mode: so this one is meant to be.

    Not where they put this one in training mode themselves.
    """
    return (mode is None or not is_local(events, call, mode)) and any(
        one.frame is call.frame
        and one.loops == call.loops
        and one.states == {False}
        and id(one.model) in trained
        and not events.related(one.model, call.model)
        and (one.purpose or classify(events, one, trained)) is Purpose.EVALUATION
        for one in events.calls
    )


def _nothing_to_lose(events: EventLog, call: Call) -> bool:
    """Whether the statistics are still those of a new model, or it is trained before anything else is done with it.

    What a model has learned by being looked at is soon forgotten in training, and overwritten by a checkpoint. A tool
    says the same in either mode, so of a model that nothing uses afterward nothing is lost. Nor is it where a program
    ends with a look whose result nobody reads.
    """
    if call.prepared is None:
        return True
    following = [
        one
        for one in events.calls
        if one.order > call.order and one.purpose is not Purpose.INSPECTION and events.related(one.model, call.model)
    ]
    first = min(following, key=lambda one: one.order, default=None)
    if first is None:
        is_end = call.frame.with_callers()[-1].function is None and (call.dropped or call.is_unread)
        is_over = call.purpose is Purpose.INSPECTION or is_end
        return is_over and not any(
            when > call.order and events.related(one, call.model) for one, when, _ in events.statistics_seen
        )
    return first.purpose is Purpose.TRAINING and True in first.states
