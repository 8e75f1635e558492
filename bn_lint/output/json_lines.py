"""Findings for programs that read a stream: one JSON object a line, as in the list of the JSON report."""

from __future__ import annotations

import json

from bn_lint.check.report import Report
from bn_lint.output.json import fields


def render(report: Report) -> str:
    return "".join(json.dumps(fields(finding)) + "\n" for finding in report.visible)
