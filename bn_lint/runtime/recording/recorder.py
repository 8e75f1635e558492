"""Records the BatchNorm calls of a running program.

`Recorder.look` sees the first calls of each kind closely; the patches only count the others. Nothing here waits for a
device, keeps an input alive, or writes anything into the user's modules.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from types import FrameType
from typing import Any, TypeVar

import torch
from torch.nn.modules.batchnorm import _BatchNorm

from bn_lint.runtime.document.document import EXPORTS
from bn_lint.runtime.recording import layer_records as kinds
from bn_lint.runtime.recording.backward_passes import WatchedEntry, passage_of, watch
from bn_lint.runtime.recording.call_context import CallContext, call_context
from bn_lint.runtime.recording.layer_records import (
    CLOSE_LOOKS,
    MOST_SIGNATURES,
    CountCall,
    Entry,
    Layer,
    Passage,
)
from bn_lint.runtime.recording.mode_changes import ModeChanges
from bn_lint.runtime.recording.recognize import (
    features_from,
    is_adapted,
    is_autocast_enabled,
    is_fake,
    layer_mode,
    plain_kind,
    requires_grad,
    rough_signature,
    signature_of,
)
from bn_lint.runtime.recording.running_statistics import holds_initial_values
from bn_lint.runtime.recording.sites import Site
from bn_lint.runtime.recording.structure import hidden_in
from bn_lint.runtime.recording.weights import learned, remember

_Answer = TypeVar("_Answer")

_MOST_EARLY = 12
_NUMBERS = {int}

is_grad_enabled = torch.is_grad_enabled
#: A context in which what is asked of a tensor does not go through its subclass.
as_plain_tensors = torch._C.DisableTorchFunctionSubclass
graph_task: Callable[[], int] = getattr(torch._C, "_current_graph_task_id", lambda: -1)


class Recorder(ModeChanges):
    """What is known of a running program's BatchNorm layers.

    Attributes:
        step: How many optimizer steps are over; steps that follow each other without a forward pass count as one.
    """

    def __init__(self, *, probing: bool = False) -> None:
        super().__init__()
        self.probing = probing
        self.compiled: dict[tuple[object, ...], dict[str, Any]] = {}
        #: The last BatchNorm calls that raised, by what identifies the error without keeping it alive.
        self.failures: list[tuple[tuple[int, str], Layer, Entry]] = []
        #: Whether devices other than the CPU are asked in the end; one that failed, or waits for others, never answers.
        self.asks_devices = True
        #: What has been recorded is looked at while the program runs: it must not notice.
        self.peeking = False
        #: How many calls have been looked at closely.
        self.looks = 0
        self.unanswered: str | None = None
        self.on_look: Callable[[Layer, Entry, torch.Tensor, _BatchNorm | None], None] | None = None
        #: The kinds of tensors whose calls need not be looked at closely each time.
        self.fast_types: set[type] = {torch.Tensor}
        self._order = 0

    def look(self, module: _BatchNorm, x: object) -> Passage | None:
        """Look closely at a call of a layer that is about to happen; returns what to `watch` it for. Never raises."""
        if self.paused or not isinstance(x, torch.Tensor):
            return None
        try:
            frame = sys._getframe(2)
            with as_plain_tensors():
                return self._look(self.layer_of(module), module, x, module.training, frame)
        except Exception:
            self.defect()
            return None

    def known_call(
        self, table: dict[Any, CountCall], x: Any, training: bool, grad: bool, in_backward: bool
    ) -> CountCall | None:
        """What counts a call that needs no close look, of a layer with many shapes or on a subclass of tensors."""
        kind = type(x)
        if kind not in self.fast_types:
            return None
        if kind is torch.Tensor:
            sizes = x.shape
        else:
            with as_plain_tensors():
                sizes = x.shape
        if set(map(type, sizes)) != _NUMBERS:  # what torch.jit.trace and others let a program have in their place
            return None
        if kind is not torch.Tensor:
            count = table.get(signature_of(sizes, training, grad, in_backward))
            if count is not None:
                return count
        return table.get(rough_signature(sizes, training, grad, in_backward))

    def watch(self, passage: Passage, result: object) -> None:
        """Note when a gradient comes back to the result of a call. Never raises."""
        try:
            watch(passage, result)
        except Exception:
            self.defect()

    def look_functional(self, frame: FrameType, x: object, mean: Any, weight: Any, training: bool) -> None:
        """Look closely at a call of `F.batch_norm` that does not come from a BatchNorm layer's own `forward`."""
        if self.paused or not isinstance(x, torch.Tensor):
            return
        try:
            if type(x) is not torch.Tensor and not self.probing and is_fake(x):
                return  # a graph that Dynamo made is compiled
            caller = self.owner_of_mean(mean) or frame.f_locals.get("self")
            key = (id(frame.f_code), id(mean))
            if isinstance(caller, _BatchNorm):
                layer: Layer = self.layer_of(caller)
                table = layer.fast
                module: _BatchNorm | None = caller
            else:
                layer, module = self.functional_layer(key, frame.f_code, mean, weight, caller), None
                table = layer.fast
            if key not in self.functional and self.outlives(key, mean):
                self.codes[id(frame.f_code)] = frame.f_code  # kept, so that its `id` stays its own
                self.functional[key] = table
            with as_plain_tensors():
                self._look(layer, module, x, training, frame)
        except Exception:
            self.defect()

    def _look(
        self, layer: Layer, module: _BatchNorm | None, x: torch.Tensor, training: bool, frame: FrameType | None
    ) -> Passage | None:
        self.before_change()
        self.looks += 1
        grad = is_grad_enabled()
        in_backward = training and graph_task() != -1
        plain = type(x) is torch.Tensor
        if not plain and type(x) not in self.fast_types and self._is_fast(x):
            self.fast_types.add(type(x))
        sizes = tuple(size if isinstance(size, int) else -1 for size in x.shape)
        signature = signature_of(sizes, training, grad, in_backward)
        rough = len(layer.entries) >= MOST_SIGNATURES
        if rough:
            signature = rough_signature(sizes, training, grad, in_backward)
            known = layer.entries.get((signature, plain_kind(training, grad, in_backward)))
            if known is not None and known.count >= CLOSE_LOOKS and not layer.reenabled:
                known.count += 1
                return None
        around = call_context(frame)
        if around.root is not None and (not layer.named or layer.root is None):
            self.name_all(around.root)
            if module is not None and layer.root is None and layer.hidden is None:
                layer.hidden = hidden_in(around.root, module)
        if layer.order < 0:
            layer.order = self._order
            self._order += 1
        kind = self._kind(layer, module, x, around, training, grad, in_backward)
        entry = layer.entries.get((signature, kind))
        if entry is None:
            watched = plain and kind == kinds.TRAINING and self.is_first(layer, module, around.root)
            make = WatchedEntry if watched else Entry
            entry = layer.entries[signature, kind] = make(sizes, training, grad, kind)
            self._details(layer, entry, module, x)
        entry.count += 1
        if isinstance(entry, WatchedEntry):
            entry.looked_at()
        entry.tool = around.tool
        entry.root_training = around.root.training if around.root is not None else None
        entry.reached_by(around.trail)
        if kind == kinds.TRAINING and len(layer.early) < _MOST_EARLY:
            layer.early.append((self.step, around.trail, around.inner, around.direct))
        if kind == kinds.INSPECTION and (layer.owned or layer.loaded_at is not None or not layer.fresh):
            layer.inspected = True
        self._follow(layer, entry, module, around)
        if self.on_look is not None:
            self.on_look(layer, entry, x, module)
        settled = entry.count >= CLOSE_LOOKS and layer.looks_left <= 0
        layer.looks_left -= 1
        if type(x) in self.fast_types and settled and kind <= kinds.RECOMPUTED:
            if isinstance(entry, WatchedEntry):
                entry.enter_fast_path(layer, signature, self.counted)
            else:
                layer.fast[signature] = partial(self.counted.append, entry)
        if self._dying:
            self.bury()
        if kind == kinds.TRAINING and not layer.owned:
            remember(layer, self.step)
        if not plain or kind != kinds.TRAINING:
            return None
        passage = passage_of(layer, around.trail.model)
        if passage is not None and is_adapted(module):
            passage.adapted = True
        return passage

    @staticmethod
    def _is_fast(x: torch.Tensor) -> bool:
        """Whether calls with tensors of a subclass can be told apart by their sizes: these are numbers."""
        return not is_fake(x) and all(type(size) is int for size in x.shape)

    def _kind(
        self,
        layer: Layer,
        module: _BatchNorm | None,
        x: torch.Tensor,
        around: CallContext,
        training: bool,
        grad: bool,
        in_backward: bool,
    ) -> int:
        if around.tool in EXPORTS:
            return kinds.INSPECTION
        if around.warms_up or (not self.probing and (type(x) is not torch.Tensor and is_fake(x))):
            return kinds.OTHER
        if x.is_cuda and torch.cuda.is_current_stream_capturing():
            return kinds.OTHER
        if module is None and not layer.track_running_stats:
            return kinds.OTHER  # not a layer: weights that are standardized, a loss
        if around.tool is not None:
            return kinds.INSPECTION
        if training and not in_backward:
            borrowed = module is not None and module.momentum in (None, 1.0) and layer.momentum not in (None, 1.0)
            # BatchNorm layers alone were put in training mode, to learn the statistics of other data.
            alone = layer.mode_root == id(module) and around.root is not None and not around.root.training
            if around.recalibrates or borrowed or ((layer.recalibrating or alone) and not grad):
                return kinds.RECALIBRATION
            if layer.lazy and not layer.entries:
                return kinds.OTHER  # the first run of a lazy layer only finds out its width
        return plain_kind(training, grad, in_backward)

    def _details(self, layer: Layer, entry: Entry, module: _BatchNorm | None, x: torch.Tensor) -> None:
        entry.dtype = str(x.dtype).removeprefix("torch.")
        entry.device = str(x.device)
        if x.device.type in ("cpu", "cuda"):
            entry.autocast = is_autocast_enabled(x.device.type)
        entry.features_from = features_from(x)
        if module is None:
            return
        if layer.lazy or layer.class_name != type(module).__name__:
            self._describe(layer, module)
            if layer.name.endswith("()"):
                layer.name = f"{layer.class_name}({layer.num_features})"
        kinds_seen = [kind for _, kind in layer.entries]
        if entry.kind != kinds.RECALIBRATION and (
            len(kinds_seen) == 1 or (entry.kind == kinds.TRAINING and kinds_seen.count(kinds.TRAINING) == 1)
        ):
            # What counts is not what the constructor was given, but what the layer works with.
            layer.eps, layer.momentum = module.eps, module.momentum
        mean, variance = module._buffers.get("running_mean"), module._buffers.get("running_var")
        if mean is not None and variance is not None:
            entry.statistics = str(variance.dtype).removeprefix("torch.")
            if not mean.is_meta and type(mean) is torch.Tensor:
                self.buffers[layer] = (mean, variance)
        if entry.kind == kinds.TRAINING and layer.variant == "sync":
            layer.alone = not (torch.distributed.is_available() and torch.distributed.is_initialized())
        weight = module._parameters.get("weight")
        if weight is not None:
            layer.parameter = id(weight)
            layer.requires_grad_seen = layer.requires_grad_seen or bool(requires_grad(module))

    def _follow(self, layer: Layer, entry: Entry, module: _BatchNorm | None, around: CallContext) -> None:
        """Draw the conclusions that depend on the order of events."""
        if module is not None and entry.training and entry.kind != kinds.OTHER:
            if module.track_running_stats or module._buffers.get("running_mean") is None:
                layer.untracked, layer.tracked_in = None, self.step
            elif layer.tracked_in != self.step:  # some methods switch it off for some of the calls of each step
                layer.untracked = layer.untracked or around.trail.call
        if layer.last_without_grad:
            layer.after_without_grad.add(entry.kind)
        layer.last_without_grad = entry.kind == kinds.TRAINING_WITHOUT_GRAD
        if entry.kind in (kinds.TRAINING, kinds.RECALIBRATION):
            layer.averaged_at = layer.missing_at = None
            if entry.kind == kinds.TRAINING:
                self._look_at_weights(layer, module)
                layer.recalibrating = False
                if layer.reenabled is not None and not layer.reenabled[2]:
                    thawed = layer.frozen_grad is False and requires_grad(module)
                    layer.reenabled = None if thawed else (*layer.reenabled[:2], True)
        elif entry.kind == kinds.TRAINING_WITHOUT_GRAD:
            self._look_at_weights(layer, module)
            if self.step == 0 and len(layer.trained_between) < _MOST_EARLY:
                layer.trained_between.append(layer.trainings() - sum(layer.trained_between))
            if layer.reenabled is not None and requires_grad(module) is False:
                layer.reenabled = (*layer.reenabled[:2], True)
            # The model was put in evaluation mode, and its layer never was: it came later.
            since = None if around.root is None else self.put_in_evaluation.get(around.root)
            layer.replaced = layer.mode_site is None and bool(layer.fresh) and since is not None and layer.birth > since
            recently = layer.mode_step == self.step and layer.mode_site is not None
            trained = any(e.kind == kinds.TRAINING and e.count > e.seen for e in layer.entries.values())
            layer.without_grad_mode = (layer.mode_site, recently and not trained)
        elif entry.kind in (kinds.EVALUATION, kinds.EVALUATION_WITH_GRAD):
            apart = entry.grad and around.root is not None and around.root is not module and around.root.training
            if apart:
                layer.frozen_at, layer.apart = layer.frozen_at or layer.mode_site, True
                layer.frozen_grad = requires_grad(module)
            self._evaluated(layer, module, around.trail.model)
        if module is not None and around.root is not None:
            wrapper = around.root
            if isinstance(wrapper, torch.nn.parallel.DistributedDataParallel):
                layer.broadcast = bool(wrapper.broadcast_buffers)

    def _evaluated(self, layer: Layer, module: _BatchNorm | None, site: Site | None) -> None:
        if layer.averaged_at is not None and layer.stale_evaluated is None:
            layer.stale_evaluated, layer.stale_from = site, layer.averaged_at
        if layer.missing_at is not None and layer.missing_evaluated is None:
            layer.missing_evaluated, layer.missing_from = site, layer.missing_at
        updates = layer.updates_seen()
        if layer.evaluated_early is None or (updates == 0 and layer.untouched is not None):
            layer.evaluated_early = (site, updates)
            if updates == 0 and module is not None and not self.probing:
                layer.untouched = holds_initial_values(module)
                layer.learned = learned(module)

    def _look_at_weights(self, layer: Layer, module: _BatchNorm | None) -> None:
        """See whether weights that were not trained here were learned elsewhere."""
        if layer.learned is None and module is not None and not (layer.fresh and layer.loaded_at is None):
            layer.learned = learned(module)

    def failed(self, module: _BatchNorm | None, x: object, error: BaseException) -> None:
        """A BatchNorm call raised; what it was is kept, in case the error is not caught."""
        try:
            layer = self.layers.get(id(module)) if module is not None else None
            if layer is None or not isinstance(x, torch.Tensor) or type(error).__module__ == "torch.utils.checkpoint":
                return  # checkpointing stops its second pass by an exception of its own
            sizes = tuple(size if isinstance(size, int) else -1 for size in x.shape)
            entries = [e for e in layer.entries.values() if e.shape == sizes and e.training is layer_mode(module)]
            if entries:
                self.before_change()
                self.failures = [*self.failures[-3:], ((id(error), str(error)), layer, entries[-1])]
                entries[-1].count -= 1
        except Exception:
            self.defect()

    def compiled_call(self, class_name: str, width: int, rank: int, training: bool, grad: bool) -> None:
        """Dynamo traces a BatchNorm call: once for each graph it makes."""
        from bn_lint.runtime.recording.compiled import note

        if not self.paused:
            try:
                note(self, class_name, width, rank, training, grad)
            except Exception:
                self.defect()

    def ask(self, read: Callable[[], _Answer], device: torch.device | None = None) -> _Answer | None:
        """Read values that lie on a device, when the run is over; None if it does not give them."""
        if self.peeking:
            return None
        if not self.asks_devices and (device is None or device.type != "cpu"):
            return None
        try:
            return read()
        except RuntimeError as error:  # after an error on a CUDA device, everything fails
            self.asks_devices = False
            self.unanswered = self.unanswered or str(error).partition("\n")[0]
            return None

    @contextmanager
    def peek(self) -> Iterator[None]:
        """Ask no tensor for anything."""
        self.peeking = True
        try:
            yield
        finally:
            self.peeking = False

    def attempt(self, work: Callable[[], object]) -> None:
        """Do something when the run is over; a defect in it costs only itself."""
        try:
            work()
        except Exception:
            self.defect()

    @contextmanager
    def pause(self) -> Iterator[None]:
        """Record nothing."""
        self.paused += 1
        try:
            yield
        finally:
            self.paused -= 1
