"""The projects of files that are given by name: what is found in a file depends on the files around it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from bn_lint.project.discovery import File, discover

#: What the top folder of a project holds, unless it is a repository.
_MARKS = ("bn-lint.toml", "pyproject.toml", "setup.py", "setup.cfg")


def with_projects(files: Sequence[File], excluded: Callable[[Path], bool]) -> list[File]:
    """The given files, and the other files of the projects of those that are given by name.

    Args:
        files: Files that were found in a directory bring no others: the directory is what the user wants to check.
        excluded: Which files a check of the whole project would leave out.
    """
    tops = {file.path: top_of(file.path) for file in files if file.explicit}
    found = [file._replace(in_project=tops.get(file.path) is not None) for file in files]
    given = {file.path for file in files}
    for top in _outermost(filter(None, tops.values())):
        for file in discover([str(top)], excluded).files:
            if file.path not in given:
                given.add(file.path)
                found.append(file._replace(is_context=True))
    return found


def top_of(path: Path) -> Path | None:
    """The top folder of the project that a file belongs to: its repository, or else what looks like a project.

    A home directory that is under version control is no project.
    """
    home = Path(os.path.expanduser("~"))
    above = [folder for folder in path.parents if folder != home and folder.parent != folder]
    for marks in ((".git",), _MARKS):
        for folder in above:
            if any(os.path.lexists(folder / mark) for mark in marks):
                return folder
    return None


def _outermost(folders: Iterable[Path]) -> list[Path]:
    """The folders that lie in no other one of them."""
    distinct = set(folders)
    return sorted(folder for folder in distinct if distinct.isdisjoint(folder.parents))
