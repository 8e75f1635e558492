"""What Python takes to compute something, known before it does.

What functions of Python are given is bounded (`lattice/size.py`), and most give no more than that. Here are the others:
those whose result may be far larger, and those that may take very long.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from types import ModuleType
from typing import Any

from bn_lint.static.interpreter.limits import MAX_PATTERN

Text = Any  # `str` or `bytes`

#: Fields of `str.format` that are padded to a width of four digits and more, or to a width that is an argument.
_WIDE_FIELD = re.compile(r"\{[^{}]*\d{4}|\{[^{}]+\{")
#: What a pattern has in place of a letter: `\*`, `[*+]`. The question mark of `(?:` makes nothing optional.
_LETTER_OR_GROUP = re.compile(r"\\[\s\S]|\[\^?\]?(?:\\[\s\S]|[^\]\\])*\]?|\(\?")
_INNERMOST_GROUP = re.compile(r"\(([^()]*)\)([*+{])?")
_REPEATED, _CHOICE = re.compile(r"[*+{]"), re.compile(r"[?|]")


def effort(function: Callable[..., Any], *given: Any, **keywords: Any) -> float:
    """How much a function of Python gives, or how often it tries something; 0 where neither is more than it is given.

    Raises:
        TypeError: it does not take these arguments.
    """
    estimate = _ESTIMATES.get(getattr(function, "__qualname__", ""))
    if estimate is None:
        return 0
    receiver = getattr(function, "__self__", None)
    own = () if receiver is None or isinstance(receiver, (ModuleType, type)) else (receiver,)
    return estimate(*own, *given, **keywords)


# -- texts ------------------------------------------------------------------------------------------------------------


def _padded(text: Text, width: int, fill: Text = " ") -> float:
    return width


def _with_tabs(text: Text, tabsize: int = 8) -> float:
    return len(text) * tabsize


def _replaced(text: Text, old: Text, new: Text, count: int = -1) -> float:
    return len(text) + float(text.count(old)) * len(new)


def _joined(separator: Text, parts: Iterable[Text]) -> float:
    lengths = [len(part) for part in parts]
    return sum(lengths) + len(separator) * len(lengths)


def _translated(text: Text, table: Any, *more: Any) -> float:
    if not isinstance(table, dict):
        return len(text)
    return len(text) * max((len(one) for one in table.values() if isinstance(one, str)), default=1)


def _fields(text: str, *values: Any, **named: Any) -> float:
    if _WIDE_FIELD.search(text) is not None:
        return float("inf")
    return len(text) + text.count("{") * len(str((values, named)))


def _field(value: Any, spec: str = "") -> float:
    return float("inf") if re.search(r"\d{4}", spec) is not None else 0


# -- numbers ----------------------------------------------------------------------------------------------------------


def _bytes_of_number(number: int, length: int = 1, *order: Any, **signed: Any) -> float:
    return length


def _bytes(source: Any = b"", *encoding: Any) -> float:
    return source if isinstance(source, int) else 0


def _product(numbers: Iterable[Any], *, start: Any = 1) -> float:
    return sum(number.bit_length() for number in (*numbers, start) if isinstance(number, int))


def _common_multiple(*numbers: Any) -> float:
    return _product(numbers)


def _rounded(number: Any, digits: Any = None) -> float:
    return abs(digits) * 4 if isinstance(digits, int) else 0


def _searched(numbers: range, value: Any) -> float:
    return len(numbers) if not isinstance(value, int) else 0


# -- regular expressions ----------------------------------------------------------------------------------------------


def _compiled(pattern: Any, flags: int = 0) -> float:
    return 0 if len(pattern) <= MAX_PATTERN else float("inf")


def _matched(pattern: Any, text: Text, *more: Any, **named: Any) -> float:
    return _ways(pattern, len(text))


def _substituted(pattern: Any, new: Text, text: Text, *more: Any, **named: Any) -> float:
    return max(_ways(pattern, len(text)), (len(text) + 1.0) * (len(new) + 1.0))


def _expanded(match: re.Match[Any], template: Text) -> float:
    return float(len(match.string)) * len(template)


def _ways(pattern: Any, length: int) -> float:
    """How many ways there may be to match a text: all of them are tried when it does not fit.

    It may begin at each letter, and a repetition may end at each; an option or an alternative has two ways. How often
    a group is repeated that has several ways itself, nobody can tell.
    """
    text = pattern.pattern if isinstance(pattern, re.Pattern) else pattern
    if isinstance(text, bytes):
        text = text.decode("latin-1")
    if len(text) > MAX_PATTERN or "#" in text:  # after this sign may be a comment
        return float("inf")
    rest = _LETTER_OR_GROUP.sub(lambda found: "(" if found.group() == "(?" else "x", text)
    repetitions = choices = 0
    while group := _INNERMOST_GROUP.search(rest):
        inner = group.group(1)
        again, either = len(_REPEATED.findall(inner)), len(_CHOICE.findall(inner))
        if group.group(2) is not None and (again or either or "!" in inner):
            return float("inf")
        repetitions, choices = repetitions + again, choices + either
        # What stands for the group must tell the one around it that there are several ways.
        rest = rest[: group.start()] + ("!" if again or either or "!" in inner else "x") + rest[group.end(1) + 1 :]
    repetitions, choices = repetitions + len(_REPEATED.findall(rest)), choices + len(_CHOICE.findall(rest))
    return (length + 1.0) ** min(repetitions + 1, 50) * 2.0 ** min(choices, 100)


_ESTIMATES: dict[str, Callable[..., float]] = {
    "str.format": _fields,
    "str.format_map": _fields,
    "str.translate": _translated,
    "format": _field,
    "bytes": _bytes,
    "int.to_bytes": _bytes_of_number,
    "prod": _product,
    "lcm": _common_multiple,
    "round": _rounded,
    "range.count": _searched,
    "range.index": _searched,
    "compile": _compiled,
    "sub": _substituted,
    "Pattern.sub": _substituted,
    "Pattern.subn": _substituted,
    "Match.expand": _expanded,
}
for _kind in ("str", "bytes"):
    _ESTIMATES.update({f"{_kind}.{name}": _padded for name in ("zfill", "ljust", "rjust", "center")})
    _ESTIMATES.update({f"{_kind}.expandtabs": _with_tabs, f"{_kind}.replace": _replaced, f"{_kind}.join": _joined})
for _name in ("split", "match", "fullmatch", "search", "findall"):
    _ESTIMATES.update({_name: _matched, f"Pattern.{_name}": _matched})
