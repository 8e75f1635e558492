"""The reports, in Markdown. What is said of the unseen half are numbers alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from benchmarks.false_positives.lint import Outcome
from benchmarks.false_positives.verdicts import Judgment
from benchmarks.modes.operators import MUTATIONS
from benchmarks.modes.table import cells
from benchmarks.mutation.mutants import CONTROL
from benchmarks.projects.mutants import Score
from benchmarks.projects.precision import by_rule, summary
from benchmarks.projects.projects import Project

_PRECISION = """What bn-lint reports with its default settings about research repositories. Somebody read each
finding against the source; `benchmarks/projects/verdicts.toml` says why it is true, false, or useless: right, but
nobody would want to know. A hash of its name says to which half a repository of the first draw belongs. The unseen half
was read in the end, so a later draw decides, by what was said when it was linted first."""
_MUTANTS = """Each mutant takes a mode switch or what keeps batches large out of a script of a research repository;
somebody says in `benchmarks/projects/mutants.toml` what that does. Found: a new finding of BN1, BN2 or BN3.
Located: in the changed function, or at a mode call or a loader (of the found ones). Harmless changes do nothing,
as the control: all places of a script written differently. `no-parentheses` is found without knowing the model,
by BN102."""


def precision_document(
    heading: str, projects: Sequence[Project], outcomes: Sequence[Outcome], judgment: Judgment
) -> str:
    """The report about the repositories as they are."""
    parts = ["# Precision on research repositories", heading, _PRECISION]
    groups: dict[str, list[Outcome]] = {}
    of = {project.name: project.group for project in projects}
    for outcome in outcomes:
        groups.setdefault(of[outcome.package.name], []).append(outcome)
    parts += [summary(f"The {name}", group, judgment) for name, group in groups.items()]
    parts += [by_rule(judgment), "## Not judged", _not_judged(groups)]
    return "\n\n".join(parts) + "\n"


def mutant_document(heading: str, scores: Sequence[Score]) -> str:
    """The report about the changed repositories."""
    parts = ["# Mode, freezing and batch mutants in research repositories", heading, _MUTANTS]
    for name in dict.fromkeys(score.project.group for score in scores if score.results):
        parts += [f"## The {name}", by_operator([score for score in scores if score.project.group == name])]
    missed = [
        f"* {score.name}, line {result.mutant.line} {result.mutant.operator}: {result.why}"
        for score in scores
        for result in score.results
        if result.effect == "real" and not result.found
    ]
    return "\n\n".join([*parts, "## Not found", "\n".join(missed)]) + "\n"


def by_operator(scores: Sequence[Score]) -> str:
    """Markdown: one row for each operator, and one for all; how many scripts, and how many mutants are left out."""
    results = [result for score in scores for result in score.results]
    lines = [
        "| Operator | Mutants | Found | Located | Harmless | False alarms |",
        "|---|--:|--:|--:|--:|--:|",
        *(
            f"| {name}: {meaning} | {cells([r for r in results if r.mutant.operator == name])} |"
            for name, meaning in {**MUTATIONS, CONTROL: "the same, written differently"}.items()
        ),
        f"| **All** | {cells(results)} |",
        f"| without no-parentheses | {cells([r for r in results if r.mutant.operator != 'no-parentheses'])} |",
    ]
    scripts = [score for score in scores if score.results]
    excluded = sum(score.excluded for score in scores)
    missing = sum(len(score.unjudged) for score in scores)
    cpu = sum(result.cpu for result in results)
    return "\n".join(lines) + (
        f"\n\n{len(scripts)} scripts of {len({score.project.name for score in scripts})} repositories, "
        f"{cpu / 60:.0f} minutes of CPU time; {excluded} mutants are left out since opinions differ, "
        f"{missing} since nobody said anything about them."
    )


def _not_judged(groups: Mapping[str, Sequence[Outcome]]) -> str:
    lines = []
    for name, group in groups.items():
        for code in ("BN901", "BN902", "BN903"):
            files = [text for outcome in group for text in outcome.incomplete if text.startswith(code)]
            where = sum(any(text.startswith(code) for text in outcome.incomplete) for outcome in group)
            lines.append(f"* {name}: {code} for {len(files)} files in {where} of {len(group)} repositories")
    return "\n".join(lines)
