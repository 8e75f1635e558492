"""Changes to the abstract state, which can be undone and merged.

Both branches of an `if` whose condition is unknown are executed, each on the state before the `if`; afterward the
cells that either of them changed get the joined value. Recording the changes costs as much as there are changes, where
copying the state would cost as much as there is state.

Entry points share the modules of the project. What one of them changes there is undone when the next one begins: only
the top level of a module changes modules for all.
"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from bn_lint.static.interpreter.lattice.equality import same
from bn_lint.static.interpreter.outside import HOLDERS, Name, Outside
from bn_lint.static.interpreter.values import (
    ABSENT,
    DEFINITIONS,
    WRAPPERS,
    Dict,
    Doubt,
    Ghost,
    Held,
    Instance,
    List,
    Mutable,
    Tensor,
    Unknown,
    UnknownInt,
    Value,
    birth,
)

Cells = dict[Any, Value]
#: (identity of the cells, key) -> (cells, key, value after the branch)
StoreDelta = dict[tuple[int, Any], tuple[Cells, Any, Value]]


class Execution:
    """An entry point, or the top level of a module, while it runs.

    Attributes:
        stays: What it writes is there for all entry points, and so is what it makes.
        reaches_out: It has changed, or may have changed, what it has not made.
        since: What is made from then on is its own.
    """

    __slots__ = ("_began", "_ends", "_starts", "reaches_out", "since", "stays")

    def __init__(self, *, stays: bool) -> None:
        self.stays = stays
        self.reaches_out = False
        self._began = self.since = birth()
        #: When modules were executed meanwhile: what was made in these times is theirs.
        self._starts: list[int] = []
        self._ends: list[int] = []

    def has_made(self, target: Mutable) -> bool:
        """Whether an object is its own; to be asked only of what was made before `since`."""
        if target.born < self._began:
            return False
        at = bisect(self._starts, target.born) - 1
        return at < 0 or target.born > self._ends[at]

    def over(self, inner: Execution) -> None:
        """A module was executed meanwhile."""
        self.since = birth()
        self._starts.append(inner._began)
        self._ends.append(self.since)


class Store:
    """The only writer of cells."""

    def __init__(self) -> None:
        self._trail: list[tuple[Cells, Any, Value]] = []
        #: Birth times below which a write makes the running memoized call impure (see `CallSummaries.memoize`).
        self.purity: list[Purity] = []
        #: What these have read of modules.
        self.outside = Outside()
        #: How many records are open that will be taken back.
        self.branches = 0
        self._execution = Execution(stays=False)
        #: Cells that were changed and get it back, and a copy of what they held: by the identity of the cells.
        self._before: dict[int, tuple[Cells, Cells]] = {}
        #: The objects whose cells were written in branches, by the identity of their cells.
        self._owners: dict[int, Mutable] = {}

    def write(self, cells: Cells, key: Any, value: Value) -> None:
        before = cells.get(key, ABSENT)
        if before is not value and (id(cells), key) in self.outside.names:
            self.outside.changed()
        self._trail.append((cells, key, before))
        cells[key] = value

    def bind(self, cells: Cells, name: str, value: Value) -> None:
        """Write a local name of a function: no other call has read it."""
        self._trail.append((cells, name, cells.get(name, ABSENT)))
        cells[name] = value

    def reads(self, cells: Cells, name: str, value: Value) -> None:
        """A name of a module or a class is read, which calls under way may remember."""
        if self.purity:
            purity = self.purity[-1]
            purity.names.add((id(cells), name))
            if type(value) in HOLDERS:
                purity.objects[id(value)] = value

    def reads_container(self, container: List | Dict | Instance) -> None:
        """A container is read that a call under way may not have been given, such as the default of a parameter."""
        if self.purity and container.born <= self.purity[-1].start:
            self.purity[-1].objects[id(container)] = container

    def reads_objects(self, objects: Mapping[int, Value]) -> None:
        """A call under way is given objects of modules by one that is remembered."""
        if self.purity and objects:
            self.purity[-1].objects.update(objects)

    def watch(self) -> Purity:
        """Watch what is changed, and what is read of modules, until `unwatch`."""
        purity = Purity()
        self.purity.append(purity)
        return purity

    def unwatch(self) -> None:
        """End what `watch` began last; what the inner call has read the outer one has read, too."""
        purity = self.purity.pop()
        if self.purity:
            outer = self.purity[-1]
            outer.names |= purity.names
            if purity.objects:
                outer.objects.update(purity.objects)

    def set(self, target: Mutable, key: Any, value: Value) -> None:
        """Write a cell of an object, noticing when the object is older than a call under way.

        What puts an equal value in place of another changes nothing: a layer that counts its batches in a buffer
        behaves the same after each call.
        """
        if isinstance(target, Dict) and not isinstance(key, Ghost) and target.may_lack(key):
            self.set(target, Doubt(key), False)
        if _changes_nothing(target.cells.get(key, ABSENT), value):
            if self.purity and target.born <= self.purity[-1].start:
                self._writes_the_same(target, key)
            return
        self._changed(target)
        self.write(target.cells, key, value)
        if self._before and self._execution.stays:
            self._pass_on(target.cells, key)

    def _writes_the_same(self, target: Mutable, key: Any) -> None:
        """A write changes nothing, which it would if the cell were otherwise. Modules then differ from their twins."""
        if isinstance(target, (List, Dict)) or (isinstance(target, Instance) and not target.is_module):
            self.purity[-1].objects[id(target)] = target
        elif not isinstance(target, Instance):
            self.purity[-1].names.add((id(target.cells), key))

    def set_in(self, cells: Cells, key: Any, value: Value) -> None:
        """Write a cell of something else than an object that may be older than the entry point, such as a module."""
        if self._execution.stays:
            self._execution.reaches_out = True
            self.write(cells, key, value)
            self._pass_on(cells, key)
        else:
            self._keep(cells)
            self.write(cells, key, value)

    def lend(self, cells: Cells) -> None:
        """Let whatever is written in cells be taken back when the next entry point begins."""
        if not self._execution.stays:
            self._keep(cells)

    def is_of_object(self, cells: Cells) -> bool:
        """Whether cells that were written in a branch belong to an object; others are the names of a scope."""
        owner = self._owners.get(id(cells))
        return owner is not None and owner.cells is cells

    def is_younger(self, cells: Cells, born: int) -> bool:
        """Whether cells that were written in a branch belong to an object that was made after a time."""
        owner = self._owners.get(id(cells))
        return owner is not None and owner.cells is cells and owner.born > born

    def restore(self, cells: Cells, key: Any, value: Value) -> None:
        """Write what a cell was on a side of a branch that is over."""
        owner = self._owners.get(id(cells))
        if owner is None or owner.cells is not cells:
            self.write(cells, key, value)
        elif isinstance(key, Ghost) and not key.decides:
            self.note(owner, key, value)
        else:
            self.set(owner, key, value)

    def merge(self, cells: Cells, key: Any, value: Value) -> None:
        """Write what a cell is behind branches that have changed it."""
        owner = self._owners.get(id(cells))
        if owner is not None and owner.cells is cells:
            _forget_calls(owner)  # those that were remembered on a branch which has not changed it
        self.write(cells, key, value)

    def may_lack(self, cells: Cells, key: Any) -> None:
        """Behind branches, an entry is there that some of them have not made."""
        owner = self._owners.get(id(cells))
        if isinstance(owner, Dict) and owner.cells is cells and key is not Dict.OPEN and not isinstance(key, Ghost):
            self.write(cells, Doubt(key), True)

    def inherited(self, cells: Cells, name: Any) -> Value:
        """What an attribute is on a branch that has not set it: that of the object's class."""
        owner = self._owners.get(id(cells))
        if not isinstance(owner, Instance) or owner.cells is not cells or not isinstance(name, str):
            return ABSENT
        found = owner.cls.lookup(name)[0]
        return ABSENT if isinstance(found, (*DEFINITIONS, *WRAPPERS)) else found

    def note(self, target: Mutable, key: Ghost[Held], value: Held) -> None:
        """Write a cell that does not decide how the object behaves, such as a mode: its twins stay its twins."""
        self._changes_older(target)
        module: Mutable | None = target
        while isinstance(module, Instance):
            _forget_calls(module)
            module = module.owner
        self.write(target.cells, key, value)

    def remove(self, target: Mutable, key: Any) -> None:
        if key in target.cells:
            self._changed(target)
            self._trail.append((target.cells, key, target.cells[key]))
            del target.cells[key]

    def disturb(self) -> None:
        """What happens now must be seen again should the same function be called again."""
        for purity in self.purity:
            purity.pure = False

    def _keep(self, cells: Cells) -> None:
        """Note what cells hold that are about to be written, for who gets it back."""
        if id(cells) not in self._before:
            self._before[id(cells)] = cells, dict(cells)

    def _pass_on(self, cells: Cells, key: Any) -> None:
        """What a module changes as it is executed stays, even if the entry point has changed the same object before."""
        if id(cells) in self._before:
            self._before[id(cells)][1][key] = cells[key]

    def depends_on(self, born: int) -> None:
        """What happens now is another thing where something that began then is otherwise."""
        # Calls under way began one after the other: those that are younger than the object come last.
        for purity in reversed(self.purity):
            if born > purity.start:
                break
            purity.pure = False

    def _changes_older(self, target: Mutable) -> None:
        execution = self._execution
        if target.born < execution.since and not execution.has_made(target):
            if execution.stays:
                execution.reaches_out = True
            else:
                self._keep(target.cells)
        self.depends_on(target.born)
        if self.branches:
            self._owners[id(target.cells)] = target

    def _changed(self, target: Mutable) -> None:
        self._changes_older(target)
        if target.remembered is not None:
            _forget_calls(target)
        # A module that is changed after its construction differs from its twins, and so does what it is part of.
        module = target.holder
        if module is None and isinstance(target, Instance):
            module = target
        while module is not None and module.template is not None:
            module.template = None
            module = module.owner

    def start(self) -> bool:
        """Begin an entry point: give older objects back what they held before the last one; whether there were any."""
        self._trail = []
        self.branches = 0
        self._owners = {}
        undone = list(self._before.values())
        for cells, before in undone:
            cells.clear()
            cells.update(before)
        self._execution, self._before = Execution(stays=False), {}
        return bool(undone)

    @contextmanager
    def executing(self, module: Execution) -> Iterator[None]:
        """A module is executed."""
        outer, self._execution = self._execution, module
        try:
            yield
        finally:
            self._execution = outer
            outer.over(module)

    def fork(self) -> list[tuple[Cells, Any, Value]]:
        """Start a new record; returns what `rollback` and `resume` need to go back to."""
        outer = self._trail
        self._trail = []
        self.branches += 1
        return outer

    def rollback(self, outer: list[tuple[Cells, Any, Value]]) -> StoreDelta:
        """Take back everything since `begin` and return it as changes."""
        trail = self._trail
        changes: StoreDelta = {}
        for cells, key, _ in trail:
            changes[(id(cells), key)] = (cells, key, cells.get(key, ABSENT))
        for cells, key, before in trail[::-1]:
            if before is ABSENT:
                cells.pop(key, None)
            else:
                cells[key] = before
        self._trail = outer
        self.branches -= 1
        if not self.outside.names.isdisjoint(changes):
            self.outside.changed()
        for owner in {id(cells): self._owners.get(id(cells)) for cells, _, _ in changes.values()}.values():
            if owner is not None and owner.remembered is not None:
                _forget_calls(owner)
        return changes

    def mark(self) -> int:
        """How many changes are recorded by now, for `widen` and `since`."""
        return len(self._trail)

    def since(self, mark: int) -> list[tuple[Cells, Any]]:
        """Which cells changed since a mark."""
        return list({(id(cells), key): (cells, key) for cells, key, _ in self._trail[mark:]}.values())

    def widen(self, since: int) -> None:
        """Forget numbers that changed since a mark: counters, in a loop of unknown length."""
        for cells, key, before in self._trail[since:]:
            now = cells.get(key, ABSENT)
            if not isinstance(before, (int, float)) or not isinstance(now, (int, float)) or type(now) is bool:
                continue
            if before != now:
                made = UnknownInt if isinstance(now, int) else Unknown
                self.write(cells, key, made(str(key), "it is counted in a loop of unknown length"))

    def resume(self, outer: list[tuple[Cells, Any, Value]]) -> None:
        """Keep what was recorded since `begin`, out of the record: it outlives the branch that it happens in."""
        self._trail = outer
        self.branches -= 1


def _changes_nothing(held: Value, value: Value) -> bool:
    """Whether a cell is the same after a write. A tensor of unknown sizes may be another one that time."""
    if held is value:
        return True
    if isinstance(held, Tensor) and isinstance(value, Tensor):
        known = held.ranked and all(axis.size is not None for axis in held.axes)
        return known and held.layer is value.layer and same(held, value)
    return same(held, value)


def _forget_calls(target: Mutable) -> None:
    """Drop the remembered calls whose result holds an object that is changed now."""
    if target.remembered is not None:
        for memory, key in target.remembered:
            memory.pop(key, None)
        target.remembered = None


class Purity:
    """What a call does that is not seen from what it gives.

    Attributes:
        pure: It has changed nothing that is older than itself.
        start: When it began.
        names: The names of modules and classes that it has read.
        objects: What they held, and other objects that it has read.
    """

    __slots__ = ("names", "objects", "pure", "start")

    def __init__(self) -> None:
        self.start = birth()
        self.pure = True
        self.names: set[Name] = set()
        self.objects: dict[int, Value] = {}
