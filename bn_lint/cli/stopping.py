"""Ctrl-C and SIGTERM end the process, whatever it is doing.

The main thread unwinds, so that files that are being written are cleaned up and worker processes are ended. It may be
unable to: foreign code swallows `KeyboardInterrupt`, or waits for a thread. The process ends soon all the same, and it
never waits for the analysis, which has a thread of its own.
"""

from __future__ import annotations

import _thread
import contextlib
import os
import signal
import sys
import time
from types import FrameType
from typing import NoReturn

from bn_lint.exit import ExitCode

#: Seconds that the main thread has to unwind.
_GRACE = 0.5
_CODES = {signal.SIGINT: ExitCode.INTERRUPTED, signal.SIGTERM: ExitCode.TERMINATED}
#: Not empty in a process that was started for the command.
_owned: list[bool] = []
#: The signal that stops the process, once there is one.
_received: list[signal.Signals] = []


def stop_on_signals() -> None:
    """Let Ctrl-C and SIGTERM stop the process, unless whoever started it wants them ignored, as `nohup` does."""
    _owned.append(True)
    for number in _CODES:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _stop)


def is_own_process() -> bool:
    """Whether the process was started for this command, and ends with it."""
    return bool(_owned)


def leave_signals_alone() -> None:
    """Let signals do what they do in any Python program: the process runs one that is not bn-lint."""
    for number, usual in ((signal.SIGINT, signal.default_int_handler), (signal.SIGTERM, signal.SIG_DFL)):
        if signal.getsignal(number) is _stop:
            signal.signal(number, usual)


def stopped() -> ExitCode | None:
    """The exit code of a process that a signal stops."""
    return _CODES[_received[0]] if _received else None


def leave(code: int) -> NoReturn:
    """End the process, and do not wait for its threads."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError, AttributeError):
            stream.flush()
    os._exit(code)


def _stop(number: int, frame: FrameType | None) -> None:
    if _received:  # for the second time
        os._exit(_CODES[_received[0]])
    _received.append(signal.Signals(number))
    # Not by `threading`, whose locks the interrupted code may hold.
    _thread.start_new_thread(_give_up, ())
    raise KeyboardInterrupt


def _give_up() -> None:
    time.sleep(_GRACE)
    os._exit(_CODES[_received[0]])
