"""Writing files so that nothing is lost: every file that bn-lint writes goes through `write`.

The new content is written beside the file and then put in its place, so that at any time the file has all of the old
content or all of the new one, also when the disk is full or the process is killed. What a killed process left behind
has a name that tells it, and a lock tells whether its process still runs: the next run that writes there deletes it.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import re
import stat
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

try:
    import fcntl
except ImportError:  # on Windows, where a file that is open cannot be deleted
    fcntl = None  # type: ignore[assignment]

_LEFTOVER = re.compile(r"\.bn-lint-\d+-\d+\.tmp")
#: Names of what a process has open: a shell may have made it a regular file, to which others write as well.
_OPEN = re.compile(r"/dev/(?:stdout|stderr|fd/)|/proc/")
#: The folders that this process looked through for what others left.
_tidied: set[str] = set()


class ChangedError(Exception):
    """The file is not what its change was worked out from."""


def write(path: str | Path, data: bytes, *, expected: bytes | None = None, durable: bool = True) -> None:
    """Give a file a content: completely, or not at all.

    A link stays a link, and the file it leads to is written. The file keeps its permissions and, if possible, its
    owner. It is a new file in the place of the old one, so other hard links keep the old content. What is no regular
    file, such as a terminal or a pipe, is simply written to.

    Args:
        expected: What the content must be before. A file that has the new content already is left alone.
        durable: Wait until the content is on the disk, so that it also survives a crash of the machine.

    Raises:
        ChangedError: the content is not what was expected.
        OSError: the file cannot be written.
    """
    present = _status(path)
    if _is_stream(path, present):
        with open(path, "wb") as stream:
            stream.write(data)
        return
    target = os.path.realpath(path)
    if expected is not None and _read(target) == data:
        return
    with _beside(target, present) as file:
        _write_all(file.fileno(), data)
        if present is not None:
            with contextlib.suppress(OSError):
                os.chown(file.name, present.st_uid, present.st_gid)
            os.chmod(file.name, stat.S_IMODE(present.st_mode))
        if durable:
            os.fsync(file.fileno())
        if expected is not None and _read(target) != expected:
            raise ChangedError(target)
        if fcntl is None:
            file.close()
        os.replace(file.name, target)


def check_writable(path: str | Path) -> None:
    """Find out whether a file could be written, and leave everything as it is.

    Raises:
        OSError: it could not.
    """
    present = _status(path)
    if not _is_stream(path, present):
        with _beside(os.path.realpath(path), present):
            pass


def _status(path: str | Path) -> os.stat_result | None:
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return None
    if stat.S_ISDIR(found.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    return found


def _is_stream(path: str | Path, present: os.stat_result | None) -> bool:
    """Whether a file cannot be replaced: it is no regular one, or a name of what this process has open."""
    if present is not None and not stat.S_ISREG(present.st_mode):
        return True
    return _OPEN.match(os.path.abspath(path)) is not None


def _read(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


def _write_all(file: int, data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[os.write(file, left) :]


@contextlib.contextmanager
def _beside(target: str, present: os.stat_result | None) -> Iterator[io.FileIO]:
    """An empty file beside another one, locked. If it still has its name in the end, it is deleted."""
    if present is not None and not os.access(target, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), target)
    folder = os.path.dirname(target)
    _tidy(folder)
    name = os.path.join(folder, f".bn-lint-{os.getpid()}-{time.monotonic_ns()}.tmp")
    with io.FileIO(name, "xb", opener=partial(os.open, mode=0o666 if present is None else 0o600)) as file:
        try:
            _lock(file.fileno())
            yield file
        finally:
            if fcntl is None:
                file.close()
            with contextlib.suppress(OSError):
                os.unlink(name)


def _lock(file: int) -> bool:
    """Lock an open file; False when another process has."""
    if fcntl is not None:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
    return True


def is_leftover(name: str) -> bool:
    """Whether a file is one that a killed process was writing."""
    return _LEFTOVER.fullmatch(name) is not None


def _tidy(folder: str) -> None:
    """Delete what killed processes left in a folder."""
    if folder in _tidied:
        return
    _tidied.add(folder)
    with contextlib.suppress(OSError):
        for name in filter(is_leftover, os.listdir(folder)):
            path = os.path.join(folder, name)
            with contextlib.suppress(OSError):
                with io.FileIO(path, "r+b") as file:
                    abandoned = _lock(file.fileno())
                if abandoned:
                    os.unlink(path)
