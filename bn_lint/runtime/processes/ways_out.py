"""The ways in which a program ends, each of which must leave a report.

A program ends when its code does, by an error, by `os._exit`, or by a signal. Python runs no code of ours for the last
two, so `os._exit` and the signals that end a process are watched. The program does not notice: its own handlers count,
`signal.getsignal` tells it what it set itself, and after the report the process ends as it would have.
"""

from __future__ import annotations

import _thread
import contextlib
import functools
import os
import signal
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from types import FrameType
from typing import Any, NoReturn

#: Seconds that a report may take once a signal is to end the process; who sends signals kills after ten or more.
_GRACE = 8.0
#: Seconds in which Python runs a handler, unless the main thread waits inside of foreign code.
_PROMPT = 1.0
#: What ends a process without a trace unless it has a handler. Python itself turns Ctrl-C into an error.
_SIGNALS = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))


_set_handler = signal.signal


class Signaled(BaseException):
    """Stands for the signal that ended a program, where other programs have an error."""


@dataclass(frozen=True)
class Ending:
    """How a program ended.

    Attributes:
        code: Its exit code; minus the number of the signal that ends it, as in `subprocess`.
        error: What it did not catch.
    """

    code: int = 0
    error: BaseException | None = None

    @property
    def early(self) -> bool:
        """Whether it did not come to its end."""
        return self.error is not None and not (isinstance(self.error, SystemExit) and self.code == 0)

    @property
    def signaled(self) -> bool:
        return isinstance(self.error, Signaled)


class WaysOut(AbstractContextManager["WaysOut"]):
    """Calls a function once when the process ends, whichever way it takes.

    Args:
        report: Is given how the program ended, and returns the exit code of the process.
        forked: The same for processes that the program forks. Signals end these at once, unless they belong to a group.
    """

    def __init__(self, report: Callable[[Ending], int], forked: Callable[[Ending], int]) -> None:
        self._report = report
        self._forked = forked
        self._process = os.getpid()
        #: The process whose signals are watched.
        self._armed = -1
        self._left = False
        self._lock = threading.RLock()  # a handler may interrupt the thread that has it
        #: The signal that ends the process once the report is there.
        self._pending: int | None = None
        self._wakeup: tuple[int, int] | None = None
        self._exit, self._signal, self._getsignal = os._exit, signal.signal, signal.getsignal
        self._handler = self._signaled
        self._mask: set[signal.Signals | int] = set()

    def __enter__(self) -> WaysOut:
        os._exit = _in_place_of(self._exit, self._exits)
        signal.signal = _in_place_of(self._signal, self._sets)
        signal.getsignal = _in_place_of(self._getsignal, self._asks)
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(
                before=self._before_fork, after_in_parent=self._after_fork, after_in_child=self._after_fork_in_child
            )
        self._watch_signals()
        return self

    def __exit__(self, *_: object) -> None:
        os._exit, signal.signal, signal.getsignal = self._exit, self._signal, self._getsignal
        self._default_signals()

    def _watch_signals(self) -> None:
        self._armed = os.getpid()
        with contextlib.suppress(ValueError):  # outside of the main thread, no handlers can be set
            for number in _SIGNALS:
                if self._getsignal(number) is signal.SIG_DFL:
                    self._signal(number, self._handler)

    def leave(self, ending: Ending) -> int:
        """Report, unless it was done; returns the exit code of the process."""
        if os.getpid() != self._process:
            return self._forked(ending)
        with self._lock:
            left, self._left = self._left, True
        if left:
            return ending.code
        code = self._report(ending)
        if self._pending is not None:
            die(self._pending)
        return code

    def watch_closely(self) -> None:
        """From now on the main thread may wait for another process, and run no handler meanwhile.

        A thread of its own reads which signals arrive. Programs that have only one thread are not given another.
        """
        if self._armed != os.getpid():
            self._watch_signals()
        if self._wakeup is not None or not hasattr(signal, "set_wakeup_fd"):
            return
        read, write = os.pipe()
        os.set_blocking(write, False)
        try:
            before = signal.set_wakeup_fd(write, warn_on_full_buffer=False)
        except ValueError:  # not the main thread
            before = 0
        if before != -1:  # somebody else listens, as asyncio does
            with contextlib.suppress(ValueError):
                signal.set_wakeup_fd(before)
            os.close(read)
            os.close(write)
            return
        self._wakeup = read, write
        _thread.start_new_thread(self._listen, (read,))

    def _listen(self, read: int) -> None:
        while number := os.read(read, 1):
            if self._getsignal(number[0]) == self._handler:
                time.sleep(_PROMPT)
                self._signaled(number[0], None)
        os.close(read)

    def _signaled(self, number: int, frame: FrameType | None) -> None:
        with self._lock:
            known, self._pending = self._pending, number
            left = self._left
        if known is None:
            _thread.start_new_thread(_die_later, (number,))
        if left:
            return  # the report is being made
        self.leave(Ending(-number, Signaled(number)))
        die(number)

    def _exits(self, status: int) -> NoReturn:
        code = status
        try:
            code = self.leave(Ending(status))
        finally:
            self._exit(code)

    def _sets(self, number: int, handler: Any) -> Any:
        ours = number in _SIGNALS and handler == signal.SIG_DFL and os.getpid() == self._armed
        return self._shown(self._signal(number, self._handler if ours else handler))

    def _asks(self, number: int) -> Any:
        return self._shown(self._getsignal(number))

    def _shown(self, handler: Any) -> Any:
        return signal.SIG_DFL if handler == self._handler else handler

    def _before_fork(self) -> None:
        # Python forgets the signals that a new process gets while it still has the handlers of the old one.
        self._mask = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)

    def _after_fork(self) -> None:
        signal.pthread_sigmask(signal.SIG_SETMASK, self._mask)

    def _after_fork_in_child(self) -> None:
        self._default_signals()  # it dies at once, as it would have
        self._after_fork()

    def _default_signals(self) -> None:
        with contextlib.suppress(ValueError):
            for number in _SIGNALS:
                if self._getsignal(number) == self._handler:
                    self._signal(number, signal.SIG_DFL)
            if self._wakeup is not None:
                listening = signal.set_wakeup_fd(-1)
                if listening != self._wakeup[1]:
                    signal.set_wakeup_fd(listening)
        if self._wakeup is not None:
            os.close(self._wakeup[1])  # which ends the thread
            self._wakeup = None


def _in_place_of(original: Any, mine: Callable[..., Any]) -> Any:
    @functools.wraps(original)
    def function(*args: Any, **kwargs: Any) -> Any:
        return mine(*args, **kwargs)

    return function


def die(number: int) -> NoReturn:
    """End the process by a signal, without its handler."""
    try:
        _set_handler(number, signal.SIG_DFL)
    except ValueError:  # Python lets only the main thread do that
        import ctypes

        ctypes.pythonapi.PyOS_setsig(number, None)
    os.kill(os.getpid(), number)
    time.sleep(_GRACE)
    os._exit(128 + number)


def _die_later(number: int) -> None:
    time.sleep(_GRACE)
    die(number)
