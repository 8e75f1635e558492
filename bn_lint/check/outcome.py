"""What the analysis of one unit brought, and its form as JSON, in which processes and runs hand it on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from bn_lint.facts import (
    CheckedCall,
    Coverage,
    Evidence,
    Inventory,
    Mode,
    Model,
    ModelLayer,
    Place,
    Problem,
    Purpose,
    Shows,
    Sizes,
    Steps,
    TensorShape,
    Undecided,
)
from bn_lint.rule import Applicability, Edit, Finding, Fix, Severity


@dataclass
class Outcome:
    """What was found in one unit.

    Attributes:
        findings: Of all rules, also those that are off, in any file that was read.
        tracebacks: Of the defects among the problems.
        revealed: What the calls of `bn_lint.reveal` in the files show.
    """

    findings: list[Finding] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    coverage: Coverage = field(default_factory=Coverage)
    tracebacks: list[str] = field(default_factory=list)
    revealed: list[Evidence] = field(default_factory=list)


def encode(outcome: Outcome, path_as: Callable[[str], str] = str) -> dict[str, Any]:
    """The outcome as JSON values; all paths stand in one table.

    Args:
        path_as: How a path is to be written.
    """
    paths: dict[str, int] = {}

    def place(where: Place) -> list[int]:
        index = paths.setdefault(where.path, len(paths))
        return [index, where.line, where.column, where.end_line, where.end_column]

    def fix(found: Fix | None) -> Any:
        if found is None:
            return None
        return [found.applicability.value, [[place(edit.place), edit.content] for edit in found.edits]]

    document: dict[str, Any] = {
        "findings": [
            {
                "code": finding.code,
                "name": finding.name,
                "severity": finding.severity.value,
                "message": finding.message,
                "place": place(finding.place),
                "evidence": [
                    [step.message, place(step.place), step.shows.name, step.subject] for step in finding.evidence
                ],
                "help": finding.help,
                "fix": fix(finding.fix),
            }
            for finding in outcome.findings
        ],
        "problems": [[each.code, each.message, place(each.place), each.internal] for each in outcome.problems],
        "judged": outcome.coverage.judged,
        "undecided": [[each.reason, place(each.place)] for each in outcome.coverage.undecided],
        "inventory": _encode_inventory(outcome.coverage.inventory, place),
        "steps": [[each.name, each.steps, place(each.place)] for each in outcome.coverage.steps],
        "calls": [
            [None if each.purpose is None else each.purpose.value, each.reason, place(each.place)]
            for each in outcome.coverage.calls
        ],
        "tracebacks": outcome.tracebacks,
        "revealed": [[each.message, place(each.place)] for each in outcome.revealed],
    }
    document["paths"] = [path_as(path) for path in paths]
    return document


def decode(document: Mapping[str, Any], path_as: Callable[[str], str] = str) -> Outcome:
    """The outcome that `encode` wrote.

    Raises:
        KeyError, IndexError, TypeError, ValueError: the document is none.
    """
    paths = [path_as(path) for path in document["paths"]]

    def place(stored: list[int]) -> Place:
        index, line, column, end_line, end_column = stored
        return Place(paths[index], line, column, end_line, end_column)

    def fix(stored: Any) -> Fix | None:
        if stored is None:
            return None
        applicability, edits = stored
        return Fix(Applicability(applicability), tuple(Edit(place(where), content) for where, content in edits))

    return Outcome(
        findings=[
            Finding(
                code=each["code"],
                name=each["name"],
                severity=Severity(each["severity"]),
                message=each["message"],
                place=place(each["place"]),
                evidence=tuple(
                    Evidence(message, place(where), Shows[shows], subject)
                    for message, where, shows, subject in each["evidence"]
                ),
                help=each["help"],
                fix=fix(each["fix"]),
            )
            for each in document["findings"]
        ],
        problems=[
            Problem(code, message, place(where), internal) for code, message, where, internal in document["problems"]
        ],
        coverage=Coverage(
            document["judged"],
            [Undecided(place(where), reason) for reason, where in document["undecided"]],
            [Steps(place(where), name, steps) for name, steps, where in document["steps"]],
            _decode_inventory(document["inventory"], place),
            [
                CheckedCall(place(where), None if purpose is None else Purpose(purpose), reason)
                for purpose, reason, where in document["calls"]
            ],
        ),
        tracebacks=list(document["tracebacks"]),
        revealed=[Evidence(message, place(where)) for message, where in document["revealed"]],
    )


def _encode_inventory(inventory: Inventory, place: Callable[[Place], list[int]]) -> Any:
    def shapes(known: tuple[Sizes, ...]) -> list[Any]:
        return [[shape.ranked, *shape.axes] for shape in known]

    def layer(one: ModelLayer) -> list[Any]:
        modes = [mode.value for mode in one.modes]
        return [one.path, one.class_name, place(one.built), one.num_features, shapes(one.inputs), modes, one.frozen]

    return [
        [
            [
                *(one.name, one.class_name, place(one.place), one.within),
                *(list(map(layer, one.layers)), one.children, one.is_complete),
            ]
            for one in inventory.models
        ],
        list(map(layer, inventory.loose)),
        [[place(one.place), shapes(one.shapes), list(map(place, one.layers))] for one in inventory.tensors],
        inventory.left_out,
    ]


def _decode_inventory(stored: Any, place: Callable[[list[int]], Place]) -> Inventory:
    def shapes(known: list[Any]) -> tuple[Sizes, ...]:
        return tuple(Sizes(tuple(axes), ranked) for ranked, *axes in known)

    def layer(one: list[Any]) -> ModelLayer:
        path, class_name, built, num_features, inputs, modes, frozen = one
        used = tuple(map(Mode, modes))
        return ModelLayer(path, class_name, place(built), num_features, shapes(inputs), used, frozen)

    models, loose, tensors, left_out = stored
    return Inventory(
        tuple(
            Model(name, class_name, place(where), within, tuple(map(layer, layers)), tuple(map(tuple, children)), known)
            for name, class_name, where, within, layers, children, known in models
        ),
        tuple(map(layer, loose)),
        tuple(TensorShape(place(where), shapes(known), tuple(map(place, built))) for where, known, built in tensors),
        left_out,
    )
