"""Findings as cards: what is wrong, where, since when, and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from html import escape

from bn_lint.check.report import Report
from bn_lint.facts import Place
from bn_lint.output.html.document import with_code
from bn_lint.output.text import counted, listed
from bn_lint.project.source import Sources
from bn_lint.rule import Finding, Severity

_RANK = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.INFO: 2}
#: Lines that are shown above and below the one that is meant.
_AROUND = 1
_LONGEST = 200


def by_severity(report: Report) -> list[Finding]:
    """The findings of a report, errors first."""
    return sorted(report.visible, key=lambda finding: _RANK[finding.severity])


def verdict(report: Report) -> str:
    """What a person should know first: `1 error and 2 warnings`, or that nothing was found."""
    counts = Counter(finding.severity for finding in report.visible)
    nouns = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}
    parts = [counted(counts[one], noun) for one, noun in nouns.items() if counts[one]]
    worst = next((one.value for one in nouns if counts[one]), "clean")
    return f'<p class="verdict {worst}">{listed(parts) or "No problems found"}</p>\n'


def findings(report: Report, since: Callable[[Finding], str] = lambda finding: "") -> Iterator[str]:
    """The cards, errors first.

    Args:
        since: Says since when something is wrong, if that is known.
    """
    for number, finding in enumerate(by_severity(report)):
        yield _card(finding, number, report.sources, since(finding))


def _card(finding: Finding, number: int, sources: Sources, since: str) -> str:
    severity = finding.severity.value
    evidence = "".join(
        f'<li>{with_code(each.message)} <span class="where">{escape(_where(each.place))}</span>'
        f"{frame(each.place, sources, 0) if not _same_line(each.place, finding.place) else ''}</li>"
        for each in finding.evidence
    )
    when = f'<p class="since">{escape(since)}</p>' if since else ""
    help_ = "" if finding.help is None else f'<p class="help"><b>Help</b> {with_code(finding.help)}</p>'
    confirmed = {True: "A run showed the same problem.", False: "This line ran, and the problem did not occur."}
    trace = "" if finding.confirmed is None else f'<p class="since">{confirmed[finding.confirmed]}</p>'
    return (
        f'<article class="finding {severity}" id="finding-{number}"><h3><span class="badge">{severity} '
        f"{escape(finding.code)}</span> {with_code(finding.message)}</h3>"
        f'<p class="where">{escape(_where(finding.place))} &middot; {escape(finding.name)}</p>{when}{trace}'
        f"{frame(finding.place, sources, _AROUND)}"
        f"{f'<ul class=evidence>{evidence}</ul>' if evidence else ''}{help_}</article>\n"
    )


def _where(place: Place) -> str:
    return f"{place.file}:{place.line}"


def _same_line(one: Place, other: Place) -> bool:
    return (one.file, one.line) == (other.file, other.line)


def frame(place: Place, sources: Sources, around: int) -> str:
    """The line of a place with the meant part marked, and lines around it; nothing where the text is not known."""
    lines = []
    for number in range(max(place.line - around, 1), place.line + around + 1):
        text = sources.line(place.path, number, place.cell)
        if text is not None and (text.strip() or number == place.line):
            lines.append((number, text.rstrip()))
    if all(number != place.line for number, _ in lines):
        return ""
    indent = min((len(text) - len(text.lstrip()) for _, text in lines if text.strip()), default=0)
    width = len(str(lines[-1][0]))
    shown = "".join(
        f"<span{' class=this' if number == place.line else ''}><i>{number:>{width}} </i>"
        f"{_marked(text, place, indent) if number == place.line else escape(text[indent:][:_LONGEST])}\n</span>"
        for number, text in lines
    )
    return f"<pre{' tabindex=0' if around else ''}>{shown}</pre>"  # one stop of the keyboard for each card


def _marked(text: str, place: Place, indent: int) -> str:
    end = place.end_column - 1 if place.end_line == place.line else len(text)
    start = min(max(place.column - 1, indent), len(text))
    before, marked, after = text[indent:start], text[start:end], text[max(end, start) :]
    return f"{escape(before)}<mark>{escape(marked[:_LONGEST])}</mark>{escape(after[:_LONGEST])}"
