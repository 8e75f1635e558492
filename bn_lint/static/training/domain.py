"""PyTorch with the libraries around it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bn_lint.project.prefilter import is_batchnorm_name, is_zoo_name
from bn_lint.static.interpreter.values import ABSENT, Unknown, Value
from bn_lint.static.libraries.index import KNOWN, any_member, library_member
from bn_lint.static.libraries.launchers import passed_through
from bn_lint.static.torch_model.domain import TorchDomain
from bn_lint.static.torch_model.foreign_calls import made_of_models, note_foreign_call
from bn_lint.static.torch_model.symbolic_models import called

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
        return any_member(dotted)

    def call(self, interpreter: Interpreter, function: Value, arguments: Arguments, ref: NodeRef) -> Value:
        result = called(interpreter, function, arguments, ref) if isinstance(function, Unknown) else ABSENT
        if result is not ABSENT:
            return result
        note_foreign_call(interpreter, function, arguments, ref)
        handed_back = passed_through(interpreter, function, arguments, ref)
        if handed_back is not None:
            return handed_back
        result = super().call(interpreter, function, arguments, ref)
        return made_of_models(interpreter, function, arguments, ref) if result is ABSENT else result

    def concerns(self, names: AbstractSet[str]) -> bool:
        return any(is_batchnorm_name(name) or is_zoo_name(name) for name in names)


__all__ = ["TrainingDomain"]
