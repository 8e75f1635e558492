"""Whether a value counts as true."""

from __future__ import annotations

from typing import Final

from bn_lint.facts.dims import Expression
from bn_lint.static.interpreter.values import (
    CONSTANTS,
    DEFINITIONS,
    WRAPPERS,
    Absent,
    Dict,
    DomainValue,
    External,
    Instance,
    List,
    Tensor,
    Union,
    Unknown,
    Value,
    ValueIterator,
    impossible,
)

#: The kinds that are asked for most often.
_PLAIN: Final = frozenset({bool, int, float, str, tuple})


def truth(value: Value) -> bool | None:
    """Return `bool(value)`; None if it is not known."""
    if value is None or type(value) in _PLAIN:
        return bool(value)
    if isinstance(value, (Unknown, External, Tensor)):
        return None
    if isinstance(value, List):
        return True if value.items else (None if value.rest else False)
    if isinstance(value, Instance):
        if value.cls.lookup("__bool__")[1] is not None or value.cls.lookup("__len__")[1] is not None:
            return None
        return True if value.entries is None else truth(value.entries)
    if isinstance(value, Expression):
        # Sizes are positive; anything else is not known to be non-zero.
        return True if value.is_free and all(c > 0 for c in value.terms.values()) else None
    if isinstance(value, Dict):
        entries = value.entries()
        if entries and all(value.may_lack(key) for key, _ in entries):
            return None
        return True if entries else (None if value.is_open else False)
    if isinstance(value, Union):
        truths = {truth(v) for v in value.values}
        return truths.pop() if len(truths) == 1 else None
    if isinstance(value, (ValueIterator, Absent, DomainValue, *WRAPPERS, *DEFINITIONS)):
        return True
    if isinstance(value, (tuple, *CONSTANTS)):
        return bool(value)
    raise impossible(value)
