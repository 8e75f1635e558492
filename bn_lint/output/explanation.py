"""What became of a line, as text and as JSON: `bn-lint check --explain`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from bn_lint.check.explain_line import Explanation
from bn_lint.facts import Evidence
from bn_lint.output import full
from bn_lint.output.json import cell, evidence, fields
from bn_lint.output.text import Painter, file_of, location, printable
from bn_lint.static.explain import Subject

_WORDS = {
    "layer": "builds a BatchNorm layer",
    "layer call": "is the BatchNorm layer that is called here",
    "model call": "calls a model",
    "definition": "is defined here",
}


def render(explanation: Explanation, *, color: bool = False) -> str:
    """For people: each thing in the line with what became of it, and then the findings."""
    told = "".join(f"{line}\n" for line in _lines(explanation, Painter(color=color)))
    found = _findings(explanation, color=color)
    return f"{told}\n{found}" if told else found


def render_json(explanation: Explanation) -> str:
    """One JSON object, with an end of line."""
    document: dict[str, Any] = {
        "version": 1,
        "path": explanation.place.path,
        **cell(explanation.place),
        "line": explanation.place.line,
        "subjects": [_subject(subject) for subject in explanation.subjects],
        "findings": [fields(finding) for finding in explanation.report.findings],
        "off": [fields(finding) for finding in explanation.off],
        "elsewhere": [fields(finding) for finding in explanation.elsewhere],
        "problems": [problem.message for problem in explanation.problems],
    }
    return json.dumps(document, indent=2) + "\n"


def _subject(subject: Subject) -> dict[str, Any]:
    return {
        "kind": subject.kind,
        "text": subject.text,
        **cell(subject.place),
        "line": subject.place.line,
        "column": subject.place.column,
        "told": [evidence(each) for each in subject.told],
    }


def _lines(explanation: Explanation, paint: Painter) -> Iterator[str]:
    for subject in explanation.subjects:
        title = f"`{printable(subject.text)}` {_WORDS[subject.kind]}"
        yield f"{paint(location(subject.place), 'message')}: {paint(title, 'message')}"
        for step in subject.told:
            yield f"  {_step(step, paint)}"
    for problem in explanation.problems:
        yield f"{paint(problem.code, 'warning')} {printable(problem.message)}"


def _step(step: Evidence, paint: Painter) -> str:
    return f"{paint(f'{file_of(step.place)}:{step.place.line}:', 'frame')} {printable(step.message)}"


def _findings(explanation: Explanation, *, color: bool) -> str:
    paint = Painter(color=color)
    shown = full.render(explanation.report, color=color)
    off = "".join(
        f"{paint(finding.code, 'info')} {finding.name} is off here, or a comment silences it: "
        f"{printable(finding.message)}\n"
        for finding in explanation.off
    )
    elsewhere = "".join(
        f"{paint(finding.code, 'info')} {finding.name} at {location(finding.place)} has this line as evidence: "
        f"{printable(finding.message)}\n"
        for finding in explanation.elsewhere
    )
    text = shown.rstrip("\n") + "\n" if shown else ""
    return f"{text}{off}{elsewhere}" or "No rule finds anything in this line.\n"
