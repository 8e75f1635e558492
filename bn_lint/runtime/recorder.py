"""Records the BatchNorm calls of a running program.

`Recorder.look` sees the first calls of each kind closely; the patches only count the others. Nothing here waits for a
device, keeps an input alive, or writes anything into the user's modules.
"""

from __future__ import annotations

import sys
import threading
import traceback
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import CodeType, FrameType
from typing import Any

import torch
from torch.nn.modules.batchnorm import _BatchNorm, _LazyNormBase

from bn_lint.runtime import layers as kinds
from bn_lint.runtime.layers import CLOSE_LOOKS, MOST_SIGNATURES, Entry, Layer
from bn_lint.runtime.sites import LIBRARY, MACHINERY, Site, here, owner_of, path_to
from bn_lint.runtime.statistics import holds_initial_values
from bn_lint.runtime.surroundings import Surroundings, survey

#: Layers that are gone are kept apart up to this number; beyond it, those that look alike are put together.
_MOST_DEPARTED = 2000
_MOST_DEFECTS = 5
_MOST_EARLY = 12

is_grad_enabled = torch.is_grad_enabled
graph_task: Callable[[], int] = getattr(torch._C, "_current_graph_task_id", lambda: -1)


class Recorder:
    """What is known of a running program's BatchNorm layers.

    Attributes:
        layers: The layers that exist, by the `id` of their module; `tables` holds the fast path of each.
        functional: The calls of `F.batch_norm`, by the caller's code and the running mean.
        step: How many optimizer steps are over; steps that follow each other without a forward pass count as one.
    """

    def __init__(self, *, probing: bool = False) -> None:
        self.probing = probing
        self.paused = 0
        self.layers: dict[int, Layer] = {}
        self.tables: dict[int, dict[Any, Entry]] = {}
        self.functional: dict[tuple[int, int], dict[Any, Entry]] = {}
        self.functional_layers: dict[tuple[int, int], Layer] = {}
        self._codes: dict[int, CodeType] = {}
        self.departed: list[Layer] = []
        self.uncalled: dict[tuple[object, ...], Layer] = {}
        self._dying: list[Layer] = []
        #: Layers that are gone, and whose last calls belong to the step that is not over yet.
        self.unclosed: list[Layer] = []
        self.buffers: dict[Layer, tuple[torch.Tensor, torch.Tensor]] = {}
        self.step = 0
        self.mode_sites: dict[tuple[Site | None, bool], dict[str, Any]] = {}
        self.compiled: dict[tuple[object, ...], dict[str, Any]] = {}
        #: The last BatchNorm calls that raised, by what identifies the error without keeping it alive.
        self.failures: list[tuple[tuple[int, str], Layer, Entry]] = []
        self.defects: list[str] = []
        self.lock = threading.RLock()
        self.on_look: Callable[[Layer, Entry, torch.Tensor, _BatchNorm | None], None] | None = None
        self._order = 0

    # What exists

    def built(self, module: _BatchNorm, frame: FrameType | None) -> None:
        """Remember a layer that was just constructed, and the line that did it."""
        layer = self.layer_of(module)
        layer.fresh = True
        layer.built = here(frame)
        layer.built_path = path_to(frame)
        while frame is not None and owner_of(frame.f_code.co_filename) == MACHINERY:
            frame = frame.f_back
        layer.built_in_library = frame is not None and owner_of(frame.f_code.co_filename) == LIBRARY

    def layer_of(self, module: _BatchNorm) -> Layer:
        """The record of a layer, made when it is met for the first time."""
        layer = self.layers.get(id(module))
        if layer is None:
            with self.lock:
                key = id(module)
                layer = Layer(name="", variant="", class_name="", num_features=None)
                self._describe(layer, module)
                self.layers[key] = layer
                self.tables[key] = layer.fast
                layer.reference = weakref.ref(module, lambda _: self._gone(key))
        return layer

    def _describe(self, layer: Layer, module: _BatchNorm) -> None:
        lazy = isinstance(module, _LazyNormBase)
        layer.lazy = layer.lazy or lazy
        layer.class_name = type(module).__name__
        layer.variant = variant_of(module)
        layer.num_features = None if lazy or not isinstance(module.num_features, int) else module.num_features
        layer.eps, layer.momentum = module.eps, module.momentum
        layer.affine, layer.track_running_stats = (
            module._parameters.get("weight") is not None,
            bool(module.track_running_stats),
        )
        if not layer.named:
            layer.name = f"{layer.class_name}({'' if layer.num_features is None else layer.num_features})"

    def _gone(self, key: int) -> None:
        # Runs wherever the garbage collector happens to be: only note it.
        layer = self.layers.pop(key, None)
        self.tables.pop(key, None)
        if layer is not None:
            self._dying.append(layer)

    def bury(self) -> None:
        """Put away the layers that are gone, with a last look at their statistics."""
        if not self._dying:
            return
        from bn_lint.runtime.statistics import last_words

        while self._dying:
            layer = self._dying.pop()
            buffers = self.buffers.pop(layer, None)
            if not layer.called:
                # Its arguments can be judged; one of the layers that a line makes is enough.
                if layer.built is not None:
                    self.uncalled.setdefault((layer.built, layer.name, layer.momentum, layer.eps), layer)
                continue
            if buffers is not None and layer.last_words is None:
                layer.last_words = last_words(*buffers, layer.eps)
            layer.fast = {}
            self.departed.append(layer)
            self.unclosed.append(layer)

    def closed(self) -> None:
        """The calls so far have been counted into a step."""
        self.unclosed.clear()
        if len(self.departed) > _MOST_DEPARTED:
            self.departed = put_together(self.departed)

    def everything(self) -> Iterator[Layer]:
        """All layers, in the order in which they were first called; those that never were come last."""
        found = [*self.departed, *self.uncalled.values(), *self.layers.values(), *self.functional_layers.values()]
        yield from sorted(found, key=lambda layer: layer.order if layer.order >= 0 else 1 << 60)

    def name_all(self, root: torch.nn.Module) -> None:
        """Name the layers inside a model that is called."""
        model = type(root).__name__
        for name, module in root.named_modules():
            if isinstance(module, _BatchNorm):
                layer = self.layer_of(module)
                if name and not (layer.named and len(layer.name) > len(name)):
                    layer.name, layer.named = plain_name(name), True
                if name or not layer.model:
                    layer.model = model
                layer.root = weakref.ref(root)

    # What happens

    def look(self, module: _BatchNorm, x: object) -> None:
        """Look closely at a call of a layer that is about to happen. Never raises."""
        if self.paused or not isinstance(x, torch.Tensor):
            return
        try:
            self._look(self.layer_of(module), module, x, module.training, sys._getframe(2))
        except Exception:
            self.defect()

    def look_functional(self, frame: FrameType, x: object, mean: Any, weight: Any, training: bool) -> None:
        """Look closely at a call of `F.batch_norm` that does not come from a BatchNorm layer's own `forward`."""
        if self.paused or not isinstance(x, torch.Tensor):
            return
        try:
            caller = self._owner_of(mean) or frame.f_locals.get("self")
            key = (id(frame.f_code), id(mean))
            if isinstance(caller, _BatchNorm):
                layer: Layer = self.layer_of(caller)
                table = layer.fast
                module: _BatchNorm | None = caller
            else:
                layer, module = self._functional_layer(key, frame.f_code, mean, weight, caller), None
                table = layer.fast
            if key not in self.functional and self._outlives(key, mean):
                self._codes[id(frame.f_code)] = frame.f_code  # kept, so that its `id` stays its own
                self.functional[key] = table
            self._look(layer, module, x, training, frame)
        except Exception:
            self.defect()

    def _owner_of(self, mean: Any) -> _BatchNorm | None:
        """The layer whose running mean this is: code that was generated from a model passes the buffers themselves."""
        if mean is None:
            return None
        for layer in self.layers.values():
            module = None if layer.reference is None else layer.reference()
            if module is not None and module._buffers.get("running_mean") is mean:
                return module  # type: ignore[no-any-return]
        return None

    def _outlives(self, key: tuple[int, int], mean: Any) -> bool:
        """Forget the fast path of a running mean when it goes, since another may get its `id`."""
        if mean is None:
            return True
        if type(mean) is not torch.Tensor:
            return False
        weakref.finalize(mean, self._forget, key).atexit = False
        return True

    def _forget(self, key: tuple[int, int]) -> None:
        self.functional.pop(key, None)
        layer = self.functional_layers.pop(key, None)
        if layer is not None:
            self._dying.append(layer)

    def _functional_layer(self, key: tuple[int, int], code: CodeType, mean: Any, weight: Any, caller: Any) -> Layer:
        known = self.functional_layers.get(key)
        if known is not None:
            return known
        owner = type(caller).__name__ if isinstance(caller, torch.nn.Module) else code.co_name
        width = int(mean.shape[0]) if isinstance(mean, torch.Tensor) and mean.dim() == 1 else None
        layer = Layer(name=f"{owner}.batch_norm", variant="functional", class_name="batch_norm", num_features=width)
        layer.affine, layer.track_running_stats, layer.named = weight is not None, mean is not None, True
        self.functional_layers[key] = layer
        if isinstance(weight, torch.Tensor):
            layer.parameter = id(weight)
        return layer

    def _look(
        self, layer: Layer, module: _BatchNorm | None, x: torch.Tensor, training: bool, frame: FrameType | None
    ) -> None:
        grad = is_grad_enabled()
        in_backward = training and graph_task() != -1
        plain = type(x) is torch.Tensor
        sizes = tuple(size if isinstance(size, int) else -1 for size in x.shape)
        signature: Any = (x.shape if plain else sizes, training, grad, in_backward)
        if len(layer.entries) >= MOST_SIGNATURES:
            signature = (len(sizes), sizes[1:2], _scale(sizes), training, grad, in_backward)
            known = layer.entries.get((signature, _plain_kind(training, grad, in_backward)))
            if known is not None and known.count >= CLOSE_LOOKS and not layer.reenabled:
                known.count += 1
                return
        around = survey(frame)
        if around.root is not None and (not layer.named or layer.root is None):
            self.name_all(around.root)
        if layer.order < 0:
            layer.order = self._order
            self._order += 1
        kind = self._kind(layer, module, x, around, training, grad, in_backward)
        entry = layer.entries.get((signature, kind))
        if entry is None:
            entry = layer.entries[signature, kind] = Entry(sizes, training, grad, kind)
            self._details(layer, entry, module, x)
        entry.count += 1
        entry.tool = around.tool
        entry.root_training = around.root.training if around.root is not None else None
        entry.reached_by(around.trail)
        if kind == kinds.TRAINING and len(layer.early) < _MOST_EARLY:
            layer.early.append((self.step, around.trail, around.inner, around.direct))
        self._follow(layer, entry, module, around)
        if self.on_look is not None:
            self.on_look(layer, entry, x, module)
        if plain and entry.count >= CLOSE_LOOKS and kind <= kinds.RECOMPUTED and len(layer.entries) < MOST_SIGNATURES:
            layer.fast[signature] = entry
        if self._dying:
            self.bury()

    def _kind(
        self,
        layer: Layer,
        module: _BatchNorm | None,
        x: torch.Tensor,
        around: Surroundings,
        training: bool,
        grad: bool,
        in_backward: bool,
    ) -> int:
        if around.warms_up or (not self.probing and (type(x) is not torch.Tensor and _is_fake(x))):
            return kinds.OTHER
        if x.is_cuda and torch.cuda.is_current_stream_capturing():
            return kinds.OTHER
        if module is None and not layer.track_running_stats:
            return kinds.OTHER  # not a layer: weights that are standardized, a loss
        if around.tool is not None:
            return kinds.INSPECTION
        if training and not in_backward:
            borrowed = module is not None and module.momentum in (None, 1.0) and layer.momentum not in (None, 1.0)
            if around.recalibrates or borrowed or (layer.recalibrating and not grad):
                return kinds.RECALIBRATION
            if layer.lazy and not layer.entries:
                return kinds.OTHER  # the first run of a lazy layer only finds out its width
        return _plain_kind(training, grad, in_backward)

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
        mean, variance = module._buffers.get("running_mean"), module._buffers.get("running_var")
        if mean is not None and variance is not None:
            entry.statistics = str(variance.dtype).removeprefix("torch.")
            if not mean.is_meta and type(mean) is torch.Tensor:
                self.buffers[layer] = (mean, variance)
        weight = module._parameters.get("weight")
        if weight is not None:
            layer.parameter = id(weight)
            layer.requires_grad_seen = layer.requires_grad_seen or weight.requires_grad

    def _follow(self, layer: Layer, entry: Entry, module: _BatchNorm | None, around: Surroundings) -> None:
        """Draw the conclusions that depend on the order of events."""
        if entry.kind in (kinds.TRAINING, kinds.RECALIBRATION):
            layer.averaged_at = layer.missing_at = None
            if entry.kind == kinds.TRAINING:
                layer.recalibrating = False
                if layer.reenabled is not None and not layer.reenabled[2]:
                    thawed = layer.frozen_grad is False and _requires_grad(module)
                    layer.reenabled = None if thawed else (*layer.reenabled[:2], True)
        elif entry.kind == kinds.TRAINING_WITHOUT_GRAD:
            recently = layer.mode_step == self.step and layer.mode_site is not None
            trained = any(e.kind == kinds.TRAINING and e.count > e.seen for e in layer.entries.values())
            layer.without_grad_mode = (layer.mode_site, recently and not trained)
        elif entry.kind in (kinds.EVALUATION, kinds.EVALUATION_WITH_GRAD):
            apart = entry.grad and around.root is not None and around.root is not module and around.root.training
            if apart:
                layer.frozen_at, layer.apart = layer.frozen_at or layer.mode_site, True
                layer.frozen_grad = _requires_grad(module)
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
        if layer.evaluated_early is None:
            layer.evaluated_early = (site, updates)
            if updates == 0 and module is not None and layer.untouched is None and not self.probing:
                layer.untouched = holds_initial_values(module)

    # Modes, checkpoints, averages

    def mode_changed(self, root: torch.nn.Module, training: bool, before: bool, frame: FrameType | None) -> None:
        """A call of `train` or `eval` on `root` is over; `before` is the mode that `root` itself had."""
        if self.paused:
            return
        try:
            site = here(frame)
            record = self.mode_sites.setdefault((site, training), {"count": 0, "layers": 0, "recalibrates": False})
            record["count"] += 1
            if record["count"] <= CLOSE_LOOKS:
                record["recalibrates"] = survey(frame).recalibrates
            again = record["recalibrates"] or record["count"] <= CLOSE_LOOKS
            layers = 0
            for module in root.modules():
                if isinstance(module, _BatchNorm) and module.training is training:
                    layers += 1
                    layer = self.layer_of(module)
                    self._switch(layer, module, root, training, before, site)
                    if again:
                        layer.look_again()
            record["layers"] = max(record["layers"], layers)
        except Exception:
            self.defect()

    def _switch(
        self, layer: Layer, module: _BatchNorm, root: torch.nn.Module, training: bool, before: bool, site: Site | None
    ) -> None:
        flips = layer.mode is not training
        if training:
            apart = layer.frozen_at is not None or (before and layer.mode_root != id(root))
            if flips and apart and module is not root:
                layer.reenabled = (site, layer.frozen_at or layer.mode_site, False)
                layer.look_again()
            layer.frozen_at = None
        else:
            if layer.reenabled is not None and not layer.reenabled[2]:
                layer.reenabled = None  # frozen again before anything happened
            if module is root:
                layer.frozen_at, layer.apart = site, True
                layer.frozen_grad = _requires_grad(module)
        if flips or training:
            layer.mode, layer.mode_site, layer.mode_step, layer.mode_root = training, site, self.step, id(root)
        if flips:
            layer.evaluations_before_mode = layer.evaluations()

    def reset(self, module: _BatchNorm) -> None:
        """`reset_running_stats` was called: what comes next recomputes them."""
        layer = self.layers.get(id(module))
        if layer is not None and layer.order >= 0:
            layer.recalibrating = True
            layer.look_again()

    def loaded(self, module: _BatchNorm, prefix: str, state: Any, frame: FrameType | None) -> None:
        """A checkpoint is about to be loaded into a layer."""
        layer = self.layer_of(module)
        keys = [prefix + name for name in ("running_mean", "running_var")]
        if any(f"{prefix}{name}" in state for name in ("weight", "bias", "running_mean")):
            layer.loaded_at = here(frame)
        if module.track_running_stats and prefix + "weight" in state and not any(key in state for key in keys):
            layer.missing_at = here(frame)
            layer.evaluated_early = layer.untouched = None
        layer.look_again()

    def averaged(self, averaged: torch.nn.Module, frame: FrameType | None) -> None:
        """`AveragedModel.update_parameters` was called."""
        if getattr(averaged, "use_buffers", False):
            return
        for module in averaged.modules():
            if isinstance(module, _BatchNorm) and module.track_running_stats:
                layer = self.layer_of(module)
                layer.averaged_at = here(frame)
                layer.look_again()

    def failed(self, module: _BatchNorm | None, x: object, error: BaseException) -> None:
        """A BatchNorm call raised; what it was is kept, in case nobody catches the error."""
        try:
            layer = self.layers.get(id(module)) if module is not None else None
            if layer is None or not isinstance(x, torch.Tensor) or type(error).__module__ == "torch.utils.checkpoint":
                return  # checkpointing stops its second pass by an exception of its own
            sizes = tuple(size if isinstance(size, int) else -1 for size in x.shape)
            entries = [e for e in layer.entries.values() if e.shape == sizes and e.training is layer_mode(module)]
            if entries:
                self.failures = [*self.failures[-3:], ((id(error), str(error)), layer, entries[-1])]
                entries[-1].count -= 1
        except Exception:
            self.defect()

    def compiled_call(self, class_name: str, width: int, rank: int, training: bool, grad: bool) -> None:
        """Dynamo traces a BatchNorm call: once for each graph it makes."""
        from bn_lint.runtime.compiled import note

        if not self.paused:
            try:
                note(self, class_name, width, rank, training, grad)
            except Exception:
                self.defect()

    def defect(self) -> None:
        """Note that bn-lint itself failed; the program goes on."""
        if len(self.defects) < _MOST_DEFECTS:
            self.defects.append(traceback.format_exc())

    @contextmanager
    def pause(self) -> Iterator[None]:
        """Record nothing."""
        self.paused += 1
        try:
            yield
        finally:
            self.paused -= 1


def _requires_grad(module: _BatchNorm | None) -> bool | None:
    weight = None if module is None else module._parameters.get("weight")
    return None if weight is None else weight.requires_grad


def layer_mode(module: _BatchNorm | None) -> bool:
    return module is not None and module.training


def is_autocast_enabled(device: str) -> bool:
    try:
        return torch.is_autocast_enabled(device)
    except TypeError:  # before PyTorch 2.4
        return torch.is_autocast_enabled() if device == "cuda" else torch.is_autocast_cpu_enabled()


def variant_of(module: torch.nn.Module) -> str:
    """`1d`, `2d`, `3d`, `sync`; `other` for subclasses that take any input."""
    if isinstance(module, torch.nn.SyncBatchNorm):
        return "sync"
    for name in ("1d", "2d", "3d"):
        if isinstance(module, (getattr(torch.nn, f"BatchNorm{name}"), getattr(torch.nn, f"LazyBatchNorm{name}"))):
            return name
    return "other"


def plain_name(name: str) -> str:
    """The name without what DistributedDataParallel and `torch.compile` put before it."""
    for prefix in ("module.", "_orig_mod."):
        while name.startswith(prefix):
            name = name[len(prefix) :]
    return name.replace("._orig_mod.", ".")


def features_from(x: torch.Tensor) -> str | None:
    """The layer that made the last axis of a three-dimensional input its features, from the graph of gradients."""
    if x.dim() != 3 or x.grad_fn is None:
        return None
    name = x.grad_fn.name()
    if name.startswith("EmbeddingBackward"):
        return "an nn.Embedding"
    if name.startswith(("ViewBackward", "UnsafeViewBackward")) and x.grad_fn.next_functions:
        before = x.grad_fn.next_functions[0][0]
        if before is not None and before.name().startswith(("AddmmBackward", "MmBackward")):
            return "an nn.Linear"
    if name.startswith("NativeLayerNormBackward"):
        return "an nn.LayerNorm"
    return None


def put_together(found: list[Layer]) -> list[Layer]:
    """Add up layers that are the same in all that is reported about them, as those of a model built again and again."""
    chosen: dict[tuple[object, ...], Layer] = {}
    for layer in found:
        key = (layer.name, layer.model, layer.built, layer.class_name, layer.num_features)
        known = chosen.setdefault(key, layer)
        if known is not layer:
            known.absorb(layer)
    return list(chosen.values())


def _plain_kind(training: bool, grad: bool, in_backward: bool) -> int:
    if in_backward:
        return kinds.RECOMPUTED
    if training:
        return kinds.TRAINING if grad else kinds.TRAINING_WITHOUT_GRAD
    return kinds.EVALUATION_WITH_GRAD if grad else kinds.EVALUATION


def _scale(sizes: tuple[int, ...]) -> int:
    """A bucket for the number of values per channel: the power of two below it, one value and two apart."""
    values = 1
    for index, size in enumerate(sizes):
        values *= size if index != 1 else 1
    return values if values <= 2 else values.bit_length()


def _is_fake(x: torch.Tensor) -> bool:
    from torch._subclasses import FakeTensor

    return isinstance(x, FakeTensor)
