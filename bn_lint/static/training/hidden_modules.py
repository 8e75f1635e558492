"""BatchNorm layers that a module keeps where PyTorch does not see them."""

from __future__ import annotations

from collections.abc import Iterator

from bn_lint.facts import PlainContainer
from bn_lint.static.interpreter.values import (
    Dict,
    Instance,
    List,
    Value,
)
from bn_lint.static.torch_model.batchnorm import batchnorm_class
from bn_lint.static.torch_model.describing import built_at
from bn_lint.static.torch_model.happened import owners
from bn_lint.static.torch_model.module_methods import descendants
from bn_lint.static.training.drafts import HiddenModules


def hidden_batchnorm(module: Instance) -> Iterator[tuple[PlainContainer, HiddenModules | None]]:
    """Each plain container of a finished module with BatchNorm layers in it, and what a fix of it needs."""
    known: set[int] = set()
    for name, container in module.cells.items():
        if not isinstance(container, (List, tuple, Dict)) or not isinstance(name, str):
            continue
        if _hides_one(container):
            continue  # `[model]` hides a model from `parameters()` and `state_dict()` intentionally
        layers = list(_layers_in(container))
        if layers and not known:
            known = {id(child) for child in module.possible_descendants()}
        layers = [b for b in layers if not any(id(i) in known for i in owners(b))]
        if layers and layers[0].built is not None:
            kind = "dict" if isinstance(container, Dict) else "list" if isinstance(container, List) else "tuple"
            ref = (module.set_at or {}).get(name)
            place = (ref or built_at(layers[0])).place
            fact = PlainContainer(module.cls.name, name, kind, len(layers), place)
            yield fact, None if ref is None else HiddenModules(ref, name, container)


def _hides_one(container: Value) -> bool:
    """Whether a container holds a single module, which is more than a BatchNorm layer."""
    items = container.items if isinstance(container, List) and not container.rest else container
    if not isinstance(items, tuple) or len(items) != 1 or not isinstance(items[0], Instance):
        return False
    return items[0].is_module and batchnorm_class(items[0]) is None and not items[0].cls.name.startswith("torch.nn.")


def _layers_in(container: Value, depth: int = 0) -> Iterator[Instance]:
    """The BatchNorm layers in a plain container, without those of modules that have become part of another module."""
    if isinstance(container, Dict):
        values: tuple[Value, ...] = tuple(v for _, v in container.entries())
    else:
        values = container.items if isinstance(container, List) else container if isinstance(container, tuple) else ()
    for value in values:
        if isinstance(value, Instance) and value.is_module:
            if value.owner is None:
                yield from (module for _, module in descendants(value) if batchnorm_class(module) is not None)
        elif isinstance(value, (List, tuple, Dict)) and depth < 4:
            yield from _layers_in(value, depth + 1)
