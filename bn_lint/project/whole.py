"""The projects of files that are given by name: what is found in a file depends on the files around it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence

from bn_lint.project.discovery import File, discover
from bn_lint.project.paths import folders_above, parts

#: What the top folder of a project holds, unless it is a repository.
_MARKS = ("bn-lint.toml", "pyproject.toml", "setup.py", "setup.cfg")


def with_projects(files: Sequence[File], excluded: Callable[[str], bool]) -> list[File]:
    """The given files, and the other files of the projects of those that are given by name.

    Args:
        files: Files that were found in a directory bring no others: the directory is what the user wants to check.
        excluded: Which files a check of the whole project would leave out.
    """
    tops = {file.name: top_of(file.name) for file in files if file.explicit}
    found = [file._replace(in_project=tops.get(file.name) is not None) for file in files]
    given = {file.name for file in files}
    for top in _outermost(filter(None, tops.values())):
        for file in discover([top], excluded).files:
            if file.name not in given:
                given.add(file.name)
                found.append(file._replace(is_context=True))
    return found


def top_of(path: str) -> str | None:
    """The top folder of the project that a file belongs to: its repository, or else what looks like a project.

    A home directory that is under version control is no project.
    """
    home = os.path.expanduser("~")
    above = [folder for folder in folders_above(path) if folder != home and os.path.dirname(folder) != folder]
    for marks in ((".git",), _MARKS):
        for folder in above:
            if any(os.path.lexists(os.path.join(folder, mark)) for mark in marks):
                return folder
    return None


def _outermost(folders: Iterable[str]) -> list[str]:
    """The folders that lie in no other one of them."""
    distinct = set(folders)
    return sorted((one for one in distinct if distinct.isdisjoint(folders_above(one))), key=parts)
