"""What is not known: an unknown value, one of a few values, no value at all."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING

from bn_lint.facts.dims import Expression, Symbol

if TYPE_CHECKING:
    from bn_lint.static.interpreter.values import Value


class Unknown:
    """An unknown value. The same object is the same value, so `cfg.width` equals `cfg.width`.

    `free` marks parameters of the judged code and what is read from them; see `bn_lint.facts.dims.Symbol`.
    `why` says what could not be evaluated, for the list of undecided layers.
    """

    __slots__ = ("_members", "_number", "free", "name", "why")

    def __init__(self, name: str = "?", why: str = "", *, free: bool = False) -> None:
        self.name = name
        self.why = why or f"the value of `{name}` is not known"
        self.free = free
        self._members: dict[object, Unknown] | None = None
        self._number: Expression | None = None

    def member(self, key: object, text: str, *, free: bool = True) -> Unknown:
        """Return the value read from this one by an attribute or a subscript, the same one each time.

        Without `free` it may equal other members, as elements at positions that are not known do.
        """
        if self._members is None:
            self._members = {}
        found = self._members.get(key)
        if found is None:
            name = self.name + text
            deep = len(name) > 60
            found = self._members[key] = Unknown("?" if deep else name, self.why, free=free and self.free and not deep)
        return found

    def summary_key(self) -> Hashable | None:
        """What determines how a call treats this value; None when nothing simple does."""
        return self

    def stands_for(self, other: Unknown) -> bool:
        """Whether nothing is lost when this value takes the place of another one."""
        return self is other

    def operand(self) -> Unknown | None:
        """What an operator makes of this value, if that is more than a number."""
        return None

    @property
    def number(self) -> Expression:
        """This value as a number."""
        if self._number is None:
            self._number = Expression.of(Symbol(self.name, free=self.free))
        return self._number

    def __repr__(self) -> str:
        return f"Unknown({self.name})"


class UnknownInt(Unknown):
    """An unknown integer, such as the variable of a loop over a range of unknown length.

    It may be zero, unless something is known to be the `least` that it is.
    """

    __slots__ = ("least",)

    def __init__(self, name: str = "?", why: str = "", *, least: int | None = None) -> None:
        super().__init__(name, why)
        self.least = least

    @property
    def number(self) -> Expression:
        if self._number is None:
            symbol = Symbol(self.name, counts=True)
            symbol.least = self.least
            self._number = Expression.of(symbol)
        return self._number


class UnknownModule(Unknown):
    """A module of which nothing is known but that it was registered."""

    __slots__ = ()

    def summary_key(self) -> None:
        return None


class Union:
    """One of a few values: the branches of the program did not agree."""

    __slots__ = ("values",)

    def __init__(self, values: tuple[Value, ...]) -> None:
        self.values = values


class Absent:
    """The content of a cell that has not been written (an attribute that is not there)."""

    def __repr__(self) -> str:
        return "ABSENT"


ABSENT = Absent()


def alternatives(value: Value) -> tuple[Value, ...]:
    """What a value may be: itself, or one of a few."""
    return value.values if isinstance(value, Union) else (value,)


def text_of(value: object) -> str:
    """What `str` gives, for the name of something unknown."""
    return str(value)
