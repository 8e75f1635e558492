"""The chart of a run: rows of strips over one axis of optimizer steps, as SVG in percent of its width.

Colors are those of the style sheet, so that they follow light and dark mode.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from html import escape

from bn_lint.runtime.document.document import Document
from bn_lint.runtime.recording.layer_records import EVALUATED, RECALIBRATED, TIMELINE, TRAINED, UNUSUAL

#: How a layer was used in a stretch of the timeline; the first that fits counts.
_USES = (
    (UNUSUAL, "unusual", "mode does not fit"),
    (RECALIBRATED, "recalibrated", "statistics recomputed"),
    (TRAINED | EVALUATED, "both", "training and evaluation"),
    (TRAINED, "trained", "training"),
    (EVALUATED, "evaluated", "evaluation"),
)
#: At most so many ticks, epochs with a number, and epochs with a line.
_MOST_TICKS, _MOST_NUMBERS, _MOST_LINES = 6, 12, 60
#: Calls in at least this share of the steps of a bar fill it.
_DENSE = 0.8


class Chart:
    """The axis of a run; makes the strips that stand above it."""

    def __init__(self, document: Document) -> None:
        used = max((-(-len(layer.timeline) // 2) for layer in document.layers), default=0)
        positions = min(max(-(-(document.steps + 1) // document.steps_per_position), used), TIMELINE)
        self.width = document.steps_per_position
        #: Steps that the axis has: those of the optimizer, and what comes after the last.
        self.steps = max(document.steps + 1, 1)
        self.positions = max(min(positions, -(-self.steps // self.width)), 1)
        self.epochs = [step for step in document.epochs if step < self.steps]
        every = -(-len(self.epochs) // _MOST_LINES) or 1
        self._lines = "".join(_line("epoch", self._at(step), 0, "100%") for step in self.epochs[::every] if step)

    def _at(self, step: float) -> float:
        return min(max(step / self.steps, 0.0), 1.0) * 100

    def epoch_of(self, step: int) -> int | None:
        """The epoch that a step belongs to, from 1; None where nothing is known of epochs."""
        found = sum(start <= step for start in self.epochs)
        return found or None

    def axis(self) -> str:
        """The scale: steps, and epochs above them."""
        parts = [_line("base", 0, 16, "16", to=100)]
        unit = _nice(self.steps / _MOST_TICKS)
        for step in range(0, self.steps, unit):
            anchor = "start" if step == 0 else "middle" if self._at(step) < 95 else "end"
            parts.append(_line("base", self._at(step), 16, "20"))
            parts.append(f'<text x="{self._at(step):.2f}%" y="31" text-anchor="{anchor}">{step:,}</text>')
        every = _nice(len(self.epochs) / _MOST_NUMBERS)
        for number, start in enumerate(self.epochs, 1):
            end = self.epochs[number] if number < len(self.epochs) else self.steps
            if (number - 1) % every == 0:
                middle = (self._at(start) + self._at(end)) / 2
                parts.append(f'<text x="{middle:.2f}%" y="11" text-anchor="middle">{number}</text>')
        return _svg(self._lines + "".join(parts), "optimizer steps, with epochs above", "axis")

    def strip(self, uses: bytes) -> str:
        """How a layer was used, from the first step to the last."""
        parts = []
        for start, end, name, text in _stretches(uses, self.positions):
            first, last = start * self.width, min(end * self.width, self.steps)
            steps = f"step {first:,}" if last - first <= 1 else f"steps {first:,} to {last - 1:,}"
            parts.append(self._box(name, first, last, f"{text}, {steps}"))
        return _svg("".join(parts) + self._lines, "mode over the steps")

    def marks(self, kind: str, steps: Iterable[int], label: str) -> str:
        """A mark at each of some steps."""
        lines = "".join(_line(kind, self._at(step), 1, "13") for step in steps)
        return _svg(self._lines + lines, label)

    def span(self, kind: str, first: int, last: int, calls: int, text: str) -> str:
        """A bar from one step to another, which it includes; a pale one if there are fewer calls than steps."""
        sparse = " sparse" if calls < (last + 1 - first) * _DENSE else ""
        return _svg(self._lines + self._box(kind + sparse, first, last + 1, text), text)

    def _box(self, name: str, first: int, last: int, text: str) -> str:
        start, end = self._at(first), self._at(last)
        return (
            f'<rect class="{name}" x="{start:.2f}%" width="{max(end - start, 0.35):.2f}%" y="1" height="12">'
            f"<title>{escape(text)}</title></rect>"
        )


def legend(used: bytes) -> Iterator[str]:
    """What the colors of these strips mean."""
    yield '<ul class="legend">'
    shown = {name for _, _, name, _ in _stretches(bytes(sorted(set(used))), len(set(used)))}
    for _, name, text in _USES:
        if name in shown:
            box = f'<rect class="{name}" width="11" height="11" rx="2"/>'
            yield f'<li><svg viewBox="0 0 11 11" aria-hidden="true">{box}</svg>{text}</li>'
    yield "</ul>\n"


def curve(history: Sequence[float], positions: int, largest: float) -> str:
    """Drift over the steps; the dashed line is one standard deviation."""
    known = [(index, value) for index, value in enumerate(history[:positions]) if value > 0]
    if not known:
        return ""
    top, unit = max(largest, 1.0), 100 / max(positions, 1)

    def height(value: float) -> float:
        return 33 - value / top * 31

    points = [(index * unit, height(value)) for index, value in known]
    if len(points) == 1:  # a point is a short line
        points.append((points[0][0] + unit, points[0][1]))
    drawn = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    limit = f'<line class="limit" x1="0" x2="100" y1="{height(1):.1f}" y2="{height(1):.1f}"/>'
    text = f"at most {max(value for _, value in known):.2g} running standard deviations"
    return (
        f'<svg class="curve" viewBox="0 0 100 34" preserveAspectRatio="none" role="img" aria-label="{text}">'
        f'<title>{text}</title>{limit}<polyline class="line" points="{drawn}"/></svg>'
    )


def row(label: str, plot: str, value: str = "", *, title: str = "", kind: str = "") -> str:
    """One row of a chart; label and value are HTML."""
    name = f'<span title="{escape(title)}">{label}</span>' if title else f"<span>{label}</span>"
    return f'<div class="row {kind}">{name}{plot}<span>{value}</span></div>\n'


def _stretches(uses: bytes, positions: int) -> list[tuple[int, int, str, str]]:
    found: list[tuple[int, int, str, str]] = []
    for index in range(min(positions, len(uses))):
        use = next(((name, text) for bits, name, text in _USES if uses[index] & bits == bits), None)
        if use is None:
            continue
        if found and found[-1][1] == index and found[-1][2:] == use:
            found[-1] = (found[-1][0], index + 1, *use)
        else:
            found.append((index, index + 1, *use))
    return found


def _nice(least: float) -> int:
    """The smallest round number that is not less: 1, 2, 5, 10, 20, ..."""
    unit = 1
    while True:
        for factor in (1, 2, 5):
            if unit * factor >= least:
                return unit * factor
        unit *= 10


def _line(kind: str, at: float, top: int, bottom: str, *, to: float | None = None) -> str:
    end = at if to is None else to
    return f'<line class="{kind}" x1="{at:.2f}%" x2="{end:.2f}%" y1="{top}" y2="{bottom}"/>'


def _svg(content: str, label: str, kind: str = "strip") -> str:
    return f'<svg class="{kind}" role="img" aria-label="{escape(label)}">{content}</svg>'
