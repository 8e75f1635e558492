"""Traces that are read in another directory than they were made in, or after the files they speak of have changed."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from bn_lint.project.paths import absolute, display_path
from bn_lint.project.source import Source, Sources
from bn_lint.runtime.document.document import Document


def digest(source: Source) -> str:
    """What tells one content of a file from another; checkouts that differ in line ends only are the same."""
    return hashlib.sha256("\n".join(source.lines).encode("utf-8", "surrogatepass")).hexdigest()


def digests(paths: Iterable[str], sources: Sources, *, since: float) -> dict[str, str]:
    """The digests of files by their path, for `Document.files`.

    Args:
        since: When the program began (seconds since the epoch). Which text of a file written later was run is unknown.
    """
    found: dict[str, str] = {}
    for path in sorted(set(paths)):
        source = sources.get(path)
        if source is not None:
            found[path] = digest(source) if _modified(source.path) <= since else ""
    return found


def changed(document: Document, sources: Sources) -> set[str]:
    """The files that are not what they were when the trace was made."""
    from bn_lint.runtime.document.sources import readable

    different: set[str] = set()
    for part in document.everywhere:
        for path, known in part.files.items():
            source = sources.given(path) or readable(path)
            if source is not None and digest(source) != known:
                different.add(path)
    return different


def from_here(data: Any) -> Any:
    """The JSON values of a trace with paths as this directory sees them, where the files of the trace exist."""
    directory = data.get("directory")
    if not isinstance(directory, str) or not directory or directory == os.getcwd():
        return data
    seen: dict[str, str] = {}

    def path_from_here(path: str) -> str:
        if path not in seen:
            seen[path] = path
            with contextlib.suppress(OSError, ValueError):  # it is no path
                candidate = absolute(Path(directory, path))
                if candidate.exists():
                    seen[path] = display_path(candidate)
        return seen[path]

    def renamed(value: Any) -> Any:
        if isinstance(value, list):
            return [renamed(each) for each in value]
        if not isinstance(value, dict):
            return value
        result = {key: renamed(each) for key, each in value.items()}
        if isinstance(value.get("path"), str) and "line" in value:
            result["path"] = path_from_here(value["path"])
        if isinstance(value.get("files"), dict):
            result["files"] = {path_from_here(path): known for path, known in value["files"].items()}
        return result

    return renamed(data)


def _modified(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
