"""How large a value is. What is too large is not followed: nothing is known of it.

All that the engine computes passes `limited`, so no value is larger than what one operation makes of such values. Where
that may be far larger, the result is estimated before it is computed (`builtins/effort.py`).
"""

from __future__ import annotations

from collections.abc import Iterable

from bn_lint.static.interpreter.limits import MAX_BITS, MAX_LENGTH, MAX_NESTING, MAX_PARTS
from bn_lint.static.interpreter.values import Dict, List, Union, Unknown, Value, ValueIterator

#: What is as large as what it holds.
_HOLDERS = (tuple, List, Dict, ValueIterator, Union)


def limited(value: Value) -> Value:
    """Return the value, or what is known of it if it is larger than the engine follows: a tuple of very many, say."""
    if isinstance(value, int) and value.bit_length() > MAX_BITS:
        return Unknown("?", "a very large number")
    if isinstance(value, (str, bytes)):
        return value if len(value) <= MAX_LENGTH else Unknown("?", "a very long string")
    if isinstance(value, tuple):
        return value if len(value) <= MAX_LENGTH else List((), very_many())
    if isinstance(value, List) and len(value.items) + len(value.rest) > MAX_LENGTH:
        return List((), very_many())
    return value


def very_many() -> tuple[Value, ...]:
    """What stands for the elements of a sequence that has too many."""
    return (Unknown("?", "a very long sequence"),)


def length_of(value: Value) -> int:
    """How many elements, entries or letters a value has, without those of its parts; 1 of what has none."""
    if isinstance(value, (str, bytes, tuple)):
        return len(value)
    if isinstance(value, (List, ValueIterator)):
        return len(value.items) + len(value.rest)
    return len(value.cells) if isinstance(value, Dict) else 1


def is_large(*values: Value, letters: bool = False) -> bool:
    """Whether values have more parts, or parts within parts, than are compared, hashed or printed.

    What is met twice counts twice: `X = (X, X)` doubles the parts, and a list that holds itself has no end of them.

    Args:
        letters: Each letter of a text is a part, too.
    """
    if not letters:
        for value in values:
            if isinstance(value, _HOLDERS):
                break
        else:
            return False
    left = MAX_PARTS
    pending: list[tuple[Iterable[Value], int]] = [(values, 0)]
    while pending:
        parts, depth = pending.pop()
        for value in parts:
            left -= len(value) if letters and isinstance(value, (str, bytes)) else 1
            if isinstance(value, _HOLDERS):
                pending.append((_parts(value), depth + 1))
        if left < 0 or depth > MAX_NESTING:
            return True
    return False


def _parts(value: tuple[Value, ...] | List | Dict | ValueIterator | Union) -> Iterable[Value]:
    if isinstance(value, tuple):
        return value
    if isinstance(value, Union):
        return value.values
    if isinstance(value, Dict):
        return (*value.cells, *value.cells.values())
    return (*value.items, *value.rest)
