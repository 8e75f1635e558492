"""Known values as real Python objects, and back: what is concrete is simply computed by Python."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from bn_lint.facts.dims import TracedInt
from bn_lint.static.interpreter.builtins.effort import effort
from bn_lint.static.interpreter.interpreter import Interpreter
from bn_lint.static.interpreter.lattice.size import is_large, length_of, limited
from bn_lint.static.interpreter.limits import MAX_COMPUTED, MAX_EFFORT, MAX_ITEMS
from bn_lint.static.interpreter.values import Arguments, Builtin, Dict, List, Unknown, Value
from bn_lint.static.syntax.places import NodeRef

#: Foreign objects that the program may hold and call methods of.
_FOREIGN = (re.Match, re.Pattern)
_PLAIN = (bool, int, float, str, bytes, complex, type(None), range, type(...))


class NotConcrete(Exception):
    """Some part of a value is not known."""


def concrete(value: Value) -> Any:
    """Return the Python object that a fully known value stands for.

    Raises:
        NotConcrete: a part is unknown or is no plain data.
    """
    if isinstance(value, TracedInt):
        return int(value)
    if isinstance(value, range) and len(value) > MAX_ITEMS:
        raise NotConcrete
    if isinstance(value, (*_PLAIN, *_FOREIGN)):
        return value
    if isinstance(value, tuple):
        return tuple(concrete(v) for v in value)
    if isinstance(value, List) and not value.rest:
        return [concrete(v) for v in value.items]
    if isinstance(value, Dict) and not value.is_open:
        if value.is_set:
            return {concrete(k) for k, _ in value.entries()}
        return {concrete(k): concrete(v) for k, v in value.entries()}
    raise NotConcrete


def abstract(value: Any) -> Value:
    """Return the abstract value of a Python object."""
    if isinstance(value, (*_PLAIN, *_FOREIGN)):
        return value
    if isinstance(value, tuple):
        return tuple(abstract(v) for v in value)
    if isinstance(value, list):
        return (
            List(tuple(abstract(v) for v in value)) if len(value) < MAX_COMPUTED else Unknown("?", "a very long list")
        )
    if isinstance(value, dict):
        return Dict({k: abstract(v) for k, v in value.items()})
    if isinstance(value, (set, frozenset)):
        return Dict(dict.fromkeys(sorted(value, key=repr)), is_set=True)
    return Unknown("?", f"a {type(value).__name__} is not followed")


def complete(name: str, function: Callable[[Any, Arguments, NodeRef], Value]) -> Builtin:
    """Make a builtin of a function that must know all of its arguments: those behind an unknown star, too."""

    def implementation(interpreter: Any, arguments: Arguments, ref: NodeRef) -> Value:
        if arguments.more:
            return Unknown("?", f"not all arguments of `{name}` are known")
        return function(interpreter, arguments, ref)

    return Builtin(name, implementation)


def computed(name: str, function: Callable[..., Any]) -> Builtin:
    """Make a builtin of a pure Python function: computed where every argument is known."""

    def implementation(interpreter: Any, arguments: Arguments, ref: NodeRef) -> Value:
        given = arguments.values()
        if is_large(*given, letters=True):
            return Unknown("?", f"the arguments of `{name}` are very long")
        texts = [one for one in given if isinstance(one, (str, bytes))]
        interpreter.budget.charge(sum(map(len, texts)))
        interpreter.budget.charge(sum(map(length_of, given)) - sum(map(len, texts)), one_by_one=True)
        try:
            positional = [concrete(v) for v in arguments.positional]
            keywords = {k: concrete(v) for k, v in arguments.keywords.items()}
        except NotConcrete:
            return Unknown("?", f"the arguments of `{name}` are not known")
        return evaluated(interpreter, name, function, *positional, **keywords)

    return complete(name, implementation)


def evaluated(
    interpreter: Interpreter, name: str, function: Callable[..., Any], /, *positional: Any, **keywords: Any
) -> Value:
    """Return what Python makes of known values; where it raises, so does the program, and nothing is known."""
    try:
        amount = effort(function, *positional, **keywords)
        if amount > MAX_EFFORT:
            return Unknown("?", f"`{name}` would take too long, or give too much")
        interpreter.budget.charge(int(amount))
        result = function(*positional, **keywords)
    except re.error:
        return Unknown("?", f"`{name}` gets a pattern that is none")
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
        return Unknown("?", f"`{name}` cannot be evaluated here ({type(error).__name__})")
    return limited(abstract(result))


def foreign_attribute(value: Any, name: str) -> Value:
    """Return an attribute of a foreign Python object (a regular expression, a match)."""
    if isinstance(value, _FOREIGN) and not name.startswith("_"):
        found = getattr(value, name, None)
        return computed(name, found) if callable(found) else abstract(found)
    return Unknown(name, f"`{name}` of {type(value).__name__} is not evaluated")
