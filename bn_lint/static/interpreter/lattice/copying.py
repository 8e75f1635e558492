"""Copies of what a memoized call built, so that each caller owns its own objects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias, TypeVar

from bn_lint.facts.dims import Expression
from bn_lint.static.interpreter.values import (
    CONSTANTS,
    DEFINITIONS,
    WRAPPERS,
    Absent,
    Dict,
    DomainValue,
    External,
    Instance,
    List,
    Tensor,
    Union,
    Unknown,
    Value,
    ValueIterator,
    hold,
    impossible,
)

#: An object that a call is given, and may give back.
Object: TypeAlias = "Instance | List | Dict"

#: The kinds of values that are shared. It has those that were met.
_SHARED: Final[set[type]] = {bool, int, str, type(None), Unknown, Tensor}


def clone_with(
    value: Value, given: Sequence[Object], now: Sequence[Object], copies: dict[int, Value] | None = None
) -> Value:
    """Return a deep copy in which the objects that a call was given are those that it is given now."""
    copies = {} if copies is None else copies
    if not given:
        return clone(value, copies)
    copies.update({id(before): one for before, one in zip(given, now)})
    copy = clone(value, copies)
    for before, one in zip(given, now):
        if not isinstance(before, Instance) or not isinstance(one, Instance):
            continue
        owner = copies.get(id(before.owner)) if before.owner is not None else None
        if one.owner is None and isinstance(owner, Instance) and owner is not one:
            one.owner, one.name = owner, before.name
    return copy


def clone(value: Value, copies: dict[int, Value] | None = None) -> Value:
    """Return a deep copy of modules, records, lists, dictionaries and alternatives; everything else is shared.

    Only an object that refers to what is copied, as the optimizer of a model does, is copied with it.

    `copies` has what was copied before, by identity, so that what was one object is one in the copy.
    """
    if type(value) in _SHARED:
        return value
    if copies is None:
        copies = {}
    known = copies.get(id(value))
    if known is not None:
        return known
    if type(value) is tuple:
        parts = tuple([part if type(part) in _SHARED else clone(part, copies) for part in value])
        copied = parts if any(part is not before for part, before in zip(parts, value)) else value
        copies[id(value)] = copied
        return copied
    if isinstance(value, Union):
        values = tuple([clone(one, copies) for one in value.values])
        return Union(values) if any(one is not before for one, before in zip(values, value.values)) else value
    if isinstance(value, Instance):
        copied_too = value.is_module or value.is_record or _works_on(value, copies)
        return _fill(_instance_like(value, copies), value, copies) if copied_too else value
    if isinstance(value, Dict):
        copy = Dict(is_set=value.is_set)
        copy.factory = value.factory
        return _fill(copy, value, copies)
    if isinstance(value, List):
        return _fill(List(), value, copies)
    if isinstance(value, ValueIterator):
        return _fill(ValueIterator(), value, copies)
    if isinstance(value, DomainValue) and value.is_copied:
        return value.copied(copies)
    if isinstance(value, (Unknown, Tensor, Expression, External, Absent, DomainValue, *WRAPPERS, tuple)):
        _SHARED.add(type(value))
        return value
    if isinstance(value, (*DEFINITIONS, *CONSTANTS)):
        _SHARED.add(type(value))
        return value
    raise impossible(value)


def _works_on(value: Instance, copies: Mapping[int, Value]) -> bool:
    """Whether an object works on what is copied, as the optimizer that a model has for itself."""
    return any(
        id(part) in copies for cell in value.cells.values() for part in (cell if type(cell) is tuple else (cell,))
    )


Copied = TypeVar("Copied", Instance, Dict, List, ValueIterator)


def _fill(copy: Copied, value: Copied, copies: dict[int, Value]) -> Copied:
    copies[id(value)] = copy
    cells = copy.cells
    for key, part in value.cells.items():
        cells[key] = part if type(part) in _SHARED else clone(part, copies)
    if isinstance(copy, Instance) and copy.template is not None:
        for part in cells.values():
            if type(part) not in _SHARED:
                hold(copy, part)
    return copy


def _instance_like(value: Instance, copies: dict[int, Value]) -> Instance:
    copy = Instance(value.cls, value.built)
    copy.name, copy.variable, copy.template, copy.called = value.name, value.variable, value.template, value.called
    owner = copies.get(id(value.owner)) if value.owner is not None else None
    copy.owner = owner if isinstance(owner, Instance) else None
    return copy
