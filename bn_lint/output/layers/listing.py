"""What all formats of the table show: each layer with the verdict of the check."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bn_lint.facts import Model, ModelLayer, Place
from bn_lint.output.module_tree import Node, module_tree
from bn_lint.output.text import counted, file_of

if TYPE_CHECKING:
    from bn_lint.check.report import Report
    from bn_lint.rule import Finding

#: What is said of a layer that was checked for nothing: its file was read because others import it.
ELSEWHERE = "its file is not one of those that were checked"


@dataclass(frozen=True)
class Row:
    """One layer.

    Attributes:
        checked: Whether its width was compared with its input; None if its file was not to be checked.
        reason: Why it was not.
        findings: Those about it: in the line that builds it, or with that line as evidence.
    """

    layer: ModelLayer
    checked: bool | None
    reason: str | None
    findings: tuple[Finding, ...] = ()

    @property
    def codes(self) -> list[str]:
        return sorted({finding.code for finding in self.findings})

    @property
    def inputs(self) -> str:
        """`(?, 64, ?, ?)`; several shapes are separated by a space."""
        return " ".join(map(str, self.layer.inputs))

    @property
    def modes(self) -> str:
        """`training`, `training and evaluation`, or nothing."""
        return " and ".join(mode.value for mode in self.layer.modes)

    @property
    def remarks(self) -> list[str]:
        """What there is to say about it besides the columns."""
        said = [{True: "frozen", None: "perhaps frozen"}.get(self.layer.frozen, "")] if self.layer.path else []
        if self.checked is False:
            said.append(f"not checked: {self.reason}")
        return [one for one in said if one]

    @property
    def key(self) -> Hashable:
        """What equal rows share."""
        layer = self.layer
        return layer.class_name, layer.built, layer.num_features, layer.inputs, layer.modes, layer.frozen


@dataclass(frozen=True)
class ListedModel:
    """A model, and its layers as rows."""

    model: Model
    rows: tuple[Row, ...]

    @property
    def title(self) -> str:
        """`ResNet`, or `net = ResNet`."""
        model = self.model
        return f"{model.name} = {model.class_name}" if model.name and model.within is None else model.class_name

    @property
    def origin(self) -> str:
        """Where it comes from: `resnet18, models/resnet.py:298`."""
        place = f"{file_of(self.model.place)}:{self.model.place.line}"
        return place if self.model.within in (None, self.model.class_name) else f"{self.model.within}, {place}"

    @property
    def size(self) -> str:
        """`20 layers`, or `at least 2 layers`."""
        least = "" if self.model.is_complete else "at least "
        return f"{least}{counted(len(self.rows), 'layer')}"

    @property
    def tree(self) -> Node[Row]:
        """The layers as a tree of modules, in which equal ones are folded."""
        rows = [(row.layer.path, row) for row in self.rows]
        return module_tree(rows, lambda row: row.key, dict(self.model.children))


@dataclass(frozen=True)
class Listing:
    """The models of a project, and the layers that are in none.

    Attributes:
        checked: How many of the `total` places that build layers were checked.
        left_out: How many further models there are.
    """

    models: tuple[ListedModel, ...]
    loose: tuple[Row, ...]
    findings: tuple[Finding, ...]
    report: Report
    checked: int
    total: int
    left_out: int


def listing_of(report: Report) -> Listing:
    """The layers of a report that has coverage."""
    coverage = report.coverage
    if coverage is None:
        return Listing((), (), tuple(report.visible), report, 0, 0, 0)
    reasons = {each.place: each.reason for each in coverage.undecided}
    by_place: dict[tuple[str, int | None, int, int], list[Finding]] = {}
    for finding in report.visible:
        for place in dict.fromkeys([finding.place, *(step.place for step in finding.evidence)]):
            by_place.setdefault(_start(place), []).append(finding)

    def row(layer: ModelLayer) -> Row:
        reason = reasons.get(layer.built)
        own = tuple(dict.fromkeys(by_place.get(_start(layer.built), ())))
        if reason is None and report.sources.given(layer.built.path) is None:
            return Row(layer, None, ELSEWHERE, own)
        return Row(layer, reason is None, reason, own)

    inventory = coverage.inventory
    models = tuple(ListedModel(model, tuple(map(row, model.layers))) for model in inventory.models)
    loose = tuple(row(layer) for layer in _in_order(inventory.loose))
    findings = tuple(report.visible)
    return Listing(models, loose, findings, report, coverage.judged, coverage.total, inventory.left_out)


def _in_order(layers: Sequence[ModelLayer]) -> list[ModelLayer]:
    return sorted(layers, key=lambda layer: _order(layer.built))


def _order(place: Place) -> tuple[str, int, int, int]:
    return place.path, place.cell or 0, place.line, place.column


def _start(place: Place) -> tuple[str, int | None, int, int]:
    return place.path, place.cell, place.line, place.column
