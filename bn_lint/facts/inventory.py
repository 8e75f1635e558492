"""The models of a program, and the BatchNorm layers in them: what a table of layers shows.

Rules do not judge this. It says what there is, also where nothing can be wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Union

from bn_lint.facts.dims import Dim, describe
from bn_lint.facts.vocabulary import Mode, Place

#: A size: a number, a formula in the user's own names, or None.
Size = Union[int, str, None]


def size_of(dim: Dim) -> Size:
    """A size as a plain value."""
    return None if dim is None else int(dim) if isinstance(dim, int) else describe(dim)


@dataclass(frozen=True)
class Sizes:
    """The shape of a tensor; if not `ranked`, only its last axes."""

    axes: tuple[Size, ...] = ()
    ranked: bool = True

    def __str__(self) -> str:
        axes = ["?" if size is None else str(size) for size in self.axes]
        return f"({', '.join(axes if self.ranked else ['...', *axes])})"


@dataclass(frozen=True)
class ModelLayer:
    """A BatchNorm layer in a model.

    Attributes:
        path: Its name in the model, as `named_modules` gives it; `*` for a name that is not known.
        inputs: The distinct shapes that it is called on.
        modes: The modes in which the program calls it, in the order of `Mode`; empty where no visible code does.
        frozen: Whether its parameters are frozen at the end; None if that is not known.
    """

    path: str
    class_name: str
    built: Place
    num_features: Size = None
    inputs: tuple[Sizes, ...] = ()
    modes: tuple[Mode, ...] = ()
    frozen: bool | None = False


@dataclass(frozen=True)
class Model:
    """A module that is no part of another one, and has BatchNorm layers; or such a layer alone, with the path "".

    Attributes:
        name: The variable that it was first assigned to; None where there is none.
        place: Where it is built.
        within: The function or class whose code builds it; None for the top level of a file.
        children: The names of its modules and their classes, in order, as far as BatchNorm layers are below them.
        is_complete: No container in it has parts that are not known: what they are, or how many.
    """

    name: str | None
    class_name: str
    place: Place
    within: str | None
    layers: tuple[ModelLayer, ...]
    children: tuple[tuple[str, str], ...] = ()
    is_complete: bool = True


@dataclass(frozen=True)
class TensorShape:
    """The shapes that a tensor has, in all the ways in which the program gets there.

    Attributes:
        place: A name that it is assigned to, the call of a BatchNorm layer that takes it, or an expression.
        layers: Of such a call, where the layers are built; no place for a name.
        is_use: It is an expression whose value the tensor is, and no name that it is assigned to.
    """

    place: Place
    shapes: tuple[Sizes, ...]
    layers: tuple[Place, ...] = ()
    is_use: bool = False


@dataclass(frozen=True)
class Flow:
    """What a module or a function is given in one call, and what it returns, as far as these are tensors."""

    inputs: tuple[Sizes, ...]
    outputs: tuple[Sizes, ...]

    def __str__(self) -> str:
        return f"{', '.join(map(str, self.inputs))} -> {', '.join(map(str, self.outputs))}"

    @property
    def is_known(self) -> bool:
        """Whether it says anything."""
        return any(shape.axes for shape in (*self.inputs, *self.outputs))


@dataclass(frozen=True)
class ModuleUse:
    """A place that builds modules, gets them from what builds them, calls or names them; or that calls a function.

    BatchNorm layers are told elsewhere, but for those that a place gets or names.

    Attributes:
        is_call: It calls them.
        classes: Of the modules, or the name of the function.
        modes: In which the program calls them, in the order of `Mode`.
        names: The classes of models, and the names in them; none for a call.
        inside: How many places build the BatchNorm layers that they have inside.
        checked: How many of these were checked.
        is_name: It only names them, and gets nothing new.
        layers: Where those are built that are BatchNorm layers themselves.
    """

    place: Place
    is_call: bool
    classes: tuple[str, ...]
    flows: tuple[Flow, ...] = ()
    modes: tuple[Mode, ...] = ()
    names: tuple[tuple[str, str], ...] = ()
    inside: int = 0
    checked: int = 0
    is_name: bool = False
    layers: tuple[Place, ...] = ()


@dataclass(frozen=True)
class Inventory:
    """All models of some files, and the BatchNorm layers that are in none.

    Tensors and modules are only listed of a file that somebody looks at.

    Attributes:
        loose: Layers that are built where no model was seen, such as code that was not reached. Their path is "".
        left_out: How many further models there are.
    """

    models: tuple[Model, ...] = ()
    loose: tuple[ModelLayer, ...] = ()
    tensors: tuple[TensorShape, ...] = ()
    left_out: int = 0
    modules: tuple[ModuleUse, ...] = ()

    @property
    def paths(self) -> set[str]:
        """The files that it names."""
        layers = [*self.loose, *(layer for model in self.models for layer in model.layers)]
        places = [model.place for model in self.models]
        places += [tensor.place for tensor in self.tensors] + [module.place for module in self.modules]
        return {place.path for place in (*places, *(layer.built for layer in layers))}

    def moved(self, place: Callable[[Place], Place | None]) -> Inventory:
        """The inventory with places as a function tells them; what is nowhere is left out."""

        def layers(given: Sequence[ModelLayer]) -> tuple[ModelLayer, ...]:
            places = [place(layer.built) for layer in given]
            return tuple(replace(one, built=built) for one, built in zip(given, places) if built is not None)

        models = [(model, place(model.place)) for model in self.models]
        tensors = [(tensor, place(tensor.place)) for tensor in self.tensors]
        modules = [(module, place(module.place)) for module in self.modules]
        return replace(
            self,
            models=tuple(
                replace(model, place=built, layers=layers(model.layers)) for model, built in models if built is not None
            ),
            loose=layers(self.loose),
            tensors=tuple(
                replace(tensor, place=named, layers=tuple(filter(None, map(place, tensor.layers))))
                for tensor, named in tensors
                if named is not None
            ),
            modules=tuple(
                replace(module, place=used, layers=tuple(filter(None, map(place, module.layers))))
                for module, used in modules
                if used is not None
            ),
        )

    def __add__(self, other: Inventory) -> Inventory:
        """The inventory of the files of both."""
        return Inventory(
            self.models + other.models,
            self.loose + other.loose,
            self.tensors + other.tensors,
            self.left_out + other.left_out,
            self.modules + other.modules,
        )
