"""Runs bn-lint and writes the seconds that the engine spent on each file: `python timed.py FILE ARGUMENTS...`.

The report of bn-lint has no times, so the two places where the engine takes up a file are watched from outside.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bn_lint.cli import main as cli
from bn_lint.static import analyze


class _Watch:
    """Seconds by file, and the file that is being judged."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self.current = ("", 0.0)

    def around(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Returns the function, timed for the file that it is given, or whose entry point it is given."""

        def wrapper(*arguments: Any) -> Any:
            begin = time.thread_time()
            file = getattr(arguments[-1], "file", arguments[-1]).display
            self.current = (file, begin)
            try:
                return function(*arguments)
            finally:
                self.seconds[file] += time.thread_time() - begin
                self.current = ("", 0.0)

        return wrapper


def main(target: str, arguments: list[str]) -> int:
    """Returns the exit code of bn-lint; `target` receives {path: CPU seconds}, also of a run that is told to end."""
    watch = _Watch()
    for owner, name in ((analyze, "problem_of"), (analyze.Analyzer, "_enter")):
        setattr(owner, name, watch.around(getattr(owner, name)))

    def save() -> None:
        Path(target).write_text(json.dumps(watch.seconds), encoding="utf-8")

    def stop(*_: object) -> None:
        file, begin = watch.current
        if file:  # the process has hardly another thread that uses time
            watch.seconds[file] += time.process_time() - begin
        save()
        os._exit(1)

    signal.signal(signal.SIGTERM, stop)
    try:
        return cli.main(arguments)
    finally:
        save()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
