"""Judging units, here or in several processes.

The processes are not those of `multiprocessing`: these begin with the working directory first on `sys.path`, so that a
`struct.py` in the repository that is checked would be run.
"""

from __future__ import annotations

import os
import pickle
import queue
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bn_lint
from bn_lint.check.registry import BUILT_IN_RULES, RuleSet
from bn_lint.errors import BnLintError
from bn_lint.project.filesystem import Answer, FileSystem, Question, RecordingFileSystem
from bn_lint.project.partition import Unit

if TYPE_CHECKING:
    from bn_lint.check.outcome import Outcome
    from bn_lint.rule import Thresholds

#: A further process costs about half a second before it judges anything: it must have this many characters to judge.
_WORTH_A_PROCESS = 60_000
#: What a process runs. It finds modules where this process does, but those of the standard library first.
_BOOTSTRAP = """\
import signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
sys.path += [entry for entry in sys.argv[1:] if entry not in sys.path]
import site
site.main()
from bn_lint.check.workers import serve
serve()
"""


@dataclass(frozen=True)
class Task:
    """What is to be judged, by which thresholds and rules, and whether the coverage is wanted."""

    unit: Unit
    thresholds: Mapping[str, Thresholds]
    rules: RuleSet = BUILT_IN_RULES
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
    if not tasks or not sys.executable:
        return 1
    sizes = [task.size for task in tasks]
    others = sum(sizes) - max(sizes)
    useful = min(len(tasks), _cores() if jobs is None else jobs)
    return max(1, useful if jobs is not None else min(useful, 1 + others // _WORTH_A_PROCESS))


def judge_all(tasks: Sequence[Task], jobs: int, disk: FileSystem) -> Iterator[tuple[int, Judged]]:
    """Judge tasks, and give the number of each with its result as soon as it is there, in any order."""
    left = dict(enumerate(tasks))
    try:
        # A process that ends in the middle of a task was stopped by the system, or its interpreter broke. Side by side
        # with others it may have had too little memory, so the task is tried once more, alone.
        for at_a_time in () if jobs == 1 else (jobs, 1):
            for index, judged in _in_processes(left, at_a_time):
                del left[index]
                yield index, judged
        lost = jobs != 1
    except _CannotStart:
        lost = False
    for index, task in left.items():
        yield index, _lost(task) if lost else _judge(task, disk)


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
        if self._receive() != _READY:
            self.end()
            raise _CannotStart

    def judge(self, task: Task) -> Judged | None:
        """The result of a task; None when the process ended before it had one.

        Raises:
            Exception: what judging the task raises.
        """
        assert self._process.stdin is not None
        try:
            pickle.dump(task, self._process.stdin)
            self._process.stdin.flush()
        except OSError:
            return None
        answer = self._receive()
        if isinstance(answer, BaseException):
            raise answer
        return answer if isinstance(answer, Judged) else None

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

    def _receive(self) -> Any:
        assert self._process.stdout is not None
        try:
            return pickle.load(self._process.stdout)
        except (EOFError, OSError, pickle.UnpicklingError):
            return None


def _in_processes(tasks: Mapping[int, Task], jobs: int) -> Iterator[tuple[int, Judged]]:
    """Judge tasks in processes; those in which a process ended get no result.

    Raises:
        _CannotStart: there is no process.
        Exception: what judging a task raises.
    """
    # The largest first, so that no process is left alone with it at the end.
    waiting = deque(sorted(tasks, key=lambda index: (-tasks[index].size, index)))
    results: queue.SimpleQueue[tuple[int, Judged | None] | BaseException] = queue.SimpleQueue()
    running: set[_Process] = set()
    over = threading.Event()

    def work() -> None:
        process = None
        try:
            while not over.is_set():
                try:
                    index = waiting.popleft()
                except IndexError:
                    return
                if process is None:
                    process = _Process()
                    running.add(process)
                judged = process.judge(tasks[index])
                if judged is None:
                    running.discard(process)
                    process.end()
                    process = None
                results.put((index, judged))
        except BaseException as error:
            results.put(error)

    expected = len(tasks)
    for _ in range(min(jobs, expected)):
        threading.Thread(target=work, daemon=True).start()
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


def serve() -> None:
    """Judge the tasks that come in, until there are no more: what a process runs that `_Process` started."""
    incoming = os.fdopen(os.dup(0), "rb")
    outgoing = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # a rule that prints must not garble what is sent
    tasks: queue.SimpleQueue[Task] = queue.SimpleQueue()

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
    send(_READY)
    while True:
        task = tasks.get()
        try:
            answer: object = _judge(task)
        except Exception as error:
            answer = error
        try:
            send(answer)
        except BrokenPipeError:
            os._exit(0)


_READY = "ready"


def _import_path() -> list[str]:
    """Where this process finds modules. What depends on the working directory is left out, but for bn-lint itself."""
    own = str(Path(bn_lint.__file__).absolute().parent.parent)
    return [*(entry for entry in sys.path if os.path.isabs(entry)), own]


def _judge(task: Task, disk: FileSystem | None = None) -> Judged:
    from bn_lint.check.judge import judge

    filesystem = RecordingFileSystem(disk)
    outcome = judge(task.unit, task.thresholds, rules=task.rules, filesystem=filesystem, coverage=task.coverage)
    return Judged(outcome, filesystem.asked)


def _lost(task: Task) -> Judged:
    from bn_lint.check.judge import defect
    from bn_lint.check.outcome import Outcome

    error = BnLintError("the process that judged it ended unexpectedly")
    problems = [defect("the analysis", error, source.display) for source in task.unit.sources]
    return Judged(Outcome(problems=problems), {})


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
