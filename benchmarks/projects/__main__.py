"""Lints research repositories, as they are and with mistakes made in them: `python -m benchmarks.projects`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.false_positives.verdicts import judge, load_verdicts
from benchmarks.false_positives.verdicts import stanza as finding_stanza
from benchmarks.linter import Linter, installed
from benchmarks.machine import RESULTS, heading
from benchmarks.mutation.score import Command
from benchmarks.projects import fixes, mutants, precision
from benchmarks.projects.projects import FIRST, Project, load_projects
from benchmarks.projects.table import mutant_document, precision_document

LINTER = "{python} -m bn_lint check --isolated --no-cache -j 1 --output-format json {path}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one of the benchmarks; returns 1 where a finding or a mutant has no verdict."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.projects", description=__doc__)
    add = parser.add_argument
    add("what", choices=("precision", "mutants", "fixes"))
    add("--clones", type=Path, metavar="FOLDER", help="bare clones; not needed for what was checked out before")
    add("--draw", help="only this draw (default: all; for mutants the first)")
    add("--half", choices=("seen", "unseen"), help="only this half (default: both); later draws are unseen")
    add("--project", action="append", metavar="TEXT", help="only repositories with this in their names (repeatable)")
    options = parser.parse_args(arguments)

    def chosen(project: Project) -> bool:
        return (
            options.half in (None, project.half)
            and (options.draw or (FIRST if options.what == "mutants" else None)) in (None, project.draw)
            and (not options.project or any(text.lower() in project.name.lower() for text in options.project))
        )

    with installed() as linter:
        head = heading("benchmarks.projects")  # while the linter is what was just installed
        if options.what == "fixes":
            mended = [fix for fix in fixes.load_fixes() if chosen(fix.repository)]
            report, missing = _fixes(mended, options.clones, linter, head), list[str]()
        else:
            run = _precision if options.what == "precision" else _mutants
            report, missing = run([p for p in load_projects() if chosen(p)], options.clones, linter, head)
    if options.project or options.half or options.draw:
        _say(report)
    else:
        (RESULTS / f"projects_{options.what}.md").write_text(report, encoding="utf-8")
    if missing:
        _say("Read these, and record verdicts:\n\n" + "\n".join(missing))
    return 1 if missing else 0


def _precision(projects: Sequence[Project], clones: Path | None, linter: Linter, head: str) -> tuple[str, list[str]]:
    outcomes = []
    for project in projects:
        outcomes.append(precision.lint(project, clones, linter))
        _say(f"{project.name}: {len(outcomes[-1].findings)} findings, {outcomes[-1].cpu:.1f} s")
    findings = [finding for outcome in outcomes for finding in outcome.findings]
    judgment = judge(findings, load_verdicts(precision.VERDICTS), [precision.package(p) for p in projects])
    return precision_document(head, projects, outcomes, judgment), [finding_stanza(f) for f in judgment.unjudged]


def _mutants(projects: Sequence[Project], clones: Path | None, linter: Linter, head: str) -> tuple[str, list[str]]:
    known = mutants.load_verdicts()
    command = Command(LINTER, linter.environment)
    scores = []
    for project in projects:
        scores += mutants.score(project, project.tree(clones), command, known)
        _say(project.name)
    missing = [mutants.stanza(score.name, mutant) for score in scores for mutant in score.unjudged]
    return mutant_document(head, scores), missing


def _fixes(mended: Sequence[fixes.Fix], clones: Path | None, linter: Linter, head: str) -> str:
    outcomes = []
    for fix in mended:
        outcomes.append(fixes.check(fix, clones, linter))
        _say(f"{fix.project} {fix.commit[:7]}: {'found' if outcomes[-1].found else 'not found'}")
    return fixes.document(head, outcomes)


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
