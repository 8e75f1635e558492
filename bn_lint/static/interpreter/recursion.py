"""How deep functions that call themselves are followed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bn_lint.static.interpreter.lattice.size import is_large
from bn_lint.static.interpreter.limits import MAX_BLIND_RECURSION, MAX_DEPTH, MAX_RECURSION
from bn_lint.static.interpreter.values import Arguments, Function, List, Unknown, Value

if TYPE_CHECKING:
    from bn_lint.static.interpreter.interpreter import Interpreter


def is_too_deep(interpreter: Interpreter, function: Function, arguments: Arguments, depth: int) -> bool:
    """Whether a call is not followed: too many are running, or too many of this function.

    Args:
        depth: How many calls of the function are running.
    """
    return (
        len(interpreter.stack) > MAX_DEPTH
        or depth > MAX_RECURSION
        or (depth >= _most_blind(interpreter) and _is_blind(interpreter, function, arguments))
    )


def _most_blind(interpreter: Interpreter) -> int:
    """How often a function that does not know all that it is given may run at once."""
    return 1 if interpreter.budget.is_scarce else MAX_BLIND_RECURSION + 1


def _is_blind(interpreter: Interpreter, function: Function, arguments: Arguments) -> bool:
    """Whether a function does not know all that it is given, and so may never see an end of calling itself."""
    given = arguments.positional[1:] if function.owner is not None else arguments.positional
    return any(_is_open(interpreter, one) for one in (*given, *arguments.keywords.values()))


def _is_open(interpreter: Interpreter, value: Value) -> bool:
    """Whether a value, or an element of it, is not known."""
    if isinstance(value, (tuple, List)):
        if is_large(value):
            return True
        parts = value if isinstance(value, tuple) else (*value.items, *value.rest)
        return any(_is_open(interpreter, part) for part in parts)
    return isinstance(value, Unknown) or interpreter.keys.of(value) is None


__all__ = ["is_too_deep"]
