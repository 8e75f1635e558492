"""What a run shows of how models are put together: layers out of sight, overrides, transforms, fusion."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bn_lint.facts import (
    Evidence,
    Fact,
    Mode,
    ModelCall,
    OverriddenEval,
    Place,
    PlainContainer,
    Purpose,
    TrackingSwitched,
    TransformedBatchNorm,
    UnsynchronizedBatchNorm,
)
from bn_lint.runtime.document.document import Document, LayerTrace
from bn_lint.runtime.judging.layer_facts import layer_fact, usual_call
from bn_lint.runtime.judging.wording import Wording


def structure(document: Document, words: Wording) -> Iterator[Fact]:
    """The facts of one process, each once."""
    facts: list[Fact] = [
        *_hidden(document.layers),
        *_overridden(document.layers),
        *_untracked(document, words),
        *_unsynchronized(document),
        *_transformed(document),
        *_fused(document, words),
    ]
    yield from dict.fromkeys(facts)


def _hidden(layers: Sequence[LayerTrace]) -> Iterator[PlainContainer]:
    """Layers in plain containers that nothing trains; those that an optimizer has, somebody knows of."""
    seen = set()
    for layer in layers:
        hidden = layer.hidden
        if hidden is None or not layer.is_hidden or not (layer.replaced or layer.calls_of("training")):
            continue
        if (hidden.class_name, hidden.attribute) not in seen:
            seen.add((hidden.class_name, hidden.attribute))
            place = layer_fact(layer).built
            yield PlainContainer(hidden.class_name, hidden.attribute, hidden.container, hidden.layers, place)


def _overridden(layers: Sequence[LayerTrace]) -> Iterator[OverriddenEval]:
    for layer in layers:
        override = layer.override
        if override is not None and override.called is not None:
            called = Evidence("eval() is called here", override.called)
            yield OverriddenEval(override.class_name, override.place, called, True, tuple(override.left_out))


def _untracked(document: Document, words: Wording) -> Iterator[TrackingSwitched]:
    for layer in document.layers:
        if layer.untracked is None or layer.is_rebuilt:
            continue
        switch = words.assignment("track_running_stats", sorted(document.files))
        receiver, place = switch or (layer.name, layer.untracked)
        freezes = Evidence(f"`{layer.name}` normalizes with each batch here, and does not track it", layer.untracked)
        yield TrackingSwitched(receiver, place, freezes, evaluates=False)
        if switch is not None:
            return


def _unsynchronized(document: Document) -> Iterator[UnsynchronizedBatchNorm]:
    """SyncBatchNorm in a program that never made a process group."""
    for layer in document.layers:
        trained = usual_call(layer)
        if layer.unsynchronized and document.world_size == 1 and trained is not None and layer.built is not None:
            shown = Evidence(f"`{layer.name}` is trained here", trained)
            yield UnsynchronizedBatchNorm(layer.model, layer.built, shown, in_data_parallel=False)
            return


def _transformed(document: Document) -> Iterator[TransformedBatchNorm]:
    refused = document.refused_transform
    if refused is not None:
        built = Evidence(f"`{refused.layer}` is built here", refused.built or refused.call)
        applied = Evidence(f"{refused.transform} is applied here", refused.applied)
        yield TransformedBatchNorm(refused.layer, refused.call, refused.transform, applied, built)


def _fused(document: Document, words: Wording) -> Iterator[ModelCall]:
    place: Place | None = document.refused_fusion
    if place is not None:
        model = words.argument(place, "the model")
        yield ModelCall(model, place, mode=Mode.TRAINING, purpose=Purpose.FUSION)
