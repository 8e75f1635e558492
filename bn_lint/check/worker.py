"""What a process does that `check/workers.py` has started: it judges units, or reads files for another one."""

from __future__ import annotations

import gc
import os
import pickle
import queue
import threading
from collections.abc import Callable, Iterable
from dataclasses import replace

from bn_lint.check.registry import RuleSet
from bn_lint.check.tasks import Judged, Limits, ReadAhead, Task
from bn_lint.project.filesystem import FileSystem, RecordingFileSystem

try:
    import resource
except ImportError:  # on Windows
    resource = None  # type: ignore[assignment]

#: How a process ends that has used up its memory.
OUT_OF_MEMORY = 77
READY = "ready"
#: A unit that is so many times smaller than what was judged before is judged beside that.
_SMALL = 4


class Held:
    """The states of the units that were judged: to take a large one apart takes long, and rarely must be done."""

    def __init__(self) -> None:
        self.states: list[object] = []
        self._size = 0
        self._memory = 0

    def make_room(self, task: Task) -> Limits | None:
        """Let go of what is held, unless a unit is small beside it; returns what judging the unit may take."""
        if self._size and task.size * _SMALL > self._size:
            self.states.clear()
            gc.collect()
            self._size = self._memory = 0
        limits = self.beside(task.limits)
        self._size += task.size
        self._memory = 0 if task.limits is None else max(self._memory, task.limits.memory)
        return limits

    def beside(self, limits: Limits | None) -> Limits | None:
        """The limits of a task, and the memory that the largest before it may have: it is not to pay for that one."""
        return None if limits is None else replace(limits, memory=limits.memory + self._memory)


def serve() -> None:
    """Judge the tasks that come in, until there are no more: what a process runs that `_Process` started."""
    incoming = os.fdopen(os.dup(0), "rb")
    outgoing = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # a rule that prints must not garble what is sent
    tasks: queue.SimpleQueue[Task | ReadAhead] = queue.SimpleQueue()

    def receive() -> None:
        while True:
            try:
                tasks.put(pickle.load(incoming))
            except Exception:  # the process that wants to know has ended, whatever the reason
                os._exit(0)

    def send(answer: object) -> None:
        outgoing.write(pickle.dumps(answer))
        outgoing.flush()

    threading.Thread(target=receive, daemon=True).start()
    send(READY)
    held = Held()
    gc.disable()  # each collection walks through all that is held
    while True:
        task = tasks.get()
        if isinstance(task, ReadAhead):
            _limit(held.beside(task.limits))
            _read_ahead(task)
            send(READY)
            continue
        _limit(held.make_room(task))
        try:
            answer: object = judge_task(task, keep=held.states.append)
        except MemoryError:
            os._exit(OUT_OF_MEMORY)
        except Exception as error:
            answer = error
        try:
            send(answer)
        except BrokenPipeError:
            os._exit(0)


def _limit(limits: Limits | None) -> None:
    """Have the system end this process when it computes too long, and refuse it too much memory."""
    if resource is None or limits is None:
        return
    used = resource.getrusage(resource.RUSAGE_SELF)
    seconds = int(used.ru_utime + used.ru_stime) + limits.seconds + 1
    for kind, most in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_AS, limits.memory),
    ):
        _, hardest = resource.getrlimit(kind)
        try:
            resource.setrlimit(kind, (most if hardest == resource.RLIM_INFINITY else min(most, hardest), hardest))
        except (OSError, ValueError):
            continue  # a system that does not know this limit


def prepare(sets: Iterable[RuleSet]) -> None:
    """Import what judging takes, so that copies of this process need not.

    Raises:
        ConfigError: a rule package cannot be imported.
    """
    import bn_lint.check.judge
    import bn_lint.static.analyze  # noqa: F401

    for rules in dict.fromkeys(sets):
        rules.rules  # noqa: B018 - imports them


def judge_task(
    task: Task, disk: FileSystem | None = None, keep: Callable[[object], None] = lambda state: None
) -> Judged:
    from bn_lint.check.judge import judge

    filesystem = RecordingFileSystem(disk or FileSystem(task.texts))
    outcome = judge(
        task.unit,
        task.thresholds,
        rules=task.rules,
        filesystem=filesystem,
        coverage=task.coverage,
        keep=keep,
        kept=task.kept,
        processes=task.processes,
    )
    return Judged(outcome, filesystem.asked, frozenset(filesystem.parsed))


def _read_ahead(ahead: ReadAhead) -> None:
    """Read files from the last one on, until the other process comes from the first one and has read the same."""
    from bn_lint.static.interpreter.deep_stack import with_deep_stack
    from bn_lint.static.syntax.parse import ParseError
    from bn_lint.static.syntax.shared_trees import read_kept

    def read() -> None:
        for text in reversed(ahead.texts):
            if ahead.kept.has_tree(text):
                return
            try:
                read_kept(text, ahead.kept)
            except ParseError:
                continue

    try:
        with_deep_stack(read)
    except MemoryError:
        os._exit(OUT_OF_MEMORY)
