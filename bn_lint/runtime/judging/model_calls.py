"""What whole models were run for, and whether their BatchNorm layers were in the mode for it."""

from __future__ import annotations

import enum
from collections.abc import Iterator, Sequence
from dataclasses import replace

from bn_lint.facts import Evidence, Mode, ModelCall, Place, Purpose, Shows
from bn_lint.runtime.document.document import EXPORTS, Document, LayerTrace
from bn_lint.runtime.judging.wording import Wording

#: From this share of the optimizer steps on, a forward pass without gradients belongs to the training method.
_ROUTINE = 0.6
_FEW_STEPS = 4
#: How often the mode may change between optimizer steps before that is what is reported.
_MANY_FLIPS = 4
_SWITCHES = {Mode.TRAINING: Shows.TRAINING_MODE, Mode.EVALUATION: Shows.EVALUATION_MODE}


class _Suspicion(enum.Enum):
    """What a model was called for in a mode that does not fit, and how that shows."""

    EVALUATION = enum.auto()
    #: Layers of the model were replaced after `eval()`.
    LATE_LAYERS = enum.auto()
    REFERENCE = enum.auto()
    #: Gradients were computed, of which nothing but the program saw anything.
    GRADIENTS_ONLY = enum.auto()
    TRAINING = enum.auto()
    #: The layers are trained in training mode, and their parameters are not.
    FROZEN_PARAMETERS = enum.auto()
    EXPORT = enum.auto()
    INSPECTION = enum.auto()


def model_calls(document: Document, words: Wording) -> Iterator[ModelCall]:
    """One fact for each line that calls a model in the wrong mode."""
    found: dict[tuple[Place, _Suspicion], list[LayerTrace]] = {}
    for layer in document.layers:
        for suspicion, place in _suspicions(layer, document):
            found.setdefault((place, suspicion), []).append(layer)
    for (place, suspicion), layers in found.items():
        evaluated = suspicion is _Suspicion.EVALUATION and layers[0].without_grad_then_evaluated
        if evaluated and words.is_discarded(place):
            continue  # the result is unused, and an evaluation follows: the call is for the statistics
        yield _fact(document, words, place, suspicion, layers)


def _suspicions(layer: LayerTrace, document: Document) -> Iterator[tuple[_Suspicion, Place]]:
    """What a layer was run for where its mode does not fit, and the line that called the model."""
    if layer.is_rebuilt or layer.override is not None or layer.is_hidden:
        return  # what is wrong with it has a name of its own
    alone = layer.without_grad
    suspicion: _Suspicion | None = None
    if alone.calls > 0 and layer.track_running_stats:
        places = _models(layer, "training-without-grad")
        if layer.replaced:
            suspicion = _Suspicion.LATE_LAYERS
        elif not layer.requires_grad and layer.affine and not layer.owned and alone.steps:
            suspicion = None if layer.reenabled_by is not None else _Suspicion.REFERENCE
        elif _serves_others(layer):
            always = layer.reference_steps > _ROUTINE * (document.steps - layer.reference_since)
            suspicion = _Suspicion.REFERENCE if always else _Suspicion.EVALUATION
        elif not _means_something(layer):
            suspicion = None
        elif _evaluates(layer):
            suspicion = _Suspicion.EVALUATION
        elif alone.tail:
            suspicion = _Suspicion.EVALUATION
            places = [each.last for each in layer.calls_of("training-without-grad")[-1:] if each.last is not None]
        if suspicion is not None:
            yield from ((suspicion, place) for place in places)
    if layer.track_running_stats and (layer.owned or _learned_elsewhere(layer)):
        yield from ((_Suspicion.EVALUATION, place) for place in layer.no_gradient)
    if layer.owned or (layer.loaded is not None and not layer.unlearned):
        yield from ((_Suspicion.GRADIENTS_ONLY, place) for place in layer.gradient_only)
    for calls in layer.calls_of("compiled"):
        if calls.training and not calls.grad:
            yield from ((_Suspicion.EVALUATION, one.model) for one in calls.reached if one.model is not None)
    if layer.eval_training.steps and not _flaps(layer):
        places = layer.eval_training_at or _models(layer, "evaluation-with-grad")
        yield from ((_Suspicion.TRAINING, place) for place in places[:1])
    # A frozen network that serves others may be called with gradients, too; frozen layers that train() has switched on
    # again are found by the line that did.
    explained = layer.reenabled_by is not None or (suspicion is _Suspicion.REFERENCE and layer.frozen_apart)
    if _is_frozen(layer, document) and layer.track_running_stats and not explained:
        yield from ((_Suspicion.FROZEN_PARAMETERS, place) for place in _models(layer, "training")[:1])
    for calls in layer.calls_of("inspection"):
        suspicion = _Suspicion.EXPORT if calls.tool in EXPORTS else _Suspicion.INSPECTION
        if calls.training and layer.track_running_stats and (suspicion is _Suspicion.EXPORT or layer.inspected):
            yield from ((suspicion, one.model) for one in calls.reached if one.model is not None)


def _learned_elsewhere(layer: LayerTrace) -> bool:
    """Whether its weights were loaded, copied, or there before the trace began, and are not those of a new layer."""
    return (layer.loaded is not None or not layer.fresh) and not layer.unlearned


def _serves_others(layer: LayerTrace) -> bool:
    """Whether a model that somebody trained runs for the training of another one, and stays as it is."""
    return layer.weights_fixed and layer.reference_steps >= _FEW_STEPS and (layer.owned or _learned_elsewhere(layer))


def _is_frozen(layer: LayerTrace, document: Document) -> bool:
    """Whether it is trained with frozen parameters. The halves of a GAN freeze each other in turns."""
    if not layer.frozen_training.calls or not layer.affine or layer.weights_changed:
        return False
    return not layer.owned or (layer.frozen_run >= _FEW_STEPS and not document.adversarial)


def _means_something(layer: LayerTrace) -> bool:
    """Whether there was anything to evaluate: the model had been trained, loaded, or made before the trace began."""
    if _learned_elsewhere(layer):
        return True
    if layer.trained_by_hand:
        return layer.without_grad_apart
    alone = layer.without_grad
    return layer.owned and (alone.tail > 0 or alone.last > layer.first_trained)


def _evaluates(layer: LayerTrace) -> bool:
    """Whether forward passes without gradients are looks at a model, and no part of how it is trained."""
    alone = layer.without_grad
    if alone.steps <= layer.without_grad_for_others:
        # A generator runs for the discriminator's steps, again and again. Once, after the last step on the layer
        # itself, it was the evaluation of a model before the next one is trained.
        return layer.owned and alone.steps == 1 and not layer.without_grad_between
    span = alone.last - alone.first + 1
    return not (alone.steps >= _FEW_STEPS and layer.without_grad_beside_training > _ROUTINE * span)


def _flaps(layer: LayerTrace) -> bool:
    return layer.flips >= _MANY_FLIPS and layer.eval_training_local * 2 > layer.eval_training.steps


def _models(layer: LayerTrace, kind: str) -> list[Place]:
    """The lines that call the model, the most frequent first."""
    counts: dict[Place, int] = {}
    for calls in layer.calls_of(kind):
        for one in calls.reached:
            if one.model is not None:
                counts[one.model] = counts.get(one.model, 0) + one.count
    return sorted(counts, key=lambda place: -counts[place])


def _fact(
    document: Document, words: Wording, place: Place, suspicion: _Suspicion, layers: Sequence[LayerTrace]
) -> ModelCall:
    first = layers[0]
    is_argument = suspicion in (_Suspicion.INSPECTION, _Suspicion.EXPORT)
    model = words.argument(place, first.model) if is_argument else words.callee(place, first.model)
    call = ModelCall(model, place, mode=Mode.TRAINING)
    match suspicion:
        case _Suspicion.EXPORT:
            return replace(call, purpose=Purpose.EXPORT)
        case _Suspicion.INSPECTION:
            tool = next((calls.tool for calls in first.calls_of("inspection") if calls.tool), "a tool")
            because = Evidence(f"{tool} runs the model here", place)
            return replace(call, purpose=Purpose.INSPECTION, because=because, certain=True)
        case _Suspicion.GRADIENTS_ONLY:
            return replace(call, grad=True, purpose=Purpose.INSPECTION, certain=True)
        case _Suspicion.LATE_LAYERS:
            return replace(call, grad=False, purpose=Purpose.EVALUATION, replaced=_built(layers))
        case _Suspicion.EVALUATION:
            call = replace(
                call, grad=False, purpose=Purpose.EVALUATION, certain=first.owned, adversarial=document.adversarial
            )
            if place in first.no_gradient:
                return replace(call, grad=True)
            switch = _switch(first.without_grad_mode, Mode.TRAINING, words)
            return replace(call, switch=switch, switch_is_local=first.without_grad_mode_is_local)
        case _Suspicion.REFERENCE:
            # An average of other weights, or a teacher that somebody put in training mode by name, is meant.
            switched = first.without_grad_mode
            fixed = first.weights_fixed and (switched is None or words.receiver(switched) != model)
            why = "is not trained any more" if first.requires_grad else "needs no gradients"
            return replace(
                call,
                grad=False,
                purpose=Purpose.REFERENCE,
                frozen=_frozen(layers, why) if fixed else None,
                switch=_switch(switched, Mode.TRAINING, words),
                adversarial=document.adversarial,
            )
        case _Suspicion.FROZEN_PARAMETERS:
            frozen = _frozen(layers, "has requires_grad=False")
            return replace(call, grad=True, purpose=Purpose.TRAINING, frozen=frozen)
        case _Suspicion.TRAINING:
            sites = _models(first, "evaluation-with-grad")
            return replace(
                call,
                mode=Mode.EVALUATION,
                grad=True,
                purpose=Purpose.TRAINING,
                switch=_switch(first.eval_training_mode, Mode.EVALUATION, words),
                switch_is_local=first.eval_training_local * 2 > first.eval_training.steps and len(sites) == 1,
                certain=True,
                # What is loaded may be loaded in the end: `loaded` does not say when.
                has_learned=not first.fresh or -1 < first.first_trained < first.eval_training.first,
            )


def _switch(place: Place | None, mode: Mode, words: Wording) -> Evidence | None:
    return None if place is None else Evidence.of(_SWITCHES[mode], place, words.receiver(place))


def _built(layers: Sequence[LayerTrace]) -> Evidence | None:
    first = next((layer for layer in layers if layer.built is not None), None)
    if first is None or first.built is None:
        return Evidence(f"`{layers[0].name}` came later", _models_of(layers[0]))
    more = f", with {len(layers) - 1} more layers" if len(layers) > 1 else ""
    return Evidence(f"`{first.name}` is built here{more}", first.built, Shows.CONSTRUCTION, first.name)


def _frozen(layers: Sequence[LayerTrace], what: str) -> Evidence | None:
    first = next((layer for layer in layers if layer.built is not None), None)
    if first is None or first.built is None:
        return Evidence(f"`{layers[0].name}` {what}", _models_of(layers[0]))
    more = f", as {len(layers) - 1} more layers" if len(layers) > 1 else ""
    return Evidence(f"`{first.name}`, built here, {what}{more}", first.built)


def _models_of(layer: LayerTrace) -> Place:
    places = (one.model for calls in layer.calls for one in calls.reached if one.model is not None)
    return next(places, Place("<unknown>", 1, 1, 1, 1))
