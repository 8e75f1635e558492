"""Abstract values: what an expression of the analyzed program may stand for.

Python's own constants stand for themselves: `None`, booleans, numbers, strings, and tuples of values. Everything else
is one of the classes of this package. `Unknown` is the value of everything that could not be evaluated, and nothing
ever follows from it.

`Value` names all kinds; what can be done with a value of any kind (`join`, `truth`, ...) stands in `lattice/`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from fractions import Fraction
from types import EllipsisType, NoneType
from typing import Any, NoReturn, TypeAlias

from bn_lint.facts.dims import Expression
from bn_lint.native import COMPILED, interpreted
from bn_lint.static.interpreter.values.callables import (
    Arguments,
    BoundMethod,
    Builtin,
    ClassMethod,
    Function,
    Parameters,
    Partial,
    Property,
    StaticMethod,
    Super,
)
from bn_lint.static.interpreter.values.cells import (
    BUILDER,
    ENTRIES,
    FIELDS,
    ITEMS,
    LAZY,
    REST,
    Ghost,
    Held,
    Mutable,
    birth,
)
from bn_lint.static.interpreter.values.classes import Class, External, Field, LibraryClass, lookup_in
from bn_lint.static.interpreter.values.containers import (
    Alternatives,
    Dict,
    Doubt,
    List,
    Scattered,
    Sequence,
    Slice,
    ValueIterator,
)
from bn_lint.static.interpreter.values.instances import Instance, hold, is_module
from bn_lint.static.interpreter.values.scopes import Imported, ModuleScope
from bn_lint.static.interpreter.values.tensors import Axis, Provenance, Tensor
from bn_lint.static.interpreter.values.unknown import (
    ABSENT,
    Absent,
    Raised,
    Refused,
    Union,
    Unknown,
    UnknownInt,
    UnknownModule,
    alternatives,
    text_of,
)
from bn_lint.static.syntax.places import NodeRef


@interpreted
class DomainValue:
    """A value of a kind that only the code that makes it knows, such as the model of some library."""

    __slots__ = ()
    #: Whether it goes with a module, of which more alternatives are kept than of other values.
    is_of_module = False
    #: Whether a copy of what it refers to has another one.
    is_copied = False

    def copied(self, copies: Mapping[int, Value]) -> Value:
        """Return what stands for it where the objects that it refers to may have been copied, by their `id`."""
        return self

    @classmethod
    def summarized(cls, alternatives: list[Value]) -> list[Value]:
        """Return fewer alternatives that say the same, where several of them can be told apart but mean one thing."""
        return alternatives


#: Everything that an expression of the analyzed program may stand for. Two kinds stand in cells only: `ABSENT` is the
#: content of a cell that was not written, and a `NodeRef` says where something happened to an object.
if COMPILED:
    # mypyc would ask a value for each of these kinds in turn, whenever it is passed on.
    Value: TypeAlias = Any
else:
    Value: TypeAlias = (
        "bool | int | float | complex | Fraction | str | bytes | range | EllipsisType | re.Pattern[str] | re.Match[str]"
        " | Expression | Tensor | tuple[Value, ...] | List | Dict | ValueIterator | Instance | Class | LibraryClass"
        " | External | Function | Builtin | ModuleScope | Imported | Field | BoundMethod | Partial | Property"
        " | StaticMethod | ClassMethod | Super | Slice | NodeRef | Unknown | Union | Absent | DomainValue | None"
    )

#: The kinds of which most operations think alike. A kind that is added to one of them is known to all operations.
#: Python's own immutable objects: their equality and truth are Python's.
CONSTANTS = (bool, int, float, str, bytes, NoneType, complex, range, EllipsisType, re.Pattern, re.Match, Fraction)
#: Values that consist of others and never change: two are the same when their parts are.
WRAPPERS = (BoundMethod, Partial, Property, StaticMethod, ClassMethod, Super, Slice, NodeRef)
#: What statements define or import: each is the same as itself only.
DEFINITIONS = (Class, LibraryClass, Function, Builtin, ModuleScope, Imported, Field)


def impossible(value: NoReturn) -> AssertionError:
    """What stands behind the last kind of values: mypy checks that none is left."""
    return AssertionError(f"{value!r} is no abstract value")


__all__ = [
    "ABSENT",
    "BUILDER",
    "CONSTANTS",
    "DEFINITIONS",
    "ENTRIES",
    "FIELDS",
    "ITEMS",
    "LAZY",
    "REST",
    "WRAPPERS",
    "Absent",
    "Alternatives",
    "Arguments",
    "Axis",
    "BoundMethod",
    "Builtin",
    "Class",
    "ClassMethod",
    "Dict",
    "DomainValue",
    "Doubt",
    "External",
    "Field",
    "Function",
    "Ghost",
    "Held",
    "Imported",
    "Instance",
    "LibraryClass",
    "List",
    "ModuleScope",
    "Mutable",
    "Parameters",
    "Partial",
    "Property",
    "Provenance",
    "Raised",
    "Refused",
    "Scattered",
    "Sequence",
    "Slice",
    "StaticMethod",
    "Super",
    "Tensor",
    "Union",
    "Unknown",
    "UnknownInt",
    "UnknownModule",
    "Value",
    "ValueIterator",
    "alternatives",
    "birth",
    "hold",
    "impossible",
    "is_module",
    "lookup_in",
    "text_of",
]
