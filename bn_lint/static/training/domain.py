"""PyTorch with the libraries around it, and with what is known of how models are initialised."""

from __future__ import annotations

from typing import TYPE_CHECKING

import libcst as cst

from bn_lint.project.prefilter import is_batchnorm_name, is_zoo_name
from bn_lint.static.interpreter.values import BoundMethod, Function, Partial, Value
from bn_lint.static.libraries.index import KNOWN, library_member
from bn_lint.static.libraries.launchers import passed_through
from bn_lint.static.libraries.zoo import any_model
from bn_lint.static.torch_model.domain import TorchDomain
from bn_lint.static.torch_model.watchers import events_of
from bn_lint.static.training.initialisation import is_initialisation_loop, only_initialises

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from bn_lint.static.interpreter.interpreter import Interpreter
    from bn_lint.static.interpreter.values import Arguments
    from bn_lint.static.syntax.places import NodeRef


class TrainingDomain(TorchDomain):
    """The domain of bn-lint."""

    def __init__(self) -> None:
        super().__init__(KNOWN)

    def member(self, dotted: str, name: str) -> Value:
        return library_member(dotted, name)

    def any_member(self, dotted: str) -> Value:
        return any_model(dotted)

    def call(self, interpreter: Interpreter, function: Value, arguments: Arguments, ref: NodeRef) -> Value:
        events_of(interpreter).unseen_call(interpreter, function, arguments, ref)
        handed_back = passed_through(interpreter, function, arguments, ref)
        return super().call(interpreter, function, arguments, ref) if handed_back is None else handed_back

    def skips_call(self, function: Function, arguments: Arguments) -> bool:
        return _only_initialises(function) or any(map(_only_initialises, arguments.positional))

    def skips_loop(self, loop: cst.For) -> bool:
        return is_initialisation_loop(loop)

    def concerns(self, names: AbstractSet[str]) -> bool:
        return any(is_batchnorm_name(name) or is_zoo_name(name) for name in names)


def _only_initialises(value: Value) -> bool:
    """Whether a value is a function that fills weights; also as it is handed to `apply` and its like."""
    while isinstance(value, (Partial, BoundMethod)):
        value = value.function
    return isinstance(value, Function) and type(value.node) is cst.FunctionDef and only_initialises(value.node)


__all__ = ["TrainingDomain"]
