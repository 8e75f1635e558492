"""Calls that are not executed again: what determines a call, and what it gave."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from fractions import Fraction
from re import Match, Pattern
from types import EllipsisType
from typing import TYPE_CHECKING

from bn_lint.facts.dims import Expression, TracedInt
from bn_lint.static.interpreter.clone import clone, clone_with
from bn_lint.static.interpreter.frames import ModuleScope
from bn_lint.static.interpreter.limits import MAX_KEY_DEPTH, MAX_KEY_ENTRIES
from bn_lint.static.interpreter.store import Store, watch
from bn_lint.static.interpreter.values import (
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

if TYPE_CHECKING:
    from bn_lint.static.interpreter.hooks import Collector

#: What may change while a remembered call holds it, or holds such things.
_HOLDERS = frozenset({tuple, List, Dict, Instance})


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
    if value is None or isinstance(value, (bool, int, float, str, bytes)):
        return (kind, value) if not isinstance(value, TracedInt) else (int, int(value), value.origin)
    if isinstance(value, (Tensor, Unknown)):
        return value.summary_key()
    if isinstance(value, Instance) and not value.is_record:
        template: Hashable = value.template
        return template
    if isinstance(value, (Builtin, Class, LibraryClass, External, Function, Expression, range)):
        return value
    if depth > MAX_KEY_DEPTH:  # a list may contain itself
        return None
    if isinstance(value, tuple):
        return _keys(tuple, value, depth) if kind is tuple else None
    if isinstance(value, List):
        return None if value.rest else _keys(List, value.items, depth)
    if isinstance(value, Union):
        return _keys(Union, value.values, depth)
    if isinstance(value, Dict):
        if value.is_open or len(value.cells) > MAX_KEY_ENTRIES:
            return None
        keys = _keys(Dict, tuple(value.cells.values()), depth)
        return None if keys is None else (keys, value.is_set, tuple(value.cells))
    if isinstance(value, Instance):
        if any(isinstance(name, Ghost) and not name.holds_value for name in value.cells):
            return None
        keys = _keys(Instance, tuple(value.cells.values()), depth)
        return None if keys is None else (keys, value.cls, tuple(value.cells))
    if isinstance(value, BoundMethod):
        return _keys(BoundMethod, (value.function, value.receiver), depth)
    if isinstance(value, Partial):
        names = tuple(name for name, _ in value.keywords)
        values = (value.function, *value.positional, *(v for _, v in value.keywords))
        keys = _keys(Partial, values, depth)
        return None if keys is None else (keys, len(value.positional), names)
    if isinstance(value, (complex, Fraction, EllipsisType, Slice, Pattern, Match, Absent, ValueIterator, Property)):
        return None
    if isinstance(value, (StaticMethod, ClassMethod, Super, ModuleScope, Imported, Field, DomainValue)):
        return None
    raise impossible(value)


def _keys(kind: type, values: tuple[Value, ...], depth: int) -> Hashable | None:
    keys = tuple(key_of(value, depth + 1) for value in values)
    return None if None in keys else (kind, keys)


class CallSummaries:
    """What calls gave, for those that would give the same again."""

    def __init__(self, store: Store, collector: Collector) -> None:
        self._store = store
        self._collector = collector
        self._templates: dict[Hashable, object] = {}
        self._recursive: dict[Function, dict[Hashable, Value]] = {}
        self._kept: dict[Hashable, tuple[Value, list[Instance]]] = {}

    def template_of(self, key: Hashable) -> object:
        """Return the object that stands for everything built with this key."""
        return self._templates.setdefault(key, object())

    def while_running(self, function: Function, key: Hashable, compute: Callable[[], Value]) -> Value:
        """Return what a recursive call gave before, within the outermost call of the function."""
        results = self._recursive.setdefault(function, {})
        if key not in results:
            results[key] = compute()
        return clone(results[key])

    def call_over(self, function: Function, stack: Sequence[Function]) -> None:
        """Drop what `while_running` kept, once the function no longer runs."""
        if self._recursive and function in self._recursive and function not in stack:
            del self._recursive[function]

    def memoize(self, key: Hashable | None, compute: Callable[[], Value], given: Iterable[Value] = ()) -> Value:
        """Return what the same computation gave before, when it changed nothing that is older than itself.

        `given` are the values it works on. What it gave may hold them, so it is forgotten once one of them changes.
        """
        if key is None:
            return compute()
        if self._collector.is_quiet:
            key = ("quiet", key)  # what was not noted then is noted later
        hit = self._kept.get(key)
        if hit is not None and not (isinstance(hit[0], Instance) and hit[0].template is None):
            return clone_with(hit[0], hit[1], _modules_in(given) if hit[1] else ())
        purity = watch()
        self._store.purity.append(purity)
        try:
            value = compute()
        finally:
            self._store.purity.pop()
        if purity.pure:
            # A module is kept as it is: should the program change it, its template is gone and so is this memory.
            modules = _modules_in(given)
            kept = value if isinstance(value, Instance) else clone_with(value, modules, modules)
            self._kept[key] = (kept, modules)
            if isinstance(value, Instance):
                value.remembered = [*(value.remembered or ()), (self._kept, key)]
            for one in given:
                self._forget_with(one, key)
        return value

    def _forget_with(self, value: Value, key: Hashable) -> None:
        """Arrange that the memory under a key is dropped when the value changes."""
        if type(value) is tuple:
            parts = value
        elif isinstance(value, (List, Dict)) or (isinstance(value, Instance) and not value.is_module):
            if value.remembered is None:
                value.remembered = []
            value.remembered.append((self._kept, key))
            parts = value.items if isinstance(value, List) else tuple(value.cells.values())
        else:
            return
        for part in parts:
            if type(part) in _HOLDERS:
                self._forget_with(part, key)


def _modules_in(given: Iterable[Value]) -> list[Instance]:
    """The modules among arguments, in an order that only depends on what `key_of` compares."""
    found: list[Instance] = []
    for one in given:
        if isinstance(one, Instance) and one.is_module:
            found.append(one)
        elif isinstance(one, (List, tuple)):
            found.extend(_modules_in(one.items if isinstance(one, List) else one))
    return found
