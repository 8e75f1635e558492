"""`bn-lint check --watch`: the same check again whenever a file changes."""

from __future__ import annotations

import gc
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from bn_lint.cli.terminal import complain, show
from bn_lint.errors import BnLintError

#: Seconds between two looks at the files.
PAUSE = 0.5
_SETTINGS = ("bn-lint.toml", "pyproject.toml")

#: Of each file that is there, what changes when it is written.
State = dict[str, tuple[int, int]]


def watch(check: Callable[[], object], files: Callable[[], Iterable[Path]]) -> None:
    """Check, and check again after each change, until the user stops it.

    Args:
        check: Checks and reports once.
        files: Which files are checked at present.
    """
    gc.enable()  # which `__main__.py` has put off
    for _ in changes(lambda: state_of(_listed(files)), time.sleep):
        if sys.stdout is not None and sys.stdout.isatty():
            show("\x1b[2J\x1b[H")  # an empty screen, as after `clear`
        try:
            check()
        except BnLintError as error:  # a mistake in the settings, which the user is about to put right
            complain(error.message, "error")
        show("Watching for changes; Ctrl-C stops.\n")


def changes(state: Callable[[], State], pause: Callable[[float], None]) -> Iterator[None]:
    """Yield once at the beginning, and once for each change."""
    known: State | None = None
    while True:
        now = state()
        if now == known:
            pause(PAUSE)
            continue
        known = now  # before the check: what changes meanwhile is checked again
        yield


def state_of(paths: Iterable[Path]) -> State:
    """The present state of files, and of the settings for them."""
    paths = list(paths)
    folders = {folder for path in paths for folder in path.parents}
    found: State = {}
    for path in [*paths, *(folder / name for folder in folders for name in _SETTINGS)]:
        try:
            stat = os.stat(path)
        except OSError:
            continue
        found[str(path)] = (stat.st_mtime_ns, stat.st_size)
    return found


def _listed(files: Callable[[], Iterable[Path]]) -> list[Path]:
    try:
        return list(files())
    except BnLintError:
        return [Path.cwd() / "bn-lint.toml"]  # the settings are wrong: they change before anything else does
