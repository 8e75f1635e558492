"""Lists, dictionaries, sets and iterators, and slices of them."""

from __future__ import annotations

from dataclasses import dataclass
from types import NoneType
from typing import TYPE_CHECKING, Any, Final, cast

from bn_lint.native import interpreted
from bn_lint.static.interpreter.values.cells import ITEMS, REST, Ghost, Mutable
from bn_lint.static.interpreter.values.unknown import ABSENT, Absent

if TYPE_CHECKING:
    from bn_lint.static.interpreter.values import Value


class Sequence(Mutable):
    """Known elements, and samples of those that may follow an unknown number of times."""

    __slots__ = ()

    def __init__(self, items: tuple[Value, ...] = (), rest: tuple[Value, ...] = ()) -> None:
        super().__init__({ITEMS: items, REST: rest})

    @property
    def items(self) -> tuple[Value, ...]:
        return cast("tuple[Value, ...]", self.cells[ITEMS])

    @property
    def rest(self) -> tuple[Value, ...]:
        return cast("tuple[Value, ...]", self.cells[REST])


class List(Sequence):
    """A list."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"[{', '.join([*map(repr, self.items), *(['...'] if self.rest else [])])}]"


class Doubt(Ghost[bool]):
    """The key of a cell that says whether an entry may be missing: some branches have made it, and others have not."""

    __slots__ = ("key",)

    def __init__(self, key: Value) -> None:
        super().__init__("doubt")
        self.key = key

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Doubt) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key) + 1


class Dict(Mutable):
    """A dictionary, or a set (whose values are None). The cell `OPEN` says that there may be other keys.

    Entries that may be missing are entries; who asks for one asks `may_lack` as well.

    `factory` makes the value of a key that is not there, as `collections.defaultdict` has it; otherwise it is ABSENT.
    """

    __slots__ = ("factory", "is_namespace", "is_set")

    OPEN: Final = Absent()

    def __init__(self, cells: dict[Any, Value] | None = None, *, is_set: bool = False, is_open: bool = False) -> None:
        super().__init__(cells if cells is not None else {})
        self.is_set = is_set
        self.factory: Value = ABSENT
        #: Whether it has the names of a module.
        self.is_namespace = False
        if is_open:
            self.cells[Dict.OPEN] = True

    def __repr__(self) -> str:
        shown = [repr(key) if self.is_set else f"{key!r}: {value!r}" for key, value in self.entries()]
        return "{" + ", ".join([*shown, *(["..."] if self.is_open else [])]) + "}"

    @property
    def is_open(self) -> bool:
        return Dict.OPEN in self.cells

    def may_lack(self, key: Value) -> bool:
        """Whether an entry may be missing."""
        return self.cells.get(Doubt(key), False) is not False

    def in_order(self) -> tuple[list[tuple[Any, Value]], list[tuple[Any, Value]]]:
        """The entries up to the first that may be missing, and those from there on."""
        entries = self.entries()
        if any(isinstance(key, Doubt) and value is not False for key, value in self.cells.items()):
            for position, (key, _) in enumerate(entries):
                if self.may_lack(key):
                    return entries[:position], entries[position:]
        return entries, []

    def entries(self) -> list[tuple[Any, Value]]:
        """What it holds: of an object whose attributes it has, as `vars` gives them, not what the engine notes."""
        return [
            (k, v) for k, v in self.cells.items() if k is not Dict.OPEN and v is not ABSENT and not isinstance(k, Ghost)
        ]


class ValueIterator(Sequence):
    """An iterator over known values: `next` takes from the front."""

    __slots__ = ()


@interpreted
class Alternatives(tuple["Value", ...]):
    """Samples of a container's children, of which each branch of the program has others."""

    __slots__ = ()


@interpreted
class Scattered(Alternatives):
    """Samples of a container's children some of which stand between children that are known."""

    __slots__ = ()


@dataclass(slots=True, unsafe_hash=True)
class Slice:
    """A slice, whose bounds may be unknown."""

    start: Value = None
    stop: Value = None
    step: Value = None

    @property
    def concrete(self) -> slice | None:
        """The slice of Python, where the bounds are known."""
        start, stop, step = self.start, self.stop, self.step
        if not isinstance(start, (int, NoneType)) or not isinstance(stop, (int, NoneType)):
            return None
        if not isinstance(step, (int, NoneType)):
            return None
        return slice(
            None if start is None else int(start),
            None if stop is None else int(stop),
            None if step is None else int(step),
        )
