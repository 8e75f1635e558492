"""The files that a saved trace speaks of, as far as it may have them read."""

from __future__ import annotations

import linecache
import os
from pathlib import Path

from bn_lint.errors import SourceError
from bn_lint.project.paths import absolute
from bn_lint.project.source import Source, Sources, load
from bn_lint.runtime.document.document import Document
from bn_lint.runtime.document.limits import is_path
from bn_lint.runtime.document.moved import digest

_CODE = frozenset({".py", ".pyw", ".ipynb"})
#: What has no content of its own.
_SYSTEM = ("/dev/", "/proc/", "/sys/")
_MOST_BYTES = 20_000_000


class LiveSources(Sources):
    """Files of the program that is running, and the cells and lines that somebody typed: Python keeps their text."""

    def get(self, path: str) -> Source | None:
        """The file with this displayed path; None when its text is not known."""
        source = super().get(path)
        if source is None:
            lines = linecache.getlines(path) or linecache.getlines(str(absolute(path)))
            if lines:
                source = self._known[path] = Source(Path(path), path, "".join(lines))
        return source


class TraceSources(Sources):
    """Files of a trace that somebody else may have made.

    Reports quote lines, and may be published: a trace must not choose which files of its reader they are taken from. So
    a file is used if it is Python code below the working directory, or if it is what the trace knows the digest of.
    """

    def __init__(self, document: Document) -> None:
        super().__init__()
        self._digests: dict[str, set[str]] = {}
        for part in document.everywhere:
            for path, known in part.files.items():
                self._digests.setdefault(path, set()).add(known)

    def get(self, path: str) -> Source | None:
        """The file with this displayed path; None when it cannot or must not be read."""
        if path not in self._known:
            source = readable(path)
            if source is not None and not _is_own_code(path) and digest(source) not in self._digests.get(path, ()):
                source = None
            self._known[path] = source
        return self._known[path]


def readable(path: str) -> Source | None:
    """A file by its displayed path, if it is one that ends soon; else None."""
    try:
        real = os.path.realpath(path)
        if not is_path(path) or real.startswith(_SYSTEM) or os.stat(real).st_size > _MOST_BYTES:
            return None
        return load(Path(path), display=path)
    except (OSError, SourceError):
        return None


def _is_own_code(path: str) -> bool:
    real = Path(os.path.realpath(absolute(path)))
    return real.suffix in _CODE and real.is_relative_to(os.path.realpath(os.curdir))
