"""Lints one package as its user would, and keeps what came of it."""

from __future__ import annotations

import json
import re
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.linter import Linter
from benchmarks.processes import TIMED_OUT, Run, measure
from benchmarks.sources import source

_BATCHNORM = re.compile(rb"batch_?norm", re.IGNORECASE)
#: The defaults, but nothing that lies about on this machine, and a report that a program can read.
_OPTIONS = ("--isolated", "--no-cache", "--debug", "--show-coverage", "--output-format", "json")


@dataclass(frozen=True)
class Package:
    """A release on PyPI."""

    name: str
    version: str


@dataclass(frozen=True, order=True)
class Finding:
    """A finding of default severity; `path` is relative to the release's top folder."""

    package: str
    version: str
    path: str
    line: int
    code: str
    severity: str
    message: str


@dataclass
class Outcome:
    """One package linted: times in CPU seconds, `slowest` with the slowest file first."""

    package: Package
    cpu: float
    files: int = 0
    lines: int = 0
    batchnorm_files: int = 0
    judged: int = 0
    layers: int = 0
    findings: list[Finding] = field(default_factory=list)
    incomplete: list[str] = field(default_factory=list)
    crashes: list[str] = field(default_factory=list)
    slowest: list[tuple[str, float]] = field(default_factory=list)


def size(package: Package) -> int:
    """Returns how many bytes of Python the release has; downloads it the first time."""
    folder = source(package.name, package.version)
    return sum(path.stat().st_size for path in folder.rglob("*.py") if path.is_file())


def lint(package: Package, linter: Linter, limit: float) -> Outcome:
    """Lints the release, for `limit` seconds at most; a run that does not end by itself counts as a crash."""
    return lint_folder(package, source(package.name, package.version), linter, limit)


def lint_folder(package: Package, folder: Path, linter: Linter, limit: float) -> Outcome:
    """Lints the folder that holds a package."""
    with tempfile.TemporaryDirectory() as temporary:
        times = Path(temporary) / "seconds.json"
        # By its path: with `-m`, modules of the package could stand in for those of bn-lint.
        command: list[str | Path] = [
            sys.executable,
            Path(__file__).with_name("timed.py"),
            times,
            "check",
            ".",
            *_OPTIONS,
        ]
        run = measure(command, folder=folder, environment=linter.environment, limit=limit)
        seconds = json.loads(times.read_text(encoding="utf-8")) if times.exists() else {}
    outcome = Outcome(package, run.cpu)
    outcome.slowest = sorted(seconds.items(), key=lambda item: -item[1])[:10]
    for path in folder.rglob("*.py"):
        data = path.read_bytes() if path.is_file() else b""
        outcome.lines += data.count(b"\n")
        outcome.batchnorm_files += _BATCHNORM.search(data) is not None
    _read(run, outcome, limit)
    return outcome


def _read(run: Run, outcome: Outcome, limit: float) -> None:
    if run.code == TIMED_OUT:
        outcome.crashes.append(f"did not end within {limit:.0f} s")
        return
    try:
        report = json.loads(run.output)
    except ValueError:
        last = (run.errors.strip().splitlines() or ["no report"])[-1]
        outcome.crashes.append(f"exit code {run.code}: {last}")
        return
    package = outcome.package
    outcome.files = report["files"]
    outcome.judged, outcome.layers = report["coverage"]["judged"], report["coverage"]["total"]
    outcome.findings = [
        Finding(package.name, package.version, _place(f), f["line"], f["code"], f["severity"], f["message"])
        for f in report["findings"]
    ]
    for error in report["errors"]:
        text = f"{error['code']} {error['path']}:{error['line']} {error['message']}"
        (outcome.crashes if "internal error" in text else outcome.incomplete).append(text)
    # A file that nobody can decode is no defect of bn-lint, although it exits with 2.
    unreadable = any(error["code"] == "BN901" for error in report["errors"])
    if run.code not in (0, 1) and not unreadable and not outcome.crashes:
        outcome.crashes.append(f"exit code {run.code}")


def _place(finding: dict[str, Any]) -> str:
    """The file; lines of a notebook are counted in its cells."""
    return f"{finding['path']}:cell {finding['cell']}" if finding.get("cell") else str(finding["path"])
