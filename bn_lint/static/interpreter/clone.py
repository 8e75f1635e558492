"""Copies of what a memoised call built, so that each caller owns its own objects."""

from __future__ import annotations

from collections.abc import Sequence
from operator import is_not

from bn_lint.static.interpreter.values import Dict, Instance, List, Value, ValueIterator

_COPIED = frozenset({Instance, List, Dict, ValueIterator, tuple})


def clone_with(value: Value, given: Sequence[Instance], now: Sequence[Instance]) -> Value:
    """Return a deep copy in which the modules that a call was given are those that it is given now."""
    if not given:
        return clone(value)
    copies: dict[int, Value] = {id(before): one for before, one in zip(given, now)}
    copy = clone(value, copies)
    for before, one in zip(given, now):
        owner = copies.get(id(before.owner)) if before.owner is not None else None
        if one.owner is None and isinstance(owner, Instance) and owner is not one:
            one.owner, one.name = owner, before.name
    return copy


def clone(value: Value, copies: dict[int, Value] | None = None) -> Value:
    """Return a deep copy of modules, records, lists and dictionaries; everything else is shared."""
    kind = type(value)
    if kind not in _COPIED:
        return value
    if copies is None:
        copies = {}
    known = copies.get(id(value))
    if known is not None:
        return known
    if kind is tuple:
        parts = tuple([clone(part, copies) if type(part) in _COPIED else part for part in value])
        return parts if any(map(is_not, parts, value)) else value
    copy: Value
    if kind is Instance:
        if not value.is_module and not value.is_record:
            return value
        copy = Instance(value.cls, value.built)
        copies[id(value)] = copy
        copy.name, copy.variable, copy.template, copy.called = value.name, value.variable, value.template, value.called
        copy.owner = copies.get(id(value.owner)) if value.owner is not None else None
    else:
        if kind is Dict:
            copy = Dict(is_set=value.is_set)
            copy.factory = value.factory
        else:
            copy = List() if kind is List else ValueIterator(())
        copies[id(value)] = copy
    cells = copy.cells
    for key, part in value.cells.items():
        cells[key] = clone(part, copies) if type(part) in _COPIED else part
    return copy
