"""Objects that can change, and the cells they consist of.

Only `Store` writes cells, so that what a branch did can be undone and merged.
"""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar, cast

if TYPE_CHECKING:
    from bn_lint.static.interpreter.values import Class, Dict, Instance, Value

Held = TypeVar("Held", bound="Value")

#: Process-wide is harmless: only the order of two of its numbers ever means anything.
_births = count()


def birth() -> int:
    """A number that is greater than those of all objects made before."""
    return next(_births)


class Mutable:
    """Anything the program can change.

    `born` orders objects by creation, and `remembered` are the calls whose memory holds this object (see
    `CallSummaries.memoize`). `holder` is the module that a list, a dictionary or a record was built with: when it
    changes, the module is no longer like others that were built alike.
    """

    __slots__ = ("born", "cells", "holder", "remembered")

    def __init__(self, cells: dict[Any, Value]) -> None:
        self.cells = cells
        self.remembered: list[tuple[dict[Any, Any], object]] | None = None
        self.holder: Instance | None = None
        self.born = next(_births)


class Ghost(Generic[Held]):
    """The key of a cell that the analyzed program has no name for: what the engine itself notes about an object.

    Such cells are undone and merged like any other: where branches left different things, they hold what `join` makes
    of these. So all that they hold are values, too.
    """

    __slots__ = ("decides", "name")

    def __init__(self, name: str, *, decides: bool = True) -> None:
        """Set up. `decides`: whether objects that differ in this cell may behave differently when they are called."""
        self.name = name
        self.decides = decides

    def of(self, owner: Mutable) -> Held | None:
        """What the cell of an object holds; None where it was never written."""
        return cast("Held | None", owner.cells.get(self))

    def put(self, owner: Mutable, value: Held) -> None:
        """Write the cell of an object that is being made. Later only `Store.note` and `Store.set` do."""
        owner.cells[self] = value

    def __str__(self) -> str:
        return f"*{self.name}"

    def __repr__(self) -> str:
        return str(self)


#: The cells of lists and iterators. Of a module, `REST` holds samples of children that may follow.
ITEMS: Final[Ghost[tuple[Value, ...]]] = Ghost("items")
REST: Final[Ghost[tuple[Value, ...]]] = Ghost("rest")
#: Whether a module took the place of None, as one that is built when it is first needed does.
LAZY: Final[Ghost[bool]] = Ghost("lazy")
#: The class of the program whose code built a layer.
BUILDER: Final[Ghost[Class | None]] = Ghost("builder")
#: What an object of a class that inherits from `dict` holds as a dictionary.
ENTRIES: Final[Ghost[Dict]] = Ghost("entries")
#: The names of the fields of a named tuple, in order.
FIELDS: Final[Ghost[tuple[str, ...]]] = Ghost("fields")
