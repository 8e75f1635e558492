"""Runs a command as a process of its own and measures it, with everything that it starts.

Commands run in sessions of their own, so that they can be ended with what they started. A signal to the benchmark
therefore does not reach them: `ended_with_us` passes it on.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import IO, NoReturn

#: Of a run that was ended because it took too long, as in `timeout(1)`.
TIMED_OUT = 124
#: Seconds between asking a process to end and ending it.
_GRACE = 10

#: The commands that run now, by process group.
_running: set[int] = set()
#: Set when this process was asked to end: what is measured then means nothing.
_ending = threading.Event()


@dataclass(frozen=True)
class Run:
    """What a command did: times in seconds; `cpu` is user and system time, that of its child processes included.

    `peak` is the memory of the largest of these processes, in megabytes.
    """

    code: int
    output: str
    errors: str
    wall: float
    cpu: float
    peak: float = 0.0


@contextmanager
def ended_with_us() -> Iterator[None]:
    """While the block runs, SIGTERM and SIGINT end the commands that run in any thread, too, and no more begin."""

    def end(number: int, frame: FrameType | None) -> NoReturn:
        _ending.set()
        for group in tuple(_running):
            with suppress(ProcessLookupError):  # it has just ended by itself
                os.killpg(group, signal.SIGKILL)
        raise KeyboardInterrupt if number == signal.SIGINT else SystemExit(128 + number)

    before = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        _ending.clear()


def measure(
    command: Sequence[str | Path],
    *,
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
    limit: float | None = None,
) -> Run:
    """Runs the command to its end, or for `limit` seconds.

    Raises:
        SystemExit: this process was asked to end; see `ended_with_us`.
    """
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        begin = time.perf_counter()
        process = subprocess.Popen(
            [str(part) for part in command],
            cwd=folder,
            env=None if environment is None else {**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=errors,
            start_new_session=True,
        )
        _running.add(process.pid)
        late = threading.Event()
        ended = threading.Event()

        def stop() -> None:
            if not ended.wait(limit):
                late.set()
                os.killpg(process.pid, signal.SIGTERM)
                if not ended.wait(_GRACE):
                    os.killpg(process.pid, signal.SIGKILL)

        threading.Thread(target=stop, daemon=True).start()
        try:
            if _ending.is_set():
                raise SystemExit
            # Not `Popen.wait`: only `wait4` tells what this one child used.
            _, status, used = os.wait4(process.pid, 0)
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise
        finally:
            ended.set()
            _running.discard(process.pid)
        if _ending.is_set():
            raise SystemExit
        process.returncode = os.waitstatus_to_exitcode(status)
        wall = time.perf_counter() - begin
        code = TIMED_OUT if late.is_set() else process.returncode
        peak = used.ru_maxrss / (1 << 20 if sys.platform == "darwin" else 1 << 10)
        return Run(code, _text(output), _text(errors), wall, used.ru_utime + used.ru_stime, peak)


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode("utf-8", "replace")
