"""The BatchNorm layers that are known: met, named, and gone."""

from __future__ import annotations

import itertools
import threading
import weakref
from collections import Counter
from collections.abc import Callable, Iterator
from types import CodeType, FrameType
from typing import Any

import torch
from torch.nn.modules.batchnorm import _BatchNorm, _LazyNormBase

from bn_lint.runtime.recording.call_context import is_in_call
from bn_lint.runtime.recording.layer_records import CountCall, Entry, Layer
from bn_lint.runtime.recording.recognize import in_group, plain_name, put_together, requires_grad, variant_of
from bn_lint.runtime.recording.running_statistics import last_words
from bn_lint.runtime.recording.sites import LIBRARY, MACHINERY, Site, here, owner_of, path_to
from bn_lint.runtime.recording.weights import compare

#: Layers of a group of processes whose last running statistics are kept, once they are gone.
_MOST_LAST_BUFFERS = 1000
#: Layers that are gone are kept apart up to this number; beyond it, those that look alike are put together.
_MOST_DEPARTED = 2000


class Registry:
    """The layers of a program.

    Attributes:
        layers: The layers that exist, by the `id` of their module; `tables` holds the fast path of each.
        functional: The fast paths of calls of `F.batch_norm`, by the caller's code and the running mean.
        departed: The layers that are gone.
        counted: Calls that needed no close look, in their order. They are added up when somebody asks for numbers.
        buffers: The running mean and variance of the layers that were called.
        last_buffers: The same, and eps, of layers that are gone, by name: the processes of a group compare theirs.
    """

    def __init__(self) -> None:
        self.layers: dict[int, Layer] = {}
        self.tables: dict[int, dict[Any, CountCall]] = {}
        self.functional: dict[tuple[int, int], dict[Any, CountCall]] = {}
        self.counted: list[Entry] = []
        #: Is called before anything but a count changes, and before numbers are read.
        self.before_change: Callable[[], None] = self.add_up
        self.functional_layers: dict[tuple[int, int], Layer] = {}
        self.codes: dict[int, CodeType] = {}
        self.departed: list[Layer] = []
        self.uncalled: dict[tuple[object, ...], Layer] = {}
        self._dying: list[Layer] = []
        #: Layers that are gone, and whose last calls belong to the step that is not over yet.
        self.unclosed: list[Layer] = []
        self.buffers: dict[Layer, tuple[torch.Tensor, torch.Tensor]] = {}
        self.last_buffers: dict[str, tuple[torch.Tensor, torch.Tensor, float | None]] = {}
        #: Lines that build a layer during a call of a model: how many of these layers were called, and are gone.
        self.rebuilt: Counter[Site] = Counter()
        #: Counts what is built and put in evaluation mode, to tell what came first.
        self.clock = itertools.count(1)
        self._first: weakref.WeakKeyDictionary[torch.nn.Module, Layer] = weakref.WeakKeyDictionary()
        self._lock = threading.RLock()

    def built(self, module: _BatchNorm, frame: FrameType | None) -> None:
        """Remember a layer that was just constructed, and the line that did it."""
        layer = self.layer_of(module)
        layer.fresh = True
        layer.built = here(frame)
        layer.built_path = path_to(frame)
        layer.birth = next(self.clock)
        layer.built_in_call = not layer.lazy and is_in_call(frame)
        while frame is not None and owner_of(frame.f_code.co_filename) == MACHINERY:
            frame = frame.f_back
        layer.built_in_library = frame is not None and owner_of(frame.f_code.co_filename) == LIBRARY

    def layer_of(self, module: _BatchNorm) -> Layer:
        """The record of a layer, made when it is met for the first time."""
        layer = self.layers.get(id(module))
        if layer is None:
            with self._lock:
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

    @property
    def has_departures(self) -> bool:
        """Whether layers have gone since the last step."""
        return bool(self._dying or self.unclosed)

    def bury(self) -> None:
        """Put away the layers that are gone, with a last look at their statistics; not while a graph is traced."""
        if not self._dying or torch._C._is_tracing():
            return
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
            if buffers is not None and in_group() and len(self.last_buffers) < _MOST_LAST_BUFFERS:
                self.last_buffers[layer.name] = (*buffers, layer.eps)
            if layer.built_in_call and layer.built is not None:
                self.rebuilt[layer.built] += 1
            compare(layer)
            layer.fast = {}
            self.departed.append(layer)
            self.unclosed.append(layer)

    def closed(self) -> None:
        """The calls so far have been counted into a step."""
        self.unclosed.clear()
        if len(self.departed) > _MOST_DEPARTED:
            self.departed = put_together(self.departed)

    def add_up(self) -> None:
        """Give each entry the calls that were only counted."""
        counted = self.counted
        while counted:  # one by one: another thread, or a handler of a signal, may do the same
            try:
                entry = counted.pop()
            except IndexError:
                return
            entry.count += 1

    def calls(self) -> int:
        """How many calls were recorded so far."""
        self.before_change()
        return sum(entry.count for layer in (*self.everything(), *self._dying) for entry in layer.entries.values())

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

    def is_first(self, layer: Layer, module: _BatchNorm | None, root: torch.nn.Module | None) -> bool:
        """Whether it is the first layer of a model that learns: the one that is watched for the model."""
        if module is None or root is None or not requires_grad(module):
            return False
        return self._first.setdefault(root, layer) is layer

    def owner_of_mean(self, mean: Any) -> _BatchNorm | None:
        """The layer whose running mean this is: code that was generated from a model passes the buffers themselves."""
        if mean is None:
            return None
        for layer in self.layers.values():
            module = None if layer.reference is None else layer.reference()
            if module is not None and module._buffers.get("running_mean") is mean:
                return module  # type: ignore[no-any-return]
        return None

    def outlives(self, key: tuple[int, int], mean: Any) -> bool:
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

    def functional_layer(self, key: tuple[int, int], code: CodeType, mean: Any, weight: Any, caller: Any) -> Layer:
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
