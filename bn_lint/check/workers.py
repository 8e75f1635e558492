"""Judging units, in one process or several, each with limits of time and memory.

What the engine does is limited by steps, so that its results are the same on every machine. The limits of the process
are the last resort, for what no step counts: a process that exceeds them is ended, and costs its unit alone.

The processes are not those of `multiprocessing`: these begin with the working directory first on `sys.path`, so that a
`struct.py` in the repository that is checked would be run.
"""

from __future__ import annotations

import gc
import os
import pickle
import queue
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bn_lint
from bn_lint.check.registry import BUILT_IN_RULES, RuleSet
from bn_lint.debugging import UNTIMED, switches
from bn_lint.errors import BnLintError
from bn_lint.project.filesystem import Answer, FileSystem, Question, RecordingFileSystem
from bn_lint.project.partition import Unit

try:
    import resource
except ImportError:  # on Windows
    resource = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from bn_lint.check.outcome import Outcome
    from bn_lint.rule import Thresholds
    from bn_lint.static.turns.kept import KeptTurns

#: A further process costs about half a second before it judges anything: it must have this many characters to judge.
_WORTH_A_PROCESS = 60_000
#: Seconds of computing time that a unit may take, and characters for each of which it gets another one. That is twenty
#: times what code takes that people have written.
_SECONDS, _CHARACTERS_PER_SECOND = 120, 2_000
#: Bytes of address space that a process may have, and how many more for each character.
_MEMORY, _MEMORY_PER_CHARACTER = 4 << 30, 2_000
#: How much longer than it computes a process may take, for others compute, too.
_PATIENCE = 10
#: How a process ends that has used up its memory.
_OUT_OF_MEMORY = 77
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
    """What is to be judged, by which thresholds and rules, and whether the coverage is wanted.

    Attributes:
        texts: What stands for the contents of files on the disk.
        kept: Where trees of files are kept, and what entry points have shown.
    """

    unit: Unit
    thresholds: Mapping[str, Thresholds]
    rules: RuleSet = BUILT_IN_RULES
    coverage: bool = False
    texts: Mapping[str, bytes] = field(default_factory=dict)
    kept: KeptTurns | None = None

    @property
    def size(self) -> int:
        """How much there is to judge, in characters."""
        return sum(len(source.text) for source in self.unit.sources)

    @property
    def limits(self) -> Limits | None:
        """What judging it may take; None if only steps are to count."""
        if UNTIMED in switches():
            return None
        return Limits(_SECONDS + self.size // _CHARACTERS_PER_SECOND, _MEMORY + self.size * _MEMORY_PER_CHARACTER)


@dataclass(frozen=True)
class Limits:
    """Seconds of computing time, and bytes of address space."""

    seconds: int
    memory: int


@dataclass(frozen=True)
class Judged:
    """The outcome of a task, what was asked of the disk on the way, and which files were parsed."""

    outcome: Outcome
    asked: Mapping[Question, Answer]
    parsed: frozenset[Path] = frozenset()


def processes(tasks: Sequence[Task], jobs: int | None) -> int:
    """How many processes to use; `jobs` None lets the amount of work decide.

    A unit is judged by one process, so what is not in the largest one is all that further processes can take over.
    With 0 it is this one, which has no limits.
    """
    if not tasks or not sys.executable or jobs == 0:
        return 0
    sizes = [task.size for task in tasks]
    others = sum(sizes) - max(sizes)
    useful = min(len(tasks), _cores() if jobs is None else jobs)
    return max(1, useful if jobs is not None else min(useful, 1 + others // _WORTH_A_PROCESS))


def judge_all(tasks: Sequence[Task], jobs: int, disk: FileSystem) -> Iterator[tuple[int, Judged]]:
    """Judge tasks, and give the number of each with its result as soon as it is there, in any order."""
    left = dict(enumerate(tasks))
    is_here = jobs == 0 or (jobs == 1 and UNTIMED in switches())  # where a debugger can follow
    try:
        # A process that ends in the middle of a task was stopped by the system, or its interpreter broke. Side by side
        # with others it may have had too little memory, so the task is tried once more, alone.
        for at_a_time in () if is_here else dict.fromkeys((jobs, 1)):
            for index, judged in _in_processes(left, at_a_time):
                del left[index]
                yield index, judged
        lost = not is_here
    except _CannotStart:
        lost = False
    for index, task in left.items():
        try:
            yield index, _lost(task, "the process that checked it ended unexpectedly") if lost else _judge(task, disk)
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
        if self._receive() != _READY:
            self.end()
            raise _CannotStart

    def judge(self, task: Task) -> Judged | None:
        """The result of a task; None when the process ended before it had one, within its limits.

        Raises:
            Exception: what judging the task raises.
        """
        assert self._process.stdin is not None
        limits = task.limits
        try:
            pickle.dump((task, limits), self._process.stdin)
            self._process.stdin.flush()
        except OSError:
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
        if limits is not None and ended == _OUT_OF_MEMORY:
            return _lost(task, f"that takes more than {limits.memory >> 20} MB of memory")
        return None

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
                if judged is None or process.is_over:
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
    tasks: queue.SimpleQueue[tuple[Task, Limits | None]] = queue.SimpleQueue()

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
    kept: list[object] = []  # to take the state of a large unit apart takes long, and rarely must be done
    kept_size = 0
    gc.disable()  # each collection walks through all that is kept
    while True:
        task, limits = tasks.get()
        if kept_size and task.size * _SMALL > kept_size:
            kept.clear()
            gc.collect()
            kept_size = 0
        kept_size += task.size
        _limit(limits)
        try:
            answer: object = _judge(task, keep=kept.append)
        except MemoryError:
            os._exit(_OUT_OF_MEMORY)
        except Exception as error:
            answer = error
        try:
            send(answer)
        except BrokenPipeError:
            os._exit(0)


_READY = "ready"
#: A unit that is so many times smaller than what was judged before is judged beside that.
_SMALL = 4


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


def _import_path() -> list[str]:
    """Where this process finds modules. What depends on the working directory is left out, but for bn-lint itself."""
    own = str(Path(bn_lint.__file__).absolute().parent.parent)
    return [*(entry for entry in sys.path if os.path.isabs(entry)), own]


def _judge(task: Task, disk: FileSystem | None = None, keep: Callable[[object], None] = lambda state: None) -> Judged:
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
    )
    return Judged(outcome, filesystem.asked, frozenset(filesystem.parsed))


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
