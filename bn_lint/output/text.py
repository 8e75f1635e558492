"""Words, colors and widths shared by the formats for people."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from bn_lint.facts import Place

# Patterns are compiled on use: a start shall cost little.
#: What a terminal may interpret instead of showing: controls, and marks that reorder the text around them.
_UNSAFE = "[\x00-\x08\x0a-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u206f]"

#: What stands before a number of equal things.
TIMES = "\N{MULTIPLICATION SIGN}"

_SURROGATE = "[\ud800-\udfff]"

STYLES: dict[str, dict[str, Any]] = {
    "error": {"fg": "red", "bold": True},
    "warning": {"fg": "yellow", "bold": True},
    "info": {"fg": "cyan", "bold": True},
    "message": {"bold": True},
    "frame": {"fg": "blue", "bold": True},
    "help": {"fg": "green", "bold": True},
    "faint": {"dim": True},
}


class Painter:
    """Colors text, or leaves it alone."""

    def __init__(self, *, color: bool) -> None:
        self._color = color

    def __call__(self, text: str, style: str) -> str:
        return click.style(text, **STYLES[style]) if self._color and text else text


def printable(text: str) -> str:
    """The text with a question mark for every character that a terminal might obey."""
    return re.sub(_UNSAFE, "?", text)


def well_formed(value: Any) -> Any:
    """A JSON value with U+FFFD for what no encoding has bytes for: parts of names that are not UTF-8.

    Python reads such parts as single surrogates. Most readers of JSON refuse them.
    """
    if isinstance(value, str):
        return re.sub(_SURROGATE, "\ufffd", value)
    if isinstance(value, dict):
        return {well_formed(key): well_formed(each) for key, each in value.items()}
    return [well_formed(each) for each in value] if isinstance(value, list) else value


def width(text: str) -> int:
    """How many terminal cells a text without tabs takes."""
    if text.isascii():
        return len(text)
    return sum(_cells(character) for character in text)


def _cells(character: str) -> int:
    if unicodedata.combining(character) or unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def file_of(place: Place) -> str:
    """The file, and in a notebook the cell, as it can be shown."""
    return printable(place.file)


def within(place: Place) -> str:
    """`cell 3: ` in a notebook, for formats whose places know nothing of cells."""
    return "" if place.cell is None else f"cell {place.cell}: "


def location(place: Place) -> str:
    return f"{file_of(place)}:{place.line}:{place.column}"


def counted(count: int, noun: str, plural: str | None = None) -> str:
    """`1 file`, `2 files`; `plural` where an `s` does not make it."""
    return f"{count} {noun}" if count == 1 else f"{count} {plural or noun + 's'}"


def listed(parts: list[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return " and ".join([", ".join(parts[:-1]), parts[-1]]) if len(parts) > 1 else "".join(parts)
