"""SARIF 2.1.0, which code hosting sites and editors read."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import quote

from bn_lint import __version__, addresses
from bn_lint.check.fingerprint import fingerprints
from bn_lint.check.report import Report
from bn_lint.facts import Place, Problem
from bn_lint.output.text import well_formed, within
from bn_lint.project.tool_codes import TOOL_CODES, ToolCode
from bn_lint.rule import Finding, Fix, Rule

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_LEVELS = {"error": "error", "warning": "warning", "info": "note"}


def render(report: Report) -> str:
    """One JSON object, with an end of line."""
    described: list[Rule | ToolCode] = [*report.rules.rules, *TOOL_CODES.values()]
    index = {rule.code: number for number, rule in enumerate(described)}
    marks = fingerprints(report.visible, report.sources)
    run: dict[str, Any] = {
        "tool": {
            "driver": {
                "name": "bn-lint",
                "version": __version__,
                "semanticVersion": __version__,
                **({} if addresses.DOCUMENTATION is None else {"informationUri": addresses.DOCUMENTATION}),
                "rules": [_rule(rule) for rule in described],
            }
        },
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {"%SRCROOT%": {"description": {"text": "The directory in which bn-lint was started."}}},
        "results": [_result(finding, index, mark) for finding, mark in zip(report.visible, marks, strict=True)],
        "invocations": [
            {
                "executionSuccessful": not report.failures,
                "toolExecutionNotifications": [_notification(problem, report) for problem in report.problems],
            }
        ],
    }
    return json.dumps(well_formed({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}), indent=2) + "\n"


def _rule(rule: Rule | ToolCode) -> dict[str, Any]:
    summary, _, rest = rule.page.partition("\n")
    severity = rule.severity.value if isinstance(rule, Rule) else rule.severity
    address = addresses.page_of(rule.name)
    return {
        "id": rule.code,
        "name": rule.name,
        "shortDescription": {"text": summary.strip()},
        "fullDescription": {"text": summary.strip()},
        "help": {"text": rule.page, "markdown": f"{summary.strip()}\n{rest}"},
        **({} if address is None else {"helpUri": address}),
        "defaultConfiguration": {"level": _LEVELS[severity], "enabled": severity != "info"},
        "properties": {"tags": ["pytorch", "batchnorm"], "precision": "high"},
    }


def _result(finding: Finding, index: dict[str, int], mark: str) -> dict[str, Any]:
    result: dict[str, Any] = {
        "ruleId": finding.code,
        **({"ruleIndex": index[finding.code]} if finding.code in index else {}),
        "level": _LEVELS[finding.severity.value],
        "message": {"text": within(finding.place) + _text(finding)},
        "locations": [_location(finding.place)],
        "partialFingerprints": {"primaryLocationLineHash": mark},
    }
    if finding.evidence:
        result["relatedLocations"] = [
            {"id": number, **_location(evidence.place), "message": {"text": within(evidence.place) + evidence.message}}
            for number, evidence in enumerate(finding.evidence, 1)
        ]
        result["codeFlows"] = [{"threadFlows": [{"locations": _flow(finding)}]}]
    if finding.fix is not None and finding.place.cell is None:  # SARIF knows no cells to make it in
        result["fixes"] = [_fix(finding.fix, finding.help or finding.message)]
    return result


def _flow(finding: Finding) -> list[dict[str, Any]]:
    """The evidence step by step, up to the place of the finding."""
    steps = [(step.place, step.message) for step in finding.evidence]
    return [
        {"location": {**_location(place), "message": {"text": within(place) + message}}}
        for place, message in [*steps, (finding.place, finding.message)]
    ]


def _text(finding: Finding) -> str:
    """The message with links to the evidence: GitHub shows a related location only where a link leads to it."""
    links = [
        f"- [{_in_link(within(step.place) + step.message)}]({number})"
        for number, step in enumerate(finding.evidence, 1)
    ]
    return "\n".join([finding.message, *links, *([] if finding.help is None else [f"help: {finding.help}"])])


def _in_link(text: str) -> str:
    return re.sub(r"[\[\]\\]", r"\\\g<0>", text)


def _location(place: Place) -> dict[str, Any]:
    return {"physicalLocation": {"artifactLocation": _artifact(place.path), "region": _region(place)}}


def _artifact(path: str) -> dict[str, Any]:
    """Relative to the directory of the run, as sites expect it; a file elsewhere has only an address of its own."""
    if path.startswith("/"):
        return {"uri": f"file://{_quoted(path)}"}
    if path[1:2] == ":":  # a drive of Windows
        return {"uri": f"file:///{_quoted(path, safe='/:')}"}
    return {"uri": _quoted(path), "uriBaseId": "%SRCROOT%"}


def _quoted(path: str, safe: str = "/") -> str:
    try:
        return quote(path, safe, errors="surrogateescape")  # the bytes of a name that is not UTF-8
    except UnicodeEncodeError:
        return quote(path, safe, errors="replace")


def _region(place: Place) -> dict[str, int]:
    return {
        "startLine": place.line,
        "startColumn": place.column,
        "endLine": max(place.end_line, place.line),
        "endColumn": place.end_column if place.end_line > place.line else max(place.end_column, place.column),
    }


def _fix(fix: Fix, text: str) -> dict[str, Any]:
    changes: dict[str, list[dict[str, Any]]] = {}
    for edit in fix.edits:
        replacement = {"deletedRegion": _region(edit.place), "insertedContent": {"text": edit.content}}
        changes.setdefault(edit.place.path, []).append(replacement)
    return {
        "description": {"text": f"{text} ({fix.applicability})"},
        "artifactChanges": [
            {"artifactLocation": _artifact(path), "replacements": replacements}
            for path, replacements in changes.items()
        ],
    }


def _notification(problem: Problem, report: Report) -> dict[str, Any]:
    return {
        "descriptor": {"id": problem.code},
        "level": "error" if problem in report.failures else "note",
        "message": {"text": problem.message},
        "locations": [_location(problem.place)],
    }
