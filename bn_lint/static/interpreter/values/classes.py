"""Classes: those of the program, those of PyTorch that the engine knows, and names of which nothing else is known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bn_lint.static.interpreter.limits import MAX_ANCESTORS
from bn_lint.static.interpreter.values.cells import Mutable
from bn_lint.static.interpreter.values.unknown import ABSENT

if TYPE_CHECKING:
    from bn_lint.static.interpreter.frames import Frame
    from bn_lint.static.interpreter.values import Value
    from bn_lint.static.syntax import nodes as cst
    from bn_lint.static.syntax.source_files import SourceFile


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
        "metaclass",
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
        #: The class of the project that makes it, and its subclasses.
        self.metaclass: Class | None = None
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
    """C3 linearization. Where it has no answer (an invalid hierarchy), depth first."""
    sequences: list[list[Any]] = []
    bases: list[Any] = []
    for base in cls.bases:
        if isinstance(base, (Class, LibraryClass)) and len(base.mro) < MAX_ANCESTORS:
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
    if len(bases) == 1:
        return (cls, *sequences[0])
    sequences.append(bases)
    result: list[Any] = [cls]
    while sequences := [s for s in sequences if s]:
        head = next((s[0] for s in sequences if not any(s[0] in other[1:] for other in sequences)), sequences[0][0])
        result.append(head)
        sequences = [[c for c in s if c is not head and c != head] for s in sequences]
    return tuple(result)


class LibraryClass:
    """A class of PyTorch that the engine knows: its constructor's parameters and what its methods do.

    Attributes:
        stands_in: It stands for one of another library, of which only some is known: not what it inherits from.
        wraps: The name of its first parameter if that is a module which it wraps, and else nothing. Around each of a
            few modules that may be meant it is an object of its own.
    """

    __slots__ = ("bases", "is_module", "methods", "mro", "name", "short_name", "signature", "stands_in", "wraps")

    def __init__(
        self,
        name: str,
        bases: tuple[LibraryClass, ...] = (),
        signature: tuple[tuple[str, Value], ...] = (),
        methods: dict[str, Value] | None = None,
        *,
        stands_in: bool = False,
        wraps: str = "",
    ) -> None:
        self.name = name
        self.bases = bases
        self.signature = signature
        self.stands_in = stands_in
        self.wraps = wraps
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
    """Something outside the analyzed project, known by its dotted name only."""

    __slots__ = ("dotted",)

    def __init__(self, dotted: str) -> None:
        self.dotted = dotted

    def __eq__(self, other: object) -> bool:
        return isinstance(other, External) and self.dotted == other.dotted

    def __hash__(self) -> int:
        return hash(self.dotted)

    def __repr__(self) -> str:
        return f"External({self.dotted})"


class Field:
    """`dataclasses.field(default=..., default_factory=...)`."""

    __slots__ = ("default", "factory")

    def __init__(self, default: Value = ABSENT, factory: Value = None) -> None:
        self.default = default
        self.factory = factory
