"""What bn-lint makes of the changed scripts of the repositories."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks import toml
from benchmarks.modes.score import Result
from benchmarks.modes.scripts import EFFECTS
from benchmarks.mutation.mutants import CONTROL, Mutant
from benchmarks.mutation.score import Command, Report, reports
from benchmarks.projects.places import chosen, linted, rewritten, scripts
from benchmarks.projects.projects import SUFFIXES, Project

VERDICTS = Path(__file__).with_name("mutants.toml")
#: The rules that are about modes, batches and freezing.
GROUPS = ("BN1", "BN2", "BN3")
#: A finding is located at a mode call, a loader, or in the function that changed.
_PLACE = re.compile(r"\.(eval|train)\(|DataLoader\(|batch_size|drop_last")
_FUNCTION = re.compile(r"( *)(?:async +)?def ")


@dataclass(frozen=True)
class Verdict:
    """What a mutation does, by somebody who read the script; `effect` as in the benchmark of modes."""

    script: str
    line: int
    operator: str
    effect: str
    why: str


Key = tuple[str, int, str]


@dataclass(frozen=True)
class Score:
    """One script with the results of its changes, without those that are excluded or that nobody judged."""

    project: Project
    path: str
    results: tuple[Result, ...]
    unjudged: tuple[Mutant, ...]
    excluded: int

    @property
    def name(self) -> str:
        return f"{self.project.name}/{self.path}"


def load_verdicts(path: Path = VERDICTS) -> dict[Key, Verdict]:
    """Returns what is known about each mutant.

    Raises:
        ValueError: an entry says nothing about the effect or its reason, or there are two about the same mutant.
    """
    known: dict[Key, Verdict] = {}
    for entry in toml.read(path).get("mutant", []):
        verdict = Verdict(**entry)
        key = verdict.script, verdict.line, verdict.operator
        if verdict.effect not in EFFECTS or not verdict.why.strip() or key in known:
            raise ValueError(f"{path.name} says nothing, or too much, about {key}.")
        known[key] = verdict
    return known


def score(project: Project, tree: Path, linter: Command, known: Mapping[Key, Verdict]) -> list[Score]:
    """Lints the scripts of a repository, each of their mutants, and each script written differently."""
    return [_score(project, tree, path, linter, known) for path in scripts(tree)]


def _score(project: Project, tree: Path, path: str, linter: Command, known: Mapping[Key, Verdict]) -> Score:
    script = f"{project.name}/{path}"
    drawn = list(chosen(tree, path))
    judged = [(m, known[script, m.line, m.operator]) for m in drawn if (script, m.line, m.operator) in known]
    unjudged = tuple(m for m in drawn if (script, m.line, m.operator) not in known)
    kept = [(mutant, verdict) for mutant, verdict in judged if verdict.effect != "excluded"]
    if not kept:
        return Score(project, path, (), unjudged, len(judged))
    paths = linted(tree, path)
    equal = Verdict(script, 0, CONTROL, "none", "the same program, written differently")
    changes = [*kept, (rewritten(tree, path), equal)]
    given = [(None, paths), *((mutant, paths) for mutant, _ in changes)]
    parts = [each.name for each in tree.iterdir()]
    # A notebook may be the program that trains, and a configuration may say what.
    before, *after = reports(linter, tree, parts, given, jobs=1, suffixes=SUFFIXES)
    lines = (tree / path).read_text(encoding="utf-8", errors="replace").splitlines()
    results = tuple(judge(m, v, lines, before, report) for (m, v), report in zip(changes, after))
    return Score(project, path, results, unjudged, len(judged) - len(kept))


def judge(mutant: Mutant, verdict: Verdict, lines: list[str], before: Report, after: Report) -> Result:
    """Compares the reports on the unchanged and on the changed script, whose lines are given."""
    failure = after.failure or before.failure
    new = sorted(after.findings - before.findings, key=lambda f: (f.path != mutant.path, f.line, f.code))
    new = [] if failure else [found for found in new if found.code.startswith(GROUPS)]
    located = any(_located(mutant, found.path, found.line, lines) for found in new)
    return Result(mutant, verdict.effect, verdict.why, tuple(new), located, failure, after.cpu)


def stanza(script: str, mutant: Mutant) -> str:
    """Returns an entry for the verdict file, to be filled in by whoever reads the script."""
    fields = {"script": script, "line": mutant.line, "operator": mutant.operator, "effect": "", "why": ""}
    return "\n".join(("[[mutant]]", *(f"{name} = {json.dumps(value)}" for name, value in fields.items()), ""))


def _located(mutant: Mutant, path: str, line: int, lines: list[str]) -> bool:
    """A finding in another file is at a call that the changed function is reached by."""
    if path != mutant.path:
        return False
    start, end = _function(lines, mutant.line)
    return start <= line <= end or _PLACE.search(lines[line - 1]) is not None


def _function(lines: list[str], line: int) -> tuple[int, int]:
    """The first and the last line of the function around a line, or of the module."""
    for start in range(line, 0, -1):
        if (match := _FUNCTION.match(lines[start - 1])) and not _ends(lines, start, line, len(match[1])):
            end = next(
                (n for n in range(line + 1, len(lines) + 1) if _outside(lines[n - 1], len(match[1]))), len(lines)
            )
            return start, end
    return 1, len(lines)


def _ends(lines: list[str], start: int, line: int, indent: int) -> bool:
    return any(_outside(text, indent) for text in lines[start:line])


def _outside(text: str, indent: int) -> bool:
    return bool(text.strip()) and len(text) - len(text.lstrip()) <= indent and text.lstrip()[0] not in ")#]}\"'"
