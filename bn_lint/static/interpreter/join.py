"""Merging the values that two branches of a program give."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import takewhile

from bn_lint.facts.dims import Expression, TracedInt, structural_symbol
from bn_lint.static.interpreter.limits import MAX_ALTERNATIVES, MAX_SAMPLES
from bn_lint.static.interpreter.values import (
    ABSENT,
    Alternatives,
    Axis,
    BoundMethod,
    ClassMethod,
    Dict,
    External,
    Instance,
    List,
    Partial,
    Property,
    StaticMethod,
    Super,
    Tensor,
    Union,
    Unknown,
    Value,
)


def same(a: Value, b: Value) -> bool:
    """Whether two values are surely equal (identity for objects, type and value for constants)."""
    if a is b:
        return True
    if type(a) is not type(b):
        return False
    if isinstance(a, (bool, int, float, str, bytes, Expression, External)):
        if isinstance(a, TracedInt) and isinstance(b, TracedInt) and a.origin != b.origin:
            return False
        return bool(a == b)
    if isinstance(a, (BoundMethod, ClassMethod, Partial, Property, StaticMethod, Super)):
        return bool(a == b)
    if isinstance(a, tuple) and isinstance(b, tuple):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b))
    if isinstance(a, Tensor) and isinstance(b, Tensor):
        return a.key() == b.key()
    return False


def join(values: Iterable[Value]) -> Value:
    """Return the value that stands for any of the given ones."""
    alternatives: list[Value] = []
    for value in values:
        for one in value.values if type(value) is Union else (value,):
            if one is ABSENT or (alternatives and (one is alternatives[-1] or _among(one, alternatives))):
                continue
            alternatives.append(one)
    if len(alternatives) < 2:
        return alternatives[0] if alternatives else ABSENT
    if all(isinstance(v, (int, float, Expression)) and not isinstance(v, bool) for v in alternatives):
        return _either_number(alternatives)
    tensors = [v for v in alternatives if isinstance(v, Tensor)]
    if len(tensors) == len(alternatives):
        return join_tensors(tensors)
    unknowns = [v for v in alternatives if isinstance(v, Unknown)]
    if unknowns:
        if tensors and len(tensors) + len(unknowns) == len(alternatives):
            return Tensor(ranked=False, why=unknowns[0].why)
        if len({id(getattr(v, "batches", v)) for v in alternatives}) == 1:
            return alternatives[0]  # parts of the same batch
        return unknowns[0] if len(unknowns) == len(alternatives) == 1 else Unknown("?", unknowns[0].why)
    if any(isinstance(v, Alternatives) for v in alternatives):
        return join_samples(alternatives)
    first = alternatives[0]
    if isinstance(first, tuple):
        tuples = [v for v in alternatives if isinstance(v, tuple) and len(v) == len(first)]
        if len(tuples) == len(alternatives):
            return tuple(join(column) for column in zip(*tuples))
    elif isinstance(first, List):
        lists = [v for v in alternatives if isinstance(v, List)]
        if len(lists) == len(alternatives):
            return join_lists(lists)
    elif isinstance(first, Dict):
        dicts = [v for v in alternatives if isinstance(v, Dict)]
        if len(dicts) == len(alternatives):
            return _join_dicts(dicts)
    if len(alternatives) > MAX_ALTERNATIVES:
        modules = [v for v in alternatives if isinstance(v, Instance) and v.is_module]
        if len(modules) == len(alternatives):
            # A program that builds its model in many ways: the last of each class stands for the others.
            alternatives = list({module.cls: module for module in modules}.values())
            if len(alternatives) == 1:
                return alternatives[0]
    if len(alternatives) > MAX_ALTERNATIVES:
        return Unknown("?", "too many alternatives")
    return Union(tuple(alternatives))


def _among(value: Value, others: Iterable[Value]) -> bool:
    return any(same(other, value) for other in others)


def join_samples(values: Iterable[Value]) -> Value:
    """Return samples of a container's further children that stand for those of any of the branches."""
    distinct: list[tuple[Value, ...]] = []
    for value in values:
        if isinstance(value, tuple) and not _among(value, distinct):
            distinct.append(value)
    if len(distinct) < 2:
        return distinct[0] if distinct else ABSENT
    samples: list[Value] = []
    for one in (one for value in distinct for one in value):
        if not isinstance(one, Unknown) and not any(one is other for other in samples):
            samples.append(one)
    return Alternatives(samples[:MAX_SAMPLES])


def _either_number(values: list[Value]) -> Value:
    # The same choice made twice is the same number: a pure helper called twice must agree with itself.
    first = values[0]
    if isinstance(first, int) and all(isinstance(v, int) for v in values) and len(set(values)) == 1:
        return int(first)
    key = ("either", frozenset(values))
    name = " or ".join(str(v) for v in values)
    return Expression.of(structural_symbol(name if len(name) < 40 else "?", key, free=False))


def join_tensors(tensors: list[Tensor]) -> Tensor:
    first = tensors[0]
    if len({len(t.axes) for t in tensors}) == 1 and len({t.ranked for t in tensors}) == 1:
        axes = tuple(_join_axes(column) for column in zip(*(t.axes for t in tensors)))
        return Tensor(axes, ranked=first.ranked, origin=first.origin)
    # The ranks differ or are unknown: what the last axes have in common still holds.
    shared = []
    for column in zip(*(reversed(t.axes) for t in tensors)):
        axis = _join_axes(column)
        if axis.size is None:
            break
        shared.append(axis)
    why = next((t.why for t in tensors if t.why and not t.ranked), "the branches give different shapes")
    return Tensor(tuple(reversed(shared)), ranked=False, why=why, either=_shapes(tensors))


def _shapes(tensors: Iterable[Tensor]) -> tuple[Tensor, ...]:
    """The shapes that one of the tensors may have, if there are a few of them; of more dimensions than those, one."""
    either: list[Tensor] = []
    for one in (one for tensor in tensors for one in (tensor.either or (tensor,))):
        if not _among(one, either):
            either.append(one)
    ranked = [one for one in either if one.ranked]
    others = [one for one in either if not one.ranked]
    most = max((len(one.axes) for one in ranked), default=0)
    told_apart = ranked and all(len(one.axes) > most for one in others)
    if not told_apart or len(either) > MAX_ALTERNATIVES:
        return ()
    return (*ranked, join_tensors(others)) if len(others) > 1 else (*ranked, *others)


def _join_axes(axes: Iterable[Axis]) -> Axis:
    first, *others = axes
    size = first.size
    if any(not same(size, other.size) for other in others):
        size = None
    return Axis(size, first.origin, first.features and all(other.features for other in others))


def join_lists(lists: list[List]) -> List:
    count = min(len(each.items) for each in lists)
    items = tuple(join(column) for column in zip(*(each.items[:count] for each in lists)))
    return List(items, either_way((*each.items[count:], *each.rest) for each in lists))


def either_way(ways: Iterable[tuple[Value, ...]]) -> tuple[Value, ...]:
    """Return samples of what follows in a sequence, of which the branches have different ones.

    Samples follow on each other. Layers of different branches never do, so nothing is known of what comes before
    those of the second branch, or behind those of the last.
    """
    distinct: list[tuple[Value, ...]] = []
    for way in ways:
        if not _among(way, distinct):
            distinct.append(way)
    shared = tuple(takewhile(lambda column: all(same(column[0], one) for one in column), zip(*distinct)))
    tails = [way[len(shared) :] for way in distinct if len(way) > len(shared)]
    rest = [column[0] for column in shared]
    for tail in tails:
        rest.extend(one for one in tail if not _among(one, rest))
        if len(tails) > 1 and any(isinstance(one, Instance) and one.is_module for one in tail):
            rest.append(Unknown("?", "the branches give different layers"))
    return tuple(rest)


def _join_dicts(dicts: list[Dict]) -> Dict:
    merged = Dict(is_set=dicts[0].is_set, is_open=any(each.is_open for each in dicts))
    if all(each.factory is dicts[0].factory for each in dicts):
        merged.factory = dicts[0].factory
    else:
        merged.cells[Dict.OPEN] = True
    for each in dicts:
        for key, _ in each.entries():
            if key not in merged.cells:
                merged.cells[key] = join(other.cells.get(key, ABSENT) for other in dicts)
                if any(key not in other.cells for other in dicts):
                    merged.cells[Dict.OPEN] = True
    return merged
