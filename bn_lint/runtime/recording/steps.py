"""Closes one optimizer step after the other: what was each layer used for since the step before?"""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any, NamedTuple

import torch

from bn_lint.runtime.recording import layer_records as kinds
from bn_lint.runtime.recording.backward_passes import WatchedEntry
from bn_lint.runtime.recording.layer_records import TIMELINE, TRAINED, UNUSUAL, Entry, Layer, Passage, bits_of
from bn_lint.runtime.recording.recognize import part_of_model_in, requires_grad
from bn_lint.runtime.recording.repetition import Repetition
from bn_lint.runtime.recording.sites import Site
from bn_lint.runtime.recording.trained_parameters import PERIOD, TrainedParameters
from bn_lint.runtime.recording.weights import compare, remember

if TYPE_CHECKING:
    from bn_lint.runtime.recording.recorder import Recorder
    from bn_lint.runtime.recording.running_statistics import Drift

#: Different numbers of training calls per step that are told apart.
_MOST_COUNTS = 8
#: How often layers with unusual calls are looked at closely again.
_MOST_SECOND_LOOKS = 20
#: Optimizers that may take turns.
_MOST_TURNS = 8


class Use(NamedTuple):
    """What one layer was used for in one step: calls of each kind, and the mode it was in at the end.

    `calls` is a number where all of them are training calls, as they nearly always are.
    """

    layer: Layer
    calls: int | tuple[int, ...]
    mode_site: Site | None = None
    evaluated_since_mode: bool = False
    whole_model: bool = False
    #: The line that called it last in evaluation mode with gradients.
    evaluated_at: Site | None = None
    passages: tuple[Passage, ...] = ()


class Steps:
    """The optimizer steps of a run.

    A step that follows another one without a forward pass between them belongs to it: an encoder and a decoder with an
    optimizer each are one step, the two halves of a GAN are not.
    """

    def __init__(self, recorder: Recorder, drift: Drift | None = None, last: int | None = None) -> None:
        self.recorder = recorder
        self.drift = drift
        self.last = last
        self.seconds: list[int] = []
        self.width = 1
        self.adversarial = False
        self.over = False
        self._pending: list[Use] = []
        self._owned: frozenset[int] = frozenset()
        self._optimizer: weakref.ref[torch.optim.Optimizer] | None = None
        self._trained = TrainedParameters()
        #: The last optimizers that made a step, each with what it and those directly after it own.
        self._turns: list[tuple[weakref.ref[torch.optim.Optimizer], frozenset[int]]] = []
        self._alternations = 0
        self._second_looks = 0
        self._compare_next = False
        self._complete = True
        self._repetition: Repetition | None = None
        #: The calls of each kind in the last step that was looked at, where it had any.
        self._calls: dict[Entry, int] = {}
        recorder.before_change = self.settle

    def stepped(self, optimizer: torch.optim.Optimizer) -> None:
        """An optimizer made a step. Never raises."""
        recorder = self.recorder
        if self.over or recorder.paused:
            return
        try:
            owned, repetition = self._trained.of(optimizer), self._repetition
            # Nearly all steps do what the one before did.
            if (
                repetition is not None
                and owned is self._owned
                and not recorder.has_departures
                and repetition.comes_again(recorder.counted)
            ):
                recorder.step += 1
                if self.drift is not None:
                    self._measure(self._pending)
                if self.last is not None and recorder.step >= self.last:
                    self.over = True
                return
            self.settle()
            uses = self._close()
            if uses or not self._pending:
                self._classify()
                self._pending, self._owned, self._optimizer = uses, owned, weakref.ref(optimizer)
                self.recorder.step += 1
                self._measure(uses)
                self._repetition = self._may_repeat(uses)
                if self.last is not None and self.recorder.step >= self.last:
                    self.over = True
            else:
                self._owned |= owned
        except Exception:
            self.recorder.defect()

    def _may_repeat(self, uses: list[Use]) -> Repetition | None:
        """What a step must be like to be the same as this one, of which nothing is new."""
        if not uses or not all(_is_known(use, self._owned) for use in uses):
            return None
        return Repetition(self._calls) if self._calls else None

    def settle(self) -> None:
        """Count the steps that were like the one before them, and the calls since, as something else may happen."""
        repetition, self._repetition = self._repetition, None
        if repetition is not None and repetition.times:
            self._settle(repetition)
        self.recorder.add_up()

    def _settle(self, repetition: Repetition) -> None:
        repetition.settle(self.recorder.step - 1)
        # The last of them is still open; that before the first was no repetition.
        end = self.recorder.step - 1
        last = self._position(end - 1)
        marks = range((end - repetition.times) // self.width, last + 1)
        for use in self._pending:
            layer, calls = use.layer, use.calls
            assert isinstance(calls, int)
            layer.calls_per_step[calls] += repetition.times
            layer.trained_steps += repetition.times
            layer.last_owned = end - 1
            for index in marks:
                layer.timeline[index] |= TRAINED

    def finish(self, *, complete: bool = True) -> None:
        """The run is over: judge the last step, and what came after it.

        Args:
            complete: Nothing ended the program before its time, between a forward pass and its gradients.
        """
        self._complete = complete
        self.settle()
        self._classify()
        self._pending = []
        for use in self._close():
            self._tail(use)
        for layer in self.recorder.everything():
            compare(layer)

    def _close(self) -> list[Use]:
        """The calls since the last time, layer by layer."""
        uses = []
        self._calls = {}
        recorder = self.recorder
        recorder.bury()
        unusual = False
        for layer in (*recorder.layers.values(), *recorder.functional_layers.values(), *recorder.unclosed):
            training = 0
            calls: list[int] | None = None
            whole, evaluated_at = False, None
            for entry in layer.entries.values():
                new = entry.count - entry.seen
                if new:
                    self._calls[entry] = new
                    entry.seen = entry.count
                    entry.seen_in(recorder.step)
                    if isinstance(entry, WatchedEntry):
                        entry.step_is_over()
                    if entry.kind == kinds.TRAINING:
                        training += new
                        continue
                    if calls is None:
                        calls = [0] * len(kinds.KINDS)
                    calls[entry.kind] += new
                    if entry.kind == kinds.EVALUATION_WITH_GRAD and entry.root_training is False:
                        whole = True
                        evaluated_at = entry.last_trail.model if entry.last_trail is not None else None
            passages: tuple[Passage, ...] = ()
            if layer.waiting:
                passages = tuple(layer.waiting)
                layer.waiting.clear()
            if calls is None:
                if passages:
                    uses.append(Use(layer, training, passages=passages))
                elif training:
                    uses.append(Use(layer, training))
            else:
                calls[kinds.TRAINING] = training
                unusual = unusual or calls[kinds.TRAINING_WITHOUT_GRAD] > calls[kinds.RECOMPUTED]
                unusual = unusual or (calls[kinds.EVALUATION_WITH_GRAD] > 0 and not training)
                since = layer.evaluations() > layer.evaluations_before_mode if calls[2] else False
                uses.append(Use(layer, tuple(calls), layer.mode_site, since, whole, evaluated_at, passages))
        recorder.closed()
        if unusual and self._second_looks < _MOST_SECOND_LOOKS:
            self._second_looks += 1
            for use in uses:
                use.layer.look_again()
        return uses

    def _classify(self) -> None:
        if not self._pending:
            return
        step = self.recorder.step - 1
        self._take_turns(step)
        index = self._position(step)
        for use in self._pending:
            layer, calls = use.layer, use.calls
            if isinstance(calls, int):
                layer.timeline[index] |= TRAINED
                if _is_known(use, self._owned):
                    layer.calls_per_step[calls] += 1
                    layer.trained_steps += 1
                    layer.last_owned = step
                    continue
                self._count_training(layer, calls, self._owns(layer), step, use.passages)
                continue
            bits = 0
            for kind, count in enumerate(calls):
                if count:
                    bits |= bits_of(kind)
            owned = self._owns(layer)
            training = calls[kinds.TRAINING]
            serves = self._count_training(layer, training, owned, step, use.passages)
            alone = calls[kinds.TRAINING_WITHOUT_GRAD] - calls[kinds.RECOMPUTED]
            if alone > 0:
                layer.without_grad.add(alone, step)
                if not owned:
                    remember(layer, step)
                if (training and not serves) or calls[kinds.RECOMPUTED]:
                    layer.without_grad_beside_training += 1
                elif not owned:
                    layer.without_grad_for_others += 1
                    layer.reference_run.add(step, layer.last_owned)
            if calls[kinds.RECOMPUTED]:
                layer.recomputed.add(calls[kinds.RECOMPUTED], step)
            if calls[kinds.EVALUATION_WITH_GRAD] and not training and owned:
                if use.whole_model:
                    bits |= UNUSUAL
                    layer.eval_training.add(calls[kinds.EVALUATION_WITH_GRAD], step)
                    layer.eval_training_local += not use.evaluated_since_mode
                    layer.eval_mode_site = layer.eval_mode_site or use.mode_site
                    if use.evaluated_at is not None and len(layer.eval_training_at) < kinds.MOST_TRAILS:
                        at = layer.eval_training_at
                        at[use.evaluated_at] = at.get(use.evaluated_at, 0) + 1
                self._trained_in(layer, False)
            layer.timeline[index] |= bits

    def _count_training(
        self, layer: Layer, training: int, owned: bool, step: int, passages: tuple[Passage, ...]
    ) -> bool:
        """Count the calls with gradients; returns whether they served another model: its own one is frozen."""
        for passage in passages:
            if not owned:
                passage.others += 1
            elif not layer.owned:
                passage.before = True
            elif training in passage.steps or len(passage.steps) < _MOST_COUNTS:
                passage.steps[training] = passage.steps.get(training, 0) + 1
        if owned and not layer.owned:
            layer.owned = True
            layer.first_trained = step
        if owned:
            layer.last_owned = step
            layer.without_grad_between = layer.without_grad_for_others
        if not training:
            return False
        if training in layer.calls_per_step or len(layer.calls_per_step) < _MOST_COUNTS:
            layer.calls_per_step[training] = layer.calls_per_step.get(training, 0) + 1
        layer.trained_steps += 1
        if owned and layer.last_trained_in is not True:
            self._trained_in(layer, True)
        if not layer.requires_grad_seen or not owned:
            learns = requires_grad(None if layer.reference is None else layer.reference())
            layer.requires_grad_seen = layer.requires_grad_seen or learns is True
            if learns is False and not owned:
                layer.frozen_training.add(training, step)
                if layer.frozen_training.steps <= PERIOD:
                    first = layer.frozen_training.steps == 1
                    apart = part_of_model_in(layer, self._owned) is False
                    layer.frozen_apart = apart and (first or layer.frozen_apart)
                layer.frozen_run.add(step, layer.last_owned)
                remember(layer, step)
                return layer.frozen_apart
        return False

    def _trained_in(self, layer: Layer, mode: bool) -> None:
        layer.flips += layer.last_trained_in is not None and layer.last_trained_in is not mode
        layer.last_trained_in = mode

    def _owns(self, layer: Layer) -> bool:
        """Whether the step changed the layer, or, for one without parameters, the model around it."""
        if layer.parameter is not None:
            return layer.parameter in self._owned
        return part_of_model_in(layer, self._owned) is True

    def _take_turns(self, step: int) -> None:
        if self.adversarial:
            return
        if self._optimizer is None or (self._turns and self._turns[-1][1] == self._owned):
            return
        # An optimizer that is gone trained a model before this one, as in cross-validation.
        self._turns = [turn for turn in self._turns[-_MOST_TURNS:] if turn[0]() is not None]
        if any(owned & self._owned for _, owned in self._turns[:-1]) and not self._turns[-1][1] & self._owned:
            self._alternations += 1
            self.adversarial = self._alternations >= 2
        self._turns.append((self._optimizer, self._owned))

    def _position(self, step: int) -> int:
        while step // self.width >= TIMELINE:
            self.width *= 2
            for layer in self.recorder.everything():
                old = layer.timeline
                layer.timeline = bytearray(old[i] | old[i + 1] for i in range(0, TIMELINE, 2)) + bytearray(
                    TIMELINE // 2
                )
            if self.drift is not None:
                self.drift.halve()
        return step // self.width

    def _tail(self, use: Use) -> None:
        layer = use.layer
        if self._complete:
            for passage in use.passages:
                passage.tail = True
        if isinstance(use.calls, int):
            layer.timeline[self._position(self.recorder.step)] |= TRAINED
            return
        calls = use.calls
        alone = calls[kinds.TRAINING_WITHOUT_GRAD] - calls[kinds.RECOMPUTED]
        if alone > 0:
            layer.without_grad.add(alone, self.recorder.step, tail=True)
        if calls[kinds.RECOMPUTED]:
            layer.recomputed.add(calls[kinds.RECOMPUTED], self.recorder.step, tail=True)
        bits = 0
        for kind, count in enumerate(calls):
            if count:
                bits |= bits_of(kind)
        layer.timeline[self._position(self.recorder.step)] |= bits

    def _measure(self, uses: list[Use]) -> None:
        if self.drift is None:
            return
        step = self.recorder.step
        if self._compare_next:
            if self._repetition is not None:
                self._repetition.add_up()
            counts: dict[Any, int] = {
                use.layer: use.calls if isinstance(use.calls, int) else use.calls[kinds.TRAINING] for use in uses
            }
            self.drift.compare(counts, step - 1, self._position(step - 1))
            self._compare_next = False
        if step % self.drift.every == 0 or step <= 1 or self.drift.every == 1:
            self.drift.prepare(self.recorder.buffers)
            self._compare_next = True


def _is_known(use: Use, owned: frozenset[int]) -> bool:
    """Whether nothing about a use is new: the layer was trained as in a step before, by an optimizer that has it."""
    layer = use.layer
    return (
        isinstance(use.calls, int)
        and use.calls in layer.calls_per_step
        and layer.parameter in owned
        and bool(layer.last_trained_in)
        and layer.requires_grad_seen
        and not use.passages
    )
