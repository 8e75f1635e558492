"""Which files are checked: the given ones, and the Python files of the given directories."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from bn_lint.errors import PathError
from bn_lint.project.paths import display_below, display_path, folders_above, parts

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

#: Directories that hold no source of the project. Outside a git repository nothing else tells.
_NEVER = frozenset({"__pycache__", "node_modules", ".ipynb_checkpoints"})
#: Python files and notebooks.
_SUFFIXES = (".py", ".ipynb")


class File(NamedTuple):
    """A file to be checked.

    Attributes:
        name: Where it is: its absolute path.
        display: How reports call it.
        explicit: It was given by name, not found in a directory.
        data: Its content, when it does not come from the disk.
        in_project: It was given by name, and is checked with the project around it.
        is_context: It is read for the sake of the given files; what only concerns itself is not reported.
    """

    name: str
    display: str
    explicit: bool = False
    data: bytes | None = None
    in_project: bool = False
    is_context: bool = False

    @property
    def path(self) -> Path:
        """Where it is."""
        from pathlib import Path

        return Path(self.name)

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


def discover(paths: Sequence[str], excluded: Callable[[str], bool], *, force_exclude: bool = False) -> Discovery:
    """Find the files to check; each appears once, however often it was given.

    A file that is given by name is checked whatever its name and even if `excluded`, unless `force_exclude` is set.

    Args:
        excluded: Whether an absolute path is to be left out.

    Raises:
        PathError: a path does not exist.
    """
    given = [os.path.abspath(path) for path in paths]
    for text, path in zip(paths, given, strict=True):
        if not os.path.lexists(path):
            raise PathError(f"{text} does not exist.")
    discovery = Discovery()
    seen: set[str] = set()

    def add(path: str, display: str, *, explicit: bool) -> None:
        one = os.path.normcase(path)
        if one not in seen and not (excluded(path) and (force_exclude or not explicit)):
            seen.add(one)
            discovery.files.append(File(path, display, explicit))

    for path in given:
        shown = display_path(path)
        if not os.path.isdir(path):
            add(path, shown, explicit=True)
        elif not (force_exclude and excluded(path)):
            for found in sorted(_python_files(path, excluded, discovery), key=parts):
                add(found, display_below(path, shown, found), explicit=False)
    return discovery


def _python_files(root: str, excluded: Callable[[str], bool], discovery: Discovery) -> Iterator[str]:
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
    environments = {root: False}
    for entry in listed:
        path = os.path.join(root, os.path.normpath(entry))
        if _in_environment(os.path.dirname(path), environments):
            continue
        if path.endswith(_SUFFIXES):
            if os.path.isfile(path):
                yield path
        elif os.path.isdir(path) and not os.path.islink(path):
            # A submodule or a repository of its own: git names it, but does not look inside.
            yield from _python_files(path, excluded, discovery)


def _walk(root: str, excluded: Callable[[str], bool], unreadable: list[tuple[str, str]]) -> Iterator[str]:
    def note(error: OSError) -> None:
        if not isinstance(error, FileNotFoundError):
            name = display_path(error.filename) if error.filename else display_path(root)
            unreadable.append((name, (error.strerror or type(error).__name__).lower()))

    # Links to directories are not followed, so no loop can arise.
    for directory, names, files in os.walk(root, onerror=note):
        names[:] = [
            name
            for name in names
            if not name.startswith(".")
            and not _is_foreign(path := os.path.join(directory, name))
            and not excluded(path)
        ]
        for name in files:
            if name.endswith(_SUFFIXES) and os.path.isfile(path := os.path.join(directory, name)):
                yield path


def _is_foreign(directory: str) -> bool:
    return os.path.basename(directory) in _NEVER or os.path.exists(os.path.join(directory, "pyvenv.cfg"))


def _in_environment(directory: str, known: dict[str, bool]) -> bool:
    found = known.get(directory)
    if found is None:
        found = known[directory] = _is_foreign(directory) or _in_environment(os.path.dirname(directory), known)
    return found


def _in_repository(directory: str) -> bool:
    return any(os.path.exists(os.path.join(folder, ".git")) for folder in (directory, *folders_above(directory)))


class _Refused(Exception):
    """git does not answer; what it says."""


def _listed_by_git(root: str) -> list[str] | None:
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


def _git(directory: str, *arguments: str) -> subprocess.CompletedProcess[bytes] | None:
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
