"""What a linter makes of the mutants of the scripts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks.modes.operators import controls, mutations
from benchmarks.modes.scripts import Key, Script, Verdict, key
from benchmarks.mutation.mutants import CONTROL, Mutant
from benchmarks.mutation.score import Command, Found, Report, reports

#: The rules that are about modes and batches.
GROUPS = ("BN1", "BN2")


@dataclass(frozen=True)
class Result:
    """What a linter made of one change.

    Attributes:
        effect: `real`, or `none` for a change that changes nothing: a finding about it is a false alarm.
        new: Findings of the groups in the changed file that the unchanged script does not have.
        located: Whether one of them is at one of the lines concerned.
        failure: Why there is no report; empty if there is one.
    """

    mutant: Mutant
    effect: str
    why: str
    new: tuple[Found, ...]
    located: bool
    failure: str
    cpu: float = 0.0

    @property
    def found(self) -> bool:
        return bool(self.new)


@dataclass(frozen=True)
class Score:
    """One script: the results of its changes, and what the linter says about it as it is."""

    script: Script
    results: tuple[Result, ...]
    before: tuple[Found, ...]
    excluded: int = 0

    @property
    def real(self) -> list[Result]:
        return [result for result in self.results if result.effect == "real"]

    @property
    def harmless(self) -> list[Result]:
        return [result for result in self.results if result.effect == "none"]


def candidates(script: Script) -> list[Mutant]:
    """Returns the mutants of a script, whatever they do."""
    return mutations(script.path, (script.folder() / script.path).read_bytes())


def unjudged(script: Script, known: Mapping[Key, Verdict]) -> list[Mutant]:
    """Returns the mutants of a script that nobody has said anything about."""
    return [mutant for mutant in candidates(script) if key(script, mutant) not in known]


def score(script: Script, known: Mapping[Key, Verdict], linter: Command, *, jobs: int) -> Score:
    """Lints a script and each of its mutants; those without a verdict are left out."""
    judged = [(mutant, known[key(script, mutant)]) for mutant in candidates(script) if key(script, mutant) in known]
    lines = {mutant.line for mutant, verdict in judged if verdict.effect == "real"}
    text = (script.folder() / script.path).read_bytes()
    equal = Verdict(script.name, 0, (CONTROL,), "none", "the same program, written differently")
    changes = [(mutant, verdict) for mutant, verdict in judged if verdict.effect != "excluded"]
    changes += [(mutant, equal) for mutant in controls(script.path, text) if mutant.line in lines]
    given: list[tuple[Mutant | None, Sequence[str]]] = [(None, script.paths)]
    given += [(mutant, script.paths) for mutant, _ in changes]
    parts = [each.name for each in script.folder().iterdir() if each.is_dir() or each.suffix == ".py"]
    before, *after = reports(linter, script.folder(), parts, given, jobs=jobs)
    results = tuple(judge(mutant, verdict, before, report) for (mutant, verdict), report in zip(changes, after))
    excluded = sum(verdict.effect == "excluded" for _, verdict in judged)
    return Score(script, results, _relevant(before, script.path), excluded)


def judge(mutant: Mutant, verdict: Verdict, before: Report, after: Report) -> Result:
    """Compares the reports on the unchanged and on the changed script."""
    failure = after.failure or before.failure
    new = () if failure else tuple(f for f in _relevant(after, mutant.path) if f not in before.findings)
    located = any(found.line in verdict.at for found in new)
    return Result(mutant, verdict.effect, verdict.why, new, located, failure, after.cpu)


def _relevant(report: Report, path: str) -> tuple[Found, ...]:
    found = [f for f in report.findings if f.path == path and f.code.startswith(GROUPS)]
    return tuple(sorted(found, key=lambda f: (f.line, f.code, f.message)))
