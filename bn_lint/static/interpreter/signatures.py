"""Whether a call fits what is called."""

from __future__ import annotations

import libcst as cst

from bn_lint.static.interpreter.values import (
    ABSENT,
    Arguments,
    BoundMethod,
    Class,
    Function,
    LibraryClass,
    Value,
)


def fitting(alternatives: list[Value], arguments: Arguments) -> list[Value]:
    """Return those of several callables that accept the arguments; all of them if none does.

    A program that calls one of several things with arguments that only some of them take has chosen one of those:
    the condition that chose it was evaluated elsewhere.
    """
    fit = [one for one in alternatives if not rejects(one, arguments)]
    return fit or alternatives


def rejects(function: Value, arguments: Arguments) -> bool:
    """Whether calling a function or a class with these arguments surely raises `TypeError`."""
    if isinstance(function, BoundMethod) and isinstance(function.function, Function):
        return _does_not_bind(function.function, arguments.prefixed(function.receiver))
    if isinstance(function, Function):
        return _does_not_bind(function, arguments)
    if isinstance(function, LibraryClass):
        # Of a library's constructor, the table may leave out optional parameters, but no other.
        required = [name for name, default in function.signature if default is ABSENT]
        missing = required[len(arguments.positional) :]
        return not arguments.more and any(name not in arguments.keywords for name in missing)
    if isinstance(function, Class):
        init, _ = function.lookup("__init__")
        # The object that `__init__` gets does not exist yet: anything takes its place.
        return isinstance(init, Function) and _does_not_bind(init, arguments.prefixed(None))
    return False


def _does_not_bind(function: Function, arguments: Arguments) -> bool:
    if isinstance(function.node, cst.FunctionDef) and function.node.decorators:
        return False  # a decorator may take other arguments than the function
    params, given = function.params, len(arguments.positional)
    names = params.positional
    if params.star is None and given > len(names):
        return True
    by_name = {*names[params.positional_only :], *params.keyword_only}
    if params.star_star is None and any(name not in by_name for name in arguments.keywords):
        return True
    if any(name in arguments.keywords for name in names[params.positional_only : given]):
        return True  # given twice
    if arguments.more:
        return False
    required = [name for name in (*names[given:], *params.keyword_only) if name not in function.defaults]
    return any(name not in arguments.keywords for name in required)
