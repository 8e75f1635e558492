"""Workflow commands of GitHub Actions, which become annotations of a pull request."""

from __future__ import annotations

from bn_lint.check.report import Report
from bn_lint.output.text import file_of, printable, within
from bn_lint.rule import Finding

_COMMANDS = {"error": "error", "warning": "warning", "info": "notice"}


def render(report: Report) -> str:
    return "".join(map(_annotation, report.visible))


def _annotation(finding: Finding) -> str:
    place = finding.place
    properties = {
        "title": f"bn-lint {finding.code} ({finding.name})",
        "file": place.path,
        "line": place.line,
        "endLine": max(place.end_line, place.line),
        "col": place.column,
        "endColumn": place.end_column,
    }
    if place.end_line != place.line:
        # GitHub takes columns for one line only.
        del properties["col"], properties["endColumn"]
    steps = [f"{file_of(evidence.place)}:{evidence.place.line}: {evidence.message}" for evidence in finding.evidence]
    help_ = [] if finding.help is None else [f"help: {finding.help}"]
    # The annotation shows the file and the line, but knows no cells.
    message = "\n".join([f"{within(place)}{finding.message}", *steps, *help_])
    written = ",".join(f"{key}={_escape(str(value), property_=True)}" for key, value in properties.items())
    return f"::{_COMMANDS[finding.severity.value]} {written}::{_escape(message)}\n"


def _escape(text: str, *, property_: bool = False) -> str:
    text = "%0A".join(printable(line).replace("%", "%25") for line in text.split("\n"))
    return text.replace(":", "%3A").replace(",", "%2C") if property_ else text
