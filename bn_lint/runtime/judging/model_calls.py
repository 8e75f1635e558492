"""What whole models were run for, and whether their BatchNorm layers were in the mode for it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bn_lint.facts import Evidence, ModelCall, Place
from bn_lint.runtime.document.document import EXPORTS, Document, LayerTrace
from bn_lint.runtime.judging.wording import Wording

#: From this share of the optimizer steps on, a forward pass without gradients belongs to the training method.
_ROUTINE = 0.6
_FEW_STEPS = 4
#: How often the mode may change between optimizer steps before that is what is reported.
_MANY_FLIPS = 4


def model_calls(document: Document, words: Wording) -> Iterator[ModelCall]:
    """One fact for each line that calls a model in the wrong mode."""
    found: dict[tuple[Place, str], list[LayerTrace]] = {}
    for layer in document.layers:
        for purpose, place in _suspicions(layer):
            found.setdefault((place, purpose), []).append(layer)
    for (place, purpose), layers in found.items():
        if purpose == "evaluation" and layers[0].without_grad_then_evaluated and words.is_statement(place):
            continue  # nobody looks at the result, and the evaluation follows: it is the statistics that are wanted
        yield _fact(document, words, place, purpose, layers)


def _suspicions(layer: LayerTrace) -> Iterator[tuple[str, Place]]:
    """What a layer was run for where its mode does not fit, and the line that called the model."""
    alone = layer.without_grad
    purpose: str | None = None
    if alone.calls > 0 and layer.track_running_stats:
        places = _models(layer, "training-without-grad")
        if layer.replaced:
            purpose = "replaced"
        elif not layer.requires_grad and layer.affine and not layer.owned and alone.steps:
            purpose = None if layer.reenabled_by is not None else "reference"
        elif not _means_something(layer):
            purpose = None
        elif _evaluates(layer):
            purpose = "evaluation"
        elif alone.tail:
            purpose = "evaluation"
            places = [each.last for each in layer.calls_of("training-without-grad")[-1:] if each.last is not None]
        if purpose is not None:
            yield from ((purpose, place) for place in places)
    if layer.track_running_stats and (layer.owned or layer.loaded is not None):
        yield from (("evaluation", place) for place in layer.no_gradient)
    if layer.loaded is not None:
        yield from (("gradients", place) for place in layer.gradient_only)
    for calls in layer.calls_of("compiled"):
        if calls.training and not calls.grad:
            yield from (("evaluation", one.model) for one in calls.reached if one.model is not None)
    if layer.eval_training.steps and not _flaps(layer):
        places = layer.eval_training_at or _models(layer, "evaluation-with-grad")
        yield from (("training", place) for place in places[:1])
    frozen = layer.frozen_training.calls and layer.affine and not layer.requires_grad and not layer.owned
    if frozen and layer.track_running_stats:
        yield from (("frozen", place) for place in _models(layer, "training")[:1])
    for calls in layer.calls_of("inspection"):
        if calls.training and layer.track_running_stats:
            purpose = "export" if calls.tool in EXPORTS else "inspection"
            yield from ((purpose, one.model) for one in calls.reached if one.model is not None)


def _means_something(layer: LayerTrace) -> bool:
    """Whether there was anything to evaluate: the model had been trained, loaded, or made before the trace began."""
    if layer.loaded is not None or not layer.fresh:
        return True
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


def _fact(document: Document, words: Wording, place: Place, purpose: str, layers: Sequence[LayerTrace]) -> ModelCall:
    first = layers[0]
    is_argument = purpose in ("inspection", "export")
    model = words.argument(place, first.model) if is_argument else words.callee(place, first.model)
    if purpose == "export":
        return ModelCall(model, place, training=True, purpose=purpose)
    if purpose == "gradients":
        return ModelCall(model, place, training=True, grad=True, purpose="inspection")
    if purpose == "replaced":
        built = _built(layers)
        return ModelCall(model, place, training=True, grad=False, purpose="evaluation", replaced=built)
    if purpose == "evaluation" and place in first.no_gradient:
        return ModelCall(
            model,
            place,
            training=True,
            grad=True,
            purpose=purpose,
            certain=first.owned,
            adversarial=document.adversarial,
        )
    if purpose == "evaluation":
        return ModelCall(
            model,
            place,
            training=True,
            grad=False,
            purpose=purpose,
            mode=_mode(first.without_grad_mode, "in training mode", words),
            mode_is_local=first.without_grad_mode_is_local,
            certain=first.owned,
            adversarial=document.adversarial,
        )
    if purpose == "reference":
        # An average of other weights, or a teacher that somebody put in training mode by name, is meant.
        mode = first.without_grad_mode
        fixed = not first.weights_changed and (mode is None or words.receiver(mode) != model)
        return ModelCall(
            model,
            place,
            training=True,
            grad=False,
            purpose=purpose,
            frozen=_frozen(layers, "needs no gradients") if fixed else None,
            mode=_mode(first.without_grad_mode, "in training mode", words),
            adversarial=document.adversarial,
        )
    if purpose == "training":
        sites = _models(first, "evaluation-with-grad")
        return ModelCall(
            model,
            place,
            training=False,
            grad=True,
            purpose=purpose,
            mode=_mode(first.eval_training_mode, "in evaluation mode", words),
            mode_is_local=first.eval_training_local * 2 > first.eval_training.steps and len(sites) == 1,
            certain=True,
        )
    if purpose == "frozen":
        frozen = _frozen(layers, "has requires_grad=False")
        return ModelCall(model, place, training=True, grad=True, purpose="training", frozen=frozen)
    tool = next((calls.tool for calls in first.calls_of("inspection") if calls.tool), "a tool")
    return ModelCall(
        model, place, training=True, purpose="inspection", because=Evidence(f"{tool} runs the model here", place)
    )


def _mode(place: Place | None, state: str, words: Wording) -> Evidence | None:
    return None if place is None else Evidence(f"`{words.receiver(place)}` is put {state} here", place)


def _built(layers: Sequence[LayerTrace]) -> Evidence | None:
    first = next((layer for layer in layers if layer.built is not None), None)
    if first is None or first.built is None:
        return Evidence(f"`{layers[0].name}` came later", _models_of(layers[0]))
    more = f", with {len(layers) - 1} more layers" if len(layers) > 1 else ""
    return Evidence(f"`{first.name}` is built here{more}", first.built)


def _frozen(layers: Sequence[LayerTrace], what: str) -> Evidence | None:
    first = next((layer for layer in layers if layer.built is not None), None)
    if first is None or first.built is None:
        return Evidence(f"`{layers[0].name}` {what}", _models_of(layers[0]))
    more = f", as {len(layers) - 1} more layers" if len(layers) > 1 else ""
    return Evidence(f"`{first.name}`, built here, {what}{more}", first.built)


def _models_of(layer: LayerTrace) -> Place:
    places = (one.model for calls in layer.calls for one in calls.reached if one.model is not None)
    return next(places, Place("<unknown>", 1, 1, 1, 1))
