"""What a linter makes of the mutants."""

from __future__ import annotations

import json
import os
import queue
import shlex
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.mutation.mutants import Mutant
from benchmarks.processes import measure

#: A finding is about the change when it is so many lines away at most.
NEAR = 3
#: Seconds that one run of the linter may take.
LIMIT = 600.0


@dataclass(frozen=True)
class Found:
    """A finding, as far as two runs are compared by it."""

    path: str
    line: int
    code: str
    message: str


@dataclass
class Report:
    """One run of a linter.

    Attributes:
        undecided: Path, line and reason of each layer that the linter says it could not judge.
        failure: Why there is no report; empty if there is one.
    """

    findings: set[Found] = field(default_factory=set)
    undecided: list[tuple[str, int, str]] = field(default_factory=list)
    failure: str = ""
    cpu: float = 0.0


@dataclass(frozen=True)
class Verdict:
    """What a linter made of one change.

    Attributes:
        new: Findings that the unchanged package does not have.
        located: Whether one of them is near the change.
        reason: For a change that was not found: what the linter says about the layer.
    """

    mutant: Mutant
    new: tuple[Found, ...]
    located: bool
    reason: str
    cpu: float = 0.0

    @property
    def found(self) -> bool:
        return bool(self.new)


class Command:
    """A linter that prints a JSON report; `{path}` in the command stands for what it is to check."""

    def __init__(self, command: str, environment: Mapping[str, str] | None = None) -> None:
        self.words = shlex.split(command)
        self.environment = dict(environment or {})

    def check(self, folder: Path, paths: Sequence[str]) -> Report:
        """Lints paths, relative to the folder in which the command runs."""
        words: list[str] = []
        for word in self.words:
            words += paths if word == "{path}" else [word.replace("{python}", sys.executable)]
        run = measure(words, folder=folder, environment=self.environment, limit=LIMIT)
        try:
            return _report(json.loads(run.output), folder, run.cpu)
        except (ValueError, KeyError, TypeError):
            last = (run.errors.strip().splitlines() or ["no output"])[-1]
            return Report(failure=f"no report (exit code {run.code}): {last}", cpu=run.cpu)


def _report(document: dict[str, Any], folder: Path, cpu: float) -> Report:
    def relative(path: str) -> str:
        return Path(os.path.relpath(folder / path, folder)).as_posix()

    findings = {Found(relative(f["path"]), f["line"], f["code"], f["message"]) for f in document["findings"]}
    undecided = document.get("coverage", {}).get("undecided", [])
    return Report(findings, [(relative(u["path"]), u["line"], u["reason"]) for u in undecided], cpu=cpu)


def verdicts(
    linter: Command, folder: Path, package: str, mutants: Sequence[Mutant], *, by_file: bool, jobs: int
) -> Iterator[Verdict]:
    """Yields what a linter makes of each change of a package.

    Args:
        folder: Holds the package, unchanged; it is copied.
        by_file: Lint the file that changes and those whose functions were active, instead of the whole package.
        jobs: Runs at the same time.
    """

    def paths(mutant: Mutant) -> tuple[str, ...]:
        return tuple(dict.fromkeys((mutant.path, *mutant.stack))) if by_file else (package,)

    groups = list(dict.fromkeys(paths(mutant) for mutant in mutants))
    changes = [*((None, group) for group in groups), *((mutant, paths(mutant)) for mutant in mutants)]
    found = reports(linter, folder, (package,), changes, jobs=jobs)
    before = {group: next(found) for group in groups}
    for mutant, after in zip(mutants, found):
        yield judge(mutant, before[paths(mutant)], after)


def reports(
    linter: Command,
    folder: Path,
    parts: Sequence[str],
    changes: Sequence[tuple[Mutant | None, Sequence[str]]],
    *,
    jobs: int,
    suffixes: tuple[str, ...] = (".py",),
) -> Iterator[Report]:
    """Yields the report on each change of a project, or for None on the unchanged one.

    Args:
        folder: Holds the project, of which the parts (files and folders in it) are copied.
        changes: Each with the paths that are linted.
        jobs: Runs at the same time.
        suffixes: Of the files in these folders that are copied.
    """
    with tempfile.TemporaryDirectory(prefix="bn-lint-mutation-") as temporary:
        copies: queue.SimpleQueue[Path] = queue.SimpleQueue()
        for number in range(jobs):
            copies.put(_copy(folder, parts, Path(temporary).resolve() / str(number), suffixes))

        def check(mutant: Mutant | None, given: Sequence[str]) -> Report:
            copy = copies.get()
            try:
                with _applied(mutant, copy):
                    return linter.check(copy, given)
            finally:
                copies.put(copy)

        with ThreadPoolExecutor(jobs) as pool:
            yield from pool.map(check, *zip(*changes))


def judge(mutant: Mutant, before: Report, after: Report) -> Verdict:
    """Compares the reports on the unchanged and on the changed package."""
    new = tuple(sorted(after.findings - before.findings, key=lambda f: (f.path, f.line, f.code)))
    near = any(f.path == mutant.path and abs(f.line - mutant.line) <= NEAR for f in new)
    failure = after.failure or before.failure
    if failure:
        return Verdict(mutant, (), False, failure, after.cpu)
    return Verdict(mutant, new, near, "" if new else _reason(mutant, after), after.cpu)


def _reason(mutant: Mutant, report: Report) -> str:
    reasons = {
        abs(line - mutant.line): reason
        for path, line, reason in report.undecided
        if path == mutant.path and abs(line - mutant.line) <= NEAR
    }
    return reasons[min(reasons)] if reasons else "the linter names no reason"


def _copy(folder: Path, parts: Sequence[str], target: Path, suffixes: tuple[str, ...]) -> Path:
    def left_out(directory: str, names: list[str]) -> list[str]:
        return [name for name in names if not (name.endswith(suffixes) or Path(directory, name).is_dir())]

    target.mkdir()
    for part in parts:
        if (folder / part).is_dir():
            shutil.copytree(folder / part, target / part, ignore=left_out)
        else:
            shutil.copy(folder / part, target / part)
    # The top of a project: a linter need not look for imported modules further up.
    (target / "pyproject.toml").touch()
    return target


@contextmanager
def _applied(mutant: Mutant | None, copy: Path) -> Iterator[None]:
    if mutant is None:
        yield
        return
    path = copy / mutant.path
    original = path.read_bytes()
    path.write_bytes(mutant.apply(original).encode())
    try:
        yield
    finally:
        path.write_bytes(original)
