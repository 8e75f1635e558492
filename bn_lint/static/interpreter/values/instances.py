"""Objects of classes, modules included.

The interpreter must know which objects are modules: they are called through `forward`, and own what is set as their
attribute. What PyTorch's own layers do stands in `torch_model/`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, TypeGuard

from bn_lint.static.interpreter.values.cells import ENTRIES, FIELDS, REST, Mutable
from bn_lint.static.interpreter.values.classes import Class, LibraryClass
from bn_lint.static.interpreter.values.containers import Dict, List
from bn_lint.static.interpreter.values.unknown import Union

if TYPE_CHECKING:
    from bn_lint.static.interpreter.values import Value
    from bn_lint.static.syntax.places import NodeRef


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
        #: For an unchanged module: stands for everything that determines its behavior.
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
    def entries(self) -> Dict | None:
        """What it holds as a dictionary, if its class inherits from `dict`."""
        return ENTRIES.of(self)

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
        pending: list[Value] = []
        for value in (*self.cells.values(), *(REST.of(self) or ())):
            if type(value) is Instance:
                if value.cls.is_module:
                    yield value
            elif type(value) is Union:
                pending.extend(value.values)
        for value in pending:
            if type(value) is Union:
                pending.extend(value.values)
            elif type(value) is Instance and value.cls.is_module:
                yield value

    def possible_descendants(self) -> Iterator[Instance]:
        """The module and everything that is below it, or may be."""
        seen: set[int] = set()
        pending = [self]
        while pending:
            one = pending.pop()
            if id(one) not in seen:
                seen.add(id(one))
                yield one
                pending.extend(reversed(list(one.possible_children())))


def is_module(value: Value) -> TypeGuard[Instance]:
    """Whether a value is an object of a subclass of `nn.Module`."""
    return isinstance(value, Instance) and value.is_module


def hold(module: Instance, value: Value) -> None:
    """Let a module that was just built differ from its twins once a container changes that it holds."""
    if isinstance(value, (List, Dict)) or (isinstance(value, Instance) and value.is_record):
        if value.holder is None:
            value.holder = module
            for part in tuple(value.cells.values()):
                hold(module, part)
    elif isinstance(value, tuple):
        for part in value:
            hold(module, part)
