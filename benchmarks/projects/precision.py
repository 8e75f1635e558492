"""Precision on research code: by finding, by repository and rule, and without what is said most often."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from benchmarks.false_positives.lint import Finding, Outcome, Package, lint_folder
from benchmarks.false_positives.verdicts import Judgment, Verdict
from benchmarks.linter import Linter
from benchmarks.mutation.table import share
from benchmarks.projects.projects import Project

VERDICTS = Path(__file__).with_name("verdicts.toml")
#: Seconds of one repository.
LIMIT = 900.0
#: Pairs of a repository and a rule, of both halves, that are left out for a look at the rest.
IDIOMS = 10
_NOT_JUDGED = "BN9"


def package(project: Project) -> Package:
    """Returns the name and version that verdicts about a repository have."""
    return Package(project.name, project.commit[:10])


def lint(project: Project, clones: Path | None, linter: Linter) -> Outcome:
    """Lints the tree of a repository; notes and syntax errors are no findings about BatchNorm."""
    outcome = lint_folder(package(project), project.tree(clones), linter, LIMIT)
    notes = [f for f in outcome.findings if f.code.startswith(_NOT_JUDGED)]
    outcome.incomplete += [f"{f.code} {f.path}:{f.line} {f.message}" for f in notes]
    outcome.findings = [f for f in outcome.findings if f not in notes]
    return outcome


def summary(title: str, outcomes: Sequence[Outcome], judgment: Judgment) -> str:
    """Returns Markdown: what share of the findings about some repositories is true."""
    names = {outcome.package.name for outcome in outcomes}
    judged = [(finding, verdict) for finding, verdict in judgment.judged if finding.package in names]
    pairs = Counter(_pair(finding) for finding, _ in judgment.judged)
    often = [pair for pair, _ in pairs.most_common(IDIOMS)]
    rest = [(finding, verdict) for finding, verdict in judged if _pair(finding) not in often]
    errors = sum(finding.severity == "error" and not (v.true or v.useless) for finding, v in judged)
    late = sum(any("BN903" in text for text in outcome.incomplete) for outcome in outcomes)
    rows = [
        ("repositories", str(len(outcomes))),
        ("findings, true", _true(verdict for _, verdict in judged)),
        ("findings, true or useless", _right(verdict for _, verdict in judged)),
        ("pairs of repository and rule, all findings true", _pairs(judged)),
        (f"findings without the {IDIOMS} most frequent pairs, true", _true(verdict for _, verdict in rest)),
        ("false findings of severity error", str(errors)),
        ("findings without a verdict", str(sum(finding.package in names for finding in judgment.unjudged))),
        ("crashes", str(sum(len(outcome.crashes) for outcome in outcomes))),
        ("repositories with BN903", share(late, len(outcomes))),
        ("CPU seconds, the slowest repository", _seconds(outcomes)),
    ]
    return "\n".join((f"### {title}", "", "| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows)))


def by_rule(judgment: Judgment) -> str:
    """Returns Markdown: the verdicts by rule."""
    lines = ["| Rule | Findings | True | Useless | False | Repositories |", "|---|--:|--:|--:|--:|--:|"]
    for code in sorted({finding.code for finding, _ in judgment.judged}):
        found = [(finding, verdict) for finding, verdict in judgment.judged if finding.code == code]
        true, useless = sum(v.true for _, v in found), sum(v.useless for _, v in found)
        where = len({finding.package for finding, _ in found})
        lines.append(f"| {code} | {len(found)} | {true} | {useless} | {len(found) - true - useless} | {where} |")
    return "\n".join(lines)


def _pair(finding: Finding) -> tuple[str, str]:
    return finding.package, finding.code


def _pairs(judged: Iterable[tuple[Finding, Verdict]]) -> str:
    pairs: dict[tuple[str, str], bool] = {}
    for finding, verdict in judged:
        pairs[_pair(finding)] = pairs.get(_pair(finding), True) and verdict.true
    return share(sum(pairs.values()), len(pairs))


def _true(verdicts: Iterable[Verdict]) -> str:
    given = list(verdicts)
    return share(sum(verdict.true for verdict in given), len(given))


def _right(verdicts: Iterable[Verdict]) -> str:
    given = list(verdicts)
    return share(sum(verdict.true or verdict.useless for verdict in given), len(given))


def _seconds(outcomes: Sequence[Outcome]) -> str:
    total = sum(outcome.cpu for outcome in outcomes)
    slowest = max(outcomes, key=lambda outcome: outcome.cpu)
    return f"{total:.0f}, {slowest.cpu:.0f} ({slowest.package.name})"
