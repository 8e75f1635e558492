"""Calls that are not executed again, for what they gave is known. (`lattice/keys.py` says what determines a call.)"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from bn_lint.static.interpreter.lattice.copying import Object, clone_with
from bn_lint.static.interpreter.store import Store
from bn_lint.static.interpreter.values import (
    Dict,
    Function,
    Instance,
    List,
    Union,
    Unknown,
    Value,
    ValueIterator,
)

if TYPE_CHECKING:
    from bn_lint.static.interpreter.hooks import Collector

#: What may change while a remembered call holds it, or holds such things.
_HOLDERS: Final = frozenset({tuple, List, Dict, Instance})


class _Way(NamedTuple):
    """Where a part is in the modules that a call was given: in which of them, and under which names."""

    given: int
    names: tuple[str, ...]

    def end(self, given: Sequence[Object]) -> Instance | None:
        """Return the part that is there now."""
        value: Value = given[self.given]
        for name in self.names:
            value = value.cells.get(name) if isinstance(value, Instance) else None
        return value if isinstance(value, Instance) else None


class CallSummaries:
    """What calls gave, for those that would give the same again."""

    def __init__(self, store: Store, collector: Collector, copied: Callable[[int], None] = lambda count: None) -> None:
        """Set up.

        Args:
            copied: Told how many objects a result was copied with.
        """
        self._copied = copied
        self._store = store
        self._collector = collector
        self._templates: dict[Hashable, object] = {}
        self._recursive: dict[Function, dict[Hashable, Value]] = {}
        #: What is being computed, from the outermost on.
        self._running: list[Hashable] = []
        #: What a call gave, the objects that it was given, where in these the ones are that it gave back, and which
        #: objects in it are those of modules.
        self._kept: dict[Hashable, tuple[Value, list[Object], list[_Way], dict[int, Value]]] = {}

    def template_of(self, key: Hashable) -> object:
        """Return the object that stands for everything built with this key."""
        return self._templates.setdefault(key, object())

    def while_running(self, function: Function, key: Hashable, compute: Callable[[], Value]) -> Value:
        """Return what a recursive call gave before, within the outermost call of the function."""
        results = self._recursive.setdefault(function, {})
        if key not in results:
            results[key] = compute()
        return self._copy(results[key], (), (), {})

    def is_running(self, key: Hashable) -> bool:
        """Whether what this key stands for is being computed, within which the question is asked."""
        return self._noted(key) in self._running

    def call_over(self, function: Function, stack: Sequence[Function]) -> None:
        """Drop what `while_running` kept, once the function no longer runs."""
        if self._recursive and function in self._recursive and function not in stack:
            del self._recursive[function]

    def forget(self) -> None:
        """Drop all that is kept, with the objects in it."""
        self._kept.clear()
        self._templates.clear()

    def memoize(self, key: Hashable | None, compute: Callable[[], Value], given: Sequence[Value] = ()) -> Value:
        """Return what the same computation gave before, when it changed nothing that is older than itself.

        `given` are the values it works on. What it gave may hold them, so it is forgotten once one of them changes.
        """
        if key is None:
            return compute()
        self._store.outside.settle()
        key = self._noted(key)
        hit = self._kept.get(key)
        if hit is not None and not (isinstance(hit[0], Instance) and hit[0].template is None):
            kept, before, ways, outside = hit
            objects = _objects_in(given) if before else []
            then, now = [way.end(before) for way in ways], [way.end(objects) for way in ways]
            if None not in now and len(objects) == len(before):
                same = [*before, *filter(None, then)]
                self._store.reads_objects(outside)
                return _made_again(self._copy(kept, same, [*objects, *filter(None, now)], outside), given)
        purity = self._store.watch()
        self._running.append(key)
        try:
            value = compute()
        finally:
            self._running.pop()
            self._store.unwatch()
        outside = self._store.outside.read(purity, value) if purity.pure else {}
        objects = _objects_in(given)
        # What it was given may be what it has read besides: then the key does not tell which of the two it gave.
        if purity.pure and not any(id(one) in outside for one in objects):
            # A module is kept as it is: should the program change it, its template is gone and so is this memory.
            # What a branch has made is taken back with it, and there is a copy for the other branches.
            parts = [] if isinstance(value, Instance) else list(_parts_in(value, objects))
            same = [*objects, *(part for part, _ in parts)]
            as_it_is = isinstance(value, Instance) and not self._store.branches
            kept = value if as_it_is else self._copy(value, same, same, outside)
            self._kept[key] = (kept, objects, [way for _, way in parts], outside)
            if isinstance(value, Instance) and as_it_is:
                value.remembered = [*(value.remembered or ()), (self._kept, key)]
            for one in given:
                self._forget_with(one, key)
        return value

    def _noted(self, key: Hashable) -> Hashable:
        """The key as it is kept: what is not noted now is noted later."""
        return ("quiet", key) if self._collector.is_quiet else key

    def _copy(self, value: Value, given: Sequence[Object], now: Sequence[Object], shared: dict[int, Value]) -> Value:
        copies = dict(shared)
        copy = clone_with(value, given, now, copies)
        self._copied(len(copies) - len(shared))
        return copy

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


def _made_again(value: Value, given: Sequence[Value]) -> Value:
    """What a call gives that gave this before: something unknown that it made is equal, but not the same object."""
    if type(value) is tuple:
        parts = tuple([_made_again(part, given) for part in value])
        return parts if any(part is not before for part, before in zip(parts, value)) else value
    if type(value) is not Unknown or value.attribute_of is not None or value.foreign or value in given:
        return value
    return value.twin()


def _parts_in(value: Value, given: Sequence[Object]) -> Iterator[tuple[Instance, _Way]]:
    """The parts of modules that a call was given, among what it gave back, as `[m for m in model.modules()]` does."""
    if isinstance(value, Instance):
        names: list[str] = []
        owner: Instance | None = value
        while owner is not None and owner.name is not None and not any(owner is one for one in given):
            names.append(owner.name)
            owner = owner.owner
        number = next((number for number, one in enumerate(given) if one is owner), None)
        if names and number is not None and (way := _Way(number, tuple(reversed(names)))).end(given) is value:
            yield value, way
    elif isinstance(value, (List, ValueIterator, tuple, Union)):
        if isinstance(value, (List, ValueIterator)):
            value = (*value.items, *value.rest)
        for part in value.values if isinstance(value, Union) else value:
            yield from _parts_in(part, given)


def _objects_in(given: Iterable[Value]) -> list[Object]:
    """The objects among arguments, in an order that only depends on what a key compares. Modules are one each."""
    found: dict[int, Object] = {}
    pending = list(given)[::-1]
    while pending:
        one = pending.pop()
        if isinstance(one, tuple):
            pending += one[::-1]
        elif isinstance(one, (List, Dict, Instance)) and id(one) not in found:
            found[id(one)] = one
            if not isinstance(one, Instance) or (one.is_record and not one.is_module):
                pending += (one.items if isinstance(one, List) else tuple(one.cells.values()))[::-1]
    return list(found.values())
