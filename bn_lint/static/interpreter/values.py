"""Abstract values: what an expression of the analysed program may stand for.

Python's own immutable objects stand for themselves: `None`, booleans, numbers, strings, and tuples of values.
Everything else is one of the classes below. `Unknown` is the value of everything that could not be evaluated, and
nothing ever follows from it.

Whatever can change lives in a `cells` dictionary that only `Store` writes to, so that a branch can be undone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from types import EllipsisType, NoneType
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, NoReturn, TypeAlias, TypeVar, cast

from bn_lint.facts.dims import Dim, Expression, Symbol
from bn_lint.static.syntax.places import NodeRef

if TYPE_CHECKING:
    import libcst as cst

    from bn_lint.facts import PooledBatchNorm
    from bn_lint.static.interpreter.frames import Frame, ModuleScope
    from bn_lint.static.interpreter.hooks import Context
    from bn_lint.static.interpreter.interpreter import Interpreter
    from bn_lint.static.syntax.source_files import SourceFile

#: Everything that an expression of the analysed program may stand for, and `ABSENT` for nothing.
#: Values that only make sense to a model of some library are `DomainValue`s.
Value: TypeAlias = (
    "bool | int | float | complex | Fraction | str | bytes | EllipsisType | Slice | range | tuple[Value, ...]"
    " | re.Pattern[str] | re.Match[str] | Expression | Unknown | Union | Absent | Tensor | List | Dict | ValueIterator"
    " | Instance | Class | LibraryClass | External | Function | BoundMethod | Partial | Property | StaticMethod"
    " | ClassMethod | Super | Builtin | ModuleScope | Imported | Field | DomainValue | None"
)


Held = TypeVar("Held")


class DomainValue:
    """A value of a kind that only the model of some library knows."""

    __slots__ = ()


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

    @property
    def number(self) -> Expression:
        """This value as a number."""
        if self._number is None:
            self._number = Expression.of(Symbol(self.name, free=self.free))
        return self._number

    def __repr__(self) -> str:
        return f"Unknown({self.name})"


class UnknownInt(Unknown):
    """An unknown integer, such as the variable of a loop over a range of unknown length."""

    __slots__ = ()


class UnknownModule(Unknown):
    """A module of which nothing is known but that it was registered."""

    __slots__ = ()

    def summary_key(self) -> None:
        return None


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


def text_of(value: object) -> str:
    """What `str` gives, for the name of something unknown."""
    return str(value)


def impossible(value: NoReturn) -> AssertionError:
    """What stands behind the last kind of values: mypy checks that none is left."""
    return AssertionError(f"{value!r} is no abstract value")


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


class Axis(NamedTuple):
    """One dimension of a tensor: its size, and the layer or operation that made it that size."""

    size: Dim = None
    origin: Provenance | None = None
    features: bool = False


class Provenance(NamedTuple):
    """What made an axis or a rank what it is: a layer, or an operation named by its text."""

    maker: Instance | str
    ref: NodeRef


class Tensor:
    """A tensor, of which the shape may be known. With `ranked` False, `axes` are the last axes only.

    `layer` is the BatchNorm layer whose statistics or parameters it holds; `pooled` tells of the BatchNorm layer that
    has just normalised it, when there is only one value of each map. `either` are the shapes that it may have, where
    branches or operations leave several numbers of dimensions; the last of them may have any greater number.
    """

    __slots__ = ("axes", "either", "layer", "origin", "pooled", "ranked", "why")

    def __init__(
        self,
        axes: tuple[Axis, ...] = (),
        *,
        ranked: bool = True,
        origin: Provenance | None = None,
        why: str = "",
        layer: Instance | None = None,
        pooled: PooledBatchNorm | None = None,
        either: tuple[Tensor, ...] = (),
    ) -> None:
        self.axes = axes
        self.either = either
        self.ranked = ranked
        self.origin = origin
        self.why = why
        self.layer = layer
        self.pooled = pooled

    @property
    def rank(self) -> int | None:
        return len(self.axes) if self.ranked else None

    def key(self) -> Hashable:
        """What two tensors must share to be interchangeable as inputs."""
        key: tuple[object, ...] = ("tensor", self.ranked, tuple((a.size, a.features) for a in self.axes))
        if self.either:
            key = (*key, tuple(one.key() for one in self.either))
        return key if self.pooled is None else (*key, id(self.pooled))

    def summary_key(self) -> Hashable | None:
        """What determines how a call treats this tensor; None when nothing simple does."""
        return self.key()

    def __repr__(self) -> str:
        sizes = ", ".join("?" if a.size is None else str(a.size) for a in self.axes)
        return f"({sizes})" if self.ranked else f"(..., {sizes})"


class Mutable:
    """Anything the program can change.

    `born` orders objects by creation, and `remembered` are the calls whose memory holds this object (see
    `CallSummaries.memoize`).
    """

    __slots__ = ("born", "cells", "remembered")
    _clock = 0

    def __init__(self, cells: dict[Any, Value]) -> None:
        self.cells = cells
        self.remembered: list[tuple[dict[Any, Any], object]] | None = None
        Mutable._clock += 1
        self.born = Mutable._clock

    @staticmethod
    def now() -> int:
        return Mutable._clock


class Ghost(Generic[Held]):
    """The key of a cell that the analysed program has no name for: what the engine itself notes about an object.

    Such cells are undone and merged like any other: where branches left different things, they hold what `join` makes
    of these.
    """

    __slots__ = ("holds_value", "name")

    def __init__(self, name: str, *, holds_value: bool = True) -> None:
        self.name = name
        #: Whether what it holds is an abstract value. Where it is not, nothing simple stands for the object.
        self.holds_value = holds_value

    def of(self, owner: Mutable) -> Held | None:
        """What the cell of an object holds; None where it was never written."""
        return cast("Held | None", owner.cells.get(self))

    def put(self, owner: Mutable, value: Held) -> None:
        """Write the cell of an object that is being made. Later only `Store.note` and `Store.set` do."""
        owner.cells[self] = cast("Value", value)

    def __str__(self) -> str:
        return f"*{self.name}"

    __repr__ = __str__


#: The cells of lists and iterators. Of a module, `REST` holds samples of children that may follow.
ITEMS: Ghost[tuple[Value, ...]] = Ghost("items")
REST: Ghost[tuple[Value, ...]] = Ghost("rest")
#: Whether a module took the place of None, as one that is built when it is first needed does.
LAZY: Ghost[bool] = Ghost("lazy")
#: The class of the program whose code built a layer.
BUILDER: Ghost[Class | None] = Ghost("builder")
#: The names of the fields of a named tuple, in order.
FIELDS: Ghost[tuple[str, ...]] = Ghost("fields")


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


class Dict(Mutable):
    """A dictionary, or a set (whose values are None). The cell `OPEN` says that there may be other keys.

    `factory` makes the value of a key that is not there, as `collections.defaultdict` has it; otherwise it is MISSING.
    """

    __slots__ = ("factory", "is_set")

    OPEN = Absent()

    def __init__(self, cells: dict[Any, Value] | None = None, *, is_set: bool = False, is_open: bool = False) -> None:
        super().__init__(cells if cells is not None else {})
        self.is_set = is_set
        self.factory: Value = ABSENT
        if is_open:
            self.cells[Dict.OPEN] = True

    def __repr__(self) -> str:
        shown = [repr(key) if self.is_set else f"{key!r}: {value!r}" for key, value in self.entries()]
        return "{" + ", ".join([*shown, *(["..."] if self.is_open else [])]) + "}"

    @property
    def is_open(self) -> bool:
        return Dict.OPEN in self.cells

    def entries(self) -> list[tuple[Any, Value]]:
        return [(k, v) for k, v in self.cells.items() if k is not Dict.OPEN and v is not ABSENT]


class ValueIterator(Sequence):
    """An iterator over known values: `next` takes from the front."""

    __slots__ = ()


class Instance(Mutable):
    """An object of a class of the program, or a layer of `torch.nn`.

    Modules keep their children among the attributes, in the order of registration, as PyTorch does.
    """

    __slots__ = ("built", "called", "cls", "name", "owner", "set_at", "template", "variable")

    def __init__(self, cls: Class | LibraryClass, built: NodeRef | None) -> None:
        super().__init__({})
        self.cls = cls
        self.built = built
        self.name: str | None = None
        self.owner: Instance | None = None
        #: The variable it was first assigned to, for a layer that is no attribute.
        self.variable: str | None = None
        self.called = False
        #: Where attributes that hold plain containers were set.
        self.set_at: dict[str, NodeRef] | None = None
        #: For an unchanged module: stands for everything that determines its behaviour.
        self.template: object = None

    def __repr__(self) -> str:
        return f"<{self.cls.name} object>"

    @property
    def is_record(self) -> bool:
        """Whether it is nothing but its fields: a dataclass instance, a named tuple."""
        return isinstance(self.cls, Class) and self.cls.kind in ("dataclass", "namedtuple")

    @property
    def fields(self) -> tuple[str, ...] | None:
        """The names of the fields of a named tuple."""
        return FIELDS.of(self)

    @property
    def is_module(self) -> bool:
        return self.cls.is_module

    def children(self) -> Iterator[tuple[str, Value]]:
        """The modules that are registered under names."""
        for name, value in self.cells.items():
            if type(value) is Instance:
                if value.cls.is_module:
                    yield name, value
            elif type(value) is Union and any(type(one) is Instance and one.cls.is_module for one in value.values):
                yield name, value

    def possible_children(self) -> Iterator[Instance]:
        """The modules that are registered, or may be: all alternatives, and samples of children of unknown names."""
        pending = [value for _, value in self.children()]
        pending.extend(REST.of(self) or ())
        while pending:
            value = pending.pop(0)
            if isinstance(value, Union):
                pending.extend(value.values)
            elif isinstance(value, Instance) and value.is_module:
                yield value


class Alternatives(tuple[Value, ...]):
    """Samples of a container's children, of which each branch of the program has others."""

    __slots__ = ()


class Class(Mutable):
    """A class of the program."""

    __slots__ = (
        "annotated",
        "bases",
        "fields",
        "file",
        "has_unknown_base",
        "inherits_module",
        "instantiated",
        "kind",
        "mro",
        "name",
        "node",
        "scope",
    )

    def __init__(self, name: str, node: cst.ClassDef, bases: tuple[Value, ...], scope: Frame, file: SourceFile) -> None:
        super().__init__({})
        self.name = name
        self.node = node
        self.bases = bases
        self.scope = scope
        self.file = file
        self.instantiated = False
        #: "", "dataclass", "namedtuple" or "enum": how instances are made.
        self.kind = ""
        self.fields: tuple[tuple[str, Value], ...] = ()
        #: The annotated names of the class body, in order, with their values (`ABSENT` where there is none).
        self.annotated: tuple[tuple[str, Value], ...] = ()
        self.mro: tuple[Class | LibraryClass | External, ...] = _linearize(self)
        self.inherits_module = any(type(c) is LibraryClass and c.is_module for c in self.mro)
        self.has_unknown_base = any(type(c) is External for c in self.mro)

    def lookup(self, name: str) -> tuple[Value, Class | LibraryClass | External | None]:
        """Find a class attribute along the method resolution order, and the class that has it."""
        return lookup_in(self.mro, name)

    @property
    def is_module(self) -> bool:
        return self.inherits_module or (self.has_unknown_base and self.lookup("forward")[0] is not ABSENT)

    def __repr__(self) -> str:
        return f"<class {self.name}>"


def lookup_in(
    mro: tuple[Class | LibraryClass | External, ...], name: str
) -> tuple[Value, Class | LibraryClass | External | None]:
    for cls in mro:
        kind = type(cls)
        if kind is Class:
            value = cls.cells.get(name, ABSENT)  # type: ignore[union-attr]
        elif kind is LibraryClass:
            value = cls.methods.get(name, ABSENT)  # type: ignore[union-attr]
        else:
            continue
        if value is not ABSENT:
            return value, cls
    return ABSENT, None


def _linearize(cls: Class) -> tuple[Class | LibraryClass | External, ...]:
    """C3 linearisation. Where it has no answer (an invalid hierarchy), depth first."""
    sequences: list[list[Any]] = []
    bases: list[Any] = []
    for base in cls.bases:
        if isinstance(base, (Class, LibraryClass)):
            sequences.append(list(base.mro))
            bases.append(base)
        elif isinstance(base, External):
            if base.dotted == "object":
                continue
            sequences.append([base])
            bases.append(base)
        else:
            stranger = External(f"?{id(base)}")
            sequences.append([stranger])
            bases.append(stranger)
    sequences.append(bases)
    result: list[Any] = [cls]
    while sequences := [s for s in sequences if s]:
        head = next((s[0] for s in sequences if not any(s[0] in other[1:] for other in sequences)), sequences[0][0])
        result.append(head)
        sequences = [[c for c in s if c is not head and c != head] for s in sequences]
    return tuple(result)


class LibraryClass:
    """A class of PyTorch that the engine knows: its constructor's parameters and what its methods do."""

    __slots__ = ("bases", "is_module", "methods", "mro", "name", "short_name", "signature")

    def __init__(
        self,
        name: str,
        bases: tuple[LibraryClass, ...] = (),
        signature: tuple[tuple[str, Value], ...] = (),
        methods: dict[str, Value] | None = None,
    ) -> None:
        self.name = name
        self.bases = bases
        self.signature = signature
        self.methods: dict[str, Value] = methods or {}
        mro: list[LibraryClass] = [self]
        for base in bases:
            mro.extend(c for c in base.mro if c not in mro)
        self.mro: tuple[LibraryClass, ...] = tuple(mro)
        self.short_name = name.rpartition(".")[2]
        self.is_module = self.mro[-1].name == "torch.nn.Module"

    def lookup(self, name: str) -> tuple[Value, Any]:
        return lookup_in(self.mro, name)

    def __repr__(self) -> str:
        return f"<{self.name}>"


class External:
    """Something outside the analysed project, known by its dotted name only."""

    __slots__ = ("dotted",)

    def __init__(self, dotted: str) -> None:
        self.dotted = dotted

    def __eq__(self, other: object) -> bool:
        return isinstance(other, External) and self.dotted == other.dotted

    def __hash__(self) -> int:
        return hash(self.dotted)

    def __repr__(self) -> str:
        return f"External({self.dotted})"


class Function:
    """A function of the program, with the scope it was defined in and its evaluated defaults."""

    __slots__ = ("attributes", "called", "context", "defaults", "file", "name", "node", "owner", "params", "scope")

    def __init__(
        self,
        name: str,
        node: cst.FunctionDef | cst.Lambda,
        params: Parameters,
        defaults: dict[str, Value],
        scope: Frame,
        file: SourceFile,
    ) -> None:
        self.name = name
        self.node = node
        self.params = params
        self.defaults = defaults
        self.scope = scope
        self.file = file
        self.called = False
        #: What a decorator of the domain makes hold in its calls.
        self.context: Context | None = None
        #: The class whose body defines it, for `super()`.
        self.owner: Class | None = None
        self.attributes: dict[str, Value] = {}

    def __repr__(self) -> str:
        return f"<function {self.name}>"


class Parameters(NamedTuple):
    """The parameters of a function, by kind."""

    positional: tuple[str, ...]
    positional_only: int
    keyword_only: tuple[str, ...]
    star: str | None
    star_star: str | None
    annotations: dict[str, str]


@dataclass(slots=True, unsafe_hash=True)
class BoundMethod:
    function: Value
    receiver: Value


@dataclass(slots=True, unsafe_hash=True)
class Partial:
    function: Value
    positional: tuple[Value, ...]
    keywords: tuple[tuple[str, Value], ...]
    ref: NodeRef | None = None


@dataclass(slots=True, unsafe_hash=True)
class Property:
    getter: Value
    setter: Value = None


@dataclass(slots=True, unsafe_hash=True)
class StaticMethod:
    function: Value


@dataclass(slots=True, unsafe_hash=True)
class ClassMethod:
    function: Value


@dataclass(slots=True, unsafe_hash=True)
class Super:
    """`super()`: attribute lookup on `receiver` that starts behind `after` in the resolution order."""

    after: Value
    receiver: Value


class Builtin:
    """A function that the engine itself implements."""

    __slots__ = ("implementation", "name")

    def __init__(self, name: str, implementation: Callable[[Interpreter, Arguments, NodeRef], Value]) -> None:
        self.name = name
        self.implementation = implementation

    def __repr__(self) -> str:
        return f"<builtin {self.name}>"


class Imported:
    """A name imported from a module of the project, looked up when it is used (imports may be circular)."""

    __slots__ = ("looking", "module", "name")

    def __init__(self, module: ModuleScope, name: str) -> None:
        self.module = module
        self.name = name
        self.looking = False


class Field:
    """`dataclasses.field(default=..., default_factory=...)`."""

    __slots__ = ("default", "factory")

    def __init__(self, default: Value = ABSENT, factory: Value = None) -> None:
        self.default = default
        self.factory = factory


class Arguments:
    """The arguments of one call.

    `more` says that others may follow which are not known (`*args`, `**kwargs`); `rest` holds samples of such
    positional arguments. `partial` is the `functools.partial` that some of them come from.
    """

    __slots__ = ("keywords", "more", "partial", "positional", "rest")

    def __init__(
        self,
        positional: list[Value] | None = None,
        keywords: dict[str, Value] | None = None,
        *,
        more: bool = False,
        rest: tuple[Value, ...] = (),
        partial: NodeRef | None = None,
    ) -> None:
        self.partial = partial
        self.positional = positional if positional is not None else []
        self.keywords = keywords if keywords is not None else {}
        self.more = more
        self.rest = rest

    def get(self, position: int, name: str, default: Value = None) -> Value:
        """Return the argument given at a position or by name."""
        if 0 <= position < len(self.positional):
            return self.positional[position]
        return self.keywords.get(name, default)

    @property
    def receiver(self) -> Instance:
        """The object that a method of a library's class is called on.

        Raises:
            TypeError: the method is called with something else, as `Class.method(3)` does.
        """
        first = self.positional[0]
        if not isinstance(first, Instance):
            raise TypeError(f"a method is called on {first!r}")
        return first

    def values(self) -> tuple[Value, ...]:
        return (*self.positional, *self.keywords.values())

    def shifted(self, count: int = 1) -> Arguments:
        return Arguments(self.positional[count:], self.keywords, more=self.more, rest=self.rest, partial=self.partial)

    def prefixed(self, *values: Value) -> Arguments:
        positional = [*values, *self.positional]
        return Arguments(positional, self.keywords, more=self.more, rest=self.rest, partial=self.partial)
