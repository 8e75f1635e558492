"""Glob patterns for paths, as written in `exclude` and `per-file-ignores`."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from typing import NamedTuple


class Pattern(NamedTuple):
    """A glob relative to the directory `root`.

    Without a slash it is compared with every name on the path (`tests`, `*_pb2.py`); with one it is compared with the
    path from `root` (`legacy/*.py`, `src/**/old`). A pattern that matches a directory matches what is in it.
    `*` stays within one name, `**` does not.
    """

    text: str
    root: str

    @property
    def regex(self) -> re.Pattern[str]:
        """What stands for the glob.

        Raises:
            ValueError: it has a range of characters that is none.
        """
        return _compiled(self.text)

    def matches(self, path: str | os.PathLike[str]) -> bool:
        """Whether the pattern means this absolute path, or a directory it lies in."""
        name = os.fspath(path)
        if os.path.isabs(self.text):
            parts = name.split(os.sep)
        elif os.path.normcase(name).startswith(top := os.path.join(os.path.normcase(self.root), "")):
            parts = name[len(top) :].split(os.sep)
        else:
            parts = [] if os.path.normcase(name) == os.path.normcase(self.root) else [os.path.basename(name)]
        regex = self.regex
        if "/" not in self.text.removeprefix("./").rstrip("/"):
            return any(regex.fullmatch(part) for part in parts)
        return any(regex.fullmatch("/".join(parts[:count])) for count in range(1, len(parts) + 1))


@cache
def _compiled(glob: str) -> re.Pattern[str]:
    text = glob.replace("\\", "/") if os.sep == "\\" else glob
    return re.compile(translated(text.removeprefix("./").rstrip("/")), re.DOTALL)


#: What may stand for any text, by how a pattern writes it; `**/` only where a name begins.
_NAMES, _PATH, _NAME = "**/", "**", "*"
_SHORTEST = {_NAMES: "(?:.*?/)??", _PATH: ".*?", _NAME: "[^/]*?"}


def translated(glob: str) -> str:
    """The regular expression for a glob. How long it takes to match does not grow with the number of stars.

    A match of what lies between two stars never needs to be taken back: had it been found further behind, the second
    star could begin further in front. So once it is found it is kept: `(?=(...))\\1` matches in one way only. Behind
    `*` this holds up to the next star of any kind, behind `**` up to the next `**`.
    """
    parts = list(_parts(glob))
    result, groups = "", 0

    def kept(inside: str) -> str:
        nonlocal groups
        groups += 1
        return f"(?=(?P<g{groups}>{inside}))(?P=g{groups})"

    def block(parts: list[str], *, is_last: bool) -> str:
        stars = [index for index, part in enumerate(parts) if part == _NAME]
        if not stars:
            return "".join(parts)
        made = "".join(parts[: stars[0]])
        for index, end in pairwise([*stars, len(parts)]):
            inside = _SHORTEST[_NAME] + "".join(parts[index + 1 : end])
            made += inside if is_last and end == len(parts) else kept(inside)
        return made

    starts = [index for index, part in enumerate(parts) if part in (_NAMES, _PATH)]
    result = block(parts[: starts[0]] if starts else parts, is_last=not starts)
    for index, end in pairwise([*starts, len(parts)]):
        is_last = end == len(parts)
        inside = _SHORTEST[parts[index]] + block(parts[index + 1 : end], is_last=is_last)
        result += inside if is_last else kept(inside)
    return result


def _parts(glob: str) -> Iterator[str]:
    """The stars of a glob, and regular expressions for the characters between them."""
    stars, any_names = re.compile(r"\*+"), re.compile(r"(?:\*\*/)+")
    position = 0
    while position < len(glob):
        if found := stars.match(glob, position):
            begins_name = position == 0 or glob[position - 1] == "/"
            if begins_name and (names := any_names.match(glob, position)):
                found = names
                yield _NAMES
            else:
                yield _NAME if len(found[0]) == 1 else _PATH
            position = found.end()
            continue
        character, end = glob[position], -1
        if character == "[":
            end = glob.find("]", position + (3 if glob[position + 1 : position + 2] == "!" else 2))
        if end > 0:
            yield _set(glob[position + 1 : end])
            position = end
        else:
            yield "[^/]" if character == "?" else re.escape(character)
        position += 1


def _set(inside: str) -> str:
    """The regular expression for `[inside]`, which never means a slash."""
    negated = inside.startswith("!")
    inside = inside[1:] if negated else inside
    made, position = "", 0
    while position < len(inside):
        first, last = inside[position], inside[position]
        position += 1
        if inside[position : position + 1] == "-" and position + 1 < len(inside):
            last = inside[position + 1]
            position += 2
            if first > last:
                raise ValueError(f"{first}-{last} is no range of characters")
        made += f"{re.escape(first)}-{re.escape(last)}"
    return f"(?!/)[{'^' if negated else ''}{made}]"
