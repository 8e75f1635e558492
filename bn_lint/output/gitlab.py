"""The code quality report of GitLab."""

from __future__ import annotations

import json

from bn_lint.check.fingerprint import fingerprints
from bn_lint.check.report import Report
from bn_lint.output.text import well_formed, within
from bn_lint.rule import Finding

_SEVERITIES = {"error": "major", "warning": "minor", "info": "info"}


def render(report: Report) -> str:
    """One JSON array, with an end of line."""
    # GitLab shows one entry for each fingerprint, and compares them between branches.
    marks = fingerprints(report.visible, report.sources)
    entries = [
        {
            "description": _description(finding),
            "check_name": finding.name,
            "fingerprint": mark,
            "severity": _SEVERITIES[finding.severity.value],
            "location": {
                "path": finding.place.path,
                "positions": {
                    "begin": {"line": finding.place.line, "column": finding.place.column},
                    "end": {"line": finding.place.end_line, "column": finding.place.end_column},
                },
            },
        }
        for finding, mark in zip(report.visible, marks, strict=True)
    ]
    return json.dumps(well_formed(entries), indent=2) + "\n"


def _description(finding: Finding) -> str:
    """The message, its evidence and the help in one line, which is all that GitLab shows."""
    parts = [f"{finding.code}: {within(finding.place)}{finding.message}"]
    parts += [f"{step.message} ({step.place.file}:{step.place.line})" for step in finding.evidence]
    parts += [] if finding.help is None else [f"help: {finding.help}"]
    return "; ".join(" ".join(part.split()) for part in parts)
