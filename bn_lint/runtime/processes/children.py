"""Traces the processes that a traced program starts: spawned ones, workers of launchers, and what these start in turn.

They find two variables in their environment. `PYTHONPATH` leads to `startup/sitecustomize.py`, which Python imports
when it starts; `BN_LINT_TRACE` names the folder in which they leave what they saw. Until a process imports torch, only
that import is waited for. Processes that are forked need none of this: see `Process`.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

#: The variable that names the folder.
VARIABLE = "BN_LINT_TRACE"
_STARTUP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "startup")
_OPTIONS = "options.json"


@contextlib.contextmanager
def traced_children(**options: Any) -> Iterator[str]:
    """Processes that are started inside this context are traced; gives the folder in which they leave what they saw.

    `Process.document` deletes it, or else the end of the context.

    Args:
        options: Those of `Trace`, for all of them.
    """
    from bn_lint.project.writing import write

    before = {name: os.environ.get(name) for name in (VARIABLE, "PYTHONPATH")}
    process = os.getpid()
    folder = tempfile.mkdtemp(prefix="bn-lint-")
    write(os.path.join(folder, _OPTIONS), json.dumps(options).encode(), durable=False)
    os.environ[VARIABLE] = folder
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (_STARTUP, before["PYTHONPATH"])))
    try:
        yield folder
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        if os.getpid() == process:
            shutil.rmtree(folder, ignore_errors=True)


def wait_for_torch(folder: str) -> None:
    """Trace this process from the moment at which it has imported torch."""
    if os.path.isfile(os.path.join(folder, _OPTIONS)):
        sys.meta_path.insert(0, _Waiting(folder))


class _Waiting(MetaPathFinder):
    """Finds torch as it would be found without it, and begins the trace behind its import."""

    def __init__(self, folder: str) -> None:
        self.folder = folder

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != "torch":
            return None
        others = (finder for finder in sys.meta_path if finder is not self)
        found = (finder.find_spec(fullname, path, target) for finder in others if hasattr(finder, "find_spec"))
        spec = next((one for one in found if one is not None), None)
        loader: Any = None if spec is None else spec.loader
        # Many libraries ask whether there is a torch, and do not import it.
        if loader is not None and self in sys.meta_path:
            import_torch = loader.exec_module

            def exec_module(module: ModuleType) -> None:
                with contextlib.suppress(ValueError):  # imported in several threads, or anew after an error
                    sys.meta_path.remove(self)
                del loader.exec_module  # which uncovers that of its class
                import_torch(module)
                with contextlib.suppress(Exception):  # the process does not depend on it
                    _trace(self.folder)

            loader.exec_module = exec_module
        return spec


def _trace(folder: str) -> None:
    """Trace this process until it ends."""
    from bn_lint.runtime.processes.process import Process
    from bn_lint.runtime.processes.ways_out import Ending, WaysOut
    from bn_lint.runtime.tracer import Trace

    with open(os.path.join(folder, _OPTIONS), encoding="utf-8") as file:
        options = json.load(file)
    process = Process(Trace(**options, implicit=True).start(), folder, reports=False)
    process.ways = WaysOut(process.hand_over, forked=process.hand_over).__enter__()

    def ends() -> None:
        error = getattr(sys, "last_value", None)
        process.hand_over(Ending(0 if error is None else 1, error))

    atexit.register(ends)
