"""The processes that judge, each with limits of time and memory: copies of this one, or new ones.

A copy has all that this process has imported, so that it begins at once. The new ones are not those of
`multiprocessing`: these begin with the working directory first on `sys.path`, so that a `struct.py` in the repository
that is checked would be run.
"""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import threading
import traceback
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import bn_lint
from bn_lint.check.tasks import Judged, ReadAhead, Task
from bn_lint.check.worker import OUT_OF_MEMORY, READY, serve
from bn_lint.errors import BnLintError

#: How much longer than it computes a process may take, for others compute, too.
_PATIENCE = 10
#: What a new process runs. It finds modules where this process does, but those of the standard library first.
_BOOTSTRAP = """\
import signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
sys.path += [entry for entry in sys.argv[1:] if entry not in sys.path]
import site
site.main()
from bn_lint.check.worker import serve
serve()
"""


class CannotStart(Exception):
    """The system starts no further process, or it cannot import bn-lint."""


class Process:
    """A process that judges one task at a time."""

    def __init__(self, copied: Iterable[Process] | None = None) -> None:
        """Begin a new process, or a copy of this one.

        Args:
            copied: The copies that there are already; None for a new process. While a copy is made, no other thread
                of this process may do anything.

        Raises:
            CannotStart: there is none.
        """
        try:
            self._process = _new() if copied is None else _Copy(each._pipes for each in copied)
        except OSError as error:
            raise CannotStart from error
        if self._receive() != READY:
            self.end()
            raise CannotStart

    def judge(self, task: Task) -> Judged | None:
        """The result of a task; None when the process ended before it had one, within its limits.

        Raises:
            Exception: what judging the task raises.
        """
        limits = task.limits
        if not self._ask(task):
            return None
        with self._killed_after(None if limits is None else limits.seconds * _PATIENCE) as late:
            answer = self._receive()
        if isinstance(answer, BaseException):
            raise answer
        if isinstance(answer, Judged):
            return answer
        ended = self._process.wait()
        if limits is not None and (late.is_set() or ended == -getattr(signal, "SIGXCPU", 0)):
            return lost(task, f"that takes more than {limits.seconds} seconds of computing time")
        if limits is not None and ended == OUT_OF_MEMORY:
            return lost(task, f"that takes more than {limits.memory >> 20} MB of memory")
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

    @property
    def _pipes(self) -> list[int]:
        return [pipe.fileno() for pipe in (self._process.stdin, self._process.stdout) if pipe is not None]

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
    def _killed_after(self, seconds: int | None) -> Iterator[threading.Event]:
        """End a process that takes longer than so many seconds; the event tells that it did."""
        late = threading.Event()

        def end() -> None:
            late.set()
            self._process.kill()

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


def _new() -> subprocess.Popen[bytes]:
    flags = ["-B"] if sys.dont_write_bytecode else []
    return subprocess.Popen(
        # -I and -S: nothing is imported from the working directory, or by a variable, before `sys.path` is set.
        [sys.executable, "-I", "-S", *flags, "-c", _BOOTSTRAP, *_import_path()],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )


class _Copy:
    """A copy of this process: what `subprocess.Popen` is for a new one."""

    def __init__(self, others: Iterable[list[int]]) -> None:
        """Begin.

        Args:
            others: The pipes to other copies. These end when nobody can ask them any more, so this one closes them.

        Raises:
            OSError: the system starts no further process.
        """
        self._code: int | None = None
        self._reaping = threading.Lock()
        asked, asking = os.pipe()
        answered, answering = os.pipe()
        not_its_own = [asking, answered, *(pipe for pipes in others for pipe in pipes)]
        try:
            with warnings.catch_warnings():
                # Python 3.12 warns of other threads, whose locks nobody opens in the copy. Here they only wait.
                warnings.simplefilter("ignore", DeprecationWarning)
                self._number = os.fork()
        except OSError:
            for end in (asked, asking, answered, answering):
                os.close(end)
            raise
        if not self._number:
            _serve(asked, answering, not_its_own)
        os.close(asked)
        os.close(answering)
        self.stdin, self.stdout = os.fdopen(asking, "wb"), os.fdopen(answered, "rb")

    def poll(self) -> int | None:
        """The exit code, or minus the signal that ended it; None while it runs."""
        return self._reap(os.WNOHANG)

    def wait(self) -> int:
        """Wait until it is over, and give what `poll` gives."""
        code = self._reap(0)
        assert code is not None
        return code

    def kill(self) -> None:
        """End it at once."""
        if self._code is None:
            os.kill(self._number, signal.SIGKILL)

    def _reap(self, how: int) -> int | None:
        with self._reaping:
            if self._code is None:
                try:
                    number, status = os.waitpid(self._number, how)
                except ChildProcessError:  # whoever started this process has the system forget those that ended
                    self._code = 0
                else:
                    self._code = os.waitstatus_to_exitcode(status) if number else None
            return self._code


def _serve(asked: int, answering: int, not_its_own: Iterable[int]) -> NoReturn:
    """What a copy does: what `_BOOTSTRAP` does in a new process."""
    try:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_DFL)
        for pipe in not_its_own:
            os.close(pipe)
        for pipe, stream in ((asked, 0), (answering, 1)):
            os.dup2(pipe, stream)
            os.close(pipe)
        sys.path[:] = _import_path()
        serve()
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
    finally:
        os._exit(1)


def _import_path() -> list[str]:
    """Where this process finds modules. What depends on the working directory is left out, but for bn-lint itself."""
    own = str(Path(bn_lint.__file__).absolute().parent.parent)
    return [*(entry for entry in sys.path if os.path.isabs(entry)), own]


def lost(task: Task, why: str) -> Judged:
    """What is reported of a task that could not be judged."""
    from bn_lint.check.judge import defect
    from bn_lint.check.outcome import Outcome

    error = BnLintError(why)
    problems = [defect("the analysis", error, source.display) for source in task.unit.sources]
    return Judged(Outcome(problems=problems), {})
