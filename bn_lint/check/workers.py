"""Judging units, in one process or several, each with limits of time and memory.

What the engine does is limited by steps, so that its results are the same on every machine. The limits of the process
are the last resort, for what no step counts: a process that exceeds them is ended, and costs its unit alone.

The processes are not those of `multiprocessing`: these begin with the working directory first on `sys.path`, so that a
`struct.py` in the repository that is checked would be run.
"""

from __future__ import annotations

import os
import pickle
import queue
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import bn_lint
from bn_lint.check.tasks import Judged, ReadAhead, Task
from bn_lint.check.worker import OUT_OF_MEMORY, READY, judge_task
from bn_lint.debugging import UNTIMED, switches
from bn_lint.errors import BnLintError
from bn_lint.project.filesystem import FileSystem
from bn_lint.project.prefilter import may_show_facts

#: A further process costs about half a second before it judges anything: it must have this many characters to judge.
_WORTH_A_PROCESS = 60_000
#: Characters that must be left to read where files are read ahead, and about how many a process reads at a time.
_WORTH_READING, _SHARE = 400_000, 100_000
#: Characters that a unit must have for its entry points to be run in several processes.
_WORTH_FORKING = 200_000
#: How much longer than it computes a process may take, for others compute, too.
_PATIENCE = 10
#: What a process runs. It finds modules where this process does, but those of the standard library first.
_BOOTSTRAP = """\
import signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
sys.path += [entry for entry in sys.argv[1:] if entry not in sys.path]
import site
site.main()
from bn_lint.check.worker import serve
serve()
"""


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
    """The tasks, with the largest one for as many processes as the others leave."""
    largest = max(tasks, key=lambda task: task.size, default=None)
    if largest is None or largest.size < _WORTH_FORKING:
        return list(tasks)
    most = _cores() if jobs is None else jobs
    others = _worthwhile(tasks, most) - 1
    return [replace(task, processes=max(1, most - others)) if task is largest else task for task in tasks]


def judge_all(tasks: Sequence[Task], jobs: int, disk: FileSystem, readers: int = 0) -> Iterator[tuple[int, Judged]]:
    """Judge tasks, and give the number of each with its result as soon as it is there, in any order.

    Args:
        jobs: How many processes judge; with 0 it is this one.
        readers: How many more read files ahead.
    """
    left = dict(enumerate(tasks))
    is_here = jobs == 0 or (jobs == 1 and UNTIMED in switches())  # where a debugger can follow
    try:
        # A process that ends in the middle of a task was stopped by the system, or its interpreter broke. Side by side
        # with others it may have had too little memory, so the task is tried once more, alone.
        most = max((task.processes for task in tasks), default=1)
        for at_a_time, beside, within in () if is_here else dict.fromkeys(((jobs, readers, most), (1, 0, 1))):
            now = {index: replace(task, processes=min(task.processes, within)) for index, task in left.items()}
            for index, judged in _in_processes(now, at_a_time, beside):
                del left[index]
                yield index, judged
        lost = not is_here
    except _CannotStart:
        lost = False
    for index, task in left.items():
        try:
            ended = "the process that checked it ended unexpectedly"
            yield index, _lost(task, ended) if lost else judge_task(task, disk)
        except MemoryError:
            yield index, _lost(task, "there is not enough memory")


class _CannotStart(Exception):
    """The system starts no further process, or it cannot import bn-lint."""


class _Process:
    """A process that judges one task at a time."""

    def __init__(self) -> None:
        flags = ["-B"] if sys.dont_write_bytecode else []
        try:
            self._process = subprocess.Popen(
                # -I and -S: nothing is imported from the working directory, or by a variable, before `sys.path` is set.
                [sys.executable, "-I", "-S", *flags, "-c", _BOOTSTRAP, *_import_path()],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
            )
        except OSError as error:
            raise _CannotStart from error
        if self._receive() != READY:
            self.end()
            raise _CannotStart

    def judge(self, task: Task) -> Judged | None:
        """The result of a task; None when the process ended before it had one, within its limits.

        Raises:
            Exception: what judging the task raises.
        """
        limits = task.limits
        if not self._ask(task):
            return None
        with _killed_after(self._process, None if limits is None else limits.seconds * _PATIENCE) as late:
            answer = self._receive()
        if isinstance(answer, BaseException):
            raise answer
        if isinstance(answer, Judged):
            return answer
        ended = self._process.wait()
        if limits is not None and (late.is_set() or ended == -getattr(signal, "SIGXCPU", 0)):
            return _lost(task, f"that takes more than {limits.seconds} seconds of computing time")
        if limits is not None and ended == OUT_OF_MEMORY:
            return _lost(task, f"that takes more than {limits.memory >> 20} MB of memory")
        return None

    def read(self, ahead: ReadAhead) -> None:
        """Read files for another process.

        Raises:
            OSError: the process has ended.
        """
        if not self._ask(ahead) or self._receive() != READY:
            raise OSError("the process has ended")

    @property
    def is_over(self) -> bool:
        """Whether the process has ended."""
        return self._process.poll() is not None

    def end(self) -> None:
        """End the process at once: it holds nothing that could be lost."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                try:
                    pipe.close()
                except OSError:
                    continue  # what the process had not read yet

    def _ask(self, task: Task | ReadAhead) -> bool:
        """Hand a task over; whether the process could take it."""
        assert self._process.stdin is not None
        try:
            pickle.dump(task, self._process.stdin)
            self._process.stdin.flush()
        except OSError:
            return False
        return True

    def _receive(self) -> Any:
        assert self._process.stdout is not None
        try:
            return pickle.load(self._process.stdout)
        except (EOFError, OSError, pickle.UnpicklingError):
            return None


@contextmanager
def _killed_after(process: subprocess.Popen[bytes], seconds: int | None) -> Iterator[threading.Event]:
    """End a process that takes longer than so many seconds; the event tells that it did."""
    late = threading.Event()

    def end() -> None:
        late.set()
        process.kill()

    if seconds is None:
        yield late
        return
    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()
    try:
        yield late
    finally:
        timer.cancel()


def _in_processes(tasks: Mapping[int, Task], jobs: int, readers: int) -> Iterator[tuple[int, Judged]]:
    """Judge tasks in processes; those in which a process ended get no result.

    A process with nothing left to judge reads files for the one that judges the largest unit.

    Raises:
        _CannotStart: there is no process.
        Exception: what judging a task raises.
    """
    # The largest first, so that no process is left alone with it at the end.
    waiting = deque(sorted(tasks, key=lambda index: (-tasks[index].size, index)))
    ahead = _Ahead(tasks[waiting[0]]) if waiting else None
    results: queue.SimpleQueue[tuple[int, Judged | None] | BaseException] = queue.SimpleQueue()
    running: set[_Process] = set()
    over = threading.Event()

    def start() -> _Process:
        process = _Process()
        running.add(process)
        return process

    def work() -> None:
        process = None
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

    def read(process: _Process | None = None) -> None:
        try:
            while not over.is_set() and (share := ahead.share() if ahead is not None else None) is not None:
                process = process or start()
                process.read(share)
        except (_CannotStart, OSError):
            return  # the other process reads all of them

    expected = len(tasks)
    judging = min(jobs, expected)
    for number in range(judging + readers):
        threading.Thread(target=work if number < judging else read, daemon=True).start()
    try:
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


def _import_path() -> list[str]:
    """Where this process finds modules. What depends on the working directory is left out, but for bn-lint itself."""
    own = str(Path(bn_lint.__file__).absolute().parent.parent)
    return [*(entry for entry in sys.path if os.path.isabs(entry)), own]


def _lost(task: Task, why: str) -> Judged:
    from bn_lint.check.judge import defect
    from bn_lint.check.outcome import Outcome

    error = BnLintError(why)
    problems = [defect("the analysis", error, source.display) for source in task.unit.sources]
    return Judged(Outcome(problems=problems), {})


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
