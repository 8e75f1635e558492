"""Markdown, as `$GITHUB_STEP_SUMMARY` and comments on pull requests show it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import groupby

from bn_lint.check.report import Report
from bn_lint.output.summary import by_severity
from bn_lint.output.text import Painter, counted, file_of, printable
from bn_lint.rule import Finding

#: What is no text outside of code.
_MARKUP = re.compile(r"[\\<>&*_#|~\[\]]")


def render(report: Report) -> str:
    """A heading, and a list of findings for each file."""
    return "\n".join(_lines(report)) + "\n"


def _lines(report: Report) -> Iterator[str]:
    found = by_severity(report.visible, Painter(color=False))
    yield f"## bn-lint: {found or 'nothing found'}"
    yield ""
    yield f"{counted(report.files, 'file')} checked."
    for problem in report.failures:
        yield f"- **{problem.code}** {_text(problem.message)}"
    for path, findings in groupby(report.visible, key=lambda finding: finding.place.path):
        yield ""
        yield f"### {_text(path)}"
        yield ""
        for finding in findings:
            yield from _finding(finding)


def _finding(finding: Finding) -> Iterator[str]:
    place = finding.place
    where = f"line {place.line}" if place.cell is None else f"cell {place.cell}, line {place.line}"
    yield f"- {finding.severity} **{finding.code}** {finding.name}, {where}: {_text(finding.message)}"
    for step in finding.evidence:
        yield f"  - {_text(f'{file_of(step.place)}:{step.place.line}')}: {_text(step.message)}"
    if finding.help is not None:
        yield f"  - **help:** {_text(finding.help)}"


def _text(text: str) -> str:
    """A text in which only what stands between backticks is markup."""
    parts = printable(" ".join(text.split())).split("`")
    if len(parts) % 2 == 0:  # the last one closes nothing
        return _MARKUP.sub(r"\\\g<0>", "'".join(parts))
    return "`".join(part if number % 2 else _MARKUP.sub(r"\\\g<0>", part) for number, part in enumerate(parts))
