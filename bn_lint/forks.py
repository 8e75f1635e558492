"""Processes that each do one piece of work on a copy of the state of this one, as it is when they are begun."""

from __future__ import annotations

import os
import select
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

Work = TypeVar("Work", bound=Hashable)
Tell = Callable[[bytes], None]

#: Where a process can be copied. On macOS its system libraries may not survive that.
CAN_FORK = hasattr(os, "fork") and sys.platform != "darwin"
_PORTION = 1 << 20


@dataclass
class _Process(Generic[Work]):
    work: Work
    number: int
    told: bytearray = field(default_factory=bytearray)


class Forks(Generic[Work]):
    """Pieces of work that are done side by side, each in a process of its own."""

    def __init__(self, most: int, do: Callable[[Work, Tell], None], hear: Callable[[Work, bytes], None]) -> None:
        """Set up.

        Args:
            most: How many processes there are at a time.
            do: Does a piece of work, in the process that is its own, and tells lines of what it finds.
            hear: Hears in this process what is told.
        """
        self._most = most
        self._do = do
        self._hear = hear
        #: The processes, by the pipes that they write to.
        self._running: dict[int, _Process[Work]] = {}
        #: What was begun and not ended: some of it is done.
        self._begun: set[Work] = set()
        #: The ends of a pipe. The processes end with this one, which alone can write to it.
        self._life: tuple[int, int] | None = None

    def wait(self, work: Work, following: Callable[[], Iterable[Work]]) -> None:
        """Wait until a piece of work is done, if it is one of those to do.

        Args:
            following: What there is to do, from this piece on; it is begun as soon as there is room for it.
        """
        self._begin_more(following)
        while any(process.work is work for process in self._running.values()):
            self._listen()
            self._begin_more(following)

    def is_begun(self, work: Work) -> bool:
        """Whether a piece of work was begun, and not ended."""
        return work in self._begun

    def end(self, is_meant: Callable[[Work], bool] = lambda work: True) -> None:
        """End what is being done, and forget what is done: nobody waits for it."""
        for pipe, process in list(self._running.items()):
            if is_meant(process.work):
                os.kill(process.number, signal.SIGKILL)
                self._over(pipe)
        self._begun = {work for work in self._begun if not is_meant(work)}
        if not self._running:
            for end in self._life or ():
                os.close(end)
            self._life = None

    def _begin_more(self, following: Callable[[], Iterable[Work]]) -> None:
        while len(self._running) < self._most:
            work = next(iter(following()), None)
            if work is None or not self._begin(work):
                return

    def _begin(self, work: Work) -> bool:
        """Begin a piece of work; whether the system starts another process."""
        self._life = self._life or os.pipe()
        reading, writing = os.pipe()
        try:
            with warnings.catch_warnings():
                # Python 3.12 warns of other threads, whose locks nobody opens in the copy. Here they only wait.
                warnings.simplefilter("ignore", DeprecationWarning)
                number = os.fork()
        except OSError:
            os.close(reading)
            os.close(writing)
            return False
        if not number:
            self._work(work, writing, self._life)
        os.close(writing)
        self._begun.add(work)
        self._running[reading] = _Process(work, number)
        return True

    def _work(self, work: Work, pipe: int, life: tuple[int, int]) -> None:
        """What a process does; it never returns."""

        def tell(line: bytes) -> None:
            left = memoryview(line + b"\n")
            while left:
                left = left[os.write(pipe, left) :]

        try:
            os.close(life[1])
            threading.Thread(target=_end_with_parent, args=life[:1], daemon=True).start()
            self._do(work, tell)
        finally:
            os._exit(0)  # whatever went wrong goes wrong where the work is not done, too

    def _listen(self) -> None:
        """Wait until one of the processes has something to tell, or is over."""
        for pipe in select.select(list(self._running), [], [])[0]:
            process = self._running.get(pipe)
            if process is None:
                continue  # what another one has told has ended it
            data = os.read(pipe, _PORTION)
            process.told += data
            while pipe in self._running and b"\n" in process.told:
                line, _, process.told = process.told.partition(b"\n")
                self._hear(process.work, bytes(line))
            if not data:
                self._over(pipe)

    def _over(self, pipe: int) -> None:
        """A process is over."""
        process = self._running.pop(pipe)
        os.close(pipe)
        os.waitpid(process.number, 0)


def _end_with_parent(alive: int) -> None:
    os.read(alive, 1)  # nobody writes: it returns when the process that has begun this one is gone
    os._exit(1)
