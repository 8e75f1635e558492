"""Fixed files as a unified diff, which `patch -p0` understands."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from bn_lint.output.text import Painter, printable

if TYPE_CHECKING:
    from bn_lint.check.fix import Change

# Lines end here and nowhere else, as in the files themselves.
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\n|\r|\Z)")


def render(changes: Iterable[Change], *, color: bool = False, for_people: bool = False) -> str:
    """All changes, file by file, and in a notebook cell by cell.

    Args:
        for_people: A terminal shows it, so nothing in the files may control that. `patch` needs the lines as they are.
    """
    paint = Painter(color=color)
    return "".join(line for change in changes for line in _lines(change, paint, for_people=for_people or color))


def _lines(change: Change, paint: Painter, *, for_people: bool) -> Iterator[str]:
    before, after = change.before, change.after
    for cell, old_text in before.parts.items():
        # A name of several lines would make a head, by which `patch` changes another file.
        name = printable(before.display) if cell is None else f"{printable(before.display)}:cell {cell}"
        old, new = _LINE.findall(old_text)[:-1], _LINE.findall(after.parts[cell])[:-1]
        for line in difflib.unified_diff(old, new, name, name):
            text = line.rstrip("\r\n")
            style = _STYLES.get(line[0])
            shown = printable(text) if for_people else text
            yield paint(shown, style) if style else shown
            yield line[len(text) :] or "\n\\ No newline at end of file\n"


_STYLES = {"+": "help", "-": "error", "@": "info"}
