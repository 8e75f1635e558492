"""The parameters of a module, as far as it matters whether they are trained."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bn_lint.static.interpreter.values import Arguments, Builtin, DomainValue, Instance, Unknown, Value
from bn_lint.static.syntax.places import NodeRef
from bn_lint.static.torch_model.mode import FROZEN
from bn_lint.static.torch_model.watchers import events_of

if TYPE_CHECKING:
    from bn_lint.static.interpreter.interpreter import Interpreter


#: Methods by which a parameter is given the value of another one, or some of it.
_FROM_OTHERS = frozenset({"mul_", "add_", "sub_", "lerp_", "copy_"})


class Weights(DomainValue):
    """Any parameter of a module: what is done to one in a loop over `parameters()` is done to all."""

    __slots__ = ("module",)

    def __init__(self, module: Instance) -> None:
        self.module = module

    def __repr__(self) -> str:
        return f"<parameters of a {self.module.cls.name}>"


def freeze(interpreter: Interpreter, module: Instance, requires_grad: Value, ref: NodeRef) -> None:
    """Set `requires_grad` of all parameters of a module."""
    from bn_lint.static.torch_model.batchnorm import batchnorm_class

    state = ref if requires_grad is False else None if requires_grad is True else Unknown("requires_grad")
    for layer in module.possible_descendants():
        if batchnorm_class(layer) is not None:
            interpreter.store.note(layer, FROZEN, state)
            if state is None:
                events_of(interpreter).thawed.add(id(layer))


def weights_attribute(weights: Weights, name: str) -> Value:
    if name == "data":
        return weights
    if name.endswith("_") and name != "requires_grad_":

        def change(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
            if name in _FROM_OTHERS:
                events_of(interpreter).weights_written(interpreter, weights.module, ref)
            events_of(interpreter).averaged.add(id(weights.module))
            events_of(interpreter).prepare(weights.module, ref)
            return weights

        return Builtin(name, change)
    if name != "requires_grad_":
        return Unknown(f"parameter.{name}")

    def switch(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
        freeze(interpreter, weights.module, arguments.get(0, "requires_grad", True), ref)
        return weights

    return Builtin(name, switch)
