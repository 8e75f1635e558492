"""What is known of layers and tensors in an open document: for those who point at one, and as hints in the text."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from bn_lint.editor.open_documents import Judged
from bn_lint.facts import Coverage, Inventory, ModelLayer, Place, Sizes, TensorShape
from bn_lint.output.text import listed

#: At one place: kinds of layers that are told apart, names of each, and shapes of one tensor.
_MOST_KINDS, _MOST_NAMES, _MOST_SHAPES = 10, 3, 2
#: What stands before an expression that is assigned to a name: people point at the name.
_ASSIGNED = re.compile(r"\s*(?!else\b)(?P<name>[\w.]+)\s*(:[^=]*)?=\s*\Z")


@dataclass(frozen=True)
class Hint:
    """A text that an editor shows behind the code before an index.

    Attributes:
        offset: In the judged text.
        details: Markdown for those who point at it.
    """

    offset: int
    label: str
    details: str


def hover(judged: Judged, offset: int) -> tuple[str, Place] | None:
    """What is known at an index, as Markdown, and the place that it is about: the innermost one."""
    found = [(place, text) for place, text in _known(judged) if _covers(judged, place, offset)]
    if not found:
        return None
    place, text = min(found, key=lambda one: _length(judged, one[0]))
    return text, place


def hints(judged: Judged, first: int, last: int) -> Iterator[Hint]:
    """The hints in a stretch of the judged text: shapes behind names of tensors, inputs and modes behind layers."""
    inventory = _inventory(judged)
    for tensor in inventory.tensors:
        if tensor.place.path != judged.display or tensor.layers:
            continue
        shapes = [shape for shape in tensor.shapes if shape.ranked]
        if shapes:
            yield from _within(judged, tensor.place, first, last, f": {_alternatives(shapes)}", _of_name(tensor))
    for place, layers in _by_place(inventory, judged.display).items():
        shapes = list(dict.fromkeys(shape for _, layer in layers for shape in layer.inputs if shape.ranked))
        modes = list(dict.fromkeys(mode.value for _, layer in layers for mode in layer.modes))
        parts = [_alternatives(shapes)] if shapes else []
        parts += [" and ".join(modes)] if modes else []
        if parts:
            yield from _within(judged, place, first, last, f" on {', '.join(parts)}", _of_layers(judged, place, layers))


def _within(judged: Judged, place: Place, first: int, last: int, label: str, details: str) -> Iterator[Hint]:
    end = judged.text.extent(place)[1]
    if first <= end <= last:
        yield Hint(end, label, details)


def _inventory(judged: Judged) -> Inventory:
    coverage = judged.report.coverage
    return Inventory() if coverage is None else coverage.inventory


def _known(judged: Judged) -> Iterator[tuple[Place, str]]:
    """All places of a document of which something is known, with what that is."""
    inventory = _inventory(judged)
    by_place = _by_place(inventory, None)
    for place, layers in by_place.items():
        if place.path == judged.display:
            about = _of_layers(judged, place, layers)
            yield place, about
            start = judged.text.extent(place)[0]
            assigned = _ASSIGNED.match(judged.text.text, judged.text.offset(place.line, 1), start)
            if assigned is not None:
                yield replace(place, column=place.column - (start - assigned.start("name"))), about
    for tensor in inventory.tensors:
        if tensor.place.path != judged.display:
            continue
        if not tensor.layers:
            yield tensor.place, _of_name(tensor)
            continue
        built = (_of_layers(judged, place, by_place.get(place, ())) for place in tensor.layers)
        yield tensor.place, f"called on `{_alternatives(tensor.shapes)}`\n\n" + "\n\n".join(built)


_Layers = Sequence[tuple[str, ModelLayer]]


def _by_place(inventory: Inventory, path: str | None) -> dict[Place, list[tuple[str, ModelLayer]]]:
    """The layers that are built at each place of a file, with the classes of their models."""
    found: dict[Place, list[tuple[str, ModelLayer]]] = {}
    for model in inventory.models:
        for layer in model.layers:
            if path in (None, layer.built.path):
                found.setdefault(layer.built, []).append((model.class_name, layer))
    for layer in inventory.loose:
        if path in (None, layer.built.path):
            found.setdefault(layer.built, []).append(("", layer))
    return found


def _of_name(tensor: TensorShape) -> str:
    return f"tensor of shape `{_alternatives(tensor.shapes)}`"


def _of_layers(judged: Judged, place: Place, layers: _Layers) -> str:
    """What is known of the layers that are built at a place: one line for all that are alike."""
    alike: dict[str, dict[str, list[str]]] = {}
    for model, layer in layers:
        alike.setdefault(_about(layer), {}).setdefault(model, []).append(layer.path)
    classes = listed(list(dict.fromkeys(layer.class_name for _, layer in layers)))
    lines = [f"**{classes or 'BatchNorm'}**, {_verdict(judged.report.coverage, place)}", ""]
    for about, models in list(alike.items())[:_MOST_KINDS]:
        names = "; ".join(_names(model, paths) for model, paths in models.items() if model)
        lines.append(f"- {about}{f': {names}' if names else ''}")
    if len(alike) > _MOST_KINDS:
        lines.append(f"- and {len(alike) - _MOST_KINDS} more")
    return "\n".join(lines)


def _about(layer: ModelLayer) -> str:
    """`width 64, input (?, 64, ?, ?), called in training mode`."""
    width = "?" if layer.num_features is None else layer.num_features
    parts = [f"width `{width}`", f"input `{_alternatives(layer.inputs)}`" if layer.inputs else "no visible call"]
    if layer.modes:
        parts.append(f"called in {listed([mode.value for mode in layer.modes])} mode")
    if layer.frozen:
        parts.append("frozen")
    return ", ".join(parts)


def _names(model: str, paths: Sequence[str]) -> str:
    """`bn1`, `layer1.0.bn1` and 3 more of `ResNet`."""
    shown = [f"`{path}`" for path in paths[:_MOST_NAMES]]
    more = [f"{len(paths) - _MOST_NAMES} more"] if len(paths) > _MOST_NAMES else []
    return f"{listed(shown + more)} of `{model}`"


def _verdict(coverage: Coverage | None, place: Place) -> str:
    reasons = {each.place: each.reason for each in coverage.undecided} if coverage is not None else {}
    return f"not checked, {reasons[place]}" if place in reasons else "checked"


def _alternatives(shapes: Sequence[Sizes]) -> str:
    more = " or ..." if len(shapes) > _MOST_SHAPES else ""
    return " or ".join(map(str, shapes[:_MOST_SHAPES])) + more


def _covers(judged: Judged, place: Place, offset: int) -> bool:
    start, end = judged.text.extent(place)
    return start <= offset < end


def _length(judged: Judged, place: Place) -> int:
    start, end = judged.text.extent(place)
    return end - start
