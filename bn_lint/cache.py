"""Results of earlier runs, found again by the content of what they came from.

An entry is JSON behind a checksum of itself; whatever is not exactly that counts as absent. Entries are written beside
their place and then moved there, so that runs at the same time, or one that is stopped, leave no half of one.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sys
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from bn_lint.surroundings import Answer, Disk, Question, unchanged

#: The folder, in the top folder of the project unless the user says otherwise.
FOLDER = ".bn_lint_cache"
#: Bumped when an entry is written in another way.
_FORMAT = "1"
#: Entries that nobody has used for so long are removed (seconds).
_LIFETIME = 30 * 86400
_DAY = 86400


class Cache:
    """The entries in one folder. Neither an unreadable nor an unwritable folder is an error: it only costs time."""

    def __init__(self, folder: Path, root: Path, *, packages: tuple[str, ...] = ()) -> None:
        """Set up; nothing is written before there is something to keep.

        Args:
            folder: Where the entries are.
            root: What paths in entries are relative to, so that a project may move.
            packages: Rule packages besides the built-in one.
        """
        self.folder = folder
        self.root = str(root)
        self.packages = packages
        self._tool: str | None = None
        self._stored = False

    def stored_path(self, path: str) -> str:
        """An absolute path as entries hold it."""
        prefix = self.root if self.root.endswith(os.sep) else self.root + os.sep
        return path[len(prefix) :].replace(os.sep, "/") if path.startswith(prefix) else path

    def full_path(self, path: str) -> str:
        """The absolute path that an entry means."""
        return path if os.path.isabs(path) else os.path.join(self.root, path)

    def key(self, *parts: object) -> str:
        """What an entry is found by: it depends on the parts (JSON values), on bn-lint itself and on Python."""
        if self._tool is None:
            self._tool = _fingerprint(self.packages)
        return hashlib.sha256(json.dumps([self._tool, parts]).encode()).hexdigest()

    def recall(self, key: str, disk: Disk) -> dict[str, Any] | None:
        """The entry with this key, when it is whole and the disk still answers as it did when it was made."""
        path = self._file(key)
        try:
            checksum, _, body = path.read_bytes().partition(b"\n")
            if hashlib.sha256(body).hexdigest().encode() != checksum:
                return None
            entry = json.loads(body)
            if not unchanged(self._questions(entry["surroundings"]), disk):
                return None
            if time.time() - path.stat().st_mtime > _DAY:
                os.utime(path)
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return None
        return dict(entry)

    def store(self, key: str, entry: Mapping[str, Any], asked: Mapping[Question, Answer]) -> None:
        """Keep an entry, together with what the disk answered while it was made."""
        surroundings: dict[str, dict[str, Answer]] = {}
        for (kind, path), answer in asked.items():
            surroundings.setdefault(kind, {})[self.stored_path(path)] = answer
        body = json.dumps({**entry, "surroundings": surroundings}, separators=(",", ":")).encode()
        file = self._file(key)
        temporary = file.with_name(f"{file.name}.{os.getpid()}.{time.monotonic_ns()}")
        try:
            if not self._stored:
                self._prepare()
            file.parent.mkdir(exist_ok=True)
            temporary.write_bytes(hashlib.sha256(body).hexdigest().encode() + b"\n" + body)
            os.replace(temporary, file)
        except OSError:
            with contextlib.suppress(OSError):
                temporary.unlink()

    def _questions(self, stored: Mapping[str, Mapping[str, Answer]]) -> Iterable[tuple[Question, Answer]]:
        for kind, answers in stored.items():
            for path, answer in answers.items():
                yield (kind, self.full_path(path)), answer

    def _file(self, key: str) -> Path:
        return self.folder / key[:2] / f"{key[2:]}.json"

    def _prepare(self) -> None:
        self._stored = True
        self.folder.mkdir(parents=True, exist_ok=True)
        _write_once(self.folder / ".gitignore", "# Made by bn-lint; may be deleted at any time.\n*\n")
        _write_once(self.folder / "CACHEDIR.TAG", "Signature: 8a477f597d28d172789f06886806bc55\n")
        limit = time.time() - _LIFETIME
        for entry in self.folder.glob("??/*.json*"):
            if entry.stat().st_mtime < limit:
                entry.unlink(missing_ok=True)


def _write_once(path: Path, text: str) -> None:
    if not path.exists():
        path.write_text(text, encoding="utf-8")


def project_root(directory: Path) -> Path:
    """The nearest folder above that looks like the top of a project; the folder itself when there is none."""
    for folder in (directory, *directory.parents):
        if any(os.path.exists(folder / mark) for mark in (".git", "bn-lint.toml", "pyproject.toml")):
            return folder
    return directory


def _fingerprint(packages: Iterable[str]) -> str:
    """What stands for bn-lint, its rules, its parser and Python: another version of any of them finds other things."""
    from importlib.util import find_spec

    found = hashlib.sha256(f"{_FORMAT}\n{sys.version}".encode())
    for package in ("bn_lint", "bn_lint_rules", *packages):
        spec = find_spec(package)
        locations = [] if spec is None else list(spec.submodule_search_locations or ())
        files = [path for folder in locations for path in _modules(folder)]
        if not locations and spec is not None and spec.origin is not None:
            files = [spec.origin]
        for path in files:
            with open(path, "rb") as file:
                found.update(hashlib.sha256(file.read()).digest())
    parser = find_spec("libcst")
    if parser is not None and parser.origin is not None:
        version = Path(parser.origin).with_name("_version.py")
        found.update(version.read_bytes() if version.exists() else b"")
    return found.hexdigest()


def _modules(folder: str) -> list[str]:
    return sorted(
        os.path.join(parent, name) for parent, _, names in os.walk(folder) for name in names if name.endswith(".py")
    )
