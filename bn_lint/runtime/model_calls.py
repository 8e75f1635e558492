"""What whole models were run for, and whether their BatchNorm layers were in the mode for it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bn_lint.facts import Evidence, ModelCall, Place
from bn_lint.runtime.document import Document, LayerTrace
from bn_lint.runtime.wording import Wording

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
        yield _fact(document, words, place, purpose, layers)


def _suspicions(layer: LayerTrace) -> Iterator[tuple[str, Place]]:
    """What a layer was run for where its mode does not fit, and the line that called the model."""
    alone = layer.without_grad
    purpose: str | None = None
    if alone.calls > 0:
        places = _models(layer, "training-without-grad")
        if not layer.requires_grad and layer.affine and not layer.owned and alone.steps:
            purpose = "reference"
        elif _evaluates(layer):
            purpose = "evaluation"
        elif alone.tail:
            purpose = "evaluation"
            places = [each.last for each in layer.calls_of("training-without-grad")[-1:] if each.last is not None]
        if purpose is not None:
            yield from ((purpose, place) for place in places)
    for calls in layer.calls_of("compiled"):
        if calls.training and not calls.grad:
            yield from (("evaluation", one.model) for one in calls.reached if one.model is not None)
    if layer.eval_training.steps and not _flaps(layer):
        yield from (("training", place) for place in _models(layer, "evaluation-with-grad")[:1])
    frozen = layer.frozen_training.calls and layer.affine and not layer.requires_grad and not layer.owned
    if frozen and layer.track_running_stats:
        yield from (("frozen", place) for place in _models(layer, "training")[:1])
    for calls in layer.calls_of("inspection"):
        if calls.training:
            yield from (("inspection", one.model) for one in calls.reached if one.model is not None)


def _evaluates(layer: LayerTrace) -> bool:
    """Whether forward passes without gradients are looks at a model, and no part of how it is trained."""
    alone = layer.without_grad
    if alone.steps <= layer.without_grad_for_others:
        return False  # as a generator runs for the discriminator's step
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
    model = words.argument(place, first.model) if purpose == "inspection" else words.callee(place, first.model)
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
        fixed = not first.weights_changed
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


def _frozen(layers: Sequence[LayerTrace], what: str) -> Evidence | None:
    first = next((layer for layer in layers if layer.built is not None), None)
    if first is None or first.built is None:
        return Evidence(f"`{layers[0].name}` {what}", _models_of(layers[0]))
    more = f", as {len(layers) - 1} more layers" if len(layers) > 1 else ""
    return Evidence(f"`{first.name}`, built here, {what}{more}", first.built)


def _models_of(layer: LayerTrace) -> Place:
    places = (one.model for calls in layer.calls for one in calls.reached if one.model is not None)
    return next(places, Place("<unknown>", 1, 1, 1, 1))
