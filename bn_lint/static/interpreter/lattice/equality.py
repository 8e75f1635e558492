"""Whether two values are equal: as abstract values, by Python's `==`, and by Python's `is`."""

from __future__ import annotations

from typing import Final

from bn_lint.facts.comparison import Comparison, compare, half_line
from bn_lint.facts.dims import Expression, TracedInt, subtract
from bn_lint.static.interpreter.lattice.size import is_large
from bn_lint.static.interpreter.values import (
    CONSTANTS,
    DEFINITIONS,
    WRAPPERS,
    Absent,
    Class,
    Dict,
    DomainValue,
    External,
    Function,
    Instance,
    List,
    Tensor,
    Union,
    Unknown,
    UnknownInt,
    Value,
    ValueIterator,
    alternatives,
    impossible,
)

#: Kinds of objects that are the same only if they are one.
_OBJECTS: Final = frozenset({Unknown, Instance, List, Dict, ValueIterator, Union})


def same(a: Value, b: Value) -> bool:
    """Whether two abstract values are interchangeable: identity for objects, type and value for constants."""
    if a is b:
        return True
    if type(a) is not type(b):
        return False
    if type(a) in _OBJECTS:
        return False
    if isinstance(a, tuple):
        if not isinstance(b, tuple) or len(a) != len(b) or is_large(a, b):
            return False
        return all(same(x, y) for x, y in zip(a, b))
    if isinstance(a, Tensor):
        return isinstance(b, Tensor) and a.key() == b.key()
    if isinstance(a, (Unknown, Instance, List, Dict, ValueIterator, Union, Absent, DomainValue)):
        return False
    if isinstance(a, TracedInt):
        # To mypyc, objects of a class without an `__eq__` of its own are equal if they are one.
        return isinstance(b, TracedInt) and int(a) == int(b) and a.origin == b.origin
    if isinstance(a, (Expression, External, *WRAPPERS, *CONSTANTS)):
        return bool(a == b)
    if isinstance(a, DEFINITIONS):
        return False
    raise impossible(a)


def is_itself_alone(value: Value) -> bool:
    """Whether nothing else is the same as a value: those are told apart without being compared one by one."""
    return type(value) in _OBJECTS or isinstance(value, (Unknown, DomainValue, *DEFINITIONS))


def equal(a: Value, b: Value) -> bool | None:
    """Return `a == b`, as far as it is known."""
    if isinstance(a, Union) or isinstance(b, Union):
        results = {equal(x, y) for x in alternatives(a) for y in alternatives(b)}
        return results.pop() if len(results) == 1 else None
    if isinstance(a, Unknown) or isinstance(b, Unknown):
        if a is b or (type(a) is type(b) is Unknown and a.is_twin(b)):
            return True
        one, other = (a, b) if isinstance(a, Unknown) else (b, a)
        is_bounded = isinstance(one, UnknownInt) and one.least is not None
        return _equal_numbers(a, b) if is_bounded or isinstance(other, Expression) else None
    if isinstance(a, Expression) or isinstance(b, Expression):
        return _equal_numbers(a, b) if _is_number(a) and _is_number(b) else False
    if isinstance(a, (Tensor, External)) or isinstance(b, (Tensor, External)):
        return True if a == b and isinstance(a, External) else None
    if isinstance(a, Instance):
        return True if a is b else _differs(a, b)
    if isinstance(b, Instance):
        return _differs(b, a)
    if isinstance(a, CONSTANTS):
        return bool(a == b) if isinstance(b, CONSTANTS) else False
    if isinstance(a, tuple):
        return _equal_sequences(a, b) if isinstance(b, tuple) else False
    if isinstance(a, List):
        if isinstance(b, List) and not a.rest and not b.rest:
            return _equal_sequences(a.items, b.items)
        return None if isinstance(b, List) else False
    if isinstance(a, (Class, Function)):
        return a is b
    if isinstance(a, (Dict, ValueIterator, Absent, DomainValue, *WRAPPERS, *DEFINITIONS)):
        # Two dictionaries may hold the same, and two names of a library may mean the same.
        return True if same(a, b) else (None if type(a) is type(b) else False)
    raise impossible(a)


def identical(a: Value, b: Value) -> bool | None:
    """Return `a is b`, as far as it is known."""
    if isinstance(a, Union) or isinstance(b, Union):
        results = {identical(x, y) for x in alternatives(a) for y in alternatives(b)}
        return results.pop() if len(results) == 1 else None
    if isinstance(a, Unknown) or isinstance(b, Unknown):
        return True if a is b else None
    if a is None or b is None or isinstance(a, bool) or isinstance(b, bool):
        return a is b
    return equal(a, b)


def _differs(a: Instance, b: Value) -> bool | None:
    """False, unless a class may have an `__eq__` of its own, as members of an enumeration of strings have."""
    if a.cls.lookup("__eq__")[1] is not None:
        return None
    if isinstance(b, Instance):
        return None if b.cls.lookup("__eq__")[1] is not None else False
    return None if isinstance(a.cls, Class) and a.cls.has_unknown_base and b is not None else False


def _equal_sequences(a: tuple[Value, ...], b: tuple[Value, ...]) -> bool | None:
    if len(a) != len(b):
        return False
    if is_large(a, b):
        return None
    results = [equal(x, y) for x, y in zip(a, b)]
    return False if False in results else (None if None in results else True)


def _equal_numbers(a: Value, b: Value) -> bool | None:
    left, right = (v.number if isinstance(v, Unknown) else v for v in (a, b))
    if not isinstance(left, (int, Expression)) or not isinstance(right, (int, Expression)):
        return None
    difference = subtract(left, right)
    counted = half_line(difference) if isinstance(difference, Expression) else None
    if counted is not None:
        end, direction = counted
        return False if end * direction > 0 else None
    for one, other in ((left, right), (right, left)):
        if one == 0 and isinstance(other, Expression) and not other.is_free:
            return None  # a size is never zero, but a remainder or a counter may be
    verdict = compare(left, right)
    return {Comparison.SAME: True, Comparison.DIFFERENT: False}.get(verdict)


def _is_number(value: Value) -> bool:
    return isinstance(value, (int, float, Expression, Unknown))
