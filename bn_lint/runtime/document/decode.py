"""JSON values as dataclasses: what is read from a file is what the annotations say, or it is refused."""

from __future__ import annotations

import dataclasses
import math
import typing
from functools import cache
from types import NoneType, UnionType
from typing import Any, Union


def decode(kind: Any, data: Any) -> Any:
    """A dataclass from the JSON object of its fields; fields that are not known are left out.

    Raises:
        ValueError: a field is missing, or its value is of another type.
    """
    if not isinstance(data, dict):
        raise ValueError(f"{kind.__name__} is no object")
    types = _types(kind)
    found = {name: _value(types[name], value, name) for name, value in data.items() if name in types}
    try:
        return kind(**found)
    except TypeError as error:
        raise ValueError(f"{kind.__name__} is not complete") from error


@cache
def _types(kind: Any) -> dict[str, Any]:
    hints = typing.get_type_hints(kind)
    return {field.name: hints[field.name] for field in dataclasses.fields(kind)}


def _value(expected: Any, value: Any, name: str) -> Any:
    origin, arguments = typing.get_origin(expected), typing.get_args(expected)
    if origin in (Union, UnionType):
        if value is None and NoneType in arguments:
            return None
        (expected,) = (one for one in arguments if one is not NoneType)
        return _value(expected, value, name)
    if origin is list and isinstance(value, list):
        return [_value(arguments[0], one, name) for one in value]
    if origin is dict and isinstance(value, dict):
        return {key: _value(arguments[1], one, name) for key, one in value.items()}
    if origin is tuple and isinstance(value, (list, tuple)) and len(value) == len(arguments):
        return tuple(_value(one, each, name) for one, each in zip(arguments, value, strict=True))
    if dataclasses.is_dataclass(expected):
        return decode(expected, value)
    if isinstance(value, bool):
        fits = expected is bool
    elif expected is float:
        fits = isinstance(value, (int, float)) and math.isfinite(value)
    else:
        fits = expected in (int, str) and isinstance(value, expected)
    if fits:
        return value
    raise ValueError(f'"{name}" is of another type')
