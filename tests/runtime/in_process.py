"""Programs in processes of their own that have imported torch before they begin."""

from __future__ import annotations

import contextlib
import os
import runpy
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.ranks import server

ROOT = Path(__file__).parent.parent.parent
#: What each report ends with: without BatchNorm, or with one layer.
REPORTS = (
    "No call of a BatchNorm layer was seen.",
    "The program ended before it called a BatchNorm layer.",
    "Traced 1 BatchNorm layer",
)


@dataclass(frozen=True)
class Ended:
    """What a process has left behind. A negative code is the number of a signal."""

    code: int | None
    stdout: str
    stderr: str

    @property
    def reports(self) -> int:
        return sum(self.stderr.count(text) for text in REPORTS)


def traced(folder: Path, *arguments: str) -> Ended:
    """Run `bn-lint trace` in a process of its own, which has imported torch before it began."""
    return _ended(folder, _command, ["bn-lint", "trace", "--isolated", "--no-table", *arguments])


def started(folder: Path, *arguments: str) -> Ended:
    """Run a file in a process of its own, which has imported torch before it began."""
    return _ended(folder, _file, list(arguments))


def _ended(folder: Path, target: Callable[[], object], arguments: list[str]) -> Ended:
    process = server().Process(target=_run, args=(str(folder), target, arguments))
    process.start()
    process.join()
    return Ended(process.exitcode, *((folder / name).read_text() for name in ("stdout", "stderr")))


def _command() -> None:
    from bn_lint.cli.main import main

    sys.exit(main())


def _file() -> None:
    runpy.run_path(sys.argv[0], run_name="__main__")


def _run(folder: str, target: Callable[[], object], arguments: list[str]) -> None:
    os.chdir(folder)
    for number, name in ((1, "stdout"), (2, "stderr")):
        os.dup2(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
    sys.stdout, sys.stderr = os.fdopen(1, "w", closefd=False), os.fdopen(2, "w", 1, closefd=False)
    os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT), str(ROOT / "rules")])  # for those that the program starts
    sys.argv = arguments
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a fork server ignores it
    try:
        target()
    except KeyboardInterrupt:
        # Python dies of this signal then, as `test_ctrl_c` shows.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)
    finally:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(ValueError, OSError):
                stream.flush()
