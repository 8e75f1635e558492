"""Results of earlier runs, found again by the content of what they came from.

An entry is JSON behind a checksum of itself; whatever is not exactly that counts as absent. The trees of files are kept
beside the entries (`kept_work.py`).

Everything is kept in a folder of its own, which nothing else is expected to be in: a user may name any folder for the
cache, one with other files as well. Old entries are deleted only from a folder with the mark that was written into it.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import stat
import sys
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from bn_lint.check.kept_work import KeptWork
from bn_lint.check.registry import BUILT_IN_RULES, RuleSet
from bn_lint.debugging import switches
from bn_lint.project.filesystem import Answer, FileSystem, Question, unchanged
from bn_lint.project.writing import is_leftover, write

#: The folder, in the top folder of the project unless the user says otherwise.
FOLDER = ".bn_lint_cache"
#: The folder in it that holds the entries, and nothing else.
ENTRIES = "bn-lint"
#: Bumped when an entry is written in another way.
_FORMAT = "1"
#: Entries that were not used for so long are removed (seconds).
_LIFETIME = 30 * 86400
_DAY = 86400
_HOUR = 3600
#: The mark of the folder with the entries: a cache directory (https://bford.info/cachedir/), made by this tool.
_TAG = "Signature: 8a477f597d28d172789f06886806bc55\n# Made by bn-lint; may be deleted at any time.\n"
_ENTRY = re.compile(r"[0-9a-f]{2}/[0-9a-f]{62}\.(?:json|tree|turns|image)")
#: Bytes of entries above which those are removed that were not used for longest, until half as much is left.
_MOST = 512 << 20


class Cache:
    """The entries in one folder. Neither an unreadable nor an unwritable folder is an error: it only costs time."""

    def __init__(self, folder: Path, root: Path, rules: RuleSet = BUILT_IN_RULES) -> None:
        """Set up; nothing is written before there is something to keep.

        Args:
            folder: Where the folder with the entries is; it may hold other files.
            root: What paths in entries are relative to, so that a project may move.
            rules: Those whose results are kept.
        """
        self.folder = folder / ENTRIES
        self.root = str(root)
        self._rules = rules
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
            self._tool = _fingerprint(self._rules.packages)
        return hashlib.sha256(json.dumps([self._tool, parts]).encode()).hexdigest()

    def kept_work(self) -> KeptWork:
        """Where the trees of files are kept, and what entry points have shown."""
        with contextlib.suppress(OSError):
            if not self._stored:
                self._prepare()
        return KeptWork(self.folder, self.key("tree"))

    def recall(self, key: str, disk: FileSystem, before: Mapping[str, str] | None = None) -> dict[str, Any] | None:
        """The entry with this key, when it is whole and the disk still answers as it did when it was made.

        Args:
            before: The digests that files had when they said the same as they do now, by their absolute paths.
        """
        path = self._file(key)
        try:
            checksum, _, body = path.read_bytes().partition(b"\n")
            if hashlib.sha256(body).hexdigest().encode() != checksum:
                return None
            entry = json.loads(body)
            past: dict[Question, Answer] = {("content", name): content for name, content in (before or {}).items()}
            asked = dict(self._questions(entry["surroundings"]))
            if any(asked[question] != past[question] for question in asked.keys() & past.keys()):
                return None
            if not unchanged(((question, asked[question]) for question in asked.keys() - past.keys()), disk):
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
        with contextlib.suppress(OSError):
            if not self._stored:
                self._prepare()
            file.parent.mkdir(exist_ok=True)
            # The checksum tells whether a crash of the machine left all of it.
            write(file, hashlib.sha256(body).hexdigest().encode() + b"\n" + body, durable=False)

    def questions(self, entry: Mapping[str, Any]) -> list[Question]:
        """What was asked of the disk while an entry was made that was recalled."""
        return [question for question, _ in self._questions(entry["surroundings"])]

    def _questions(self, stored: Mapping[str, Mapping[str, Answer]]) -> Iterable[tuple[Question, Answer]]:
        for kind, answers in stored.items():
            for path, answer in answers.items():
                yield (kind, self.full_path(path)), answer

    def _file(self, key: str) -> Path:
        return self.folder / key[:2] / f"{key[2:]}.json"

    def _prepare(self) -> None:
        self._stored = True
        self.folder.mkdir(parents=True, exist_ok=True)
        mark = self.folder / "CACHEDIR.TAG"
        if _read(mark) == _TAG:
            # Looking for them takes as long as a run in which nothing has changed.
            if time.time() - mark.stat().st_mtime > _HOUR:
                os.utime(mark)
                self._remove_old_entries()
        # Another run may have been stopped between the two files, or in the middle of one.
        elif {name for name in os.listdir(self.folder) if not is_leftover(name)} <= {".gitignore"}:
            write(self.folder / ".gitignore", b"# Made by bn-lint.\n*\n", durable=False)
            write(mark, _TAG.encode(), durable=False)

    def _remove_old_entries(self) -> None:
        limit = time.time() - _LIFETIME
        left = []
        for path in self.folder.glob("??/*"):
            with contextlib.suppress(FileNotFoundError):  # another run removes them as well
                found = path.lstat()
                if _ENTRY.fullmatch(path.relative_to(self.folder).as_posix()) and stat.S_ISREG(found.st_mode):
                    left.append((found.st_mtime, found.st_size, path))
        size = sum(size for _, size, _ in left)
        least = _MOST // 2 if size > _MOST else size
        for used, bytes_of, path in sorted(left):
            if used < limit or size > least:
                path.unlink(missing_ok=True)
                size -= bytes_of


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError):
        return None


def project_root(directory: Path) -> Path:
    """The nearest folder above that looks like the top of a project; the folder itself when there is none."""
    for folder in (directory, *directory.parents):
        if any(os.path.exists(folder / mark) for mark in (".git", "bn-lint.toml", "pyproject.toml")):
            return folder
    return directory


def _fingerprint(packages: Iterable[str]) -> str:
    """What stands for bn-lint, its rules, its parser and Python: another version of any of them finds other things."""
    from importlib.util import find_spec

    found = hashlib.sha256(f"{_FORMAT}\n{sys.version}\n{sorted(switches())}".encode())
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
