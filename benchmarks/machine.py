"""Says on what and with what a benchmark ran, for the head of its report."""

from __future__ import annotations

import os
import platform
import shlex
import subprocess
import sys
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results"


def heading(module: str) -> str:
    """Returns Markdown lines: command, commit, machine, versions, date; to be called before anything is measured."""
    # Where somebody keeps things is nobody else's concern.
    arguments = ("FOLDER" if Path(argument).is_absolute() else argument for argument in sys.argv[1:])
    command = shlex.join(("python", "-m", module, *arguments))
    python = f"Python {platform.python_version()}, libcst {version('libcst')}, click {version('click')}"
    return "\n".join(
        (
            f"* Command: `{command}`",
            f"* Commit: {_commit()}",
            f"* Machine: {_processor()}, {os.cpu_count()} cores, {platform.system()}; {python}",
            f"* Date: {datetime.now(timezone.utc):%Y-%m-%d}",
        )
    )


def _commit() -> str:
    """The commit, and whether the linter's code differs from it."""
    commit = _git("rev-parse", "--short=10", "HEAD")
    changed = _git("status", "--porcelain", "--", "bn_lint", "rules")
    return f"{commit} with changes" if changed else commit


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
