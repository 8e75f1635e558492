"""Copies of what a memoised call built, so that each caller owns its own objects."""

from __future__ import annotations

from collections.abc import Sequence

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
    if type(value) not in _COPIED:
        return value
    if copies is None:
        copies = {}
    known = copies.get(id(value))
    if known is not None:
        return known
    if isinstance(value, tuple):
        parts = tuple([clone(part, copies) if type(part) in _COPIED else part for part in value])
        return parts if any(part is not before for part, before in zip(parts, value)) else value
    copy: Instance | Dict | List | ValueIterator
    if isinstance(value, Instance):
        if not value.is_module and not value.is_record:
            return value
        copy = Instance(value.cls, value.built)
        copy.name, copy.variable, copy.template, copy.called = value.name, value.variable, value.template, value.called
        owner = copies.get(id(value.owner)) if value.owner is not None else None
        copy.owner = owner if isinstance(owner, Instance) else None
    elif isinstance(value, Dict):
        copy = Dict(is_set=value.is_set)
        copy.factory = value.factory
    elif isinstance(value, (List, ValueIterator)):
        copy = List() if isinstance(value, List) else ValueIterator(())
    else:
        return value
    copies[id(value)] = copy
    cells = copy.cells
    for key, part in value.cells.items():
        cells[key] = clone(part, copies) if type(part) in _COPIED else part
    return copy
