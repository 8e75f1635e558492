"""Judging units, in one process or several, each with limits of time and memory.

What the engine does is limited by steps, so that its results are the same on every machine. The limits of the process
are the last resort, for what no step counts: a process that exceeds them is ended, and costs its unit alone.
"""

from __future__ import annotations

import os
import queue
import sys
import threading
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from bn_lint.check.processes import CannotStart, Process, lost
from bn_lint.check.tasks import Judged, ReadAhead, Task
from bn_lint.check.worker import judge_task, prepare
from bn_lint.debugging import UNTIMED, switches
from bn_lint.forks import CAN_FORK
from bn_lint.project.filesystem import FileSystem
from bn_lint.project.prefilter import may_show_facts

#: A further process must have this many characters to judge: a new one takes about half a second before it judges
#: anything, a copy hardly any time.
_WORTH_A_PROCESS = 10_000 if CAN_FORK else 60_000
#: Characters that must be left to read where files are read ahead, and about how many a process reads at a time.
_WORTH_READING, _SHARE = 400_000, 100_000
#: Characters that a unit must have for its entry points to be run in several processes.
_WORTH_FORKING = 200_000


def processes(tasks: Sequence[Task], jobs: int | None) -> int:
    """How many processes judge; `jobs` None lets the amount of work decide.

    A unit is judged by one process, so what is not in the largest one is all that further processes can take over.
    With 0 it is this one, which has no limits.
    """
    if not tasks or not sys.executable or jobs == 0:
        return 0
    return _worthwhile(tasks, _cores()) if jobs is None else min(len(tasks), jobs)


def _worthwhile(tasks: Sequence[Task], most: int) -> int:
    """How many processes that judge are worth what they cost."""
    sizes = [task.size for task in tasks]
    others = sum(sizes) - max(sizes)
    return min(len(tasks), most, 1 + others // _WORTH_A_PROCESS)


def readers(tasks: Sequence[Task], jobs: int | None) -> int:
    """How many processes besides these may read files for the one that judges the largest unit."""
    return max(0, (_cores() if jobs is None else jobs) - processes(tasks, jobs))


def spread(tasks: Sequence[Task], jobs: int | None) -> list[Task]:
    """The tasks, with the largest one for its share of the processes: others that are small do not keep one busy."""
    largest = max(tasks, key=lambda task: task.size, default=None)
    if largest is None or largest.size < _WORTH_FORKING:
        return list(tasks)
    most = _cores() if jobs is None else jobs
    share = round(most * largest.size / sum(task.size for task in tasks))
    return [replace(task, processes=max(1, share)) if task is largest else task for task in tasks]


def judge_all(
    tasks: Sequence[Task], jobs: int, disk: FileSystem, readers: int = 0, *, copies: bool = False
) -> Iterator[tuple[int, Judged]]:
    """Judge tasks, and give the number of each with its result as soon as it is there, in any order.

    Args:
        jobs: How many processes judge; with 0 it is this one.
        readers: How many more read files ahead.
        copies: Whether processes may be copies of this one.
    """
    left = dict(enumerate(tasks))
    is_here = jobs == 0 or (jobs == 1 and UNTIMED in switches())  # where a debugger can follow
    try:
        # A process that ends in the middle of a task was stopped by the system, or its interpreter broke. Side by side
        # with others it may have had too little memory, so the task is tried once more, alone.
        most = max((task.processes for task in tasks), default=1)
        tries = () if is_here else dict.fromkeys(((jobs, readers, most), (1, 0, 1)))
        for before, (at_a_time, beside, within) in enumerate(tries):
            now = {index: replace(task, processes=min(task.processes, within)) for index, task in left.items()}
            for index, judged in _in_processes(now, at_a_time, beside, copies=copies and CAN_FORK and not before):
                del left[index]
                yield index, judged
        is_lost = not is_here
    except CannotStart:
        is_lost = False
    for index, task in left.items():
        try:
            ended = "the process that checked it ended unexpectedly"
            yield index, lost(task, ended) if is_lost else judge_task(task, disk)
        except MemoryError:
            yield index, lost(task, "there is not enough memory")


def _in_processes(tasks: Mapping[int, Task], jobs: int, readers: int, *, copies: bool) -> Iterator[tuple[int, Judged]]:
    """Judge tasks in processes; those in which a process ended get no result.

    A process with nothing left to judge reads files for the one that judges the largest unit.

    Raises:
        CannotStart: there is no process.
        Exception: what judging a task raises.
    """
    # The largest first, so that no process is left alone with it at the end.
    waiting = deque(sorted(tasks, key=lambda index: (-tasks[index].size, index)))
    ahead = _Ahead(tasks[waiting[0]]) if waiting else None
    results: queue.SimpleQueue[tuple[int, Judged | None] | BaseException] = queue.SimpleQueue()
    running: set[Process] = set()
    over = threading.Event()

    def start() -> Process:
        process = Process()
        running.add(process)
        return process

    def work(process: Process | None = None) -> None:
        try:
            while not over.is_set():
                try:
                    index = waiting.popleft()
                except IndexError:
                    break
                process = process or start()
                judged = process.judge(tasks[index])
                if judged is None or process.is_over:
                    running.discard(process)
                    process.end()
                    process = None
                results.put((index, judged))
        except BaseException as error:
            results.put(error)
        else:
            read(process)

    def read(process: Process | None = None) -> None:
        try:
            while not over.is_set() and (share := ahead.share() if ahead is not None else None) is not None:
                process = process or start()
                process.read(share)
        except (CannotStart, OSError):
            return  # the other process reads all of them

    expected = len(tasks)
    judging = min(jobs, expected)
    begun: list[Process] = []
    try:
        if copies:
            prepare(tasks[index].rules for index in waiting)
        while copies and len(begun) < judging:  # before there are threads, whose locks nobody would open in a copy
            begun.append(Process(begun))
            running.add(begun[-1])
        for number in range(judging + readers):
            which = begun[number : number + 1]
            threading.Thread(target=work if number < judging else read, args=which, daemon=True).start()
        for _ in range(expected):
            result = results.get()
            if isinstance(result, BaseException):
                raise result
            if result[1] is not None:
                yield result[0], result[1]
    finally:
        over.set()
        for process in list(running):
            process.end()


class _Ahead:
    """What can be read for the process that judges a unit: it begins with the first file, and others with the last."""

    def __init__(self, task: Task) -> None:
        self._task = task
        self._shares: list[ReadAhead] | None = None
        self._lock = threading.Lock()

    def share(self) -> ReadAhead | None:
        """Some of the files, the last ones first; None if no more are left, or too few to be worth it."""
        with self._lock:
            if self._shares is None:
                self._shares = list(self._divided())
            return self._shares.pop() if self._shares else None

    def _divided(self) -> Iterator[ReadAhead]:
        kept = self._task.kept
        if kept is None or self._task.size < _WORTH_READING:
            return
        texts = [source.text for source in self._task.unit.sources if may_show_facts(source.text)]
        unread = [text for text in texts if not kept.has_tree(text)]
        if sum(map(len, unread)) < _WORTH_READING:
            return
        share: list[str] = []
        for text in unread:
            share.append(text)
            if sum(map(len, share)) > _SHARE:
                yield ReadAhead(share, kept, self._task.limits)
                share = []
        if share:
            yield ReadAhead(share, kept, self._task.limits)


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
