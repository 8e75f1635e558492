"""The parameters of a module, as far as it matters whether they are trained."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bn_lint.static.modes.state import FROZEN
from bn_lint.static.values import Arguments, Builtin, Instance, Spot, Unknown, Value

if TYPE_CHECKING:
    from bn_lint.static.run import Run


#: Methods by which a parameter is given the value of another one, or some of it.
_FROM_OTHERS = frozenset({"mul_", "add_", "sub_", "lerp_", "copy_"})


class Weights:
    """Any parameter of a module: what is done to one in a loop over `parameters()` is done to all."""

    __slots__ = ("module",)

    def __init__(self, module: Instance) -> None:
        self.module = module

    def __repr__(self) -> str:
        return f"<parameters of a {self.module.cls.name}>"


def freeze(run: Run, module: Instance, requires_grad: Value, spot: Spot) -> None:
    """Set `requires_grad` of all parameters of a module."""
    from bn_lint.static.torch.batchnorm import batchnorm_class
    from bn_lint.static.torch.module_methods import possible_descendants

    state = spot if requires_grad is False else None if requires_grad is True else Unknown("requires_grad")
    for layer in possible_descendants(module):
        if batchnorm_class(layer) is not None:
            run.heap.note(layer, FROZEN, state)
            if state is None:
                run.program.thawed.add(id(layer))


def weights_attribute(weights: Weights, name: str) -> Value:
    if name == "data":
        return weights
    if name.endswith("_") and name != "requires_grad_":

        def change(run: Run, arguments: Arguments, spot: Spot) -> Value:
            if name in _FROM_OTHERS:
                run.program.weights_written(run, weights.module, spot)
            run.program.averaged.add(id(weights.module))
            run.program.prepare(weights.module, spot)
            return weights

        return Builtin(name, change)
    if name != "requires_grad_":
        return Unknown(f"parameter.{name}")

    def switch(run: Run, arguments: Arguments, spot: Spot) -> Value:
        freeze(run, weights.module, arguments.get(0, "requires_grad", True), spot)
        return weights

    return Builtin(name, switch)
