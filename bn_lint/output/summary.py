"""What comes after the findings: counts, statistics, coverage."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from bn_lint.output.text import Painter, counted, listed, location, printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bn_lint.check.report import Report
    from bn_lint.facts import CheckedCall, Undecided
    from bn_lint.rule import Finding


def summary(report: Report, *, color: bool) -> str:
    """`Found 2 errors and 1 warning in 2 of 5 files.`, or `All checks passed!`, and what could be fixed."""
    paint = Painter(color=color)
    visible = report.visible
    if not visible and not report.fixed:
        if report.failures:
            return "Found nothing in the files that could be checked.\n"
        return f"{paint('All checks passed!', 'help')}\n"
    found = by_severity([*visible, *report.fixed], paint)
    if report.fixed:
        return f"Found {found} ({len(report.fixed)} fixed, {len(visible)} remaining).\n{_fixable(report, paint)}"
    touched = len({finding.place.path for finding in visible})
    files = counted(report.files, "file")
    where = counted(touched, "file") if touched >= report.files else f"{touched} of {files}"
    return f"Found {found} in {where}.\n{_held_against_trace(report)}{_fixable(report, paint)}"


def _held_against_trace(report: Report) -> str:
    """`Of these, the trace confirms 2 and refutes 1; about 4 it tells nothing.`"""
    if not report.is_held_against_trace:
        return ""
    verdicts = Counter(finding.confirmed for finding in report.visible)
    parts = [
        f"{word} {verdicts[verdict]}" for verdict, word in ((True, "confirms"), (False, "refutes")) if verdicts[verdict]
    ]
    if not parts:
        return "The trace does not cover these lines.\n"
    rest = f"; about {verdicts[None]} it tells nothing" if verdicts[None] else ""
    return f"The trace {' and '.join(parts)} of them{rest}.\n"


def by_severity(findings: list[Finding], paint: Painter) -> str:
    """`2 errors and 1 warning`."""
    by_severity = Counter(finding.severity.value for finding in findings)
    nouns = {"error": "error", "warning": "warning", "info": "info finding"}
    return listed(
        [paint(counted(by_severity[one], noun), one) for one, noun in nouns.items() if by_severity[one]],
    )


def _fixable(report: Report, paint: Painter) -> str:
    fixable, hidden = sum(map(report.is_fixable, report.visible)), report.hidden_fixes
    more = f"{counted(hidden, 'hidden fix', 'hidden fixes')} can be enabled with the --unsafe-fixes option"
    if fixable:
        return f"[{paint('*', 'info')}] {fixable} fixable with the --fix option{f' ({more})' if hidden else ''}.\n"
    return f"No fixes available ({more}).\n" if hidden else ""


def fix_summary(report: Report, *, color: bool) -> str:
    """What `--diff` says of the changes it shows: `Would fix 2 errors.`"""
    count = report.hidden_fixes
    more = f"{counted(count, 'fix', 'fixes')} available with --unsafe-fixes"
    if not report.fixed:
        return f"Nothing would be fixed ({more}).\n" if count else "Nothing would be fixed.\n"
    found = by_severity(report.fixed, Painter(color=color))
    return f"Would fix {found}{f' ({more})' if count else ''}.\n"


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
    """How many of the layers and of the calls of models were judged, and why the others were not."""
    paint = Painter(color=color)
    known = report.coverage
    if known is None or not (known.total or known.calls):
        return "Coverage: no BatchNorm layer is built in these files.\n"
    share = "no BatchNorm layer is built in these files"
    if known.total:
        layers = counted(known.total, "BatchNorm layer")
        share = f"{known.judged} of {layers} checked ({known.judged / known.total:.0%})"
    lines = [f"{paint('Coverage:', 'message')} {share}."]
    lines += _reasons(known.undecided, paint, verbose=verbose)
    lines.append(f"{paint('Modes:', 'message')} {_modes(known.calls)}.")
    lines += _reasons([call for call in known.calls if call.purpose is None], paint, verbose=verbose)
    return "\n".join(lines) + "\n"


def _modes(calls: Sequence[CheckedCall]) -> str:
    """`2 of 3 model calls checked (67%): 1 training and 1 evaluation`."""
    if not calls:
        return "no call of a model with BatchNorm is visible"
    purposes = Counter(call.purpose.value for call in calls if call.purpose is not None)
    judged = purposes.total()
    share = f"{judged} of {counted(len(calls), 'model call')} checked ({judged / len(calls):.0%})"
    kinds = listed(
        [f"{count} {purpose}" for purpose, count in sorted(purposes.items(), key=lambda row: (-row[1], row))]
    )
    return f"{share}: {kinds}" if kinds else share


def _reasons(undecided: Sequence[Undecided | CheckedCall], paint: Painter, *, verbose: bool) -> list[str]:
    """The reasons why something was not judged, the most frequent first; with the places if somebody wants them."""
    reasons: defaultdict[str, list[Undecided | CheckedCall]] = defaultdict(list)
    for each in undecided:
        reasons[each.reason].append(each)
    lines = []
    column = max((len(str(len(places))) for places in reasons.values()), default=0)
    for reason, places in sorted(reasons.items(), key=lambda row: (-len(row[1]), row[0])):
        lines.append(f"  {len(places):>{column}}  {printable(reason)}")
        if verbose:
            indent = " " * (column + 4)
            ordered = sorted(places, key=lambda each: (each.place.path, each.place.line, each.place.column))
            lines.extend(f"{indent}{paint(location(each.place), 'faint')}" for each in ordered)
    return lines
