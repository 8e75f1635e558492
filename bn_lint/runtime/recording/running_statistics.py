"""Looks at running statistics on their device, and reads the results once, when the run is over."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch.nn.modules.batchnorm import _BatchNorm

from bn_lint.runtime.recording.layer_records import TIMELINE, Layer

#: The initial values stay in running statistics for a while; drift says nothing as long as more than this is left.
_WARM = 0.05


#: `Recorder.ask`.
Ask = Callable[[Callable[[], Any], torch.device], Any]


def can_compute(*tensors: torch.Tensor) -> bool:
    """Whether operations on these tensors do nothing but compute: no capture, no transformation, real data."""
    if torch._C._is_tracing():
        return False  # they would become part of the program's graph
    if any(type(tensor) is not torch.Tensor or tensor.is_meta for tensor in tensors):
        return False
    if tensors[0].is_cuda and torch.cuda.is_current_stream_capturing():
        return False
    peek = getattr(torch._C._functorch, "peek_interpreter_stack", None)
    return peek is None or peek() is None


#: A larger eps is a mistake of its own, and no measure of a variance.
_MOST_EPS = 1e-2


@torch.no_grad()
def holds_initial_values(module: _BatchNorm) -> Any:
    """A one-element tensor on the layer's device that says whether the mean is 0 and the variance 1 everywhere."""
    mean, variance = module._buffers.get("running_mean"), module._buffers.get("running_var")
    if mean is None or variance is None or not can_compute(mean, variance):
        return None
    return (mean == 0).all() & (variance == 1).all()


@torch.no_grad()
def last_words(mean: torch.Tensor, variance: torch.Tensor, eps: float | None) -> Any:
    """A tensor on the layer's device.

    It says whether all is finite, the smallest variance, and how many variances are below eps; then come the quartiles
    of the variances and of the means, from the least to the greatest.
    """
    if not can_compute(mean, variance) or not variance.numel():
        return None
    finite = torch.isfinite(mean).all() & torch.isfinite(variance).all()
    low = (variance < min(eps or 0.0, _MOST_EPS)).sum()
    known = torch.stack([finite.float(), variance.min().float(), low.float()])
    return torch.cat([known, _quartiles(variance), _quartiles(mean)])


def _quartiles(values: torch.Tensor) -> torch.Tensor:
    """Five of the values, without an index on the device, which would be waited for."""
    ordered = values.float().flatten().sort().values  # a width that is a shape makes more than one axis
    last = values.numel() - 1
    return torch.cat([ordered.narrow(0, round(quarter * last / 4), 1) for quarter in range(5)])


def _is_warm(layer: Layer) -> bool:
    """Whether little of the initial values is left in the running statistics."""
    momentum = layer.momentum or 0.0
    return 0 < momentum <= 1 and (1 - momentum) ** layer.updates_seen() <= _WARM


class Drift:
    """Compares batches with running statistics, every few optimizer steps, without a look at the activations.

    What a training call does to the running mean tells the mean of its batch: `old + (new - old) / momentum`.
    All layers of a device are compared together; results stay there until `read`.
    """

    def __init__(self, every: int = 10) -> None:
        self.every = every
        self._groups: list[_Group] = []
        self._known: tuple[Layer, ...] = ()

    def prepare(self, buffers: dict[Layer, tuple[torch.Tensor, torch.Tensor]]) -> None:
        """Copy the statistics, so that the next step can be told from them."""
        usable = {
            layer: pair
            for layer, pair in buffers.items()
            if layer.momentum and 0 < layer.momentum <= 1 and can_compute(*pair) and pair[0].dtype == torch.float32
        }
        if tuple(usable) != self._known or any(not group.fits(usable) for group in self._groups):
            for group in self._groups:
                group.close()
            self._known = tuple(usable)
            devices: dict[torch.device, list[Layer]] = {}
            for layer, (mean, _) in usable.items():
                devices.setdefault(mean.device, []).append(layer)
            self._groups = [_Group(layers, usable) for layers in devices.values()]
        for group in self._groups:
            group.copy()

    def compare(self, calls: dict[Layer, int], step: int, bin_: int) -> None:
        """Compare what one step did; `calls` says how often each layer was called in training mode."""
        for group in self._groups:
            group.compare(calls, step, bin_)

    def halve(self) -> None:
        """Each position of the history now stands for twice as many steps."""
        for group in self._groups:
            group.halve()

    def read(self, ask: Ask) -> None:
        """Bring the results from the devices to the layers."""
        for group in self._groups:
            ask(group.close, group.total.device)
        self._groups, self._known = [], ()

    def latest(self) -> list[tuple[list[Layer], torch.Tensor]]:
        """The last comparison of each device."""
        return [(group.layers, group.last) for group in self._groups if group.last is not None]


class _Group:
    """The layers of one device."""

    def __init__(self, layers: list[Layer], buffers: dict[Layer, tuple[torch.Tensor, torch.Tensor]]) -> None:
        self.layers = layers
        self.means = [buffers[layer][0] for layer in layers]
        self.variances = [buffers[layer][1] for layer in layers]
        self.old = [torch.empty_like(mean) for mean in self.means]
        device = self.means[0].device
        self.last: torch.Tensor | None = None
        # Plain numbers: a tensor of them would have to be sent to the device, which waits for it.
        self.widths = [math.sqrt(max(mean.numel(), 1)) for mean in self.means]
        self.history = torch.zeros(TIMELINE, len(layers), device=device)
        self.total = torch.zeros(len(layers), device=device)
        self.compared = torch.zeros(len(layers), device=device)
        self.broken = torch.full((len(layers),), -1.0, device=device)

    def fits(self, buffers: dict[Layer, tuple[torch.Tensor, torch.Tensor]]) -> bool:
        return all(buffers[layer][0] is mean for layer, mean in zip(self.layers, self.means, strict=True))

    @torch.no_grad()
    def copy(self) -> None:
        torch._foreach_copy_(self.old, self.means)

    @torch.no_grad()
    def compare(self, calls: dict[Layer, int], step: int, bin_: int) -> None:
        rates = []
        for layer in self.layers:
            momentum, count = layer.momentum or 0.0, calls.get(layer, 0)
            rates.append(1 - (1 - momentum) ** count if count and _is_warm(layer) else math.inf)
        moved = torch._foreach_sub(self.means, self.old)
        torch._foreach_div_(moved, rates)
        scale = torch._foreach_add(self.variances, [layer.eps or 1e-5 for layer in self.layers])
        torch._foreach_sqrt_(scale)
        torch._foreach_div_(moved, scale)
        shift = torch.stack(torch._foreach_div(torch._foreach_norm(moved), self.widths))
        finite = torch.isfinite(torch.stack(torch._foreach_norm(self.variances)))
        self.broken = torch.where((self.broken < 0) & ~finite, float(step), self.broken)
        shift = torch.where(torch.isfinite(shift), shift, 0.0)
        self.last = shift
        self.history[bin_] = torch.maximum(self.history[bin_], shift)
        self.total += shift
        self.compared += (shift > 0).float()

    @torch.no_grad()
    def halve(self) -> None:
        pairs = self.history.view(TIMELINE // 2, 2, -1).amax(1)
        self.history = torch.cat([pairs, torch.zeros_like(pairs)])

    @torch.no_grad()
    def close(self) -> None:
        rows = torch.cat([self.history, self.total[None], self.compared[None], self.broken[None]]).cpu().tolist()
        *history, total, compared, broken = rows
        for index, layer in enumerate(self.layers):
            past = layer.drift or {"shift": 0.0, "batches": 0, "history": [0.0] * TIMELINE, "broken_since": None}
            past["shift"] += total[index]
            past["batches"] += int(compared[index])
            past["history"] = [max(a, row[index]) for a, row in zip(past["history"], history, strict=True)]
            if broken[index] >= 0 and past["broken_since"] is None:
                past["broken_since"] = int(broken[index])
            layer.drift = past


#: Evaluation batches of a layer that are compared.
_MOST_SAMPLES = 32
#: The samples that the variance of a batch is taken from: that of two or three is often a quarter of what it should be.
_LEAST_BATCH = 4


class EvaluationSamples:
    """Compares the first evaluation batches of each layer with its running statistics, on the device.

    A batch with a NaN or an infinity says nothing about all the others, and is left out.
    """

    def __init__(self) -> None:
        #: Of each layer: shift, spread, and how many batches count.
        self._sums: dict[Layer, torch.Tensor] = {}
        self._looked: dict[Layer, int] = {}

    @torch.no_grad()
    def add(self, layer: Layer, x: torch.Tensor, module: _BatchNorm) -> None:
        mean, variance = module._buffers.get("running_mean"), module._buffers.get("running_var")
        if mean is None or variance is None or not can_compute(x, mean, variance):
            return
        if self._looked.get(layer, 0) >= _MOST_SAMPLES or (
            layer.fresh and layer.loaded_at is None and not _is_warm(layer)
        ):
            return
        axes = [axis for axis in range(x.dim()) if axis != 1]
        if x.shape[0] < _LEAST_BATCH or x.numel() == 0 or not x.is_floating_point():
            return
        var, middle = torch.var_mean(x.detach().float(), axes, correction=0)
        scale = variance.float() + module.eps
        shift = ((middle - mean.float()) / scale.sqrt()).square().mean().sqrt()
        row = torch.stack([shift, ((var + module.eps) / scale).median(), torch.ones_like(shift)])
        row = torch.where(torch.isfinite(row).all(), row, torch.zeros_like(row))
        self._sums[layer] = self._sums[layer] + row if layer in self._sums else row
        self._looked[layer] = self._looked.get(layer, 0) + 1

    def read(self, ask: Ask) -> None:
        for layer, sums in self._sums.items():
            shift, spread, batches = ask(sums.tolist, sums.device) or (0.0, 0.0, 0.0)
            if batches:
                layer.evaluation_drift = {"shift": shift / batches, "spread": spread / batches, "batches": int(batches)}
