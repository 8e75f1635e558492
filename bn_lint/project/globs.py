"""Glob patterns for paths, as written in `exclude` and `per-file-ignores`."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path


@dataclass(frozen=True)
class Pattern:
    """A glob relative to the directory `root`.

    Without a slash it is compared with every name on the path (`tests`, `*_pb2.py`); with one it is compared with the
    path from `root` (`legacy/*.py`, `src/**/old`). A pattern that matches a directory matches what is in it.
    `*` stays within one name, `**` does not.
    """

    text: str
    root: Path

    @cached_property
    def _regex(self) -> re.Pattern[str]:
        text = self.text.replace("\\", "/") if os.sep == "\\" else self.text
        text = text.removeprefix("./").rstrip("/")
        return re.compile(_translate(text), re.DOTALL)

    @cached_property
    def _single_name(self) -> bool:
        return "/" not in self.text.removeprefix("./").rstrip("/")

    def matches(self, path: Path) -> bool:
        """Whether the pattern means this absolute path, or a directory it lies in."""
        if Path(self.text).is_absolute():
            parts = path.as_posix().split("/")
        else:
            try:
                parts = list(path.relative_to(self.root).parts)
            except ValueError:
                parts = [path.name]
        if self._single_name:
            return any(self._regex.fullmatch(part) for part in parts)
        return any(self._regex.fullmatch("/".join(parts[:count])) for count in range(1, len(parts) + 1))


def _translate(glob: str) -> str:
    result = ""
    position = 0
    while position < len(glob):
        rest = glob[position:]
        if rest.startswith("**/"):
            result, position = result + "(?:.*/)?", position + 3
        elif rest.startswith("**"):
            result, position = result + ".*", position + 2
        elif rest[0] == "*":
            result, position = result + "[^/]*", position + 1
        elif rest[0] == "?":
            result, position = result + "[^/]", position + 1
        elif rest[0] == "[" and (end := rest.find("]", 2)) > 0:
            inside = rest[1:end].replace("\\", r"\\").replace("[", r"\[")
            inside = "^" + inside[1:] if inside[0] == "!" else inside
            result, position = f"{result}(?!/)[{inside}]", position + end + 1
        else:
            result, position = result + re.escape(rest[0]), position + 1
    return result
