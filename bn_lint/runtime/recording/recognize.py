"""What modules, tensors and calls are."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from typing import Any

import torch
from torch.nn.modules.batchnorm import _BatchNorm

from bn_lint.runtime.recording import layer_records as kinds
from bn_lint.runtime.recording.layer_records import Layer


def requires_grad(module: _BatchNorm | None) -> bool | None:
    """Whether a layer learns a parameter; None where it has none."""
    parameters = {} if module is None else module._parameters
    given = [one for one in (parameters.get("weight"), parameters.get("bias")) if one is not None]
    return any(one.requires_grad for one in given) if given else None


def is_adapted(module: _BatchNorm | None) -> bool:
    """Whether its weight was computed, as those that are adapted to a task in meta-learning."""
    weight = None if module is None else module._parameters.get("weight")
    return weight is not None and weight.grad_fn is not None


def part_of_model_in(layer: Layer, parameters: frozenset[int]) -> bool | None:
    """Whether some parameters of the model that has the layer are among these; None where no model was seen.

    Args:
        parameters: The `id` of each.
    """
    root = None if layer.root is None else layer.root()
    if root is None or isinstance(root, _BatchNorm):
        return None
    return any(id(parameter) in parameters for parameter in root.parameters())


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
    """The name without what DistributedDataParallel, `torch.compile` and `torch.export` put before it."""
    for prefix in ("module.", "_orig_mod.", "_export_root."):
        while name.startswith(prefix):
            name = name[len(prefix) :]
    return name.replace("._orig_mod.", ".")


#: Operations on single values, as far as they are followed from the end, and how many of them.
_ELEMENTWISE = ("Add", "Mul", "Relu", "Gelu", "Tanh", "NativeDropout")
_FARTHEST = 4
_RECURRENT = ("MkldnnRnnLayer", "CudnnRnn", "MiopenRnn", "Stack")


def features_from(x: torch.Tensor) -> str | None:
    """The layer that made the last axis of a three-dimensional input its features, from the graph of gradients."""
    return None if x.dim() != 3 or x.grad_fn is None else _maker(x.grad_fn, _FARTHEST)


def _maker(node: Any, farthest: int) -> str | None:
    name = node.name()
    before = [each for each, _ in node.next_functions if each is not None]
    if name.startswith("EmbeddingBackward"):
        return "an nn.Embedding"
    if name.startswith("NativeLayerNormBackward"):
        return "an nn.LayerNorm"
    if name.startswith(_RECURRENT):
        return "a recurrent layer"
    if name.startswith(("ViewBackward", "UnsafeViewBackward")):
        return "an nn.Linear" if before and before[0].name().startswith(("AddmmBackward", "MmBackward")) else None
    if farthest and name.startswith("CatBackward"):  # both directions of a recurrent layer
        return _maker(before[0], 0) if before and before[0].name().startswith(_RECURRENT) else None
    # Recurrent layers and attention swap batch and time; any other transposition moves the features.
    swapped = name.startswith("Transpose") and {getattr(node, f"_saved_dim{n}", None) for n in (0, 1)} == {0, 1}
    if farthest and (swapped or name.startswith(_ELEMENTWISE)):
        return next((found for each in before if (found := _maker(each, farthest - 1)) is not None), None)
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


def in_group() -> bool:
    """Whether this process belongs to a group of processes."""
    return torch.distributed.is_available() and torch.distributed.is_initialized()


def plain_kind(training: bool, grad: bool, in_backward: bool) -> int:
    if in_backward:
        return kinds.RECOMPUTED
    if training:
        return kinds.TRAINING if grad else kinds.TRAINING_WITHOUT_GRAD
    return kinds.EVALUATION_WITH_GRAD if grad else kinds.EVALUATION


def signature_of(sizes: Any, training: bool, grad: bool, in_backward: bool) -> Any:
    """What tells the calls of a layer apart: the shape alone where they are what nearly all are, those of training."""
    return sizes if training and grad and not in_backward else (sizes, training, grad, in_backward)


def rough_signature(sizes: Sequence[int], training: bool, grad: bool, in_backward: bool) -> tuple[object, ...]:
    """What tells calls of a layer apart that has seen too many shapes: about how many values each channel has.

    One value and two are told apart, others by the power of two below them.
    """
    width = sizes[1] if len(sizes) > 1 else 1
    values = math.prod(sizes) // width if width else 0
    return len(sizes), width, values if values <= 2 else values.bit_length(), training, grad, in_backward


def is_fake(x: torch.Tensor) -> bool:
    """Whether it only stands for a tensor, while torch finds out what a program does."""
    from torch._subclasses import FakeTensor

    functional = getattr(sys.modules.get("torch._subclasses.functional_tensor"), "FunctionalTensor", FakeTensor)
    return isinstance(x, (FakeTensor, functional))
