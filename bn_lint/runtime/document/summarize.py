"""Turns what was recorded into the document: sites become places, device values are read, kinds get their names."""

from __future__ import annotations

import contextlib
import math
import os
import sys
from functools import partial
from typing import Any

import torch

from bn_lint.facts import Place
from bn_lint.runtime.document.document import (
    Calls,
    Document,
    Drift,
    Failure,
    Hidden,
    LayerTrace,
    ModeSwitch,
    Override,
    Reached,
    RefusedTransform,
    Statistics,
    Tally,
)
from bn_lint.runtime.document.moved import digests
from bn_lint.runtime.document.sources import LiveSources
from bn_lint.runtime.recording.backward_passes import usual
from bn_lint.runtime.recording.errors import refused_by_transform, refused_fusion
from bn_lint.runtime.recording.layer_records import EVALUATION, KINDS, TRAINING, Entry, Layer, Passage
from bn_lint.runtime.recording.recorder import Recorder
from bn_lint.runtime.recording.running_statistics import last_words
from bn_lint.runtime.recording.sites import Site, place_of

#: Training calls before an evaluation; methods that predict in every step make fewer of them.
_LONG_RUN = 4
#: The most ways to a layer that a document names, the most frequent first.
_MOST_REACHED = 4
#: Stands for a momentum that is no number, of which nothing can be said; None would mean an average over all batches.
_USUAL_MOMENTUM = 0.1


def summarize(recorder: Recorder, document: Document, error: BaseException | None, *, over: bool, since: float) -> None:
    """Fill in the layers, the mode switches and the failure of a document.

    Args:
        over: The program is over, so that no gradient can come any more.
        since: When it began, in seconds since the epoch.
    """
    filled = _Summary(recorder, document, over)
    filled.fill(error)
    document.files = digests({place.path for place in filled.places.values()}, filled.sources, since=since)


class _Summary:
    def __init__(self, recorder: Recorder, document: Document, over: bool) -> None:
        self.recorder = recorder
        self.document = document
        self.over = over
        self.sources = LiveSources()
        self.places: dict[Site, Place] = {}
        #: The lines that got a gradient back, in whatever layer.
        self.backed = {
            site for layer in recorder.everything() for site, passage in layer.passages.items() if passage.backed
        }

    def place(self, site: Site | None) -> Place | None:
        if site is None:
            return None
        if site not in self.places:
            self.places[site] = place_of(site, self.sources)
        return self.places[site]

    def fill(self, error: BaseException | None) -> None:
        recorder, document = self.recorder, self.document
        recorder.bury()
        self._borrow_places(list(recorder.everything()))
        self._mark_failure(error)
        layers = [layer for layer in recorder.everything() if layer.called or layer.built is not None]
        running = self._running(layers)
        compiled = {note["layer"] for note in recorder.compiled.values()}
        layers += [layer for layer in recorder.everything() if layer in compiled and layer not in layers]
        traces: dict[Layer, LayerTrace] = {}
        for layer in layers:
            try:
                traces[layer] = self._layer(layer, running.get(id(layer)))
            except Exception:  # it costs this layer
                recorder.defect()
        document.layers = list(traces.values())
        self._add_compiled(document.layers, traces)
        document.modes = [
            ModeSwitch(self.place(site), training, record["count"], record["layers"], record["steps"])
            for (site, training), record in recorder.mode_sites.items()
            if record["layers"]
        ]
        if not recorder.peeking:
            document.epochs = recorder.epochs.starts(recorder.step)
        document.notes = [f"bn-lint failed here: {text}" for text in recorder.defects]
        if recorder.unanswered is not None:
            document.notes.append(f"The statistics on the device could not be read: {recorder.unanswered}")
        if torch.distributed.is_available() and torch.distributed.is_initialized():
            document.rank, document.world_size = torch.distributed.get_rank(), torch.distributed.get_world_size()
        elif os.environ.get("RANK", "").isdecimal() and os.environ.get("WORLD_SIZE", "").isdecimal():
            document.rank, document.world_size = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])

    def _mark_failure(self, error: BaseException | None) -> None:
        chain: dict[tuple[int, str], BaseException] = {}
        while error is not None and (id(error), str(error)) not in chain:
            chain[id(error), str(error)] = error
            self._mark_refusals(error)
            error = error.__cause__ or error.__context__
        for key, layer, entry in reversed(self.recorder.failures):
            if key in chain:
                entry.failed = f"{type(chain[key]).__name__}: {str(chain[key]).splitlines()[0]}"
                trail = next(iter(entry.trails), None)
                self.document.failure = Failure(
                    entry.failed,
                    layer.name,
                    layer.class_name,
                    layer.num_features,
                    list(entry.shape),
                    entry.training,
                    self.place(layer.built),
                    None if trail is None else self.place(trail.call),
                    None if trail is None else self.place(trail.model),
                )
                return

    def _mark_refusals(self, error: BaseException) -> None:
        """What torch would not do with layers in training mode."""
        document = self.document
        document.refused_fusion = document.refused_fusion or self.place(refused_fusion(error))
        refusal = refused_by_transform(error)
        if refusal is not None and document.refused_transform is None:
            layer = self.recorder.layer_of(refusal.layer)
            applied, call = self.place(refusal.applied), self.place(refusal.call)
            if applied is not None and call is not None:
                built = self.place(layer.built)
                document.refused_transform = RefusedTransform(refusal.transform, layer.name, built, applied, call)

    def _borrow_places(self, layers: list[Layer]) -> None:
        """A copy of a model (`deepcopy`, `AveragedModel`) was built where the original was."""
        built: dict[tuple[str, int | None, str], Site] = {}
        for layer in layers:
            if layer.built is not None and layer.named:
                built.setdefault((layer.class_name, layer.num_features, layer.name), layer.built)
        for layer in layers:
            if layer.built is None:
                layer.built = built.get((layer.class_name, layer.num_features, layer.name))

    def _running(self, layers: list[Layer]) -> dict[int, Statistics]:
        """The running statistics in the end. Everything is looked at on its device first, and then read."""
        found: dict[int, tuple[Layer, Any]] = {}
        for layer in layers:
            if layer.last_words is None and layer in self.recorder.buffers:
                module = None if layer.reference is None else layer.reference()
                buffers = {} if module is None else module._buffers
                mean, variance = buffers.get("running_mean"), buffers.get("running_var")
                if mean is None or variance is None:
                    mean, variance = self.recorder.buffers[layer]
                words = partial(last_words, mean, variance, layer.eps)
                layer.last_words = self.recorder.ask(words, mean.device)
            if layer.last_words is not None:
                found[id(layer)] = (layer, layer.last_words)
        devices: dict[torch.device, list[int]] = {}
        for key, (_, words) in found.items():
            devices.setdefault(words.device, []).append(key)
        result: dict[int, Statistics] = {}
        for device, keys in devices.items():
            rows = self.recorder.ask(partial(_rows, [found[key][1] for key in keys]), device) or []
            for key, (finite, smallest, low, *spread) in zip(keys, rows, strict=False):
                drift = found[key][0].drift or {}
                known = smallest if math.isfinite(smallest) else 0.0
                since = drift.get("broken_since")
                quartiles = (spread[:5], spread[5:]) if all(map(math.isfinite, spread)) else ()
                result[key] = Statistics(bool(finite), known, int(low), since, *quartiles)
        return result

    def _layer(self, layer: Layer, running: Statistics | None) -> LayerTrace:
        place = self.place
        early = [
            (step, place(trail.call), place(trail.model), place(inner), direct)
            for step, trail, inner, direct in layer.early
        ]
        result = LayerTrace(
            name=layer.name,
            model=layer.model,
            variant=layer.variant,
            class_name=layer.class_name,
            num_features=layer.num_features,
            eps=_number(layer.eps),
            momentum=None if layer.momentum is None else _number(layer.momentum, _USUAL_MOMENTUM),
            affine=layer.affine,
            track_running_stats=layer.track_running_stats,
            lazy=layer.lazy,
            built=place(layer.built),
            built_in_library=layer.built_in_library,
            built_path=[each for each in map(place, layer.built_path) if each is not None],
            rebuilt=self.recorder.rebuilt[layer.built] if layer.built_in_call and layer.built is not None else 0,
            hidden=None if layer.hidden is None else Hidden(*layer.hidden),
            override=self._override(layer),
            untracked=place(layer.untracked) if _is_untracked(layer) else None,
            unsynchronized=layer.alone,
            calls=[self._calls(entry) for entry in layer.entries.values() if entry.count or entry.failed],
            steps=layer.trained_steps,
            calls_per_step={str(calls): steps for calls, steps in sorted(layer.calls_per_step.items())},
            owned=layer.owned,
            requires_grad=layer.requires_grad_seen,
            early=early,
            timeline=layer.timeline.hex().rstrip("0") if any(layer.timeline) else "",
            flips=layer.flips,
            without_grad=_tally(layer.without_grad),
            without_grad_beside_training=layer.without_grad_beside_training,
            without_grad_for_others=layer.without_grad_for_others,
            without_grad_between=layer.without_grad_between,
            reference_steps=layer.reference_run.since_step(layer.last_owned),
            reference_since=layer.reference_run.since,
            without_grad_then_evaluated=EVALUATION in layer.after_without_grad
            and TRAINING not in layer.after_without_grad,
            without_grad_mode=place(layer.without_grad_mode[0]),
            without_grad_mode_is_local=layer.without_grad_mode[1],
            eval_training=_tally(layer.eval_training),
            eval_training_local=layer.eval_training_local,
            eval_training_mode=place(layer.eval_mode_site),
            eval_training_at=[
                found
                for site in sorted(layer.eval_training_at, key=lambda site: -layer.eval_training_at[site])
                if (found := place(site)) is not None
            ],
            inspected=layer.inspected,
            fresh=bool(layer.fresh),
            replaced=layer.replaced,
            first_trained=layer.first_trained,
            frozen_training=_tally(layer.frozen_training),
            frozen_run=layer.frozen_run.longest,
            frozen_apart=layer.frozen_apart,
            recomputed=_tally(layer.recomputed),
            loaded=place(layer.loaded_at),
            missing_loaded=place(layer.missing_from),
            missing_evaluated=place(layer.missing_evaluated),
            averaged=place(layer.stale_from),
            stale_evaluated=place(layer.stale_evaluated),
            broadcast=layer.broadcast,
            # Who only peeks does not compare them, and must not take them for frozen.
            weights_changed=self._holds(layer.weight_changed) or (self.recorder.peeking and not layer.owned),
            weights_fixed=self._told(layer.weight_changed) is False,
            running=running,
        )
        backed = any(passage.backed for passage in layer.passages.values())
        if backed and result.weights_changed and not self.recorder.step:
            result.trained_by_hand = True
            result.without_grad_apart = _in_runs(layer.trained_between)
        for site, passage in layer.passages.items():
            found = place(site)
            if found is None or not passage.looked:
                continue
            if site not in self.backed:
                if self._is_no_training(layer, passage):
                    result.no_gradient.append(found)
            elif passage.backed and passage.tail and not result.weights_changed and _is_apart(passage):
                result.gradient_only.append(found)
        if layer.reenabled is not None and layer.reenabled[2]:
            result.reenabled_by, result.reenabled_after = place(layer.reenabled[0]), place(layer.reenabled[1])
        if layer.evaluated_early is not None:
            site, updates = layer.evaluated_early
            result.evaluated = place(site)
            result.untouched = self._holds(layer.untouched)
            if updates and layer.momentum and layer.fresh and layer.loaded_at is None:
                with contextlib.suppress(OverflowError):
                    result.initial_share = _number((1 - layer.momentum) ** updates)
        if layer.learned is not None:
            answers = self.recorder.ask(layer.learned.tolist, layer.learned.device)
            if answers is not None:
                result.unlearned, result.learned = not answers[0], bool(answers[1])
        if layer.drift is not None and layer.drift["batches"]:
            drift = layer.drift
            result.drift = Drift(drift["shift"] / drift["batches"], drift["batches"], None, drift["history"])
        if layer.evaluation_drift is not None:
            result.evaluation_drift = Drift(**layer.evaluation_drift)
        return result

    def _holds(self, answer: torch.Tensor | None) -> bool:
        """What a tensor of one element says; False where its device does not tell."""
        return self._told(answer) is True

    def _told(self, answer: torch.Tensor | None) -> bool | None:
        return None if answer is None else self.recorder.ask(lambda: bool(answer), answer.device)

    def _override(self, layer: Layer) -> Override | None:
        override = layer.override
        if override is None:
            return None
        site = self.place(override.site)
        return (
            Override(override.class_name, site, list(override.left_out), self.place(override.called)) if site else None
        )

    def _is_no_training(self, layer: Layer, passage: Passage) -> bool:
        """Whether calls that never got a gradient stand beside the training, and are no part of each of its steps."""
        if passage.alive and not self.over:
            return False
        if passage.others > 1:
            return False  # as a generator runs for the steps of the discriminator
        routine = usual(layer.calls_per_step) if layer.calls_per_step else 0
        return passage.tail or any(calls > routine for calls in passage.steps)

    def _calls(self, entry: Entry) -> Calls:
        trails = sorted(entry.trails.items(), key=lambda pair: -pair[1])[:_MOST_REACHED]
        return Calls(
            kind=KINDS[entry.kind],
            shape=list(entry.shape),
            training=entry.training,
            grad=entry.grad,
            count=entry.count,
            dtype=entry.dtype,
            device=entry.device,
            autocast=entry.autocast,
            statistics=entry.statistics,
            features_from=entry.features_from,
            tool=entry.tool,
            failed=entry.failed,
            reached=[Reached(self.place(trail.call), self.place(trail.model), count) for trail, count in trails],
            last=None if entry.last_trail is None else self.place(entry.last_trail.model),
            first_step=entry.first_step,
            last_step=entry.last_step,
        )

    def _add_compiled(self, layers: list[LayerTrace], traces: dict[Layer, LayerTrace]) -> None:
        """Layers that Dynamo traced: in graphs there are no calls to count, only what each graph does."""
        unknown: dict[tuple[object, ...], LayerTrace] = {}
        for note in self.recorder.compiled.values():
            key = (note["name"], note["class_name"], note["num_features"])
            layer = traces.get(note["layer"]) or unknown.get(key)
            if layer is None:
                name, class_name, width = key
                variant = next((v for v in ("1d", "2d", "3d") if v in class_name), "other")
                layer = unknown[key] = LayerTrace(name, "", variant, class_name, width)
                layers.append(layer)
            kind = "recalibration" if note["recalibrates"] else "compiled"
            calls = Calls(kind, [-1] * note["rank"], note["training"], note["grad"], note["graphs"])
            calls.reached.append(Reached(self.place(note["call"]), self.place(note["model"]), note["graphs"]))
            layer.calls.append(calls)


def _in_runs(between: list[int]) -> bool:
    """Whether training and calls without gradients alternate in long runs, as training and evaluation do."""
    return bool(between) and between[0] >= _LONG_RUN and all(not calls or calls >= _LONG_RUN for calls in between)


def _is_apart(passage: Passage) -> bool:
    """Whether no optimizer step ever followed, on the layer or on another, and no weights of its own were adapted."""
    return not (passage.steps or passage.before or passage.others or passage.adapted)


def _is_untracked(layer: Layer) -> bool:
    """Whether tracking is still switched off; some methods do that for some calls only."""
    module = layer.reference() if layer.reference is not None else None
    return module is None or not module.track_running_stats


def _tally(tally: Any) -> Tally:
    return Tally(**tally.as_json())


def _rows(tensors: list[torch.Tensor]) -> list[list[float]]:
    rows: list[list[float]] = torch.stack(tensors).tolist()
    return rows


def _number(value: Any, otherwise: float | None = None) -> float | None:
    """A setting of a layer as a number that JSON has; what is larger than any of them is the largest."""
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError, RuntimeError):
        return otherwise
    if math.isnan(number):
        return otherwise
    return max(-sys.float_info.max, min(number, sys.float_info.max))
