"""The disk around the judged files. What is asked of it is remembered, so that a cache can ask again."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import islice
from pathlib import Path
from typing import Union

from bn_lint.errors import SourceError
from bn_lint.project.source import Source, from_bytes, read

#: What was asked (one of `QUESTIONS`) and about which path.
Question = tuple[str, str]
Answer = Union[bool, str, None]

#: From so many questions about entries of one folder on, it is listed, if it has no more names than that.
_MANY_QUESTIONS, _MOST_NAMES = 100, 10_000
#: In so many folders below one that has no Python itself some is looked for.
_MOST_FOLDERS = 50


class FileSystem:
    """Answers each question once, for the time of a run."""

    def __init__(self, texts: Mapping[str, bytes] | None = None) -> None:
        """Set up.

        Args:
            texts: What stands for the contents of files, whether they are on the disk or not: by their absolute paths.
        """
        self._answers: dict[Question, Answer] = {}
        self._asked_in: Counter[str] = Counter()
        self._listings: dict[str, frozenset[str] | None] = {}
        self._data: dict[str, bytes] = dict(texts or {})
        for path, data in self._data.items():
            self._answers.update({("file", path): True, ("exists", path): True, ("content", path): digest(data)})

    def answer(self, question: Question) -> Answer:
        """The present answer.

        Raises:
            KeyError: there is no such kind of question.
        """
        if question not in self._answers:
            self._answers[question] = getattr(self, f"_{QUESTIONS[question[0]]}")(question[1])
        return self._answers[question]

    def data(self, path: str) -> bytes:
        """The bytes of a file whose `content` was answered."""
        return self._data[path]

    def _is_file(self, path: str) -> bool:
        return not self._is_missing(path) and os.path.isfile(path)

    def _is_directory(self, path: str) -> bool:
        return not self._is_missing(path) and os.path.isdir(path)

    def _is_missing(self, path: str) -> bool:
        """Whether a folder that many questions were about has no such entry, which is cheaper than to ask again."""
        folder, _, name = path.rpartition(os.sep)
        self._asked_in[folder] += 1
        if self._asked_in[folder] < _MANY_QUESTIONS or os.sep not in folder:
            return False  # the root, or a drive
        if name in ("", ".", "..") or not name.isascii() or "~" in name:
            return False  # other letters may be written in two ways, and Windows has short names
        if folder not in self._listings:
            self._listings[folder] = _listing(folder)
        listing = self._listings[folder]
        return listing is not None and name.lower() not in listing

    def _exists(self, path: str) -> bool:
        return os.path.exists(path)

    def _holds_python(self, path: str) -> bool:
        return any(name.endswith(".py") for name in _names(path))

    def _holds_python_below(self, path: str) -> bool:
        """Whether a folder has Python in a folder below that can be imported through it; not in one of a data set."""
        left = [path]
        for folder in islice(left, _MOST_FOLDERS):
            try:
                with os.scandir(folder) as entries:
                    found = list(islice(entries, _MOST_NAMES))
                below = sorted(entry.path for entry in found if entry.name.isidentifier() and entry.is_dir())
            except OSError:
                continue
            if len(found) < _MOST_NAMES:
                if any(entry.name.endswith(".py") for entry in found):
                    return True
                left += below
        return False

    def _modules(self, path: str) -> str:
        """The names of the modules and folders in a folder; which of the folders hold Python is another question."""
        return " ".join(sorted(name.removesuffix(".py") for name in _names(path) if _may_be_module(name)))

    def _search_path(self, path: str) -> str | None:
        """The folders that a file names where it adds to `sys.path`; None where it adds none."""
        from bn_lint.project.module_finder import names_folders

        if self.answer(("content", path)) is None:
            return None
        try:
            named = names_folders(from_bytes(self._data[path], Path(path), path).text)
        except SourceError:
            return None
        return None if named is None else " ".join(named)

    def _content(self, path: str) -> str | None:
        if not os.path.isfile(path):
            return None  # reading a pipe or a device might never end
        try:
            data = read(Path(path), path)
        except SourceError:
            return None
        self._data[path] = data
        return digest(data)


#: Kinds of questions: each is answered by a method of `FileSystem`.
QUESTIONS = {
    "file": "is_file",
    "directory": "is_directory",
    "exists": "exists",
    "python": "holds_python",
    "python below": "holds_python_below",
    "modules": "modules",
    "content": "content",
    "search path": "search_path",
}


class RecordingFileSystem:
    """A view of the disk that remembers what its user wanted to know."""

    def __init__(self, disk: FileSystem | None = None) -> None:
        self._disk = disk or FileSystem()
        self.asked: dict[Question, Answer] = {}
        #: The files whose code was looked at; of others only the text was searched, if anything.
        self.parsed: set[Path] = set()

    def ask(self, kind: str, path: str | Path) -> Answer:
        """The answer to any of the `QUESTIONS`.

        Raises:
            KeyError: there is no such kind of question.
        """
        question = (kind, str(path))
        answer = self.asked[question] = self._disk.answer(question)
        return answer

    def is_file(self, path: str | Path) -> bool:
        return bool(self.ask("file", path))

    def is_directory(self, path: str | Path) -> bool:
        return bool(self.ask("directory", path))

    def exists(self, path: Path) -> bool:
        return bool(self.ask("exists", path))

    def holds_python(self, folder: str | Path) -> bool:
        return bool(self.ask("python", folder))

    def holds_python_below(self, folder: str | Path) -> bool:
        return bool(self.ask("python below", folder))

    def modules(self, folder: Path) -> list[str]:
        """The names that may be modules or packages in a folder; none when it cannot be read."""
        return str(self.ask("modules", folder) or "").split()

    def search_path(self, path: Path) -> tuple[str, ...] | None:
        """The folders that a file names where it adds to `sys.path`; None where it adds none."""
        named = self.ask("search path", path)
        return None if named is None else tuple(str(named).split())

    def source(self, path: Path, display: str) -> Source | None:
        """A file as text; None when it cannot be read or decoded."""
        if self.ask("content", path) is None:
            return None
        try:
            return from_bytes(self._disk.data(str(path)), path, display)
        except SourceError:
            return None


def digest(data: bytes) -> str:
    """What stands for a content: equal only for equal contents."""
    return hashlib.sha256(data).hexdigest()


def unchanged(answers: Iterable[tuple[Question, Answer]], disk: FileSystem) -> bool:
    """Whether the disk still answers as it did."""
    return all(disk.answer(question) == answer for question, answer in answers)


def _names(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []


def _listing(folder: str) -> frozenset[str] | None:
    """The names in a folder, in lower case; None when it cannot be read, or is one of those that hold a data set."""
    try:
        with os.scandir(folder) as entries:
            names = frozenset(entry.name.lower() for entry in islice(entries, _MOST_NAMES))
    except (FileNotFoundError, NotADirectoryError):
        return frozenset()
    except OSError:
        return None
    return names if len(names) < _MOST_NAMES else None


def _may_be_module(name: str) -> bool:
    return name.removesuffix(".py").isidentifier() and not name.startswith("__")
