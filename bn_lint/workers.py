"""Judging units, here or in several processes."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bn_lint.errors import BnLintError
from bn_lint.surroundings import Answer, Disk, Question, Surroundings
from bn_lint.units import Unit

if TYPE_CHECKING:
    from bn_lint.outcome import Outcome
    from bn_lint.rule import Thresholds

#: A further process costs about half a second before it judges anything: it must have this many characters to judge.
_WORTH_A_PROCESS = 60_000


@dataclass(frozen=True)
class Task:
    """What is to be judged, by which thresholds and rule packages, and whether the coverage is wanted."""

    unit: Unit
    thresholds: Mapping[str, Thresholds]
    packages: tuple[str, ...] = ()
    coverage: bool = False

    @property
    def size(self) -> int:
        """How much there is to judge, in characters."""
        return sum(len(source.text) for source in self.unit.sources)


@dataclass(frozen=True)
class Judged:
    """The outcome of a task, and what was asked of the disk on the way."""

    outcome: Outcome
    asked: Mapping[Question, Answer]


def processes(tasks: Sequence[Task], jobs: int | None) -> int:
    """How many processes to use; `jobs` None lets the amount of work decide.

    A unit is judged by one process, so what is not in the largest one is all that further processes can take over.
    """
    if not tasks:
        return 1
    sizes = [task.size for task in tasks]
    others = sum(sizes) - max(sizes)
    useful = min(len(tasks), _cores() if jobs is None else jobs)
    return max(1, useful if jobs is not None else min(useful, 1 + others // _WORTH_A_PROCESS))


def judge_all(tasks: Sequence[Task], jobs: int, disk: Disk) -> Iterator[tuple[int, Judged]]:
    """Judge tasks, and give the number of each with its result as soon as it is there, in any order."""
    if jobs == 1:
        for index, task in enumerate(tasks):
            yield index, _judge(task, disk)
        return
    left = dict(enumerate(tasks))
    while left:
        before = len(left)
        for index, judged in _in_processes(left, jobs):
            del left[index]
            yield index, judged
        if left and jobs == 1 and len(left) == before:
            # The process ended in the middle of the first unit: the system stopped it, or the interpreter broke.
            index = _largest_first(left)[0]
            yield index, _lost(left.pop(index))
        jobs = 1  # what breaks processes must not take others down with it


def _largest_first(tasks: Mapping[int, Task]) -> list[int]:
    return sorted(tasks, key=lambda index: (-tasks[index].size, index))


def _in_processes(tasks: Mapping[int, Task], jobs: int) -> Iterator[tuple[int, Judged]]:
    """Judge tasks in processes, until all are done or a process breaks."""
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor, as_completed
    from concurrent.futures.process import BrokenProcessPool

    # Started afresh on all systems alike: a copy of this process would take along whatever it holds.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(jobs, mp_context=context, initializer=_begin)
    try:
        # The largest first, so that no process is left alone with it at the end.
        futures = {pool.submit(_judge, tasks[index]): index for index in _largest_first(tasks)}
        for future in as_completed(futures):
            yield futures[future], future.result()
    except BrokenProcessPool:
        return
    except BaseException:
        for process in multiprocessing.active_children():
            process.terminate()
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _begin() -> None:
    # An interrupted run ends at once and says so once, in the process that was started by the user.
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _judge(task: Task, disk: Disk | None = None) -> Judged:
    from bn_lint.judge import judge

    surroundings = Surroundings(disk)
    outcome = judge(
        task.unit, task.thresholds, packages=task.packages, surroundings=surroundings, coverage=task.coverage
    )
    return Judged(outcome, surroundings.asked)


def _lost(task: Task) -> Judged:
    from bn_lint.judge import defect
    from bn_lint.outcome import Outcome

    error = BnLintError("the process that judged it ended unexpectedly")
    problems = [defect("the analysis", error, source.display) for source in task.unit.sources]
    return Judged(Outcome(problems=problems), {})


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
