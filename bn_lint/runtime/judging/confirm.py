"""Holds static findings against a trace: what really ran confirms them, refutes them, or did not get there."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace

from bn_lint.check.registry import BUILT_IN_RULES, RuleSet
from bn_lint.check.report import Report
from bn_lint.facts import Place, Shows
from bn_lint.rule import Confirmation, Finding, Rule
from bn_lint.runtime.document.document import Document, LayerTrace

#: Evidence that is a step on the way, and no property of another layer.
_STEPS = (Shows.CALL, Shows.CONSTRUCTION)


def confirm(
    findings: Iterable[Finding],
    traced: Iterable[Finding],
    document: Document,
    changed: Collection[str] = (),
    rules: RuleSet = BUILT_IN_RULES,
) -> list[Finding]:
    """The findings with `confirmed` set: True when the run showed the same, False when it ran there without, else None.

    Args:
        traced: What the trace showed, by all rules.
        changed: Files that are not what ran: nothing is said about findings that touch them.
    """
    by_code = {rule.code: rule for rule in rules.rules}
    shown = [finding for finding in traced if not _touches(finding, changed)]

    def verdict(finding: Finding) -> bool | None:
        rule = by_code.get(finding.code)  # a syntax error has none
        return None if rule is None or _touches(finding, changed) else _verdict(finding, rule, shown, document)

    return [replace(finding, confirmed=verdict(finding)) for finding in findings]


def confirm_report(report: Report, document: Document) -> None:
    """Mark the findings of a report, and remark which of its files are not what ran."""
    from bn_lint.check.judge import judge_facts
    from bn_lint.runtime.document.moved import changed
    from bn_lint.runtime.document.sources import TraceSources
    from bn_lint.runtime.judging.judge_trace import observed

    different = changed(document, report.sources)
    traced = judge_facts(observed(document, TraceSources(document)), report.rules.rules, {}, source="runtime").findings
    report.findings = confirm(report.findings, traced, document, different, report.rules)
    report.is_held_against_trace = True
    for path in sorted({place.path for finding in report.visible for place in _places(finding)} & different):
        report.remarks.append(f"{path} has changed since the run: findings that involve it are not compared.")


def _places(finding: Finding) -> list[Place]:
    return [finding.place, *(each.place for each in finding.evidence)]


def _touches(finding: Finding, files: Collection[str]) -> bool:
    return any(place.path in files for place in _places(finding))


def _verdict(finding: Finding, rule: Rule, shown: list[Finding], document: Document) -> bool | None:
    same = _same_training if rule.confirmed_by is Confirmation.TRAINING else _same_place
    if any(other.code in (rule.code, *rule.same_as) and same(finding, other) for other in shown):
        return True
    return False if _exercised(finding, rule, document) else None


def _same_training(finding: Finding, other: Finding) -> bool:
    """Whether the other finding speaks of the training that the first step of evidence shows."""
    return any(_overlap(step.place, place) for step in finding.evidence[:1] for place in _places(other))


def _same_place(finding: Finding, other: Finding) -> bool:
    mine, others = _places(finding), _places(other)
    return any(_overlap(finding.place, place) for place in others) or any(
        _overlap(place, other.place) for place in mine
    )


def _overlap(place: Place, other: Place) -> bool:
    return place.path == other.path and place.line <= other.end_line and other.line <= place.end_line


def _exercised(finding: Finding, rule: Rule, document: Document) -> bool:
    """Whether the run did what the finding speaks of."""
    places = _places(finding)
    layers = [layer for part in document.everywhere for layer in part.layers]
    match rule.confirmed_by:
        case Confirmation.CONSTRUCTION:
            return any(_at(layer.built, places[:1]) for layer in layers)
        case Confirmation.CALL:
            return any(
                _ran(layer)
                and (_at(layer.built, places) or _called_at(layer, places[:1]))
                and all(_led_to(layer, each.place) for each in finding.evidence if each.shows in _STEPS)
                for layer in layers
            )
        case Confirmation.MODEL_CALL:
            return any(_ran(layer) and _called_at(layer, places[:1]) for layer in layers)
        case Confirmation.SWITCH:
            return any(_at(mode.place, places[:1]) for part in document.everywhere for mode in part.modes)
    return False


def _led_to(layer: LayerTrace, place: Place) -> bool:
    """Whether a step on the way of the finding (a model that is built, a call) was a step of the run, too."""
    return _called_at(layer, [place]) or any(_at(each, [place]) for each in layer.built_path)


def _ran(layer: LayerTrace) -> bool:
    return any(calls.failed is None and calls.count and calls.kind != "other" for calls in layer.calls)


def _called_at(layer: LayerTrace, places: list[Place]) -> bool:
    return any(_at(one.call, places) or _at(one.model, places) for calls in layer.calls for one in calls.reached)


def _at(place: Place | None, places: list[Place]) -> bool:
    return place is not None and any(_overlap(place, other) for other in places)
