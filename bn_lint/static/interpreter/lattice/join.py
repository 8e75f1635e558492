"""Merging the values that two branches of a program give."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import takewhile
from typing import Any, TypeVar

from bn_lint.facts.dims import Expression, structural_symbol
from bn_lint.static.interpreter.lattice.equality import is_itself_alone, same
from bn_lint.static.interpreter.lattice.size import is_large
from bn_lint.static.interpreter.limits import MAX_ALTERNATIVES, MAX_JOINED_SAMPLES, MAX_MODULES, MAX_SAMPLES
from bn_lint.static.interpreter.values import (
    ABSENT,
    CONSTANTS,
    DEFINITIONS,
    WRAPPERS,
    Absent,
    Alternatives,
    Axis,
    BoundMethod,
    Builtin,
    Class,
    Dict,
    DomainValue,
    Doubt,
    External,
    Function,
    Instance,
    LibraryClass,
    List,
    Partial,
    Scattered,
    Tensor,
    Union,
    Unknown,
    Value,
    ValueIterator,
    impossible,
)

Kind = TypeVar("Kind", Tensor, List, Dict, Instance)


def join(values: Iterable[Value]) -> Value:
    """Return the value that stands for any of the given ones."""
    distinct: list[Value] = []
    numbers: set[int] = set()
    comparable: list[Value] = []
    for value in values:
        for one in value.values if type(value) is Union else (value,):
            if one is ABSENT or id(one) in numbers:
                continue
            if not is_itself_alone(one):  # of many modules, which may be alternatives, none is compared with another
                if _among(one, comparable):
                    continue
                comparable.append(one)
            numbers.add(id(one))
            distinct.append(one)
    if len(distinct) > 1 and isinstance(distinct[0], DomainValue):
        distinct = distinct[0].summarized(distinct)
    if len(distinct) < 2:
        return distinct[0] if distinct else ABSENT
    if unknowns := [one for one in distinct if isinstance(one, Unknown)]:
        return _join_unknowns(unknowns, distinct)
    if any(isinstance(one, Alternatives) for one in distinct):
        return join_samples(distinct)
    return _join_by_kind(distinct[0], distinct)


def _join_by_kind(first: Value, values: list[Value]) -> Value:
    """Merge values of one kind. Where they are of several kinds, or of one that cannot be merged, any is possible."""
    if is_large(*values):
        return Unknown("?", "a very large value")
    if isinstance(first, (int, float, Expression)) and not isinstance(first, bool):
        if all(isinstance(v, (int, float, Expression)) and not isinstance(v, bool) for v in values):
            return _either_number(values)
    elif isinstance(first, Tensor):
        if tensors := _all_of(Tensor, values):
            return join_tensors(tensors)
    elif isinstance(first, tuple):
        tuples = [v for v in values if isinstance(v, tuple) and len(v) == len(first)]
        if len(tuples) == len(values):
            return tuple(join(column) for column in zip(*tuples))
    elif isinstance(first, List):
        if lists := _all_of(List, values):
            return join_lists(lists)
    elif isinstance(first, Dict):
        if dicts := _all_of(Dict, values):
            return _join_dicts(dicts)
    elif isinstance(first, (Unknown, Union, Absent, External, Instance, ValueIterator, DomainValue)):
        pass
    elif not isinstance(first, (*CONSTANTS, *WRAPPERS, *DEFINITIONS)):
        raise impossible(first)
    if len(values) > MAX_ALTERNATIVES and (len(values) > MAX_MODULES or not all(map(_is_called, values))):
        return Unknown("?", "too many alternatives")
    return Union(tuple(values))


def _join_unknowns(unknowns: list[Unknown], values: list[Value]) -> Value:
    """Merge values of which some are unknown: so is the result, except that a tensor remains one, and models too."""
    others = [one for one in values if not isinstance(one, Unknown)]
    if others and all(isinstance(one, Tensor) for one in others):
        return Tensor(ranked=False, why=unknowns[0].why)
    if others and all(map(_is_of_module, others)):
        # It may be another model: what these do with modes is still seen, and nothing follows of its shapes.
        return Union((*others[:MAX_MODULES], unknowns[0]))
    if others and all(map(_holds_modules, others)):
        # All modules of a network may be in a list: of each, no more are compared than are kept.
        samples = either_way((*one.items, *one.rest)[:MAX_SAMPLES] for one in others if isinstance(one, List))
        return List((), (*samples[:MAX_SAMPLES], unknowns[0].member("[*]", "[i]")))
    if not others and all(unknowns[0].stands_for(one) for one in unknowns[1:]):
        return unknowns[0]
    if not others and all(type(one) is Unknown and unknowns[0].is_twin(one) for one in unknowns):
        return unknowns[0].twin()
    if not others and (found := unknowns[0].joined(unknowns[1:])) is not None:
        return found
    if len(unknowns) == 1 and others == [None]:
        return unknowns[0]  # None it may have been anyway
    return Unknown("?", unknowns[0].why, foreign=any(one.foreign for one in unknowns))


def _all_of(kind: type[Kind], values: list[Value]) -> list[Kind]:
    """The values, if all are of one kind; otherwise none."""
    found = [one for one in values if isinstance(one, kind)]
    return found if len(found) == len(values) else []


def _is_of_module(value: Value) -> bool:
    """Whether a value is a module, or a method of one."""
    owner = value.receiver if isinstance(value, BoundMethod) else value
    return isinstance(owner, Instance) and owner.is_module


def _holds_modules(value: Value) -> bool:
    """Whether a value is a list of modules or parameters, perhaps with their names."""
    if not isinstance(value, List):
        return False
    held = [one[-1] if type(one) is tuple and one else one for one in (*value.items, *value.rest)]
    return bool(held) and all(_is_of_module(one) or (isinstance(one, DomainValue) and one.is_of_module) for one in held)


def _is_called(value: Value) -> bool:
    """Whether a value is a module, what makes one, or what goes with one: a trainer has the model that it trains."""
    if isinstance(value, Instance):
        held = (one for cell in value.cells.values() for one in (cell.values if isinstance(cell, Union) else (cell,)))
        return value.is_module or any(isinstance(one, Instance) and one.is_module for one in held)
    if isinstance(value, DomainValue):
        return value.is_of_module
    return isinstance(value, (BoundMethod, Builtin, Class, External, Function, LibraryClass, Partial, Unknown))


def _among(value: Value, others: Iterable[Value]) -> bool:
    return any(same(other, value) for other in others)


def join_samples(values: Iterable[Value], *, apart: bool = False) -> Value:
    """Return samples of a container's further children that stand for those of any of the branches.

    Args:
        apart: Whether some branches give it other children instead, which are not followed by these.
    """
    distinct: list[tuple[Value, ...]] = []
    for value in values:
        if isinstance(value, tuple) and not _among(value, distinct):
            distinct.append(value)
    if len(distinct) < 2 and not (distinct and apart):
        return distinct[0] if distinct else ABSENT
    samples: list[Value] = []
    for one in (one for value in distinct for one in value):
        if not isinstance(one, Unknown) and not any(one is other for other in samples):
            samples.append(one)
    kind = Scattered if any(isinstance(value, Scattered) for value in distinct) else Alternatives
    return kind(samples[:MAX_SAMPLES])


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
        return Tensor(axes, ranked=first.ranked, origin=first.origin, batched=all(t.batched for t in tensors))
    # The ranks differ or are unknown: what the last axes have in common still holds.
    shared = []
    for column in zip(*(reversed(t.axes) for t in tensors)):
        axis = _join_axes(column)
        if axis.size is None:
            break
        shared.append(axis)
    why = next((t.why for t in tensors if t.why and not t.ranked), "the branches give different shapes")
    batched = all(tensor.has_samples for tensor in tensors)
    return Tensor(tuple(reversed(shared)), ranked=False, why=why, either=_shapes(tensors), batched=batched)


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
    features = first.features and all(other.features for other in others)
    return Axis(size, first.origin, features, first.samples and all(other.samples for other in others))


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
    most = (
        None
        if any(_is_called(one) and not isinstance(one, Unknown) for tail in tails for one in tail)
        else MAX_JOINED_SAMPLES
    )
    for tail in tails:
        for one in tail:
            if len(rest) == most:
                return (*rest, Unknown("?", "too many values may follow in a sequence"))
            if not _among(one, rest):
                rest.append(one)
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
                if any(key not in other.cells or other.may_lack(key) for other in dicts):
                    merged.cells[Doubt(key)] = True
    return merged


def put_over(below: Dict, above: Dict) -> Iterator[tuple[Any, Value]]:
    """What a dictionary's cells get to hold when the entries of another one are put into it."""
    for key, value in above.cells.items():
        if isinstance(key, Doubt):
            continue
        if above.may_lack(key):
            held = below.cells.get(key, ABSENT)
            yield key, join((held, value))
            yield Doubt(key), held is ABSENT or below.may_lack(key)
        else:
            yield key, value
            if below.may_lack(key):
                yield Doubt(key), False
