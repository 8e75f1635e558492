"""Runs a script or a module as `python` would, inside this process."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import os
import runpy
import signal
import sys
import threading
import traceback
import types
from collections.abc import Callable, Sequence
from importlib.machinery import SourceFileLoader
from types import TracebackType

from bn_lint.errors import PathError
from bn_lint.runtime.processes.ways_out import Ending

_OWN = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
#: What runs a module on behalf of `python -m`.
_RUNNERS = ("<frozen runpy>", runpy.__file__)


def run_script(path: str, arguments: Sequence[str]) -> Ending:
    """Run a file as `python path arguments...` does, until it ends.

    Raises:
        PathError: the file cannot be read.
    """
    try:
        with open(path, "rb") as program:
            text = program.read()
    except OSError as error:
        raise PathError(f"{path} cannot be read: {(error.strerror or str(error)).lower()}.") from error
    file = os.path.abspath(path)
    module = types.ModuleType("__main__")
    module.__dict__.update(__annotations__={}, __file__=file, __builtins__=sys.modules["builtins"], __cached__=None)
    module.__loader__ = SourceFileLoader("__main__", file)
    sys.argv = [path, *arguments]
    sys.path[0:1] = [os.path.dirname(file)]
    sys.modules["__main__"] = module
    importlib.invalidate_caches()
    return _run(lambda: exec(compile(text, file, "exec", dont_inherit=True), module.__dict__))


def run_module(name: str, arguments: Sequence[str]) -> Ending:
    """Run a module as `python -m name arguments...` does, until it ends.

    Raises:
        PathError: there is no such module.
    """
    sys.path[0:1] = [os.getcwd()]
    sys.argv = [name, *arguments]
    missing = False
    try:
        missing = importlib.util.find_spec(name) is None
    except (ImportError, ValueError) as error:
        raise PathError(f"The module {name} cannot be run: {error}.") from error
    except Exception:
        pass  # of a package around the module: it comes again when the module is run
    if missing:
        raise PathError(f"There is no module named {name}.")
    return _run(lambda: runpy.run_module(name, run_name="__main__", alter_sys=True))


def join_threads() -> None:
    """Wait for the threads that keep a program alive, as Python does when the main thread is over.

    Only for a process that ends afterward: no thread pool takes work any more.
    """
    shutdown: Callable[[], None] | None = getattr(threading, "_shutdown", None)
    try:
        if shutdown is not None:
            shutdown()
    except BaseException:  # Ctrl-C
        _say("Exception ignored in: threading._shutdown")
        traceback.print_exc()


def _run(program: Callable[[], object]) -> Ending:
    try:
        program()
    except SystemExit as stop:
        return Ending(_exit_code(stop), stop)
    except BaseException as error:
        uncaught = error
    else:
        return Ending()
    with contextlib.suppress(OSError, ValueError, AttributeError):
        sys.stdout.flush()
    return Ending(_hand_to_excepthook(uncaught), uncaught)


def _exit_code(stop: SystemExit) -> int:
    if stop.code is None or isinstance(stop.code, int):
        return (stop.code or 0) & 0xFF
    _say(str(stop.code))
    return 1


def _hand_to_excepthook(error: BaseException) -> int:
    """Do what Python does with an error that nobody catches; returns the exit code."""
    _leave_out_own_frames(error)
    sys.last_type, sys.last_value, sys.last_traceback = type(error), error, error.__traceback__
    sys.last_exc = error  # type: ignore[attr-defined]  # since Python 3.12
    try:
        getattr(sys, "excepthook", sys.__excepthook__)(type(error), error, error.__traceback__)
    except SystemExit as stop:
        return _exit_code(stop)
    except BaseException as another:
        _leave_out_own_frames(another)
        _say("Error in sys.excepthook:")
        sys.__excepthook__(type(another), another, another.__traceback__)
        _say("\nOriginal exception was:")
        sys.__excepthook__(type(error), error, error.__traceback__)
    return -signal.SIGINT if isinstance(error, KeyboardInterrupt) else 1


def _say(text: str) -> None:
    with contextlib.suppress(OSError, ValueError, AttributeError):  # the program may have closed it
        sys.stderr.write(f"{text}\n")


def _leave_out_own_frames(error: BaseException) -> None:
    """Tracebacks begin where the program does, and do not show bn-lint's patches."""
    rest, seen = [error], set[int]()
    while rest:
        each = rest.pop()
        if id(each) in seen:
            continue
        seen.add(id(each))
        each.__traceback__ = _without_own(_from_program(each.__traceback__))
        rest += [one for one in (each.__cause__, each.__context__) if one is not None]
        rest += getattr(each, "exceptions", ())


def _from_program(frames: TracebackType | None) -> TracebackType | None:
    while frames is not None and frames.tb_frame.f_code.co_filename.startswith((_OWN, *_RUNNERS)):
        frames = frames.tb_next
    return frames


def _without_own(frames: TracebackType | None) -> TracebackType | None:
    kept = []
    while frames is not None:
        if not frames.tb_frame.f_code.co_filename.startswith(_OWN):
            kept.append(frames)
        frames = frames.tb_next
    rest: TracebackType | None = None
    for frame in reversed(kept):
        rest = TracebackType(rest, frame.tb_frame, frame.tb_lasti, frame.tb_lineno)
    return rest
