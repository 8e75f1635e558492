"""The running variances of the layers in the end, as boxes on a logarithmic scale."""

from __future__ import annotations

import math
from collections.abc import Iterator
from html import escape

from bn_lint.runtime.document.document import LayerTrace, Statistics
from bn_lint.runtime.showing.html.chart import row

#: What is beyond stands at the end of the scale.
_LEAST, _MOST = 1e-12, 1e12
#: More rows are left out; of more, none is shown at first.
_MOST_ROWS, _MOST_OPEN = 400, 40


def variances(layers: list[LayerTrace]) -> Iterator[str]:
    """A box for each layer: from quartile to quartile, with the median; the line spans all channels."""
    known = [(layer, layer.running) for layer in layers if layer.running is not None and layer.running.variances]
    if not known:
        return
    ends = [_log(value) for _, running in known for value in (running.variances[0], running.variances[4])]
    first, last = math.floor(min(ends)), max(math.ceil(max(ends)), math.floor(min(ends)) + 1)
    yield "<h2>Running variances in the end</h2>\n"
    yield (
        '<p class="soft">Over the channels of each layer, on a logarithmic scale: all of them, the middle half, and '
        "the median, which stands on the right. Red: some are below eps, so these channels are constant.</p>\n"
    )
    rows = [
        row(f"<code>{escape(layer.name)}</code>", _box(running, first, last), f"{running.variances[2]:.2g}")
        for layer, running in known[:_MOST_ROWS]
    ]
    chart = f'<div class="chart">\n{"".join(rows)}{row("", _scale(first, last), kind="ticks")}</div>\n'
    if len(rows) > _MOST_OPEN:
        chart = f"<details><summary>{len(known):,} layers</summary>{chart}</details>\n"
    yield chart


def _log(value: float) -> float:
    return math.log10(min(max(value, _LEAST), _MOST))


def _box(running: Statistics, first: int, last: int) -> str:
    least, low, median, high, greatest = ((_log(one) - first) / (last - first) * 100 for one in running.variances)
    kind = "unusual" if running.collapsed else "trained"
    numbers = ", ".join(f"{one:.2g}" for one in running.variances)
    return (
        f'<svg class="strip" role="img" aria-label="running variances {numbers}"><title>{numbers}</title>'
        f'<line class="base" x1="{least:.2f}%" x2="{greatest:.2f}%" y1="7" y2="7"/>'
        f'<rect class="{kind}" x="{low:.2f}%" width="{max(high - low, 0.35):.2f}%" y="2" height="10"/>'
        f'<line class="median" x1="{median:.2f}%" x2="{median:.2f}%" y1="0" y2="14"/></svg>'
    )


def _scale(first: int, last: int) -> str:
    step = max(-(-(last - first) // 6), 1)
    parts = ['<line class="base" x1="0" x2="100%" y1="4" y2="4"/>']
    for power in range(first, last + 1, step):
        at = (power - first) / (last - first) * 100
        anchor = "start" if at < 5 else "end" if at > 95 else "middle"
        parts.append(f'<line class="base" x1="{at:.2f}%" x2="{at:.2f}%" y1="4" y2="8"/>')
        parts.append(f'<text x="{at:.2f}%" y="20" text-anchor="{anchor}">{10.0**power:g}</text>')
    return f'<svg class="axis" role="img" aria-label="variance">{"".join(parts)}</svg>'
