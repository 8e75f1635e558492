"""What identifies a value: for calls that are not executed again, and as the key of a dictionary."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Final

from bn_lint.facts.dims import Expression, TracedInt
from bn_lint.static.interpreter.lattice.size import is_large
from bn_lint.static.interpreter.limits import MAX_KEY_DEPTH, MAX_KEY_ENTRIES
from bn_lint.static.interpreter.values import (
    CONSTANTS,
    Absent,
    Arguments,
    BoundMethod,
    Builtin,
    Class,
    ClassMethod,
    Dict,
    DomainValue,
    External,
    Field,
    Function,
    Ghost,
    Imported,
    Instance,
    LibraryClass,
    List,
    ModuleScope,
    Partial,
    Property,
    Slice,
    StaticMethod,
    Super,
    Tensor,
    Union,
    Unknown,
    Value,
    ValueIterator,
    impossible,
)
from bn_lint.static.syntax.places import NodeRef

#: Python's own constants that arguments often are.
_PLAIN: Final = frozenset({bool, int, float, str, bytes, type(None)})


class Keys:
    """Numbers for what identifies values: equal keys have one number, so that no key is a tree that is hashed again."""

    def __init__(self) -> None:
        self._numbers: dict[Hashable, int] = {}
        #: The numbers below are those of keys that were forgotten.
        self._first = 0

    def forget(self) -> None:
        """Drop all keys; who still has a number of one has it alone."""
        self._first += len(self._numbers)
        self._numbers.clear()

    def of_call(self, arguments: Arguments) -> int | None:
        """Return what identifies a call with plain data; None when an argument is an object, or is not known."""
        if arguments.more or is_large(*arguments.positional, *arguments.keywords.values()):
            return None
        positional = tuple([self.of(v) for v in arguments.positional])
        if None in positional:
            return None
        if not arguments.keywords:
            return self._number((positional,))
        keywords = tuple([self.of(v) for v in arguments.keywords.values()])
        return None if None in keywords else self._number((positional, tuple(arguments.keywords), keywords))

    def of(self, value: Value) -> int | None:
        """Return what determines how a computation treats this value, or None when nothing simple does."""
        key = self._of(value, 0)
        return None if key is None else self._number(key)

    def _number(self, key: Hashable) -> int:
        return self._numbers.setdefault(key, self._first + len(self._numbers))

    def _of(self, value: Value, depth: int) -> Hashable | None:
        kind = type(value)
        if kind in _PLAIN:
            return (kind, value)
        if isinstance(value, (Tensor, Unknown)):
            return value.summary_key()
        if isinstance(value, Instance) and not value.is_record:
            template: Hashable = value.template
            return self._of_changed(value) if template is None and value.is_module and depth == 0 else template
        if isinstance(value, (Builtin, Class, LibraryClass, External, Function, Expression, NodeRef)):
            return value
        if isinstance(value, TracedInt):
            return (int, int(value), value.origin)
        if depth > MAX_KEY_DEPTH:  # a list may contain itself
            return None
        if isinstance(value, tuple):
            return self._of_all(tuple, value, depth) if kind is tuple else None
        if isinstance(value, List):
            return None if value.rest else self._of_all(List, value.items, depth)
        if isinstance(value, Union):
            return self._of_all(Union, value.values, depth)
        if isinstance(value, Dict):
            if value.is_open or len(value.cells) > MAX_KEY_ENTRIES:
                return None
            keys = self._of_all(Dict, tuple(value.cells.values()), depth)
            return None if keys is None else (keys, value.is_set, tuple(value.cells))
        if isinstance(value, Instance):
            keys = self._of_all(Instance, tuple(value.cells.values()), depth)
            return None if keys is None else (keys, value.cls, tuple(value.cells))
        if isinstance(value, BoundMethod):
            return self._of_all(BoundMethod, (value.function, value.receiver), depth)
        if isinstance(value, Partial):
            names = tuple(name for name, _ in value.keywords)
            values = (value.function, *value.positional, *(v for _, v in value.keywords))
            keys = self._of_all(Partial, values, depth)
            return None if keys is None else (keys, len(value.positional), names)
        if isinstance(value, (ModuleScope, Imported, Field, Property, StaticMethod, ClassMethod, Super, Slice)):
            return None
        if isinstance(value, (ValueIterator, Absent, DomainValue)):
            return None
        if isinstance(value, CONSTANTS):
            return (kind, value)
        raise impossible(value)

    def _of_all(self, kind: type, values: tuple[Value, ...], depth: int) -> Hashable | None:
        keys = []
        for value in values:
            key = self._of(value, depth + 1)
            if key is None:
                return None
            keys.append(self._number(key))
        return (kind, *keys)

    def _of_changed(self, module: Instance) -> Hashable | None:
        """The key of a module that was changed after it was built: what it holds, if its children are unchanged."""
        if len(module.cells) > MAX_KEY_ENTRIES:
            return None
        held = {name: v for name, v in module.cells.items() if not isinstance(name, Ghost) or name.decides}
        keys = self._of_all(Instance, tuple(held.values()), 0)
        return None if keys is None else (keys, module.cls, module.built, tuple(held))


def is_key(value: Value) -> bool:
    """Whether a value can serve as a known key of a dictionary."""
    if isinstance(value, tuple):
        return not is_large(value) and all(is_key(v) for v in value)
    return not isinstance(value, (Unknown, Union, Tensor, List, Dict))


def make_set(items: tuple[Value, ...], *, is_open: bool = False) -> Dict:
    """Return a set of values, as far as they can be its elements."""
    result = Dict(is_set=True, is_open=is_open)
    for item in items:
        if is_key(item):
            result.cells[item] = None
        else:
            result.cells[Dict.OPEN] = True
    return result
