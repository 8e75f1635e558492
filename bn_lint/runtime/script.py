"""Runs a script or a module as `python` would, inside this process."""

from __future__ import annotations

import importlib
import importlib.util
import os
import runpy
import sys
import traceback
import types
from collections.abc import Sequence
from types import TracebackType

from bn_lint.errors import PathError
from bn_lint.runtime.recording.sites import MACHINERY, owner_of

_OWN = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep


def run_script(path: str, arguments: Sequence[str]) -> None:
    """Run a file as `python path arguments...` does.

    Raises:
        PathError: the file cannot be read.
        Exception: whatever the script raises.
    """
    try:
        with open(path, "rb") as program:
            text = program.read()
    except OSError as error:
        raise PathError(f"{path} cannot be read: {(error.strerror or str(error)).lower()}.") from error
    file = os.path.abspath(path)
    module = types.ModuleType("__main__")
    module.__dict__.update(__file__=file, __builtins__=__builtins__, __spec__=None, __loader__=None)
    sys.argv = [path, *arguments]
    sys.path[0:1] = [os.path.dirname(file)]
    sys.modules["__main__"] = module
    importlib.invalidate_caches()
    exec(compile(text, file, "exec", dont_inherit=True), module.__dict__)


def run_module(name: str, arguments: Sequence[str]) -> None:
    """Run a module as `python -m name arguments...` does.

    Raises:
        PathError: there is no such module.
        Exception: whatever the module raises.
    """
    sys.path[0:1] = [os.getcwd()]
    sys.argv = [name, *arguments]
    try:
        found = importlib.util.find_spec(name)
    except (ImportError, ValueError) as error:
        raise PathError(f"The module {name} cannot be run: {error}.") from error
    if found is None:
        raise PathError(f"There is no module named {name}.")
    runpy.run_module(name, run_name="__main__", alter_sys=True)


def show_traceback(error: BaseException) -> None:
    """Print the traceback of a script's error as `python` would: from the script on, and without bn-lint's patches."""
    chained: BaseException | None = error
    seen: set[int] = set()
    while chained is not None and id(chained) not in seen:
        seen.add(id(chained))
        chained.__traceback__ = _without_own(_from_script(chained.__traceback__))
        chained = chained.__cause__ or chained.__context__
    traceback.print_exception(type(error), error, error.__traceback__)


def _from_script(frames: TracebackType | None) -> TracebackType | None:
    first = frames
    while first is not None and owner_of(first.tb_frame.f_code.co_filename) == MACHINERY:
        first = first.tb_next
    return first or frames


def _without_own(frames: TracebackType | None) -> TracebackType | None:
    if frames is None:
        return None
    rest = _without_own(frames.tb_next)
    if frames.tb_frame.f_code.co_filename.startswith(_OWN):
        return rest
    return TracebackType(rest, frames.tb_frame, frames.tb_lasti, frames.tb_lineno)
