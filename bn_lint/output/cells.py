"""Places in notebooks as people know them: by cell."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bn_lint.check.explain_line import Explanation
    from bn_lint.check.report import Report
    from bn_lint.facts import Evidence, Inventory, ModelLayer, Place, Problem, Undecided
    from bn_lint.rule import Finding, Fix
    from bn_lint.static.explain import Subject


def in_cells(report: Report) -> Report:
    """The report with each place in a notebook counted within its cell."""
    found = (
        *report.findings,
        *report.problems,
        *report.revealed,
        *(report.coverage.undecided if report.coverage else ()),
        *(report.coverage.calls if report.coverage else ()),
    )
    paths = {each.place.path for each in found}
    if report.coverage is not None:
        paths |= report.coverage.inventory.paths
    if not any(path.endswith(".ipynb") for path in paths):
        return report
    cells = _Cells(report)
    coverage = report.coverage
    if coverage is not None:
        coverage = replace(
            coverage,
            undecided=[cells.undecided(each) for each in coverage.undecided],
            calls=[replace(each, place=cells.place(each.place)) for each in coverage.calls],
            inventory=cells.inventory(coverage.inventory),
        )
    shown = report.with_places([cells.finding(each) for each in report.findings], coverage)
    shown.problems = [cells.problem(each) for each in report.problems]
    shown.revealed = [cells.evidence(each) for each in report.revealed]
    return shown


def explanation_in_cells(explanation: Explanation) -> Explanation:
    """The explanation with each place in a notebook counted within its cell."""
    cells = _Cells(explanation.report)
    return replace(
        explanation,
        place=cells.place(explanation.place),
        subjects=[cells.subject(each) for each in explanation.subjects],
        report=in_cells(explanation.report),
        off=[cells.finding(each) for each in explanation.off],
        elsewhere=[cells.finding(each) for each in explanation.elsewhere],
        problems=[cells.problem(each) for each in explanation.problems],
    )


class _Cells:
    def __init__(self, report: Report) -> None:
        self._sources = report.sources

    def place(self, place: Place) -> Place:
        source = self._sources.given(place.path) if place.path.endswith(".ipynb") else None
        return place if source is None else source.located(place)

    def finding(self, finding: Finding) -> Finding:
        return replace(
            finding,
            place=self.place(finding.place),
            evidence=tuple(map(self.evidence, finding.evidence)),
            fix=None if finding.fix is None else self._fix(finding.fix),
        )

    def problem(self, problem: Problem) -> Problem:
        return replace(problem, place=self.place(problem.place))

    def undecided(self, undecided: Undecided) -> Undecided:
        return replace(undecided, place=self.place(undecided.place))

    def inventory(self, inventory: Inventory) -> Inventory:
        return replace(
            inventory,
            models=tuple(
                replace(model, place=self.place(model.place), layers=tuple(map(self._layer, model.layers)))
                for model in inventory.models
            ),
            loose=tuple(map(self._layer, inventory.loose)),
            tensors=tuple(replace(tensor, place=self.place(tensor.place)) for tensor in inventory.tensors),
            modules=tuple(replace(module, place=self.place(module.place)) for module in inventory.modules),
        )

    def _layer(self, layer: ModelLayer) -> ModelLayer:
        return replace(layer, built=self.place(layer.built))

    def subject(self, subject: Subject) -> Subject:
        return replace(subject, place=self.place(subject.place), told=tuple(map(self.evidence, subject.told)))

    def evidence(self, evidence: Evidence) -> Evidence:
        return evidence._replace(place=self.place(evidence.place))

    def _fix(self, fix: Fix) -> Fix:
        return replace(fix, edits=tuple(replace(edit, place=self.place(edit.place)) for edit in fix.edits))
