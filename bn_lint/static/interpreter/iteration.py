"""What a `for` loop, a star or an unpacking finds in a value."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bn_lint.facts.dims import Expression, structural_symbol
from bn_lint.static.interpreter.calls import call
from bn_lint.static.interpreter.lattice.join import either_way, join
from bn_lint.static.interpreter.lattice.size import is_large
from bn_lint.static.interpreter.limits import MAX_ITEMS
from bn_lint.static.interpreter.values import (
    ABSENT,
    ITEMS,
    Arguments,
    BoundMethod,
    Class,
    Dict,
    Function,
    Instance,
    List,
    Refused,
    Tensor,
    Union,
    Unknown,
    Value,
    ValueIterator,
)

if TYPE_CHECKING:
    from bn_lint.static.interpreter.interpreter import Interpreter

Items = tuple[tuple[Value, ...], tuple[Value, ...]]


def iterate(interpreter: Interpreter, value: Value) -> Items:
    """Return the known elements of an iterable, and samples of those that may follow an unknown number of times."""
    if isinstance(value, tuple):
        return value, ()
    if isinstance(value, List):
        return value.items, value.rest
    if isinstance(value, ValueIterator):
        items, rest = value.items, value.rest
        interpreter.store.set(value, ITEMS, ())
        return items, rest
    if isinstance(value, Dict):
        rest = (Unknown("key", "the keys of a dictionary are not all known"),) if value.is_open else ()
        entries, uncertain = value.in_order()
        return tuple(key for key, _ in entries), (*(key for key, _ in uncertain), *rest)
    if isinstance(value, str):
        return tuple(value), ()
    if isinstance(value, range):
        return (tuple(value), ()) if len(value) <= MAX_ITEMS else (tuple(value[:2]), (Unknown("index"),))
    if isinstance(value, Instance):
        return _iterate_instance(interpreter, value)
    if isinstance(value, Class) and value.kind == "enum":
        return tuple(v for v in value.cells.values() if isinstance(v, Instance) and v.cls is value), ()
    if isinstance(value, Tensor):
        return (), (Tensor(value.axes[1:]) if value.ranked and value.axes else Tensor(ranked=False, why=value.why),)
    if isinstance(value, Union):
        each = (iterate(interpreter, one) for one in value.values if one is not None)
        return (), either_way((*items, *rest) for items, rest in each)[:8]
    if isinstance(value, Unknown):
        return (), (value.member("[*]", "[i]"),)
    return (), (Unknown("?", f"iterating over {type(value).__name__} is not evaluated"),)


def _iterate_instance(interpreter: Interpreter, value: Instance) -> Items:
    method, _ = value.cls.lookup("__iter__")
    if method is not ABSENT and value.built is not None:
        result = call(interpreter, BoundMethod(method, value), Arguments(), value.built, None)
        own = next_method(result)
        if own is not None:
            return (), (call(interpreter, own, Arguments(), value.built, None),)
        if not isinstance(result, Instance):
            return iterate(interpreter, result)
    if method is ABSENT and value.entries is not None:
        return iterate(interpreter, value.entries)
    if value.fields is not None:
        return tuple(value.cells[name] for name in value.fields), ()
    return (), (Unknown("?", f"iterating over a {value.cls.name} is not evaluated"),)


def next_method(value: Value) -> BoundMethod | None:
    """Return the method `__next__` of an object of the program that is an iterator."""
    method = value.cls.lookup("__next__")[0] if isinstance(value, Instance) else ABSENT
    return BoundMethod(method, value) if isinstance(method, Function) else None


def distinct(value: Value, position: object) -> Value:
    """Return the sample of a list's elements as the element at one position: what is not known of it is its own."""
    if isinstance(value, Unknown):
        return value.member(("element", position), f"[{position}]")
    if isinstance(value, Expression):
        return _distinct_size(value, position)
    if isinstance(value, tuple) and not is_large(value):
        return tuple(distinct(part, position) for part in value)
    if isinstance(value, Tensor):
        axes = tuple(
            axis._replace(size=_distinct_size(axis.size, position)) if isinstance(axis.size, Expression) else axis
            for axis in value.axes
        )
        return Tensor(axes, ranked=value.ranked, origin=value.origin, why=value.why)
    return value


def _distinct_size(size: Expression, position: object) -> Expression:
    return Expression.of(structural_symbol(f"{size}[{position}]", ("element", size, position), free=False))


def unpack(interpreter: Interpreter, value: Value, count: int, star: int | None) -> list[Value]:
    """Return the values for `count` targets, of which the one at `star` takes a list."""
    if isinstance(value, Refused):
        return [value] * count
    if isinstance(value, Unknown):
        return [Unknown("?", value.why) if i == star else value.member(i, f"[{i}]") for i in range(count)]
    if isinstance(value, Tensor) and value.ranked and value.axes and star is None:
        rows = value.axes[0].size
        if rows == count:
            return [Tensor(value.axes[1:], origin=value.origin) for _ in range(count)]
        if isinstance(rows, int):
            interpreter.domain.refused(interpreter)
        why = "unpacked from a tensor of other or unknown length"  # it was to be several tensors, more likely
        return [Tensor(ranked=False, why=why) for _ in range(count)]
    if isinstance(value, Union):
        fitting = [v for v in value.values if v is not None]
        return [join(column) for column in zip(*(unpack(interpreter, v, count, star) for v in fitting))]
    items, rest = iterate(interpreter, value)
    if star is not None and not rest and len(items) >= count - 1:
        after = count - star - 1
        end = len(items) - after
        return [*items[:star], List(items[star:end]), *items[end:]]
    if star is None and not rest and len(items) == count:
        return list(items)
    known = list(items[:count]) if rest and star is None else []
    sample = rest[0] if len(rest) == 1 else Unknown("?", "unpacked from a sequence of unknown length")
    while len(known) < count:
        known.append(distinct(sample, len(known)))
    return known
