"""Findings with the source lines that show them: the layer, and each step of the evidence."""

from __future__ import annotations

from collections.abc import Iterator

from bn_lint.check.report import Report
from bn_lint.facts import Evidence, Place
from bn_lint.output.text import Painter, file_of, location, printable, width
from bn_lint.rule import Finding

#: A longer source line is cut around the marked part, in characters.
_LONGEST = 160
#: A call that spans more lines is shown by its first ones.
_MOST_LINES = 5


def render(report: Report, *, color: bool) -> str:
    paint = Painter(color=color)
    return "".join("\n".join(_Frame(finding, report, paint).lines()) + "\n\n" for finding in report.visible)


class _Frame:
    """One finding as lines of text, all with the same gutter for the line numbers."""

    def __init__(self, finding: Finding, report: Report, paint: Painter) -> None:
        self.finding = finding
        self.sources = report.sources
        self.mark = "[*] " if report.is_fixable(finding) else ""
        self.paint = paint
        last = _last_line(finding.place)
        numbers = [last, *(evidence.place.line for evidence in finding.evidence)]
        self.gutter = len(str(max(numbers)))

    def lines(self) -> Iterator[str]:
        finding, paint = self.finding, self.paint
        severity = finding.severity.value
        title = f"{severity}[{finding.code}]"
        yield f"{paint(title, severity)} {self.mark}{finding.name}: {paint(printable(finding.message), 'message')}"
        yield f"{' ' * self.gutter}{paint('-->', 'frame')} {location(finding.place)}"
        shown = list(self._source(finding.place, "^", severity))
        if shown:
            yield self._bar()
            yield from shown
        previous = (file_of(finding.place), finding.place.line)
        for evidence in finding.evidence:
            yield self._bar()
            yield from self._evidence(evidence, previous)
            previous = (file_of(evidence.place), evidence.place.line)
        if finding.confirmed is not None:
            yield self._bar()
            said = (
                "a run showed the same problem" if finding.confirmed else "this line ran, and the problem did not occur"
            )
            yield f"{' ' * self.gutter} {paint('= ', 'frame')}{paint('trace:', 'help')} {said}"
        if finding.help is not None:
            yield self._bar()
            yield f"{' ' * self.gutter} {paint('= ', 'frame')}{paint('help:', 'help')} {printable(finding.help)}"

    def _evidence(self, evidence: Evidence, previous: tuple[str, int]) -> Iterator[str]:
        place = evidence.place
        where = self.paint(f"{file_of(place)}:{place.line}:", "frame")
        yield f"{' ' * self.gutter} {self.paint('=', 'frame')} {where} {printable(evidence.message)}"
        if (file_of(place), place.line) != previous:
            yield from self._source(place, "-", "frame")

    def _bar(self) -> str:
        return f"{' ' * self.gutter} {self.paint('|', 'frame')}"

    def _source(self, place: Place, mark: str, style: str) -> Iterator[str]:
        """The lines of a place, the first of them underlined."""
        for number in range(place.line, (_last_line(place) if mark == "^" else place.line) + 1):
            text = self.sources.line(place.path, number, place.cell)
            if text is None:
                return
            end = place.end_column - 1 if place.end_line == place.line else len(text.rstrip())
            text, start, end = _cut(text.rstrip(), place.column - 1, end)
            text = printable(text)
            yield f"{self.paint(f'{number:>{self.gutter}} |', 'frame')} {text}".rstrip()
            if number == place.line:
                marks = mark * max(width(text[start:end]), 1)
                yield f"{self._bar()} {_blank(text[:start])}{self.paint(marks, style)}"
        if mark == "^" and place.end_line > _last_line(place):
            yield f"{self._bar()} ..."


def _last_line(place: Place) -> int:
    return min(max(place.end_line, place.line), place.line + _MOST_LINES - 1)


def _blank(text: str) -> str:
    """As wide as the text: tabs stay tabs, because only the terminal knows where they end."""
    return "\t".join(" " * width(part) for part in text.split("\t"))


def _cut(text: str, start: int, end: int) -> tuple[str, int, int]:
    """The part of a long line around `start`, and where the marked part is in it."""
    start = max(min(start, len(text)), 0)
    end = max(min(end, len(text)), start)
    if len(text) <= _LONGEST:
        return text, start, end
    first = max(min(start - _LONGEST // 4, len(text) - _LONGEST), 0)
    before = "..." if first else ""
    after = "..." if first + _LONGEST < len(text) else ""
    shift = len(before) - first
    last = min(end, first + _LONGEST)
    return before + text[first : first + _LONGEST] + after, start + shift, last + shift
