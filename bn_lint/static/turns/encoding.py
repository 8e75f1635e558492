"""Notes as JSON, and back.

Values are rows of a table, each made of those before it. Places and nodes are written as addresses, which hold as long
as the definitions do that they are in. Whoever may write such a text can have bn-lint report something else, and
nothing more: only the kinds of values below come from it.
"""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Callable, Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Any, Protocol

from bn_lint import facts
from bn_lint.facts import Place
from bn_lint.facts.dims import Expression, Symbol, TracedInt, parameter_symbol, quotient_symbol
from bn_lint.static.syntax.places import NodeRef
from bn_lint.static.training import notes
from bn_lint.static.training.drafts import PLAIN_DRAFTS, PlainDraft
from bn_lint.static.training.programs import AskedOption, Program

#: The kinds of values that are written by their fields, and enumerations.
_PUBLIC = {name: kind for name in facts.__all__ if isinstance(kind := getattr(facts, name), type)}
_OWN: tuple[type, ...] = (*notes.NOTES, *PLAIN_DRAFTS, Program, AskedOption)
_RECORDS = {
    name: kind
    for name, kind in {**_PUBLIC, **{kind.__name__: kind for kind in _OWN}}.items()
    if dataclasses.is_dataclass(kind) or hasattr(kind, "_fields")
}
_ENUMS = {name: kind for name, kind in _PUBLIC.items() if issubclass(kind, enum.Enum)}
_FIELDS = {
    kind: kind._fields if hasattr(kind, "_fields") else tuple(field.name for field in dataclasses.fields(kind))
    for kind in _RECORDS.values()
}
#: Which field is the draft, of those that have one.
_DRAFT_AT = {kind: names.index("draft") for kind, names in _FIELDS.items() if "draft" in names}
_NAMES = {kind: name for name, kind in {**_RECORDS, **_ENUMS}.items()}
_SCALARS = (type(None), bool, int, float, str)


class NotKept(Exception):
    """A value that cannot be written, or a text that is none."""


class Addresses(Protocol):
    """Where nodes are."""

    def address(self, ref: NodeRef) -> tuple[str, str, int]:
        """The file, the definition and the number of a node."""

    def ref(self, file: str, definition: str, number: int) -> NodeRef:
        """The node at an address."""

    def of_place(self, place: Place) -> NodeRef:
        """The node that an open place stands for."""


class Encoder:
    """Writes values into one table."""

    def __init__(
        self, addresses: Addresses, drafts: Mapping[int, PlainDraft] | None = None, *, positions: bool = False
    ) -> None:
        """Set up.

        Args:
            drafts: What is written of drafts in place of their numbers; of others it is -1.
            positions: Write positions in files, too: the texts that they are in will be the same.
        """
        self._positions = positions
        self._addresses = addresses
        self._drafts = drafts or {}
        self.rows: list[list[Any]] = []
        self._numbers: dict[object, int] = {}
        self._by_identity: dict[int, tuple[object, int]] = {}
        self._symbols: dict[Symbol, int] = {}
        #: The definitions in which nodes are, by file.
        self.touched: set[tuple[str, str]] = set()

    def add(self, value: object) -> int:
        """The number of a value in the table.

        Raises:
            NotKept: it cannot be written.
        """
        known = self._by_identity.get(id(value))
        if known is not None:
            return known[1]
        row = self._row(value)
        key = tuple(row) if not isinstance(value, float) else (*row, repr(value))
        key = (*key, type(value).__name__) if isinstance(value, (bool, int, float)) else key
        number = self._numbers.get(key)
        if number is None:
            number = self._numbers[key] = len(self.rows)
            self.rows.append(row)
        self._by_identity[id(value)] = value, number
        return number

    def _row(self, value: object) -> list[Any]:
        if isinstance(value, TracedInt):
            return ["traced", int(value), self.add(value.origin)]
        if type(value) in _SCALARS:
            return ["", value]
        if type(value) is tuple:
            return ["tuple", *map(self.add, value)]
        if isinstance(value, enum.Enum) and type(value) in _NAMES:
            return ["enum", _NAMES[type(value)], value.name]
        if isinstance(value, Place) and value.is_open:
            return self._node("place", self._addresses.of_place(value))
        if isinstance(value, Place) and not self._positions:
            raise NotKept("a position, which an edit moves")
        if isinstance(value, NodeRef):
            return self._node("node", value)
        if type(value) is Fraction:
            return ["ratio", value.numerator, value.denominator]
        if isinstance(value, Expression):
            return ["sum", *(self._term(monomial, each) for monomial, each in value.terms.items())]
        if type(value) in _FIELDS:
            fields = ((name, getattr(value, name)) for name in _FIELDS[type(value)])
            return [
                _NAMES[type(value)],
                *(
                    self.add(each if name != "draft" or each is None else self._drafts.get(each, -1))
                    for name, each in fields
                ),
            ]
        raise NotKept(type(value).__name__)

    def _node(self, kind: str, ref: NodeRef) -> list[Any]:
        try:
            file, definition, number = self._addresses.address(ref)
        except KeyError as error:
            raise NotKept("a node that is in no file") from error
        self.touched.add((file, definition))
        return [kind, self.add(file), self.add(definition), number]

    def _term(self, monomial: Sequence[Symbol], factor: int | Fraction) -> int:
        whole = Fraction(factor)
        symbols = [self._symbol(one) for one in monomial]
        return self._put(["term", whole.numerator, whole.denominator, isinstance(factor, Fraction), *symbols])

    def _symbol(self, symbol: Symbol) -> int:
        if symbol not in self._symbols and symbol.computed is not None:
            operator, a, b = symbol.computed
            self._symbols[symbol] = self._put(["quotient", symbol.serial, operator, self.add(a), self.add(b)])
        elif symbol not in self._symbols:
            owner = None if symbol.owner is None else self.add(symbol.owner)
            row = [
                "symbol",
                symbol.serial,
                symbol.name,
                symbol.free,
                symbol.counts,
                symbol.is_field,
                symbol.least,
                owner,
            ]
            self._symbols[symbol] = self._put(row)
        return self._symbols[symbol]

    def _put(self, row: list[Any]) -> int:
        number = self._numbers.setdefault(tuple(row), len(self.rows))
        if number == len(self.rows):
            self.rows.append(row)
        return number


def decode(
    rows: Iterable[Sequence[Any]], addresses: Addresses, number_of: Callable[[PlainDraft], int] = lambda draft: -1
) -> list[Any]:
    """The values of a table.

    Args:
        number_of: Gives drafts their numbers.

    Raises:
        NotKept: it is none.
    """
    table = [list(row) for row in rows]
    decoder = _Decoder(table, addresses, number_of)
    try:
        # A later symbol has a larger number, which decides how sums are written.
        symbols = sorted((row[1], number) for number, row in enumerate(table) if row[0] in ("symbol", "quotient"))
        for _, number in symbols:
            decoder.value(number, len(table))
        return [decoder.value(number, len(table)) for number in range(len(table))]
    except (KeyError, IndexError, TypeError, ValueError, AttributeError, ZeroDivisionError, RecursionError) as error:
        raise NotKept("no table") from error


class _Decoder:
    def __init__(self, table: list[list[Any]], addresses: Addresses, number_of: Callable[[PlainDraft], int]) -> None:
        self._table = table
        self._addresses = addresses
        self._number_of = number_of
        self._values: dict[int, Any] = {}

    def value(self, number: object, before: int) -> Any:
        """The value of a row: only those before another one can be meant by it."""
        if type(number) is not int or not 0 <= number < before:
            raise ValueError(number)
        if number not in self._values:
            kind, *parts = self._table[number]
            self._values[number] = self._made(kind, parts, number)
        return self._values[number]

    def _made(self, kind: str, parts: list[Any], own: int) -> Any:
        if kind == "":
            return parts[0] if type(parts[0]) in _SCALARS else None
        if kind == "tuple":
            return tuple([self.value(part, own) for part in parts])
        if kind == "enum":
            return _ENUMS[parts[0]][parts[1]]
        if kind in ("place", "node"):
            ref = self._addresses.ref(self.value(parts[0], own), self.value(parts[1], own), int(parts[2]))
            return ref.place if kind == "place" else ref
        if kind == "traced":
            return TracedInt(int(parts[0]), self.value(parts[1], own))
        if kind == "sum":
            return Expression(dict(self.value(part, own) for part in parts))
        if kind == "term":
            factor = Fraction(int(parts[0]), int(parts[1]))
            return tuple(self.value(part, own) for part in parts[3:]), factor if parts[2] else int(factor)
        if kind == "ratio":
            return Fraction(int(parts[0]), int(parts[1]))
        if kind == "quotient":
            made = quotient_symbol(str(parts[1]), self.value(parts[2], own), self.value(parts[3], own)).single_symbol
            if made is None:
                raise ValueError("no quotient")
            return made
        if kind == "symbol":
            return self._symbol(parts, own)
        record = _RECORDS[kind]
        if len(parts) != len(_FIELDS[record]):
            raise ValueError(kind)
        fields = [self.value(part, own) for part in parts]
        if record in _DRAFT_AT and isinstance(draft := fields[_DRAFT_AT[record]], PLAIN_DRAFTS):
            fields[_DRAFT_AT[record]] = self._number_of(draft)
        return record(*fields)

    def _symbol(self, parts: list[Any], own: int) -> Symbol:
        _, name, free, counts, is_field, least, owner = parts
        if owner is not None:
            defined = self.value(owner, own)
            if not isinstance(defined, NodeRef):
                raise ValueError("no class")
            return parameter_symbol(str(name), defined)
        symbol = Symbol(str(name), free=bool(free), counts=bool(counts))
        symbol.is_field = bool(is_field)
        symbol.least = None if least is None else int(least)
        return symbol
