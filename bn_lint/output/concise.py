"""One line for each finding: `path:line:column: severity CODE message`; `[*]` marks what `--fix` removes."""

from __future__ import annotations

from bn_lint.output.text import Painter, location, printable
from bn_lint.report import Report


def render(report: Report, *, color: bool) -> str:
    paint = Painter(color=color)
    return "".join(
        f"{paint(location(finding.place), 'message')}: {paint(f'{finding.severity} {finding.code}', finding.severity)} "
        f"{'[*] ' if report.is_fixable(finding) else ''}{printable(finding.message)} ({finding.name})\n"
        for finding in report.visible
    )
