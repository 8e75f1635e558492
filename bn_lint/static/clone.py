"""Copies of what a memoised call built, so that each caller owns its own objects."""

from __future__ import annotations

from bn_lint.static.values import Dict, Instance, List, Value, ValueIterator


def clone(value: Value, copies: dict[int, Value] | None = None) -> Value:
    """Return a deep copy of modules, records, lists and dictionaries; everything else is shared."""
    kind = type(value)
    if kind not in (Instance, List, Dict, ValueIterator, tuple):
        return value
    if copies is None:
        copies = {}
    known = copies.get(id(value))
    if known is not None:
        return known
    if kind is tuple:
        parts = tuple(clone(part, copies) for part in value)
        return parts if any(a is not b for a, b in zip(parts, value)) else value
    copy: Value
    if kind is Instance:
        if not value.is_module and not value.is_record:
            return value
        copy = Instance(value.cls, value.built)
        copies[id(value)] = copy
        copy.name, copy.variable, copy.template, copy.called = value.name, value.variable, value.template, value.called
        copy.owner = copies.get(id(value.owner)) if value.owner is not None else None
    else:
        copy = Dict(is_set=value.is_set) if kind is Dict else List() if kind is List else ValueIterator(())
        copies[id(value)] = copy
    copy.cells.update((key, clone(part, copies)) for key, part in value.cells.items())
    return copy
