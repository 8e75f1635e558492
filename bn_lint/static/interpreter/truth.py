"""Whether a value counts as true: True, False, or None if unknown."""

from __future__ import annotations

from fractions import Fraction
from re import Match, Pattern
from types import EllipsisType

from bn_lint.facts.dims import Comparison, Expression, compare
from bn_lint.static.interpreter.frames import ModuleScope
from bn_lint.static.interpreter.join import same
from bn_lint.static.interpreter.values import (
    Absent,
    BoundMethod,
    Builtin,
    Class,
    ClassMethod,
    Dict,
    DomainValue,
    External,
    Field,
    Function,
    Imported,
    Instance,
    LibraryClass,
    List,
    Partial,
    Property,
    Slice,
    StaticMethod,
    Super,
    Tensor,
    Union,
    Unknown,
    Value,
    ValueIterator,
    impossible,
)

_PLAIN = frozenset({bool, int, float, str, tuple})


def truth(value: Value) -> bool | None:
    """Return `bool(value)`, as far as it is known."""
    if value is None or type(value) in _PLAIN:
        return bool(value)
    if isinstance(value, (Unknown, External, Tensor)):
        return None
    if isinstance(value, (int, float, complex, str, bytes, tuple, range, Fraction)):
        return bool(value)
    if isinstance(value, Expression):
        # Sizes are positive; anything else is not known to be non-zero.
        return True if value.is_free and all(c > 0 for c in value.terms.values()) else None
    if isinstance(value, List):
        return True if value.items else (None if value.rest else False)
    if isinstance(value, Dict):
        return True if value.entries() else (None if value.is_open else False)
    if isinstance(value, Union):
        truths = {truth(v) for v in value.values}
        return truths.pop() if len(truths) == 1 else None
    if isinstance(value, Instance):
        if value.cls.lookup("__bool__")[1] is not None or value.cls.lookup("__len__")[1] is not None:
            return None
        return True
    if isinstance(
        value, (Class, Function, LibraryClass, BoundMethod, Builtin, Partial, ModuleScope, Slice, EllipsisType)
    ):
        return True
    if isinstance(value, (EllipsisType, Slice, ValueIterator, Property, StaticMethod, ClassMethod, Super)):
        return True
    if isinstance(value, (Pattern, Match, Absent, Imported, Field, DomainValue)):
        return True
    raise impossible(value)


def equal(a: Value, b: Value) -> bool | None:
    """Return `a == b`, as far as it is known."""
    if isinstance(a, Union) or isinstance(b, Union):
        results = {equal(x, y) for x in alternatives(a) for y in alternatives(b)}
        return results.pop() if len(results) == 1 else None
    if isinstance(a, Unknown) or isinstance(b, Unknown):
        if a is b:
            return True
        other = b if isinstance(a, Unknown) else a
        return None if not isinstance(other, Expression) else _equal_numbers(a, b)
    if isinstance(a, Expression) or isinstance(b, Expression):
        return _equal_numbers(a, b) if _is_number(a) and _is_number(b) else False
    if isinstance(a, (Tensor, External)) or isinstance(b, (Tensor, External)):
        return True if a == b and isinstance(a, External) else None
    if isinstance(a, tuple) and isinstance(b, tuple):
        return _equal_sequences(a, b)
    if isinstance(a, List) and isinstance(b, List):
        return None if a.rest or b.rest else _equal_sequences(a.items, b.items)
    if isinstance(a, Dict) and isinstance(b, Dict):
        return True if a is b else None
    if isinstance(a, Instance) and isinstance(b, Instance):
        return True if a is b else (None if a.cls.lookup("__eq__")[1] is not None else False)
    if _is_plain(a) and _is_plain(b):
        return bool(a == b)
    return True if same(a, b) else (False if type(a) is not type(b) or isinstance(a, (Class, Function)) else None)


def alternatives(value: Value) -> tuple[Value, ...]:
    return value.values if isinstance(value, Union) else (value,)


def _equal_sequences(a: tuple[Value, ...], b: tuple[Value, ...]) -> bool | None:
    if len(a) != len(b):
        return False
    results = [equal(x, y) for x, y in zip(a, b)]
    return False if False in results else (None if None in results else True)


def _equal_numbers(a: Value, b: Value) -> bool | None:
    left, right = (v.number if isinstance(v, Unknown) else v for v in (a, b))
    if not isinstance(left, (int, Expression)) or not isinstance(right, (int, Expression)):
        return None
    for one, other in ((left, right), (right, left)):
        if one == 0 and isinstance(other, Expression) and not other.is_free:
            return None  # a size is never zero, but a remainder or a counter may be
    verdict = compare(left, right)
    return {Comparison.SAME: True, Comparison.DIFFERENT: False}.get(verdict)


def _is_number(value: Value) -> bool:
    return isinstance(value, (int, float, Expression, Unknown))


def _is_plain(value: Value) -> bool:
    return value is None or isinstance(value, (bool, int, float, str, bytes, complex))
