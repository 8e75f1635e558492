"""The report for programs. Fields may be added within version 1; none changes its meaning or goes away."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from bn_lint.project.tool_codes import TOOL_CODES

if TYPE_CHECKING:
    from bn_lint.check.report import Report
    from bn_lint.facts import Coverage, Evidence, Place, Problem
    from bn_lint.rule import Finding, Fix

VERSION = 1


def render(report: Report, *, coverage: bool = False) -> str:
    """One JSON object, with an end of line."""
    document: dict[str, Any] = {
        "version": VERSION,
        "findings": [fields(finding) for finding in report.visible],
        "errors": [_problem(problem) for problem in report.problems],
        "files": report.files,
    }
    if report.revealed:
        document["revealed"] = [evidence(step) for step in report.revealed]
    if coverage:
        document["coverage"] = _coverage(report.coverage)
    # ASCII only, so that neither the terminal's encoding nor an odd file name can break it.
    return json.dumps(document, indent=2) + "\n"


def cell(place: Place) -> dict[str, int]:
    """The cell, of a place in a notebook."""
    return {} if place.cell is None else {"cell": place.cell}


def fields(finding: Finding) -> dict[str, Any]:
    """A finding as JSON values."""
    return {
        "code": finding.code,
        "name": finding.name,
        "severity": finding.severity.value,
        "message": finding.message,
        "path": finding.place.path,
        **cell(finding.place),
        "line": finding.place.line,
        "column": finding.place.column,
        "end_line": finding.place.end_line,
        "end_column": finding.place.end_column,
        "evidence": [evidence(step) for step in finding.evidence],
        "help": finding.help,
        "fix": None if finding.fix is None else _fix(finding.fix),
        "source": finding.source,
        "confirmed": finding.confirmed,
    }


def evidence(step: Evidence) -> dict[str, Any]:
    """A step of evidence as JSON values."""
    return {"message": step.message, "path": step.place.path, **cell(step.place), "line": step.place.line}


def _fix(fix: Fix) -> dict[str, Any]:
    edits = [
        {
            "path": edit.place.path,
            **cell(edit.place),
            "line": edit.place.line,
            "column": edit.place.column,
            "end_line": edit.place.end_line,
            "end_column": edit.place.end_column,
            "content": edit.content,
        }
        for edit in fix.edits
    ]
    return {"applicability": fix.applicability.value, "edits": edits}


def _coverage(coverage: Coverage | None) -> dict[str, Any]:
    if coverage is None:
        return {"judged": 0, "total": 0, "undecided": [], "calls": []}
    document: dict[str, Any] = {"judged": coverage.judged, "total": coverage.total}
    document["undecided"] = [{**_position(each.place), "reason": each.reason} for each in coverage.undecided]
    document["calls"] = [
        {
            **_position(each.place),
            "purpose": None if each.purpose is None else each.purpose.value,
            "reason": each.reason or None,
        }
        for each in coverage.calls
    ]
    if coverage.steps:
        document["steps"] = [
            {"path": each.place.path, "line": each.place.line, "name": each.name, "steps": each.steps}
            for each in coverage.steps
        ]
    return document


def _problem(problem: Problem) -> dict[str, Any]:
    return {
        "code": problem.code,
        "name": TOOL_CODES[problem.code].name,
        "message": problem.message,
        **_position(problem.place),
    }


def _position(place: Place) -> dict[str, Any]:
    return {"path": place.path, **cell(place), "line": place.line, "column": place.column}
