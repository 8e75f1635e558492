"""What comes after the findings: counts, statistics, coverage."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from bn_lint.output.text import Painter, counted, listed, location, printable

if TYPE_CHECKING:
    from bn_lint.facts import Undecided
    from bn_lint.report import Report


def summary(report: Report, *, color: bool) -> str:
    """One line: `Found 2 errors and 1 warning in 2 of 5 files.`, or `All checks passed!`"""
    paint = Painter(color=color)
    visible = report.visible
    if not visible:
        if report.failures:
            return "Found nothing in the files that could be checked.\n"
        return f"{paint('All checks passed!', 'help')}\n"
    by_severity = Counter(finding.severity.value for finding in visible)
    parts = [
        paint(counted(by_severity[severity], noun), severity)
        for severity, noun in (("error", "error"), ("warning", "warning"), ("info", "info finding"))
        if by_severity[severity]
    ]
    touched = len({finding.place.path for finding in visible})
    files = counted(report.files, "file")
    return f"Found {listed(parts)} in {files if touched == report.files else f'{touched} of {files}'}.\n"


def statistics(report: Report, *, color: bool) -> str:
    """How often each rule found something, the most frequent first."""
    paint = Painter(color=color)
    counts = Counter((finding.code, finding.name, finding.severity.value) for finding in report.visible)
    column = len(str(max(counts.values(), default=0)))
    rows = sorted(counts.items(), key=lambda row: (-row[1], row[0]))
    return "".join(
        f"{count:>{column}}  {paint(code, severity)}  {severity:<7}  {name}\n" for (code, name, severity), count in rows
    )


def coverage(report: Report, *, color: bool, verbose: bool) -> str:
    """How many of the layers were judged, and why the others were not."""
    paint = Painter(color=color)
    if report.coverage is None or not report.coverage.total:
        return "Coverage: no BatchNorm layer is built in these files.\n"
    total, judged = report.coverage.total, report.coverage.judged
    share = f"{judged} of {counted(total, 'BatchNorm layer')} judged ({judged / total:.0%})"
    lines = [f"{paint('Coverage:', 'message')} {share}."]
    reasons: defaultdict[str, list[Undecided]] = defaultdict(list)
    for undecided in report.coverage.undecided:
        reasons[undecided.reason].append(undecided)
    column = max((len(str(len(places))) for places in reasons.values()), default=0)
    for reason, places in sorted(reasons.items(), key=lambda row: (-len(row[1]), row[0])):
        lines.append(f"  {len(places):>{column}}  {printable(reason)}")
        if verbose:
            indent = " " * (column + 4)
            ordered = sorted(places, key=lambda each: (each.place.path, each.place.line, each.place.column))
            lines.extend(f"{indent}{paint(location(each.place), 'faint')}" for each in ordered)
    return "\n".join(lines) + "\n"
