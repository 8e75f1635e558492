"""The code quality report of GitLab."""

from __future__ import annotations

import json

from bn_lint.check.fingerprint import fingerprints
from bn_lint.check.report import Report
from bn_lint.output.text import well_formed, within

_SEVERITIES = {"error": "major", "warning": "minor", "info": "info"}


def render(report: Report) -> str:
    """One JSON array, with an end of line."""
    # GitLab shows one entry for each fingerprint, and compares them between branches.
    marks = fingerprints(report.visible, report.sources)
    entries = [
        {
            "description": f"{finding.code}: {within(finding.place)}{finding.message}",
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
