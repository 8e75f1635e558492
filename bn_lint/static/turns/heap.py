"""What the top levels of modules have made, as rows of JSON, and back.

Each object is a row: its kind, and for each of its fields the number of another row. Whoever may write such rows can
have bn-lint report something else, and nothing more: only the kinds of objects below come from them, no code of theirs
runs meanwhile, and chains that the engine follows to their end have one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from types import EllipsisType, NoneType
from typing import TYPE_CHECKING, Any

from bn_lint.static.interpreter import values as kinds
from bn_lint.static.interpreter.builtins.table import BUILTINS
from bn_lint.static.interpreter.frames import Frame
from bn_lint.static.interpreter.values import ABSENT, Dict, External, Ghost, cells
from bn_lint.static.syntax.nodes import ClassDef, CSTNode, IndentedBlock, Name
from bn_lint.static.syntax.places import NodeRef
from bn_lint.static.syntax.source_files import SourceFile
from bn_lint.static.torch_model import mode
from bn_lint.static.torch_model.events import EventLog
from bn_lint.static.torch_model.gradients import GradientMode
from bn_lint.static.turns.encoding import NotKept

if TYPE_CHECKING:
    from bn_lint.static.interpreter.hooks import Log
    from bn_lint.static.interpreter.interpreter import Interpreter
    from bn_lint.static.turns.addresses import ProjectAddresses

#: Objects that are made empty, and given their fields when all others are there.
_OBJECTS: dict[str, type[Any]] = {
    kind.__name__: kind
    for kind in (
        *(kinds.Function, kinds.Class, kinds.Instance, kinds.ModuleScope, kinds.Imported, kinds.Field, Frame),
        *(kinds.Dict, kinds.List, kinds.ValueIterator, kinds.Unknown, kinds.UnknownInt, kinds.UnknownModule),
        *(kinds.Raised, kinds.Refused, kinds.Union, kinds.BoundMethod, kinds.Partial, kinds.Property),
        *(kinds.StaticMethod, kinds.ClassMethod, kinds.Super, kinds.Slice, NodeRef, GradientMode),
    )
}
#: Kinds of tuples.
_TUPLES: dict[str, type[Any]] = {"tuple": tuple, "Parameters": kinds.Parameters}
_SCALARS = (NoneType, bool, int, float, str)
#: Keys and values that there are once.
_SINGLE: dict[str, Any] = {
    **{name: one for module in (cells, mode) for name, one in vars(module).items() if isinstance(one, Ghost)},
    "ABSENT": ABSENT,
    "OPEN": Dict.OPEN,
    "BUILT": mode.BUILT,
    "UNSEEN": mode.UNSEEN,
    "ARRIVED": mode.ARRIVED,
}
#: What matters only while something runs, and what stands for it afterward.
_FORGOTTEN: dict[str, Callable[[], Any]] = {
    **dict.fromkeys(("remembered", "on_yield", "yields"), lambda: None),
    **dict.fromkeys(("pending", "returns", "yield_rest"), list),
    "sides": dict,
}
#: Chains that the engine follows to their end.
_CHAINS = frozenset({"parent", "caller", "owner", "_twin_of", "attribute_of"})


def _fields_of(kind: type[Any]) -> list[str]:
    """The names of what objects of a kind consist of."""
    return sorted(name for base in kind.__mro__ for name in getattr(base, "__slots__", ()))


_FIELDS = {kind: [name for name in _fields_of(kind) if name not in _FORGOTTEN] for kind in _OBJECTS.values()}
_FRESH = {
    kind: [(name, _FORGOTTEN[name]) for name in _fields_of(kind) if name in _FORGOTTEN] for kind in _OBJECTS.values()
}


class HeapWriter:
    """Writes objects, each once."""

    def __init__(self, interpreter: Interpreter, addresses: ProjectAddresses) -> None:
        self._interpreter = interpreter
        self._addresses = addresses
        #: What there is once, whatever is analyzed.
        self._shared = {
            **{id(one): ["known", name] for name, one in interpreter.domain.known.items()},
            **{id(one): ["builtin", name] for name, one in BUILTINS.items()},
            **{id(one): ["single", name] for name, one in _SINGLE.items()},
        }
        #: The definitions in which nodes are, by file; those that are definitions themselves do not count.
        self.touched: set[tuple[str, str]] = set()
        self._numbers: dict[int, int] = {}
        self._scalars: dict[tuple[type[Any], object], int] = {}
        self._held: list[object] = []
        self.rows: list[list[Any]] = []

    def add(self, value: object, file: SourceFile | None = None) -> int:
        """The number of an object.

        Args:
            file: Of a node, the file that it is in.

        Raises:
            NotKept: it is of another kind than those that are written, or holds something that is.
        """
        if type(value) in _SCALARS:
            key = type(value), repr(value) if type(value) is float else value
            number = self._scalars.get(key)
            if number is None:
                number = self._scalars[key] = len(self.rows)
                self.rows.append(["", value])
            return number
        number = self._numbers.get(id(value))
        if number is None:
            number = self._numbers[id(value)] = len(self.rows)
            self._held.append(value)
            row: list[Any] = []
            self.rows.append(row)
            row += self._row(value, file)
        return number

    def _row(self, value: Any, file: SourceFile | None) -> list[Any]:
        kind = type(value)
        if id(value) in self._shared:
            return self._shared[id(value)]
        if kind in _FIELDS:
            file = getattr(value, "file", None)
            return [kind.__name__, *(self.add(getattr(value, name), file) for name in _FIELDS[kind])]
        if kind is dict:
            return ["dict", *(self.add(one) for pair in value.items() for one in pair)]
        if kind is list or kind.__name__ in _TUPLES:
            return [kind.__name__, *map(self.add, value)]
        if isinstance(value, CSTNode):
            return self._node(value, file)
        if kind is SourceFile:
            return ["file", str(value.path)]
        if isinstance(value, Path):
            return ["path", str(value)]
        if kind is External:
            return ["external", value.dotted]
        return self._special(value)

    def _node(self, node: CSTNode, file: SourceFile | None) -> list[Any]:
        try:
            if file is None:
                raise KeyError(node)
            path, name, number = self._addresses.address(NodeRef(file, node))
        except KeyError as error:
            if isinstance(node, ClassDef) and not node.body.body:
                return ["made"]  # the class of a named tuple, which no statement defines
            raise NotKept("a node of no file") from error
        if number:
            self.touched.add((path, name))
        return ["node", path, name, number]

    def _special(self, value: Any) -> list[Any]:
        if type(value) is EventLog and is_untouched(value, self._interpreter, clock=value.clock):
            return ["log", value.clock]
        match value:
            case bytes():
                return ["bytes", value.hex()]
            case range():
                return ["range", value.start, value.stop, value.step]
            case complex():
                return ["complex", value.real, value.imag]
            case Fraction():
                return ["ratio", value.numerator, value.denominator]
            case EllipsisType():
                return ["ellipsis"]
            case kinds.Doubt():
                return ["doubt", self.add(value.key)]
            case re.Pattern() if isinstance(value.pattern, str):
                return ["pattern", value.pattern, value.flags]
        raise NotKept(type(value).__name__)


#: What the statement that runs has set: another one sets it again.
_OF_STATEMENT = {"asserted": None, "dropped": None}


def is_untouched(log: Log, interpreter: Interpreter, *, clock: int = 0) -> bool:
    """Whether nothing has happened until the clock of the log has come to a number, which each branch moves on."""
    new = interpreter.domain.new_log()
    assert isinstance(new, EventLog)
    assert isinstance(log, EventLog)
    fresh = {**vars(new), **_OF_STATEMENT, "following": new.following.left, "clock": clock}
    return {**vars(log), **_OF_STATEMENT, "following": log.following.left} == fresh


def read(rows: Sequence[Sequence[Any]], interpreter: Interpreter, addresses: ProjectAddresses) -> list[Any]:
    """The objects that rows stand for.

    Raises:
        NotKept: they stand for none.
    """
    try:
        made = _Reader(rows, interpreter, addresses).objects()
    except (LookupError, TypeError, ValueError, AttributeError, RecursionError, ArithmeticError, re.error) as error:
        raise NotKept("no objects") from error
    for one in made:
        for name in _CHAINS.intersection(_FIELDS.get(type(one), ())):
            if not _ends(one, name):
                raise NotKept("a chain without an end")
    return made


def _ends(start: Any, name: str) -> bool:
    seen = set()
    one = start
    while one is not None and id(one) not in seen:
        seen.add(id(one))
        one = getattr(one, name, None)
        one = one[0] if type(one) is tuple else one
    return one is None


class _Reader:
    def __init__(self, rows: Sequence[Sequence[Any]], interpreter: Interpreter, addresses: ProjectAddresses) -> None:
        self._rows = rows
        self._interpreter = interpreter
        self._addresses = addresses
        self._made: dict[int, Any] = {}

    def objects(self) -> list[Any]:
        made, rows = self._made, self._rows
        for number, row in enumerate(rows):
            kind = row[0]
            if kind == "":
                if type(row[1]) not in _SCALARS:
                    raise ValueError(row)
                made[number] = row[1]
            elif kind in _OBJECTS:
                cls: Any = _OBJECTS[kind]
                made[number] = cls.__new__(cls)
            elif kind == "dict":
                made[number] = {}
            elif kind == "list":
                made[number] = []
        value = self.value
        later: list[tuple[dict[Any, Any], Sequence[Any]]] = []
        for number, row in enumerate(rows):
            kind = row[0]
            one = value(number)
            if kind in _OBJECTS:
                names = _FIELDS[_OBJECTS[kind]]
                if len(names) != len(row) - 1:
                    raise ValueError(kind)
                for name, part in zip(names, row[1:]):
                    setattr(one, name, value(part))
                for name, fresh in _FRESH[_OBJECTS[kind]]:
                    setattr(one, name, fresh())
            elif kind == "dict":
                later.append((one, row))
            elif kind == "list":
                one += map(value, row[1:])
        for one, row in later:  # keys may be asked for what they consist of
            parts = iter(map(value, row[1:]))
            one.update(zip(parts, parts))
        return [made[number] for number in range(len(rows))]

    def value(self, number: Any) -> Any:
        try:
            return self._made[number]
        except KeyError:
            kind, *parts = self._rows[number]
            found = self._made[number] = self._read(kind, parts)
            return found

    def _read(self, kind: str, parts: list[Any]) -> Any:
        if kind in _TUPLES:
            made = map(self.value, parts)
            return tuple(made) if kind == "tuple" else _TUPLES[kind](*made)
        if kind == "doubt":
            return kinds.Doubt(self.value(parts[0]))
        if kind == "node":
            return self._addresses.ref(str(parts[0]), str(parts[1]), int(parts[2])).node
        return _ATOMS[kind](self._interpreter, *parts)


def _file(interpreter: Interpreter, path: str) -> SourceFile:
    found = interpreter.project.file(Path(path))
    if found is None:
        raise KeyError(path)
    return found


def _log(interpreter: Interpreter, clock: int) -> Log:
    log = interpreter.domain.new_log()
    log.clock = int(clock)
    return log


_ATOMS: dict[str, Callable[..., Any]] = {
    "file": _file,
    "path": lambda interpreter, path: Path(str(path)),
    "external": lambda interpreter, dotted: External(str(dotted)),
    "builtin": lambda interpreter, name: BUILTINS[name],
    "single": lambda interpreter, name: _SINGLE[name],
    "known": lambda interpreter, name: interpreter.domain.known[name],
    "made": lambda interpreter: ClassDef(Name("_"), IndentedBlock(())),
    "log": _log,
    "bytes": lambda interpreter, text: bytes.fromhex(text),
    "range": lambda interpreter, *bounds: range(*map(int, bounds)),
    "complex": lambda interpreter, real, imaginary: complex(real, imaginary),
    "ratio": lambda interpreter, above, below: Fraction(int(above), int(below)),
    "ellipsis": lambda interpreter: ...,
    "pattern": lambda interpreter, pattern, flags: re.compile(str(pattern), int(flags)),
}


def latest_birth(objects: Sequence[Any]) -> int:
    """When the youngest of some objects was made."""
    return max((one.born for one in objects if isinstance(one, cells.Mutable)), default=-1)


__all__ = ["HeapWriter", "latest_birth", "read"]
