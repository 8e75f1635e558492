"""A trace -> facts, in the words of the static engine, and no more of them than there are mistakes.

Layers of one model that show the same are one fact: the first of them stands for all. What may be meant (statistics
that are recomputed, layers that are frozen, a generator's other half) gives no fact.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence

from bn_lint.facts import (
    Axis,
    BatchNormBuilt,
    BatchNormCall,
    BatchNormLayer,
    Evidence,
    Fact,
    Mode,
    ModeChange,
    Place,
    Shape,
    Shows,
    UncalledBatchNorm,
)
from bn_lint.facts.traced import (
    DivergedStatistics,
    ModeFlips,
    SharedBatchNorm,
    StaleAverage,
    StatisticsDrift,
    StatisticsNotLoaded,
    UnfitStatistics,
    UntouchedStatistics,
)
from bn_lint.project.source import Sources
from bn_lint.runtime.document.document import Calls, Document, LayerTrace
from bn_lint.runtime.judging.layer_facts import layer_fact, usual_call
from bn_lint.runtime.judging.model_calls import model_calls
from bn_lint.runtime.judging.structure import structure
from bn_lint.runtime.judging.wording import Wording

_COMPLETE = ("training", "training-without-grad", "evaluation-with-grad", "evaluation", "recomputed", "other")
#: Optimizer steps after which something may be called usual.
_FEW_STEPS = 4
#: Flips between training and evaluation mode, from one optimizer step to another, that are no accident of the start.
_MANY_FLIPS = 4
#: Batches that a comparison with running statistics must rest on.
_ENOUGH_BATCHES = 3
#: Running means of two processes that differ by less are the same for all purposes, in standard deviations.
_DIVERGED = 0.05


def observe(document: Document, sources: Sources) -> Iterator[Fact]:
    """The facts of one process of a run."""
    words = Wording(sources)
    layers = document.layers
    for layer in layers:
        yield from _built(layer)
        yield from _calls(layer, document)
    yield from model_calls(document, words)
    yield from _mode_changes(layers, words)
    yield from _shared(layers)
    yield from _uncalled(layers, words)
    yield from _untouched(layers)
    yield from _stale(layers, words)
    yield from _unfit(layers)
    yield from _drift(layers)
    yield from _flips(layers, words)
    yield from _diverged(document)
    yield from structure(document, words)


def _built(layer: LayerTrace) -> Iterator[Fact]:
    if layer.built is not None and not layer.built_in_library and layer.variant != "functional":
        yield BatchNormBuilt(layer_fact(layer), (), layer.built, per_call=layer.is_rebuilt)


def _calls(layer: LayerTrace, document: Document) -> Iterator[Fact]:
    fact = layer_fact(layer)
    totals = {mode: sum(calls.count for calls in _real(layer) if calls.training is mode) for mode in (True, False)}
    small = {mode: _usual_batch(layer, mode) for mode in (True, False)}
    for calls in layer.calls:
        if calls.kind not in _COMPLETE or (calls.kind == "other" and calls.failed is None):
            continue
        for one in calls.reached[:1]:
            if one.call is None:
                continue
            training = None if calls.kind == "other" and calls.failed is None else calls.training
            yield BatchNormCall(
                layer=fact,
                shape=_shape(calls, one.call, layer.num_features),
                place=one.call,
                mode=Mode.of(training),
                grad=calls.grad,
                path=_path(one.call, one.model),
                usual=_usual(layer, calls, small[calls.training]) if totals[calls.training] else None,
                per_step=_per_step(layer) if calls.kind == "training" else None,
                statistics=calls.statistics,
                ranks=document.world_size,
                recomputed=_recomputed(layer, fact) if calls.kind == "recomputed" else None,
                adversarial=document.adversarial,
            )


def _real(layer: LayerTrace) -> list[Calls]:
    return layer.calls_of("training", "training-without-grad", "evaluation-with-grad", "evaluation")


def _usual(layer: LayerTrace, calls: Calls, batch: int | None) -> bool | None:
    """Whether most calls in this mode get such a batch. Without training, no batch is a usual one."""
    if calls.training and not (calls.kind in ("training", "recomputed") and layer.owned):
        return False
    if not calls.shape or calls.shape[0] != batch:
        return False
    return True if layer.steps >= _FEW_STEPS else None


def _usual_batch(layer: LayerTrace, training: bool) -> int | None:
    """The batch size of most calls in a mode; None when none prevails."""
    counts: defaultdict[int, int] = defaultdict(int)
    for calls in _real(layer):
        if calls.training is training and calls.shape:
            counts[calls.shape[0]] += calls.count
    if not counts:
        return None
    batch = max(counts, key=lambda size: counts[size])
    return batch if counts[batch] * 2 > sum(counts.values()) else None


def _shape(calls: Calls, place: Place, width: int | None) -> Shape:
    axes = [Axis(size if size >= 0 else None) for size in calls.shape]
    sizes = ", ".join(str(size) if size >= 0 else "?" for size in calls.shape)
    if len(axes) >= 3 and calls.shape[-1] == width and axes[-1].size is not None:
        if calls.features_from is not None:
            axes[-1] = Axis(axes[-1].size, Evidence(f"the last axis comes from {calls.features_from}", place), True)
        elif calls.shape[1] != width and (len(axes) == 3 or calls.shape[-1] != calls.shape[-2]):
            # The last two sizes of images are often the same, and may well be the width; channels never are a size.
            axes[-1] = Axis(axes[-1].size, Evidence(f"the input is ({sizes})", place))
    return Shape(tuple(axes))


def _path(call: Place, model: Place | None) -> tuple[Evidence, ...]:
    return () if model is None or model == call else (Evidence("the model is called here", model, Shows.CALL),)


def _per_step(layer: LayerTrace) -> int | None:
    """How many micro-batches make an optimizer step; None for one, and for calls that come from different places."""
    training = layer.calls_of("training")
    ways = {(one.call, one.model) for calls in training for one in calls.reached}
    inner = {place for _, _, _, place, _ in layer.early}
    if not layer.calls_per_step or len(ways) != 1 or len(inner) > 1 or layer.recomputed.calls:
        return None
    usual = max(layer.calls_per_step, key=lambda calls: layer.calls_per_step[calls])
    return int(usual) if int(usual) > 1 and layer.calls_per_step[usual] * 2 > layer.steps else None


def _recomputed(layer: LayerTrace, fact: BatchNormLayer) -> Evidence:
    return Evidence(f"`{layer.name}`, built here, also runs in the backward pass", fact.built)


def _mode_changes(layers: Sequence[LayerTrace], words: Wording) -> Iterator[Fact]:
    seen: set[Place] = set()
    for layer in layers:
        place = layer.reenabled_by
        if place is None or place in seen:
            continue
        seen.add(place)
        count = sum(1 for other in layers if other.reenabled_by == place)
        which = f"`{layer.name}`" + (f" and {count - 1} more" if count > 1 else "")
        frozen = layer.reenabled_after or layer.built or place
        yield ModeChange(words.receiver(place), Mode.TRAINING, place, Evidence(f"{which} had been frozen here", frozen))


def _grouped(
    layers: Iterable[LayerTrace], key: Callable[[LayerTrace], object | None]
) -> Iterator[tuple[object, list[LayerTrace]]]:
    """Layers that show the same, in the order in which they are called."""
    groups: dict[object, list[LayerTrace]] = {}
    for layer in layers:
        found = key(layer)
        if found is not None:
            groups.setdefault(found, []).append(layer)
    yield from groups.items()


def _facts(layers: Iterable[LayerTrace]) -> tuple[BatchNormLayer, ...]:
    return tuple(layer_fact(layer) for layer in layers)


def _shared(layers: Sequence[LayerTrace]) -> Iterator[Fact]:
    layers = [layer for layer in layers if not any(calls.failed for calls in layer.calls)]
    for layer in layers:
        places = _two_positions(layer)
        if places:
            calls = tuple(Evidence(f"`{layer.name}` is applied here", place) for place in places)
            fact = layer_fact(layer)
            yield SharedBatchNorm((fact,), fact.built, calls, same_forward=True)
    twice = [layer for layer in layers if not _two_positions(layer) and len(_models(layer)) > 1 and _several(layer)]
    for key, group in _grouped(twice, lambda layer: tuple(_models(layer))):
        assert isinstance(key, tuple)
        calls = tuple(Evidence("the model is called here", place, Shows.CALL) for place in key)
        yield SharedBatchNorm(_facts(group), key[0], calls, same_forward=False)


def _two_positions(layer: LayerTrace) -> list[Place]:
    """The different lines that apply a layer during one forward pass."""
    passes: defaultdict[tuple[int, Place], list[Place]] = defaultdict(list)
    for step, call, model, _, direct in layer.early:
        if direct and call is not None and model is not None and call != model and call not in passes[step, model]:
            passes[step, model].append(call)
    return next((places for places in passes.values() if len(places) > 1), [])


def _models(layer: LayerTrace) -> list[Place]:
    return sorted(
        {one.model for calls in layer.calls_of("training") for one in calls.reached if one.model is not None},
        key=lambda place: (place.path, place.line, place.column),
    )


def _several(layer: LayerTrace) -> bool:
    """Whether most optimizer steps come after more than one training call."""
    several = sum(steps for calls, steps in layer.calls_per_step.items() if int(calls) > 1)
    return several * 2 > layer.steps > 0


def _uncalled(layers: Sequence[LayerTrace], words: Wording) -> Iterator[UncalledBatchNorm]:
    called = {layer.model: layer for layer in layers if layer.called and layer.model}

    def in_a_model(layer: LayerTrace) -> object | None:
        idle = not layer.called and layer.model in called and layer.built is not None
        return (layer.model, layer.built) if idle else None

    for _, group in _grouped(layers, in_a_model):
        model = called[group[0].model]
        place = next((one.model for calls in model.calls for one in calls.reached if one.model is not None), None)
        fact = layer_fact(group[0])
        if place is not None:
            evidence = Evidence.of(Shows.CALL, place, words.callee(place, group[0].model))
            yield UncalledBatchNorm(_facts(group), fact.built, group[0].model, evidence)


def _untouched(layers: Sequence[LayerTrace]) -> Iterator[Fact]:
    def missing(layer: LayerTrace) -> object | None:
        # The statistics may be those of a checkpoint that was loaded before.
        return layer.missing_loaded if layer.missing_evaluated and layer.untouched else None

    for place, group in _grouped(layers, missing):
        assert isinstance(place, Place)
        evaluated = group[0].missing_evaluated
        assert evaluated is not None
        evidence = Evidence("the model is evaluated here", evaluated)
        yield StatisticsNotLoaded(_facts(group), place, evidence)

    def initial(layer: LayerTrace) -> object | None:
        if layer.eval_training.steps or not layer.calls_of("evaluation", "evaluation-with-grad"):
            return None  # trained in evaluation mode: that is what is reported
        known = layer.evaluated is not None and layer.missing_loaded is None
        return layer.evaluated if known and (layer.untouched or (layer.initial_share or 0.0) > 0.5) else None

    for place, group in _grouped(layers, initial):
        assert isinstance(place, Place)
        share = 1.0 if group[0].untouched else group[0].initial_share or 0.0
        yield UntouchedStatistics(_facts(group), place, share, _learned(group) if group[0].untouched else None)


def _learned(layers: Sequence[LayerTrace]) -> Evidence | None:
    for layer in layers:
        if layer.loaded is not None and layer.affine and not layer.unlearned:
            return Evidence("its weights are loaded here", layer.loaded)
    # A layer that is trained in evaluation mode learned its weights for these very statistics.
    written = next((layer for layer in layers if layer.learned and not layer.owned), None)
    if written is None:
        return None
    return Evidence(f"`{written.name}`, built here, has weights that were learned", layer_fact(written).built)


def _stale(layers: Sequence[LayerTrace], words: Wording) -> Iterator[Fact]:
    for place, group in _grouped(layers, lambda layer: layer.averaged and layer.stale_evaluated):
        assert isinstance(place, Place)
        averaged = group[0].averaged
        assert averaged is not None
        yield StaleAverage(
            words.callee(place, group[0].model), place, Evidence("its weights are averaged here", averaged)
        )


def _unfit(layers: Sequence[LayerTrace]) -> Iterator[Fact]:
    broken = [layer for layer in layers if layer.running is not None and not layer.running.finite and layer.called]
    if broken:
        # NaN goes from one layer to all after it: the first has the cause.
        first = min(broken, key=_since)
        place = layer_fact(first).built
        since = first.running.not_finite_since if first.running is not None else None
        yield UnfitStatistics(
            _facts([first, *(layer for layer in broken if layer is not first)]),
            place,
            not_finite=True,
            since=since,
            called=_called(first),
        )
    for layer in layers:
        running = layer.running
        if running is not None and running.finite and running.collapsed and layer.calls_of("training"):
            fact = layer_fact(layer)
            yield UnfitStatistics(
                (fact,),
                fact.built,
                collapsed=running.collapsed,
                channels=layer.num_features or running.collapsed,
                called=_called(layer),
            )


def _since(layer: LayerTrace) -> float:
    known = None if layer.running is None else layer.running.not_finite_since
    return float("inf") if known is None else known


def _called(layer: LayerTrace) -> Evidence | None:
    place = usual_call(layer)
    return None if place is None else Evidence.of(Shows.CALL, place, layer.name)


def _drift(layers: Sequence[LayerTrace]) -> Iterator[Fact]:
    for mode in Mode:
        training = mode is Mode.TRAINING
        measured = []
        for layer in layers:
            drift = layer.drift if training else layer.evaluation_drift
            if drift is not None and drift.batches >= _ENOUGH_BATCHES and not layer.untouched:
                measured.append((drift, layer))
        if not measured:
            continue
        # In evaluation the statistics of all layers lag a little behind the weights, and deep down that adds up; what
        # the first layer gets depends on the inputs.
        worst, layer = max(measured, key=lambda pair: pair[0].shift) if training else measured[0]
        kind = ("training",) if training else ("evaluation", "evaluation-with-grad")
        place = next(
            (one.model for calls in layer.calls_of(*kind) for one in calls.reached if one.model is not None), None
        )
        if place is not None:
            yield StatisticsDrift((layer_fact(layer),), place, mode, worst.shift, worst.batches, worst.spread)


def _flips(layers: Sequence[LayerTrace], words: Wording) -> Iterator[Fact]:
    def flapping(layer: LayerTrace) -> object | None:
        # Steps in evaluation mode after an evaluation are another mistake: train() was forgotten.
        local = layer.eval_training_local * 2 > layer.eval_training.steps
        models = _models(layer)
        return models[0] if layer.flips >= _MANY_FLIPS and local and models else None

    for place, group in _grouped(layers, flapping):
        assert isinstance(place, Place)
        layer = group[0]
        mode = layer.eval_training_mode
        modes = () if mode is None else (Evidence("it is put in evaluation mode here", mode),)
        steps = layer.steps + layer.eval_training.steps
        yield ModeFlips(words.callee(place, layer.model), place, layer.flips, steps, modes)


def _diverged(document: Document) -> Iterator[Fact]:
    layers = {layer.name: layer for layer in document.layers}
    off = [
        (shift, layers[name])
        for name, shift in document.divergence.items()
        if shift > _DIVERGED and name in layers and layers[name].variant != "sync"
    ]
    if not off:
        return
    shift, worst = max(off, key=lambda pair: pair[0])
    models = _models(worst)
    place = models[0] if models else layer_fact(worst).built
    group = [worst, *(layer for _, layer in off if layer is not worst)]
    yield DivergedStatistics(_facts(group), place, document.world_size, shift, worst.broadcast)
