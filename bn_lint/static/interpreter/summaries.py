"""What determines a call: by it, what the call gave can be remembered (see `Interpreter.memoize`)."""

from __future__ import annotations

from collections.abc import Callable, Hashable

from bn_lint.facts.dims import Expression, TracedInt
from bn_lint.static.interpreter.values import (
    Arguments,
    BoundMethod,
    Builtin,
    Class,
    Dict,
    External,
    Function,
    Instance,
    LibraryClass,
    List,
    Partial,
    Tensor,
    Union,
    Unknown,
    UnknownInt,
    Value,
)

_MAX_KEY_DEPTH = 6
_MAX_KEY_ENTRIES = 60
#: Values that are determined by others. What is neither plain nor one of these may have a `summary_key` of its own.
_COMPOUND = frozenset({tuple, List, Union, Dict, Instance, BoundMethod, Partial})


def key_of_call(arguments: Arguments) -> Hashable | None:
    """Return what identifies a call with plain data; None when an argument is an object, or is not known."""
    if arguments.more:
        return None
    positional = tuple([key_of(v) for v in arguments.positional])
    if None in positional:
        return None
    if not arguments.keywords:
        return (positional,)
    keywords = tuple([key_of(v) for v in arguments.keywords.values()])
    return None if None in keywords else (positional, tuple(arguments.keywords), keywords)


def key_of(value: Value, depth: int = 0) -> Hashable | None:
    """Return what determines how a computation treats this value, or None when nothing simple does."""
    kind = type(value)
    if value is None or kind in (bool, int, float, str, bytes):
        return (kind, value)
    if kind is TracedInt:
        return (int, int(value), value.origin)
    if kind is Tensor:
        key: Hashable = value.key()
        return key
    if kind is Instance and not value.is_record:
        template: Hashable = value.template
        return template
    if kind in (Builtin, Class, LibraryClass, External, Function, Unknown, UnknownInt, Expression, range):
        hashable: Hashable = value
        return hashable
    if kind not in _COMPOUND:
        own: Callable[[], Hashable | None] | None = getattr(value, "summary_key", None)
        return own() if own is not None else None
    if depth > _MAX_KEY_DEPTH:  # a list may contain itself
        return None
    if kind is tuple:
        return _keys(tuple, value, depth)
    if kind is List and not value.rest:
        return _keys(List, value.items, depth)
    if kind is Union:
        return _keys(Union, value.values, depth)
    if kind is Dict and not value.is_open and len(value.cells) <= _MAX_KEY_ENTRIES:
        keys = _keys(Dict, tuple(value.cells.values()), depth)
        return None if keys is None else (keys, value.is_set, tuple(value.cells))
    if kind is Instance:
        keys = _keys(Instance, tuple(value.cells.values()), depth)
        return None if keys is None else (keys, value.cls, tuple(value.cells))
    if kind is BoundMethod:
        return _keys(BoundMethod, (value.function, value.receiver), depth)
    if kind is Partial:
        names = tuple(name for name, _ in value.keywords)
        values = (value.function, *value.positional, *(v for _, v in value.keywords))
        keys = _keys(Partial, values, depth)
        return None if keys is None else (keys, len(value.positional), names)
    return None


def _keys(kind: type, values: tuple[Value, ...], depth: int) -> Hashable | None:
    keys = tuple(key_of(value, depth + 1) for value in values)
    return None if None in keys else (kind, keys)
