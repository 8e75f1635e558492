"""Processes that each do one piece of work on a copy of the state of this one, as it is when they are begun."""

from __future__ import annotations

import os
import select
import signal
import sys
import threading
from collections.abc import Callable, Hashable, Iterable
from typing import Generic, TypeVar

Work = TypeVar("Work", bound=Hashable)

#: Where a process can be copied. On macOS its system libraries may not survive that.
CAN_FORK = hasattr(os, "fork") and sys.platform != "darwin"
_PORTION = 1 << 20


class Forks(Generic[Work]):
    """Pieces of work that are done side by side, each in a process of its own."""

    def __init__(self, most: int, do: Callable[[Work], bytes]) -> None:
        """Set up.

        Args:
            most: How many processes there are at a time.
            do: Does a piece of work, in the process that is its own, and gives what is known then.
        """
        self._most = most
        self._do = do
        #: The processes, by the pipes that they write to, and what each has written so far.
        self._running: dict[int, tuple[Work, int, bytearray]] = {}
        self._begun: set[Work] = set()
        self._answers: dict[Work, bytes] = {}
        #: Those end with this one, which alone holds the other end of a pipe.
        self._alive, self._life = os.pipe()

    def answer(self, work: Work, following: Iterable[Work]) -> bytes:
        """What a piece of work gives; nothing where that failed or it is none of the following.

        Args:
            following: What there is to do, from this piece on; it is begun as soon as there is room for it.
        """
        left = iter(following)
        self._begin_more(left)
        while any(work is running for running, _, _ in self._running.values()):
            self._listen()
            self._begin_more(left)
        return self._answers.pop(work, b"")

    def end(self) -> None:
        """End all processes: nobody waits for what they do."""
        for pipe, (_, process, _) in self._running.items():
            os.kill(process, signal.SIGKILL)
            os.waitpid(process, 0)
            os.close(pipe)
        self._running.clear()
        self._answers.clear()
        for pipe in {self._alive, self._life} - {-1}:
            os.close(pipe)
        self._alive = self._life = -1

    def _begin_more(self, left: Iterable[Work]) -> None:
        while len(self._running) < self._most:
            work = next((one for one in left if one not in self._begun), None)
            if work is None or not self._begin(work):
                return

    def _begin(self, work: Work) -> bool:
        """Begin a piece of work; whether the system starts another process."""
        self._begun.add(work)
        reading, writing = os.pipe()
        try:
            process = os.fork()
        except OSError:
            os.close(reading)
            os.close(writing)
            return False
        if not process:
            self._work(work, writing)
        os.close(writing)
        self._running[reading] = work, process, bytearray()
        return True

    def _work(self, work: Work, pipe: int) -> None:
        """What a process does; it never returns."""
        ended = 1
        try:
            os.close(self._life)
            threading.Thread(target=self._end_with_parent, daemon=True).start()
            data = memoryview(self._do(work))
            while data:
                data = data[os.write(pipe, data) :]
            ended = 0
        finally:
            os._exit(ended)  # whatever went wrong goes wrong where the answer is missed, too

    def _end_with_parent(self) -> None:
        os.read(self._alive, 1)  # nobody writes: it returns when the process that has begun this one is gone
        os._exit(1)

    def _listen(self) -> None:
        """Wait until one of the processes has something to tell, or is over."""
        for pipe in select.select(list(self._running), [], [])[0]:
            work, process, told = self._running[pipe]
            data = os.read(pipe, _PORTION)
            told += data
            if data:
                continue
            del self._running[pipe]
            os.close(pipe)
            _, status = os.waitpid(process, 0)
            if not status:
                self._answers[work] = bytes(told)
