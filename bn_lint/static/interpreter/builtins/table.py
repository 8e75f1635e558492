"""The names that every module has."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

from bn_lint.static.interpreter.builtins.concrete import complete
from bn_lint.static.interpreter.interpreter import Interpreter
from bn_lint.static.interpreter.values import Arguments, Builtin, Value
from bn_lint.static.syntax.places import NodeRef

Implementation = TypeVar("Implementation", bound=Callable[[Interpreter, Arguments, NodeRef], Value])

BUILTINS: Final[dict[str, Value]] = {}


def builtin(name: str, *, takes_more: bool = False) -> Callable[[Implementation], Implementation]:
    """Put a function into the table. Unless it `takes_more` arguments than are known, it is not asked then."""

    def register(function: Implementation) -> Implementation:
        BUILTINS[name] = Builtin(name, function) if takes_more else complete(name, function)
        return function

    return register
