"""Paths as text. Most runs need no others; where a `Path` is wanted, it is made, and `pathlib` imported."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def absolute(path: str | os.PathLike[str]) -> Path:
    """The absolute path without `..`; links stay, so that users see the names they gave."""
    from pathlib import Path

    return Path(os.path.abspath(path))


def display_path(path: str | os.PathLike[str]) -> str:
    """The path as reports show it: relative to the working directory if it is in there, with forward slashes."""
    name = os.fspath(path)
    try:
        relative = os.path.relpath(name)
    except (ValueError, OSError):  # Windows: another drive has no relative path; or the working directory is gone
        return _with_slashes(name)
    leads_out = relative == os.pardir or relative.startswith(os.pardir + os.sep)
    return _with_slashes(name if leads_out else relative)


def display_below(folder: str, shown: str, path: str) -> str:
    """The same of a path in a folder, by how reports show the folder: nothing is asked of the disk again."""
    if os.path.isabs(shown):
        return display_path(path)  # which may lie in the working directory all the same
    inside = _with_slashes(path[len(folder) :]).lstrip("/")
    return inside if shown == os.curdir else f"{shown}/{inside}"


def parts(path: str) -> list[str]:
    """The names on a path: what files are sorted by, so that those of a folder stand together."""
    return os.path.normcase(path).split(os.sep)


def folders_above(path: str) -> Iterator[str]:
    """The folders that a path lies in, the nearest first."""
    folder = os.path.dirname(path)
    while folder != path:
        yield folder
        path, folder = folder, os.path.dirname(folder)


def _with_slashes(path: str) -> str:
    return path if os.sep == "/" else path.replace(os.sep, "/")
