"""Runs bn-lint and writes the seconds that the engine spent on each file: `python timed.py FILE ARGUMENTS...`.

The report of bn-lint has no times, so the two places where the engine takes up a file are watched from outside.
"""

from __future__ import annotations

import json
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bn_lint import cli
from bn_lint.static import analyze


def _watched(method: Callable[..., Any], seconds: dict[str, float]) -> Callable[..., Any]:
    def wrapper(self: object, file: Any, *arguments: object) -> Any:
        begin = time.thread_time()
        try:
            return method(self, file, *arguments)
        finally:
            seconds[file.display] += time.thread_time() - begin

    return wrapper


def main(target: str, arguments: list[str]) -> int:
    """Returns the exit code of bn-lint; `target` receives {path: CPU seconds}."""
    seconds: dict[str, float] = defaultdict(float)
    for name in ("_admit", "_enter"):
        setattr(analyze._Analyzer, name, _watched(getattr(analyze._Analyzer, name), seconds))
    try:
        return cli.main(arguments)
    finally:
        Path(target).write_text(json.dumps(seconds), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
