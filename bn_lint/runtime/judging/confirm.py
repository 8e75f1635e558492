"""Holds static findings against a trace: what really ran confirms them, refutes them, or did not get there."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace

from bn_lint.check.report import Report
from bn_lint.facts import Place, Shows
from bn_lint.rule import Finding
from bn_lint.runtime.document.document import Document, LayerTrace

#: What a run with the layer in it decides: the layer was called, and the rule judged the call.
_BY_CALL = frozenset({"BN002", "BN003", "BN004", "BN201", "BN203", "BN204", "BN405", "BN605"})
#: What the construction alone decides.
_BY_CONSTRUCTION = frozenset({"BN401", "BN402"})
#: What a run of the model decides: its modes at the line that calls it.
_BY_MODEL = frozenset({"BN101", "BN103", "BN104", "BN105", "BN112", "BN301"})
#: What the call that switches the mode decides.
_BY_MODE = frozenset({"BN302"})
#: Evidence that is a step on the way, and no property of another layer.
_STEPS = (Shows.CALL, Shows.CONSTRUCTION)
#: Different names that a run may have for the same mistake.
_SAME = ({"BN002", "BN003", "BN004"}, {"BN101", "BN104"}, {"BN103", "BN105"})


def confirm(
    findings: Iterable[Finding], traced: Iterable[Finding], document: Document, changed: Collection[str] = ()
) -> list[Finding]:
    """The findings with `confirmed` set: True when the run showed the same, False when it ran there without, else None.

    Args:
        traced: What the trace showed, by all rules.
        changed: Files that are not what ran: nothing is said about findings that touch them.
    """
    shown = [finding for finding in traced if not _touches(finding, changed)]
    return [
        replace(finding, confirmed=None if _touches(finding, changed) else _verdict(finding, shown, document))
        for finding in findings
    ]


def confirm_report(report: Report, document: Document) -> None:
    """Mark the findings of a report, and remark which of its files are not what ran."""
    from bn_lint.runtime.document.moved import changed
    from bn_lint.runtime.judging.judge_trace import judge

    different = changed(document, report.sources)
    traced = judge(document, ["ALL"], isolated=True).findings
    report.findings = confirm(report.findings, traced, document, different)
    report.is_held_against_trace = True
    for path in sorted({place.path for finding in report.visible for place in _places(finding)} & different):
        report.remarks.append(f"{path} is not what ran: the trace tells nothing about findings that touch it.")


def _places(finding: Finding) -> list[Place]:
    return [finding.place, *(each.place for each in finding.evidence)]


def _touches(finding: Finding, files: Collection[str]) -> bool:
    return any(place.path in files for place in _places(finding))


def _verdict(finding: Finding, shown: list[Finding], document: Document) -> bool | None:
    codes = next((group for group in _SAME if finding.code in group), {finding.code})
    if any(other.code in codes and _same_place(finding, other) for other in shown):
        return True
    if finding.code == "BN202" and any(other.code == "BN201" and _same_training(finding, other) for other in shown):
        return True
    return False if _exercised(finding, document) else None


def _same_training(finding: Finding, other: Finding) -> bool:
    """Whether the batch of one that a loader leaves over is what failed: the first step of evidence is the training."""
    return any(_overlap(finding.evidence[0].place, place) for place in _places(other))


def _same_place(finding: Finding, other: Finding) -> bool:
    mine, others = _places(finding), _places(other)
    return any(_overlap(finding.place, place) for place in others) or any(
        _overlap(place, other.place) for place in mine
    )


def _overlap(place: Place, other: Place) -> bool:
    return place.path == other.path and place.line <= other.end_line and other.line <= place.end_line


def _exercised(finding: Finding, document: Document) -> bool:
    """Whether the run did what the finding speaks of."""
    places = _places(finding)
    layers = [layer for part in document.everywhere for layer in part.layers]
    if finding.code in _BY_CONSTRUCTION:
        return any(_at(layer.built, places[:1]) for layer in layers)
    if finding.code in _BY_CALL:
        return any(
            _ran(layer)
            and (_at(layer.built, places) or _called_at(layer, places[:1]))
            and all(_led_to(layer, each.place) for each in finding.evidence if each.shows in _STEPS)
            for layer in layers
        )
    if finding.code in _BY_MODEL:
        return any(_ran(layer) and _called_at(layer, places[:1]) for layer in layers)
    if finding.code in _BY_MODE:
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
