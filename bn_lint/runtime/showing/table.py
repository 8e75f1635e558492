"""The layers of a trace as a table of text."""

from __future__ import annotations

from bn_lint.output.text import printable, width
from bn_lint.runtime.document.document import Calls, Document, LayerTrace

_HEADINGS = ("layer", "built at", "type", "width", "train", "eval", "other", "shapes", "values/channel", "device")
_MOST_SHAPES = 2
_WIDEST = 120


def table(document: Document) -> str:
    """One line for each layer: where it was built, calls by mode, shapes, the fewest values per channel in training."""
    # A layer that was never called, and is no part of a model that was, only happened to be constructed.
    rows = [_HEADINGS, *(_row(layer) for layer in document.layers if layer.called or layer.model)]
    widths = [max(width(row[column]) for row in rows) for column in range(len(_HEADINGS))]
    numbers = (3, 4, 5, 6, 8)
    lines = []
    for row in rows:
        cells = [
            " " * (size - width(cell)) + cell if index in numbers else cell + " " * (size - width(cell))
            for index, (cell, size) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip() + "\n")
    return "".join(lines)


def _row(layer: LayerTrace) -> tuple[str, ...]:
    training = _count(layer, "training", "training-without-grad", "recomputed")
    evaluation = _count(layer, "evaluation", "evaluation-with-grad")
    others = sum(calls.count for calls in layer.calls) - training - evaluation
    cells = (
        layer.name,
        "" if layer.built is None else f"{layer.built.path}:{layer.built.line}",
        layer.class_name,
        "" if layer.num_features is None else str(layer.num_features),
        str(training),
        str(evaluation),
        str(others) if others else "",
        shapes(layer),
        values(layer),
        ", ".join(sorted({calls.device for calls in layer.calls if calls.device})),
    )
    # Each line is as long as the widest cells, and a trace may come from anywhere.
    return tuple(printable(cell if len(cell) <= _WIDEST else f"{cell[: _WIDEST - 3]}...") for cell in cells)


def _count(layer: LayerTrace, *kinds: str) -> int:
    return sum(calls.count for calls in layer.calls_of(*kinds))


def shapes(layer: LayerTrace) -> str:
    """The shapes that the layer saw, the most frequent first."""
    counts: dict[str, int] = {}
    for calls in layer.calls:
        text = shape(calls)
        counts[text] = counts.get(text, 0) + calls.count
    ordered = sorted(counts, key=lambda text: -counts[text])
    more = f" +{len(ordered) - _MOST_SHAPES}" if len(ordered) > _MOST_SHAPES else ""
    return " ".join(ordered[:_MOST_SHAPES]) + more


def shape(calls: Calls) -> str:
    return "x".join(str(size) if size >= 0 else "?" for size in calls.shape)


def values(layer: LayerTrace) -> str:
    """The fewest values per channel that a training call had."""
    known = [
        calls.values_per_channel
        for calls in layer.calls_of("training", "training-without-grad", "recomputed")
        if calls.values_per_channel is not None
    ]
    return str(min(known)) if known else ""
