"""Runs the programs under the tracer and through the static check, and judges what is reported."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.linter import Linter
from benchmarks.tracer.programs import Program

#: Rules that are off by default; those that are expected are turned on.
_OFF = ("BN205", "BN406", "BN407", "BN408", "BN504", "BN601", "BN606")
_SIDES = ("static", "runtime")


@dataclass(frozen=True)
class Reported:
    """What one side reports of one program.

    Attributes:
        found: Each finding as `BN101 line: message`.
        broken: Why the command did not do its work; empty when it did.
        ended: The exit code of the program, for the tracer.
    """

    found: tuple[str, ...]
    broken: str
    ended: int

    def has(self, codes: Sequence[str]) -> bool:
        return any(finding.startswith(tuple(codes)) for finding in self.found)


@dataclass(frozen=True)
class Result:
    """What both sides report of both versions of one program; a published method has no faulty one."""

    program: Program
    faulty: dict[str, Reported] | None
    healthy: dict[str, Reported]

    def found(self, side: str) -> bool:
        return self.faulty is not None and self.faulty[side].has(self.program.codes)

    @property
    def found_by_either(self) -> bool:
        return any(self.found(side) for side in _SIDES)

    def alarms(self, side: str) -> tuple[str, ...]:
        return self.healthy[side].found

    @property
    def broken(self) -> str:
        """What is wrong with the program itself, or with bn-lint; empty where nothing is."""
        for version in (self.faulty, self.healthy):
            for side, reported in (version or {}).items():
                if reported.broken:
                    return f"{side}: {reported.broken}"
        if self.healthy["runtime"].ended:
            return f"the healthy program ends with exit code {self.healthy['runtime'].ended}"
        return ""


def measured(linter: Linter, programs: Sequence[Program]) -> list[Result]:
    """Run all programs with one linter."""
    with tempfile.TemporaryDirectory(prefix="bn-lint-programs-") as name:
        folder = Path(name)
        for number, program in enumerate(programs):
            _write(folder / f"{number:03}-healthy", program, program.healthy)
            if program.faulty is not None:
                _write(folder / f"{number:03}-faulty", program, program.faulty)
        server = Path(__file__).with_name("server.py")
        subprocess.run([sys.executable, str(server), name], env=_environment(linter), check=True)
        return [
            Result(
                program,
                None if program.faulty is None else _read(folder / f"{number:03}-faulty"),
                _read(folder / f"{number:03}-healthy"),
            )
            for number, program in enumerate(programs)
        ]


def _environment(linter: Linter) -> dict[str, str]:
    return {**os.environ, **linter.environment, "OMP_NUM_THREADS": "1"}


def _write(folder: Path, program: Program, text: str) -> None:
    folder.mkdir()
    (folder / "program.py").write_text(text, encoding="utf-8")
    options = {"rules": [code for code in program.codes if code in _OFF], "processes": program.processes}
    (folder / "options.json").write_text(json.dumps(options), encoding="utf-8")


def _read(folder: Path) -> dict[str, Reported]:
    codes = json.loads((folder / "codes.json").read_text(encoding="utf-8"))
    return {side: _reported(folder, side, codes[side]) for side in _SIDES}


def _reported(folder: Path, side: str, code: int) -> Reported:
    errors = (folder / f"{side}.err").read_text(encoding="utf-8")
    try:
        report = json.loads((folder / f"{side}.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return Reported((), errors.strip().splitlines()[-1] if errors.strip() else "no report", code)
    broken = [error["message"] for error in report["errors"]]
    if "defect of bn-lint" in errors:
        broken.append("a defect of bn-lint")
    if side == "runtime":
        notes = json.loads((folder / "trace.json").read_text(encoding="utf-8"))["notes"]
        broken += [note.strip().splitlines()[-1] for note in notes]
    found = (f"{one['code']} line {one['line']}: {one['message']}" for one in report["findings"])
    return Reported(tuple(found), "; ".join(broken), code)
