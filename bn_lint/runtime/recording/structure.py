"""How layers hang together with the models that use them: hidden in containers, and left out by `train` overrides."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any, NamedTuple

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from bn_lint.runtime.recording.sites import USER, Site, owner_of

_CONTAINERS = (list, tuple, dict)
#: Where a module keeps what PyTorch knows of.
_REGISTERED = frozenset(vars(nn.Module()))


class Hidden(NamedTuple):
    """A plain Python container, an attribute of a module, that keeps BatchNorm layers out of PyTorch's sight."""

    class_name: str
    attribute: str
    container: str
    layers: int


class Override(NamedTuple):
    """A `train` that a class of the program overrides, and that `eval()` called without effect on BatchNorm layers.

    Attributes:
        left_out: The children of the module whose BatchNorm layers stayed in training mode.
        called: The call of `eval()`.
    """

    class_name: str
    site: Site
    left_out: tuple[str, ...]
    called: Site | None


def hidden_in(root: nn.Module, layer: nn.Module) -> Hidden | None:
    """Where a model has a layer that it calls and does not know; None when it knows it, or has it elsewhere."""
    if any(module is layer for module in root.modules()):
        return None
    for module in root.modules():
        for attribute, value in vars(module).items():
            if isinstance(value, _CONTAINERS) and attribute not in _REGISTERED:
                inside = [each for part in _parts(value) for each in part.modules() if isinstance(each, _BatchNorm)]
                if any(each is layer for each in inside):
                    kind = next(kind.__name__ for kind in _CONTAINERS if isinstance(value, kind))
                    return Hidden(type(module).__name__, attribute, kind, len(inside))
    return None


def _parts(container: Any) -> Iterator[nn.Module]:
    values = container.values() if isinstance(container, dict) else container
    return (value for value in values if isinstance(value, nn.Module))


def overrides(
    root: nn.Module, switched: Collection[int], called: Site | None
) -> Iterator[tuple[Override, list[_BatchNorm]]]:
    """The `train` overrides that let `eval()` of a model have no effect, each with the layers concerned.

    An override that puts layers in training mode after the others is meant.

    Args:
        switched: The `id` of each module whose inherited `train` the call of `eval()` reached.
    """
    for module in root.modules():
        code = getattr(type(module).train, "__code__", None)
        if type(module).train is nn.Module.train or code is None or owner_of(code.co_filename) != USER:
            continue
        left = {name: _in_training(child) for name, child in module.named_children()}
        if not module.training:
            left = {name: [each for each in found if id(each) not in switched] for name, found in left.items()}
        layers = [layer for found in left.values() for layer in found]
        if layers:
            owner = next(each for each in type(module).__mro__ if "train" in vars(each))
            names = tuple(name for name, found in left.items() if found)
            yield Override(owner.__name__, Site(code.co_filename, code.co_firstlineno), names, called), layers
            return


def _in_training(module: nn.Module) -> list[_BatchNorm]:
    return [each for each in module.modules() if isinstance(each, _BatchNorm) and each.training]
