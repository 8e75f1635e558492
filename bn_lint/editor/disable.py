"""The edit of a configuration file that turns a rule off in a project."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from bn_lint.facts import Place
from bn_lint.project.edits import Text
from bn_lint.rule import Edit

_TABLE = re.compile(r"^[ \t]*\[tool\.bn-lint\][ \t]*(?:#[^\n]*)?(?:\r?\n|\Z)", re.MULTILINE)
#: A part of the table, without the table itself: it may follow.
_PART = re.compile(r"^[ \t]*\[tool\.bn-lint\.", re.MULTILINE)
#: The table in another form, which cannot be added to.
_INLINE = re.compile(r"^[ \t]*(?:tool\.)?bn-lint[ \t]*[.=]", re.MULTILINE)
_NEXT_TABLE = re.compile(r"^[ \t]*\[", re.MULTILINE)
_IGNORE = re.compile(r"^[ \t]*ignore[ \t]*=[ \t]*\[(?P<rest>\s*)(?P<empty>\])?", re.MULTILINE)


@dataclass(frozen=True)
class SettingsEdit:
    """An edit of a configuration file."""

    file: Path
    text: Text
    edit: Edit


def disabled_in_project(path: Path, code: str) -> SettingsEdit | None:
    """The edit of the settings that apply to a file, or that begins some in its project; None if there is no place."""
    project: tuple[Path, str] | None = None
    inside = True
    for folder in path.parents:
        for name, has_table in (("bn-lint.toml", False), ("pyproject.toml", True)):
            file = folder / name
            if not os.path.isfile(file):
                continue
            try:
                text = file.read_bytes().decode("utf-8")
            except (OSError, UnicodeDecodeError):
                return None
            table = _TABLE.search(text) if has_table else None
            if table is not None or not has_table:
                return _edit(file, text, 0 if table is None else table.end(), code)
            if _INLINE.search(text) is not None:
                return None
            if _PART.search(text) is not None:
                return _begun(file, text, code)
            project = (file, text) if project is None and inside else project
        inside = inside and not (folder / ".git").exists()
    return None if project is None else _begun(*project, code)


def _begun(file: Path, text: str, code: str) -> SettingsEdit:
    """Begin the table at the end of a file."""
    above = "" if not text else "\n" if text.endswith("\n") else "\n\n"
    return _inserted(file, text, len(text), f'{above}[tool.bn-lint]\nignore = ["{code}"]\n')


def _edit(file: Path, text: str, start: int, code: str) -> SettingsEdit:
    """Add the code to `ignore`, or that key at the beginning of the table."""
    following = _NEXT_TABLE.search(text, start)
    found = _IGNORE.search(text, start, len(text) if following is None else following.start())
    if found is None:
        newline = "" if start == 0 or text[:start].endswith("\n") else "\n"
        at, content = start, f'{newline}ignore = ["{code}"]\n'
    else:
        at, content = found.start("rest"), f'"{code}"' + ("" if found["empty"] is not None else ", ")
    return _inserted(file, text, at, content)


def _inserted(file: Path, text: str, at: int, content: str) -> SettingsEdit:
    whole = Text(text)
    line, column = whole.position(at)
    return SettingsEdit(file, whole, Edit(Place(str(file), line, column, line, column), content))
