"""Which values can be dictionary keys, and sets made of them."""

from __future__ import annotations

from bn_lint.static.interpreter.values import Dict, List, Tensor, Union, Unknown, Value


def make_set(items: tuple[Value, ...], *, is_open: bool = False) -> Dict:
    result = Dict(is_set=True, is_open=is_open)
    for item in items:
        if is_key(item):
            result.cells[item] = None
        else:
            result.cells[Dict.OPEN] = True
    return result


def is_key(value: Value) -> bool:
    """Whether a value can serve as a known dictionary key."""
    if isinstance(value, (Unknown, Union, Tensor, List, Dict)):
        return False
    if isinstance(value, tuple):
        return all(is_key(v) for v in value)
    return True
