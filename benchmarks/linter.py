"""The linter as an installation has it: compiled, and apart from the checkout, which may change during a run."""

from __future__ import annotations

import compileall
import shutil
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.machine import ROOT
from benchmarks.processes import ended_with_us

_PACKAGES = (Path("bn_lint"), Path("rules", "bn_lint_rules"))


@dataclass(frozen=True)
class Linter:
    """A copy of bn-lint in a folder; it can be run: `[*command, "check", ...]` in this environment."""

    folder: Path
    command: tuple[str, ...]
    environment: dict[str, str]


@contextmanager
def installed(checkout: Path = ROOT) -> Iterator[Linter]:
    """Gives the linter of a checkout (default: this one), as it is now, for the time of the block.

    What the block measures ends when the benchmark is told to end.
    """
    with ended_with_us(), tempfile.TemporaryDirectory(prefix="bn-lint-") as folder:
        for package in _PACKAGES:
            target = Path(folder) / package.name
            shutil.copytree(checkout / package, target, ignore=shutil.ignore_patterns("__pycache__"))
            compileall.compile_dir(target, quiet=1)
        yield _linter(Path(folder))


@contextmanager
def unpacked(wheel: Path) -> Iterator[Linter]:
    """Gives the linter of a wheel, such as a compiled one, in the same way."""
    with ended_with_us(), tempfile.TemporaryDirectory(prefix="bn-lint-") as folder:
        with zipfile.ZipFile(wheel) as opened:
            opened.extractall(folder)
        for package in _PACKAGES:
            compileall.compile_dir(Path(folder) / package.name, quiet=1)
        yield _linter(Path(folder))


def _linter(folder: Path) -> Linter:
    return Linter(folder, (sys.executable, "-m", "bn_lint"), {"PYTHONPATH": str(folder), "NO_COLOR": "1"})
