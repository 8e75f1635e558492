"""Several modules of which one is called: is it chosen by what it is called on?"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from bn_lint.facts import Axis, BatchNormCall
from bn_lint.static.interpreter.values import Instance, Value

#: What a layer says about its input.
_WIDTHS = ("num_features", "in_channels", "in_features")
#: Containers whose parts are picked one by one.
_LISTS = ("torch.nn.ModuleList", "torch.nn.ModuleDict")
_SEQUENTIAL = "torch.nn.Sequential"


def widths_differ(alternatives: Iterable[Value]) -> bool:
    """Whether the modules take inputs of different widths.

    Of modules of the program that is only asked where they are parts of one list, as the stages of a network: which of
    them is called goes with what the one before has returned. Models that a user chooses among take the same inputs.
    """
    modules = [one for one in alternatives if isinstance(one, Instance)]
    owner = modules[0].owner if modules else None
    is_list = False
    if owner is not None and all(one.owner is owner for one in modules):
        is_list = owner.cls.name in _LISTS
        if is_list or owner.cls.name == _SEQUENTIAL:
            modules = list(owner.possible_children())  # the alternatives are samples: it may be any part
    layers = [_first_with_width(one, is_list=is_list) for one in modules]
    return any(len({repr(one.cells[name]) for one in layers if name in one.cells}) > 1 for name in _WIDTHS)


def without_channels(call: BatchNormCall) -> BatchNormCall:
    """A call that may be that of another layer: how many channels it gets is not known, how many samples it is."""
    shape = call.shape
    if shape is None or not shape.axes:
        return call
    axes = (*shape.axes[:1], Axis(), *shape.axes[2:]) if shape.ranked and len(shape.axes) > 1 else ()
    return replace(call, shape=replace(shape, axes=axes, ranked=shape.ranked and bool(axes)))


def _first_with_width(module: Instance, *, is_list: bool) -> Instance:
    """The first layer with a width in a container of torch, or in any module of a list."""
    if is_list:
        return next((one for one in module.possible_descendants() if _has_width(one)), module)
    if module.cls.name != _SEQUENTIAL:
        return module
    parts = (_first_with_width(child, is_list=False) for _, child in module.children() if isinstance(child, Instance))
    return next((part for part in parts if _has_width(part)), module)


def _has_width(module: Instance) -> bool:
    return any(name in module.cells for name in _WIDTHS)
