"""Real mistakes with BatchNorm: the trees before and after the commit that mended them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import toml
from benchmarks.linter import Linter
from benchmarks.mutation.table import share
from benchmarks.projects.precision import lint
from benchmarks.projects.projects import FIRST, Project

FIXES = Path(__file__).with_name("fixes.toml")


@dataclass(frozen=True)
class Fix:
    """A commit.

    Attributes:
        before: The commit before it.
        path: The file with the mistake.
        rules: Each of them would say what was wrong.
        also: Other files where the same mistake may be said, such as that of a caller.
        draw: With which others it was chosen, all of them before the first was linted.
    """

    project: str
    commit: str
    before: str
    path: str
    rules: tuple[str, ...]
    wrong: str
    also: tuple[str, ...] = ()
    draw: str = FIRST

    @property
    def repository(self) -> Project:
        return Project(self.project, self.commit, self.draw)


@dataclass(frozen=True)
class Outcome:
    """What a linter says: whether it finds the mistake, and whether that finding is gone after the fix."""

    fix: Fix
    found: bool
    gone: bool


def load_fixes(path: Path = FIXES) -> list[Fix]:
    """Returns the commits, in the order of the file."""
    return [
        Fix(**{**entry, "rules": tuple(entry["rules"]), "also": tuple(entry.get("also", ()))})
        for entry in toml.read(path)["fix"]
    ]


def judge(fix: Fix, before: Sequence[tuple[str, str, str]], after: Sequence[tuple[str, str, str]]) -> Outcome:
    """Compares the findings, each a path, a code and a message; some may have been there all the time."""

    def about(findings: Sequence[tuple[str, str, str]]) -> list[tuple[str, str, str]]:
        return [finding for finding in findings if finding[0] in (fix.path, *fix.also) and finding[1] in fix.rules]

    found = about(before)
    return Outcome(fix, bool(found), len(about(after)) < len(found))


def check(fix: Fix, clones: Path | None, linter: Linter) -> Outcome:
    """Lints both trees as a whole."""
    reports = []
    for commit in (fix.before, fix.commit):
        outcome = lint(Project(fix.project, commit), clones, linter)
        reports.append([(finding.path, finding.code, finding.message) for finding in outcome.findings])
    return judge(fix, *reports)


def document(heading: str, outcomes: Sequence[Outcome]) -> str:
    """The report; of the first draw it names the fixes of the seen half alone."""
    lines = ["# Real mistakes before and after their fixes", "", heading, ""]
    lines += ["| Fixes of | Fixes | Found before | Gone after (of the found) |", "|---|--:|--:|--:|"]
    for group in dict.fromkeys(outcome.fix.repository.group for outcome in _in_order(outcomes)):
        among = [outcome for outcome in outcomes if outcome.fix.repository.group == group]
        found = [outcome for outcome in among if outcome.found]
        gone = share(sum(outcome.gone for outcome in found), len(found))
        lines.append(f"| {group} | {len(among)} | {share(len(found), len(among))} | {gone} |")
    for title, named in (("Seen half", _seen), ("Later draws", _later)):
        shown = [outcome for outcome in outcomes if named(outcome.fix.repository)]
        if shown:
            lines += ["", f"## {title}", "", *map(_line, shown)]
    return "\n".join(lines) + "\n"


def _in_order(outcomes: Sequence[Outcome]) -> list[Outcome]:
    return sorted(outcomes, key=lambda o: (_later(o.fix.repository), not _seen(o.fix.repository)))


def _seen(repository: Project) -> bool:
    return repository.half == "seen"


def _later(repository: Project) -> bool:
    return repository.draw != FIRST


def _line(outcome: Outcome) -> str:
    said = ("found, gone" if outcome.gone else "found, stays") if outcome.found else "not found"
    return f"* {outcome.fix.project} {outcome.fix.commit[:7]} {outcome.fix.path}: {said}. {outcome.fix.wrong}"
