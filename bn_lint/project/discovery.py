"""Which files are checked: the given ones, and the Python files of the given directories."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from bn_lint.errors import PathError
from bn_lint.project.source import absolute, display_path

if TYPE_CHECKING:
    import subprocess

#: Directories that hold no source of the project. Outside a git repository nothing else tells.
_NEVER = frozenset({"__pycache__", "node_modules", ".ipynb_checkpoints"})
#: Python files and notebooks.
_SUFFIXES = (".py", ".ipynb")


class File(NamedTuple):
    """A file to be checked.

    Attributes:
        path: Where it is, absolute.
        display: How reports call it.
        explicit: It was given by name, not found in a directory.
        data: Its content, when it does not come from the disk.
        in_project: It was given by name, and is checked with the project around it.
        is_context: It is read for the sake of the given files; what only concerns itself is not reported.
    """

    path: Path
    display: str
    explicit: bool = False
    data: bytes | None = None
    in_project: bool = False
    is_context: bool = False

    @property
    def is_alone(self) -> bool:
        """Whether the files around it are unknown: those that use it may be missing."""
        return self.explicit and not self.in_project


class Discovery:
    """The files found.

    Attributes:
        unreadable: The directories that could not be read, with the reason.
        remarks: Sentences about why other files may have been found than elsewhere.
    """

    def __init__(self) -> None:
        self.files: list[File] = []
        self.unreadable: list[tuple[str, str]] = []
        self.remarks: list[str] = []


def discover(paths: Sequence[str], excluded: Callable[[Path], bool], *, force_exclude: bool = False) -> Discovery:
    """Find the files to check; each appears once, however often it was given.

    A file that is given by name is checked whatever its name and even if `excluded`, unless `force_exclude` is set.

    Raises:
        PathError: a path does not exist.
    """
    given = [absolute(path) for path in paths]
    for text, path in zip(paths, given, strict=True):
        if not os.path.lexists(path):
            raise PathError(f"{text} does not exist.")
    discovery = Discovery()
    seen: set[Path] = set()

    def add(path: Path, *, explicit: bool) -> None:
        if path not in seen and not (excluded(path) and (force_exclude or not explicit)):
            seen.add(path)
            discovery.files.append(File(path, display_path(path), explicit))

    for path in given:
        if not os.path.isdir(path):
            add(path, explicit=True)
        elif not (force_exclude and excluded(path)):
            for found in sorted(_python_files(path, excluded, discovery)):
                add(found, explicit=False)
    return discovery


def _python_files(root: Path, excluded: Callable[[Path], bool], discovery: Discovery) -> Iterator[Path]:
    try:
        listed = _listed_by_git(root) if _in_repository(root) else None
    except _Refused as error:
        listed = None
        discovery.remarks.append(
            f"git does not list {display_path(root)}, so files that it ignores are checked: {error}"
        )
    if listed is None:
        yield from _walk(root, excluded, discovery.unreadable)
        return
    environments: dict[Path, bool] = {root: False}
    for entry in listed:
        path = root / entry
        if _in_environment(path.parent, environments):
            continue
        if path.suffix in _SUFFIXES:
            if os.path.isfile(path):
                yield path
        elif os.path.isdir(path) and not os.path.islink(path):
            # A submodule or a repository of its own: git names it, but does not look inside.
            yield from _python_files(path, excluded, discovery)


def _walk(root: Path, excluded: Callable[[Path], bool], unreadable: list[tuple[str, str]]) -> Iterator[Path]:
    def note(error: OSError) -> None:
        if not isinstance(error, FileNotFoundError):
            name = display_path(Path(error.filename)) if error.filename else display_path(root)
            unreadable.append((name, (error.strerror or type(error).__name__).lower()))

    # Links to directories are not followed, so no loop can arise.
    for directory, names, files in os.walk(root, onerror=note):
        here = Path(directory)
        names[:] = [name for name in names if not _is_foreign(here / name) and not excluded(here / name)]
        for name in files:
            if name.endswith(_SUFFIXES) and os.path.isfile(here / name):
                yield here / name


def _has(directory: Path, name: str) -> bool:
    # Not `Path.exists`, which raises where the directory may not be searched.
    return os.path.exists(directory / name)


def _is_foreign(directory: Path) -> bool:
    return directory.name.startswith(".") or directory.name in _NEVER or _has(directory, "pyvenv.cfg")


def _in_environment(directory: Path, known: dict[Path, bool]) -> bool:
    found = known.get(directory)
    if found is None:
        foreign = directory.name in _NEVER or _has(directory, "pyvenv.cfg")
        found = known[directory] = foreign or _in_environment(directory.parent, known)
    return found


def _in_repository(directory: Path) -> bool:
    return any(_has(parent, ".git") for parent in (directory, *directory.parents))


class _Refused(Exception):
    """git does not answer; what it says."""


def _listed_by_git(root: Path) -> list[str] | None:
    """The paths below `root` that git tracks or would track; None when it is not there to tell.

    Raises:
        _Refused: it does not trust the repository, or cannot read it.
    """
    listed = _git(root, "ls-files", "-c", "-o", "-z", "--exclude-standard")
    if listed is None:
        return None
    if listed.returncode != 0:
        said = listed.stderr.decode("utf-8", "replace").strip().partition("\n")[0]
        raise _Refused(said.removeprefix("fatal: ").removeprefix("error: ") or f"it ends with {listed.returncode}")
    if not listed.stdout:
        ignored = _git(root, "check-ignore", "-q", ".")
        if ignored is not None and ignored.returncode == 0:
            return None  # the user asked for an ignored directory by name
    return sorted({os.fsdecode(entry) for entry in listed.stdout.split(b"\0") if entry})


def _git(directory: Path, *arguments: str) -> subprocess.CompletedProcess[bytes] | None:
    import shutil
    import subprocess

    program = shutil.which("git")
    if program is None or not os.path.isabs(program):
        return None  # a `git.exe` of the repository, where Windows looks first
    # Git hooks run with variables that would point git elsewhere; a repository's own file monitor is not ours to start.
    environment = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    try:
        return subprocess.run(
            [program, "-c", "core.fsmonitor=false", *arguments],
            cwd=directory,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
    except OSError:
        return None
