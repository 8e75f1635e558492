"""Small plots as SVG. Colours are those of the page's style sheet, so that they follow light and dark mode."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

from bn_lint.runtime.recording.layer_records import EVALUATED, RECALIBRATED, TRAINED, UNUSUAL

_WIDTH = 320
_HEIGHT = 14

#: The class of a stretch of the timeline, by how the layer was used in it; the first that fits.
_USES = (
    (UNUSUAL, "unusual", "mode does not fit"),
    (RECALIBRATED, "recalibrated", "statistics recomputed"),
    (TRAINED | EVALUATED, "both", "training and evaluation"),
    (TRAINED, "trained", "training"),
    (EVALUATED, "evaluated", "evaluation"),
)
LEGEND = tuple((name, text) for _, name, text in _USES)


def timeline(uses: bytes, positions: int, steps_per_position: int) -> str:
    """A strip of coloured stretches: how a layer was used, from the first optimizer step to the last."""
    if not positions:
        return ""
    unit = _WIDTH / positions
    parts = []
    for start, end, name, text in _stretches(uses, positions):
        first, last = start * steps_per_position, end * steps_per_position - 1
        steps = f"step {first}" if first == last else f"steps {first} to {last}"
        parts.append(
            f'<rect class="{name}" x="{start * unit:.2f}" width="{(end - start) * unit:.2f}" y="0" height="{_HEIGHT}">'
            f"<title>{text}, {steps}</title></rect>"
        )
    return _svg("".join(parts), "mode over time")


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


def values_range(low: int, high: int, largest: int) -> str:
    """A bar from the fewest to the most values per channel, on a logarithmic scale that all layers share."""
    scale = _WIDTH / max(math.log10(max(largest, 10)), 1)
    start, end = math.log10(max(low, 1)) * scale, math.log10(max(high, 1)) * scale
    name = "few" if low < 16 else "enough"
    ticks = "".join(
        f'<line class="tick" x1="{power * scale:.1f}" x2="{power * scale:.1f}" y1="0" y2="{_HEIGHT}"/>'
        for power in range(1, math.ceil(math.log10(max(largest, 10))))
    )
    text = f"{low:,}" if low == high else f"{low:,} to {high:,}"
    bar = f'<rect class="{name}" x="{max(start - 3, 0):.1f}" width="{end - start + 6:.1f}" y="3" height="8" rx="3"/>'
    return _svg(f"{ticks}{bar}<title>{text} values per channel</title>", "values per channel")


def line(history: Sequence[float], positions: int, largest: float) -> str:
    """A curve of drift over the optimizer steps; the dashed line is one standard deviation."""
    known = [(index, value) for index, value in enumerate(history[:positions]) if value > 0]
    if not known:
        return ""
    height = 28
    top = max(largest, 1.0)
    unit = _WIDTH / max(positions - 1, 1)
    points = " ".join(f"{index * unit:.1f},{height - 1 - value / top * (height - 2):.1f}" for index, value in known)
    dashed = height - 1 - 1 / top * (height - 2)
    limit = f'<line class="limit" x1="0" x2="{_WIDTH}" y1="{dashed:.1f}" y2="{dashed:.1f}"/>'
    dots = (
        f'<circle class="dot" cx="{points.split(",")[0]}" cy="{points.split(",")[1]}" r="2"/>'
        if len(known) == 1
        else ""
    )
    title = f"<title>at most {max(value for _, value in known):.2g} running standard deviations</title>"
    return _svg(f'{limit}<polyline class="curve" points="{points}"/>{dots}{title}', "drift", height)


def _svg(content: str, label: str, height: int = _HEIGHT) -> str:
    return (
        f'<svg viewBox="0 0 {_WIDTH} {height}" preserveAspectRatio="none" role="img" aria-label="{escape(label)}">'
        f"{content}</svg>"
    )
