"""One line for each finding: `path:line:column: severity CODE message`; `[*]` marks what `--fix` removes."""

from __future__ import annotations

from bn_lint.check.report import Report
from bn_lint.output.text import Painter, location, printable

#: What a trace said about a finding.
_VERDICTS = {True: " [confirmed by a run]", False: " [refuted by a run]", None: ""}


def render(report: Report, *, color: bool) -> str:
    paint = Painter(color=color)
    return "".join(
        f"{paint(location(finding.place), 'message')}: {paint(f'{finding.severity} {finding.code}', finding.severity)} "
        f"{'[*] ' if report.is_fixable(finding) else ''}{printable(finding.message)} ({finding.name})"
        f"{_VERDICTS[finding.confirmed]}\n"
        for finding in report.visible
    )
