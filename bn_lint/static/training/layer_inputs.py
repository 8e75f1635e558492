"""What BatchNorm layers are called on: shapes that are noted only for those who want to see all layers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from bn_lint.facts import Sizes
from bn_lint.facts.inventory import size_of
from bn_lint.static.interpreter.values import Arguments, Class, Instance, Tensor
from bn_lint.static.torch_model.batchnorm import batchnorm_class

#: Of one layer, so many shapes are told apart.
_MOST_SHAPES = 4


class LayerInputs:
    """Takes note while the interpreter runs."""

    def __init__(self) -> None:
        #: By layer of the entry point that runs; the layer is held, so that its identity stays its own.
        self._of_layers: dict[int, tuple[Instance, dict[Sizes, None]]] = {}
        #: By what stands for all modules that behave alike, and the name of the layer below them. A call of such a
        #: module is executed once, for all of them and for all entry points.
        self._of_alike: dict[tuple[object, str], dict[Sizes, None]] = {}

    def start(self) -> None:
        """Another entry point begins, and makes layers of its own."""
        self._of_layers.clear()

    def layer_called(self, layer: Instance, x: Tensor) -> None:
        shape = sizes_of(x)
        add(self._of_layers.setdefault(id(layer), (layer, {}))[1], shape)
        for key in _alike(layer):
            add(self._of_alike.setdefault(key, {}), shape)

    def module_returned(self, module: Instance, arguments: Arguments) -> None:
        """A call is over, which was perhaps not executed, because another one like it had been."""
        if id(module) not in self._of_layers and arguments.positional and batchnorm_class(module) is not None:
            x = arguments.positional[0]
            if type(x) is Tensor:
                self.layer_called(module, x)

    def of(self, layer: Instance) -> tuple[Sizes, ...]:
        """The shapes that a layer was called on."""
        own = self._of_layers.get(id(layer))
        if own is not None:
            return most_specific(own[1])
        return next((most_specific(self._of_alike[key]) for key in _alike(layer) if key in self._of_alike), ())


def sizes_of(x: Tensor) -> Sizes:
    """The shape of a tensor as a plain value."""
    return Sizes(tuple(size_of(axis.size) for axis in x.axes), x.ranked)


def most_specific(shapes: Iterable[Sizes]) -> tuple[Sizes, ...]:
    """The shapes without those that only say less than another one."""
    known = list(dict.fromkeys(shapes))[:_MOST_SHAPES]
    return tuple(one for one in known if not any(one is not other and says_less(one, other) for other in known))


def says_less(one: Sizes, other: Sizes) -> bool:
    """Whether a shape leaves open what another one tells."""
    if one.ranked and not (other.ranked and len(one.axes) == len(other.axes)):
        return False
    if len(one.axes) > len(other.axes):
        return False
    return all(mine in (None, its) for mine, its in zip(reversed(one.axes), reversed(other.axes)))


def add(shapes: dict[Sizes, None], shape: Sizes) -> None:
    """Note a shape, if there are not too many."""
    if len(shapes) < _MOST_SHAPES:
        shapes[shape] = None


def _alike(layer: Instance) -> Iterator[tuple[object, str]]:
    """The modules of the program that a layer is part of, innermost first: what stands for each, and its name there."""
    path, one = "", layer
    while one.owner is not None and one.name is not None:
        path = f"{one.name}.{path}" if path else one.name
        one = one.owner
        if one.template is not None and isinstance(one.cls, Class):
            yield one.template, path
