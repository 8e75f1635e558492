"""One run of one linter over one input, in a form in which two runs can be compared byte by byte."""

from __future__ import annotations

import hashlib
import json
import os
import platform
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.linter import Linter
from benchmarks.processes import TIMED_OUT, measure
from benchmarks.sources import cache
from benchmarks.unchanged.inputs import Input, digest

_OPTIONS = ("--isolated", "--no-cache", "--jobs", "1", "--select", "ALL", "--show-coverage", "--output-format", "json")
#: The machine must not show: no limit of seconds. Sets of strings have the same order everywhere. Modules of a package
#: must not stand in for those of bn-lint.
_ENVIRONMENT = {"BN_LINT_ENGINE": "untimed,steps", "PYTHONHASHSEED": "0", "PYTHONSAFEPATH": "1"}
#: Bumped when snapshots are written in another way.
_FORMAT = 1


@dataclass(frozen=True)
class Snapshot:
    """What one run said. `cpu` is what it took in seconds, or None when an earlier snapshot was taken."""

    document: dict[str, Any]
    path: Path
    cpu: float | None = None

    @property
    def steps(self) -> int:
        """The steps from all entry points together."""
        return sum(entry["steps"] for entry in self.document.get("steps", ()))

    @property
    def lacks_steps(self) -> bool:
        """Whether the linter did not tell its steps, although there was something to interpret."""
        return bool(self.document.get("total")) and not self.document["steps"]


class Endless(Exception):
    """A run did not end in time."""


@dataclass(frozen=True)
class Side:
    """One of the two linters."""

    linter: Linter
    #: Stands for its code, and for all that its reports depend on.
    fingerprint: str

    @classmethod
    def of(cls, linter: Linter) -> Side:
        """Returns the side of a linter, whatever its revision is called: the same code has the same snapshots."""
        parts = [digest(linter.folder), platform.python_version(), version("libcst"), _OPTIONS, _ENVIRONMENT, _FORMAT]
        return cls(linter, hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16])

    def snapshot(self, one: Input, *, limit: float, fresh: bool = False) -> Snapshot:
        """Lints the input, or takes the snapshot that is there already.

        Args:
            limit: Seconds that the run may take.
            fresh: Lint in any case.

        Raises:
            Endless: it took longer.
        """
        path = cache() / "unchanged" / self.fingerprint / f"{one.identity}.json"
        if path.is_file() and not fresh:
            return Snapshot(json.loads(path.read_text(encoding="utf-8")), path)
        folder = one.folder()
        run = measure(
            [*self.linter.command, "check", ".", *_OPTIONS],
            folder=folder,
            environment={**self.linter.environment, **_ENVIRONMENT},
            limit=limit,
        )
        if run.code == TIMED_OUT:
            raise Endless(f"{one.name} did not end within {limit:.0f} s")
        document = normal(run.code, run.output, run.errors, folder)
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f"{path.name}.{os.getpid()}")
        temporary.write_text(json.dumps(document, indent=1, sort_keys=True) + "\n", encoding="utf-8")
        os.replace(temporary, path)  # others may read it, and write it, at the same time
        return Snapshot(document, path, run.cpu)


def normal(code: int, output: str, errors: str, folder: Path) -> dict[str, Any]:
    """Returns the report without what differs between two equal runs; lists are sorted.

    The entry points of one file stay in their order.
    """
    try:
        report = json.loads(output.replace(json.dumps(str(folder))[1:-1], "."))
    except ValueError:
        return {"exit": code, "crash": (errors.strip().splitlines() or ["no report"])[-1]}
    coverage = report["coverage"]
    return {
        "exit": code,
        "files": report["files"],
        "findings": _sorted(report["findings"]),
        "errors": _sorted(report["errors"]),
        "judged": coverage["judged"],
        "total": coverage["total"],
        "undecided": _sorted(coverage["undecided"]),
        "steps": sorted(coverage.get("steps", ()), key=lambda entry: str(entry["path"])),
    }


def _sorted(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(items, key=lambda item: (item["path"], item["line"], item["column"], json.dumps(item)))
