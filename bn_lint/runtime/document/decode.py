"""JSON values as dataclasses: what is read from a file is what the annotations say, or it is refused."""

from __future__ import annotations

import dataclasses
import math
import typing
from collections.abc import Callable
from functools import cache
from types import NoneType, UnionType
from typing import Any, Union

#: No number, and no text, of a file that was not made to do harm is larger.
_MOST_INT = 2**63
_LONGEST = 100_000

#: What is wrong with a dataclass whose fields are of the right types; None when nothing is.
Check = Callable[[Any], str | None]


class DecodeError(ValueError):
    """A value is not what it should be."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what
        #: Where it is, outermost last.
        self.steps: list[str] = []

    def __str__(self) -> str:
        where = "".join(reversed(self.steps)).removeprefix(".")
        return f"{where} {self.what}" if where else f"it {self.what}"


def decode(kind: Any, data: Any, check: Check) -> Any:
    """A dataclass from the JSON object of its fields; fields that are not known are left out.

    Args:
        check: Is asked about this dataclass and each one in it.

    Raises:
        DecodeError: a field is missing, or its value is of another type or out of its range.
    """
    if not isinstance(data, dict):
        raise DecodeError("is no object")
    types = _types(kind)
    found = {}
    for name, value in data.items():
        if name in types:
            try:
                found[name] = _value(types[name], value, check)
            except DecodeError as error:
                error.steps.append(f".{name}")
                raise
    try:
        result = kind(**found)
    except TypeError as error:
        raise DecodeError("is not complete") from error
    wrong = check(result)
    if wrong is not None:
        raise DecodeError(wrong)
    return result


@cache
def _types(kind: Any) -> dict[str, Any]:
    hints = typing.get_type_hints(kind)
    return {field.name: hints[field.name] for field in dataclasses.fields(kind)}


def _value(expected: Any, value: Any, check: Check) -> Any:
    origin, arguments = typing.get_origin(expected), typing.get_args(expected)
    if origin in (Union, UnionType):
        if value is None and NoneType in arguments:
            return None
        (expected,) = (one for one in arguments if one is not NoneType)
        return _value(expected, value, check)
    if origin is list and isinstance(value, list):
        return _items(arguments * len(value), value, check)
    if origin is dict and isinstance(value, dict):
        return dict(zip(value, _items(arguments[1:] * len(value), list(value.values()), check), strict=True))
    if origin is tuple and isinstance(value, (list, tuple)) and len(value) == len(arguments):
        return tuple(_items(arguments, value, check))
    if dataclasses.is_dataclass(expected):
        return decode(expected, value, check)
    if isinstance(value, bool):
        fits = expected is bool
    elif expected is float:
        fits = isinstance(value, (int, float)) and math.isfinite(value)
    else:
        fits = expected in (int, str) and isinstance(value, expected)
    if not fits:
        raise DecodeError("is of another type")
    if (isinstance(value, int) and abs(value) > _MOST_INT) or (isinstance(value, str) and len(value) > _LONGEST):
        raise DecodeError("is too large")
    return value


def _items(kinds: tuple[Any, ...], values: Any, check: Check) -> list[Any]:
    result = []
    for index, (kind, value) in enumerate(zip(kinds, values, strict=True)):
        try:
            result.append(_value(kind, value, check))
        except DecodeError as error:
            error.steps.append(f"[{index}]")
            raise
    return result
