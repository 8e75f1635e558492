"""Functions and methods, and the arguments they are called with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from bn_lint.static.interpreter.values.instances import Instance

if TYPE_CHECKING:
    from bn_lint.static.interpreter.frames import Frame
    from bn_lint.static.interpreter.hooks import Context
    from bn_lint.static.interpreter.interpreter import Interpreter
    from bn_lint.static.interpreter.values import Class, Value
    from bn_lint.static.syntax import nodes as cst
    from bn_lint.static.syntax.places import NodeRef
    from bn_lint.static.syntax.source_files import SourceFile


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

    def with_first(self, name: str, value: Value) -> Arguments:
        """The same with another value for the first parameter, given by its position or its name."""
        if self.positional:
            return self.shifted().prefixed(value)
        keywords = {**self.keywords, name: value}
        return Arguments([], keywords, more=self.more, rest=self.rest, partial=self.partial)

    def prefixed(self, *values: Value) -> Arguments:
        positional = [*values, *self.positional]
        return Arguments(positional, self.keywords, more=self.more, rest=self.rest, partial=self.partial)
