"""What remembered calls have read besides their arguments: names of modules, and the objects that these hold.

A call that gave a value once gives it again only as long as nobody has changed what it read: `WIDTHS["stem"] = 128`,
`config.width = 128` or `global width` between two calls of a function make its result another one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final

from bn_lint.static.interpreter.values import (
    BoundMethod,
    Dict,
    Instance,
    List,
    Mutable,
    Partial,
    Union,
    Value,
    ValueIterator,
)

if TYPE_CHECKING:
    from bn_lint.static.interpreter.store import Purity

#: A name: the identity of the cells that it is in, and the name itself.
Name = tuple[int, object]

#: What may change, or may hold what changes. Modules and classes are asked for their names one by one.
HOLDERS: Final = frozenset({BoundMethod, Dict, Instance, List, Partial, Union, ValueIterator, tuple})
_MARK: Final = "outside"


class Outside:
    """What the calls that are remembered now have read besides their arguments."""

    def __init__(self) -> None:
        #: The names that were read.
        self.names: set[Name] = set()
        #: Holds the mark as long as nothing was changed. An object that is marked takes it out once it changes.
        self._intact: dict[object, object] = {_MARK: None}
        self._link: tuple[dict[object, object], object] = (self._intact, _MARK)
        #: The objects that were marked, by their identities.
        self._marked: dict[int, Value] = {}
        #: What forgets remembered calls.
        self.forgets: list[Callable[[], None]] = []

    def read(self, call: Purity, value: Value) -> dict[int, Value]:
        """A call is remembered: what it has read, and is not its own, must stay as it is.

        Returns the objects among these that it gave, by their identities: who calls it again gets the same ones.
        """
        self.names |= call.names
        if not call.objects:
            return {}
        pending, marked = list(call.objects.values()), self._marked
        while pending:
            one = pending.pop()
            if type(one) not in HOLDERS or id(one) in marked:
                continue
            if isinstance(one, Mutable):
                if one.born > call.start:
                    continue
                marked[id(one)] = one
                one.remembered = one.remembered or []
                if not any(link is self._link for link in one.remembered):
                    one.remembered.append(self._link)
            pending += _parts(one)
        return self._among(value)

    def _among(self, value: Value) -> dict[int, Value]:
        """The objects of modules that can be reached from a value; what these hold is left out."""
        found: dict[int, Value] = {}
        pending, seen = [value], set[int]()
        while pending:
            one = pending.pop()
            if type(one) not in HOLDERS or id(one) in seen:
                continue
            seen.add(id(one))
            if id(one) in self._marked:
                found[id(one)] = one
            else:
                pending += _parts(one)
        return found

    def changed(self) -> None:
        """Something was changed that remembered calls may have read."""
        self._intact.clear()

    def settle(self) -> None:
        """Forget the remembered calls if what they read was changed meanwhile."""
        if not self._intact:
            for forget in self.forgets:
                forget()
            self.forget()

    def forget(self) -> None:
        """No calls are remembered any more."""
        self.names.clear()
        self._marked.clear()
        self._intact[_MARK] = None


def _parts(value: Value) -> Iterable[Value]:
    """What a value holds."""
    if isinstance(value, Mutable):
        return value.cells.values()
    if isinstance(value, tuple):
        return value
    if isinstance(value, Union):
        return value.values
    if isinstance(value, BoundMethod):
        return (value.receiver,)
    assert isinstance(value, Partial)
    return (value.function, *value.positional, *(one for _, one in value.keywords))
