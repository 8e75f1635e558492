"""What is not known: an unknown value, one of a few values, no value at all."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from typing import TYPE_CHECKING, Final

from bn_lint.facts.dims import Expression, Symbol

if TYPE_CHECKING:
    from bn_lint.static.interpreter.values import Instance, Value


class Unknown:
    """An unknown value. The same object is the same value, so `cfg.width` equals `cfg.width`.

    `free` marks parameters of the judged code and what is read from them; see `bn_lint.facts.dims.Symbol`.
    `foreign` marks what code outside the project gives, and what is read from that.
    `why` says what could not be evaluated, for the list of undecided layers.
    """

    __slots__ = (
        "_members",
        "_number",
        "_twin_of",
        "attribute_of",
        "foreign",
        "free",
        "is_field",
        "name",
        "stand_in",
        "why",
    )

    def __init__(self, name: str = "?", why: str = "", *, free: bool = False, foreign: bool = False) -> None:
        self.name = name
        self.why = why or f"the value of `{name}` is not known"
        self.free = free
        self.foreign = foreign
        self._twin_of: Unknown | None = None
        #: What it was read from, and under which name.
        self.attribute_of: tuple[Unknown, str] | None = None
        #: What the domain takes it for, by what the program does with it.
        self.stand_in: Instance | None = None
        #: Whether it was read from another one.
        self.is_field = False
        self._members: dict[object, Unknown] | None = None
        self._number: Expression | None = None

    def member(self, key: object, text: str, *, free: bool = True) -> Unknown:
        """Return the value read from this one by an attribute or a subscript, the same one each time.

        Without `free` it may equal other members, as the elements of a list do.
        """
        if self._members is None:
            self._members = {}
        found = self._members.get(key)
        if found is None:
            name = self.name + text
            deep = len(name) > 60
            if self._twin_of is not None:
                found = self._twin_of.member(key, text, free=free).twin()
            else:
                free = free and self.free and not deep
                found = Unknown("?" if deep else name, self.why, free=free, foreign=self.foreign)
            found.is_field = True
            if type(key) is tuple and key[0] == "attr":
                found.attribute_of = self, key[1]
            self._members[key] = found
        return found

    def attributes(self) -> Iterator[Unknown]:
        """The attributes that were read so far."""
        for found in (self._members or {}).values():
            if found.attribute_of is not None:
                yield found

    def twin(self) -> Unknown:
        """Return another object that is equal, as is what is read from it."""
        twin = Unknown(self.name, self.why, free=self.free, foreign=self.foreign)
        twin._twin_of = self._twin_of or self
        twin._number = self.number
        return twin

    def is_twin(self, other: Unknown) -> bool:
        """Whether one of two objects is the twin of the other, or both are of a third."""
        return (self._twin_of or self) is (other._twin_of or other)

    def summary_key(self) -> Hashable | None:
        """What determines how a call treats this value; None when nothing simple does."""
        return self

    def stands_for(self, other: Unknown) -> bool:
        """Whether nothing is lost when this value takes the place of another one."""
        return self is other

    def joined(self, others: Sequence[Unknown]) -> Unknown | None:
        """What stands for this value or one of others, if that is more than something unknown."""
        return None

    def operand(self) -> Unknown | None:
        """What an operator makes of this value, if that is more than a number."""
        return None

    @property
    def number(self) -> Expression:
        """This value as a number."""
        if self._number is None:
            symbol = Symbol(self.name, free=self.free)
            symbol.is_field = self.is_field
            self._number = Expression.of(symbol)
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


class Raised(Unknown):
    """What a call gives that surely ends with an error."""

    __slots__ = ()


class Refused(Raised):
    """What a call gives whose arguments do not fit what is called."""

    __slots__ = ()


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


ABSENT: Final = Absent()


def alternatives(value: Value) -> tuple[Value, ...]:
    """What a value may be: itself, or one of a few."""
    return value.values if isinstance(value, Union) else (value,)


def text_of(value: object) -> str:
    """What `str` gives, for the name of something unknown."""
    return str(value)
