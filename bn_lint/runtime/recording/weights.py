"""Looks at the weights of BatchNorm layers on their device: were they learned, and do they still change?

What writes to a weight need not be an optimizer. Averages of other models write in place, which shows in the version of
the tensor even if they write the same values, or through `.data`, which leaves no trace but the values. So values are
compared, too, once, when the run or the layer is over.
"""

from __future__ import annotations

import torch
from torch.nn.modules.batchnorm import _BatchNorm

from bn_lint.runtime.recording.layer_records import Layer
from bn_lint.runtime.recording.running_statistics import can_compute


@torch.no_grad()
def remember(layer: Layer, step: int) -> None:
    """Keep a copy of the weight, unless there is one of after the last optimizer step on the layer."""
    if layer.weight_then is not None and layer.weight_then[3] > layer.last_owned:
        return
    weight = _weight(layer)
    if weight is not None and can_compute(weight.detach()):
        version = -1 if weight.is_inference() else weight._version
        layer.weight_then = weight, weight.detach().clone(), version, step


@torch.no_grad()
def compare(layer: Layer) -> None:
    """Note whether the weight is still what it was; nothing is read from the device."""
    if layer.weight_then is None:
        return
    kept, before, version, step = layer.weight_then
    layer.weight_then = None
    if step <= layer.last_owned:
        return
    now = kept if layer.reference is None or layer.reference() is None else _weight(layer)
    if now is not None and now.shape == before.shape and now.device == before.device and can_compute(now.detach()):
        written = now is not kept or (version >= 0 and now._version != version)
        layer.weight_changed = (now.detach() != before).any() | written


def _weight(layer: Layer) -> torch.Tensor | None:
    module = layer.reference() if layer.reference is not None else None
    return None if module is None else module._parameters.get("weight")


@torch.no_grad()
def learned(module: _BatchNorm) -> torch.Tensor | None:
    """Two numbers on the layer's device: whether weight and bias are not 1 and 0, and whether the bias varies.

    Programs begin with weights of their own, but hardly with a bias that differs from channel to channel. None for a
    layer without them.
    """
    weight, bias = module._parameters.get("weight"), module._parameters.get("bias")
    if weight is None or bias is None or not can_compute(weight.detach(), bias.detach()):
        return None
    other = (weight != 1).any() | (bias != 0).any()
    return torch.stack([other, (bias != bias.narrow(0, 0, 1)).any()])
