"""What is known of layers and tensors in an open document: for those who point at one, and as hints in the text."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

from bn_lint.editor.open_documents import Judged
from bn_lint.facts import Coverage, Inventory, Mode, ModelLayer, ModuleUse, Place, Size, Sizes, TensorShape
from bn_lint.output.text import listed

#: At one place: kinds of layers that are told apart, names of each, and shapes of one tensor.
_MOST_KINDS, _MOST_NAMES, _MOST_SHAPES = 10, 3, 2
_MOST_FLOWS, _MOST_SIZES = 4, 3
#: What hints can be about, and what they are about if the settings say nothing: more would hide the code.
KINDS = ("tensors", "batchnorm", "modules")
USUAL = ("tensors", "batchnorm")
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
    place = min((place for place, _ in found), key=lambda one: _length(judged, one))
    return "\n\n".join(dict.fromkeys(text for where, text in found if where == place)), place


def hints(judged: Judged, first: int, last: int, kinds: Collection[str] = USUAL) -> Iterator[Hint]:
    """The hints in a stretch of the judged text.

    Args:
        kinds: `tensors` have their shapes behind their names, `batchnorm` layers their inputs and modes behind what
            builds them, and other `modules` what they return.
    """
    found = {"tensors": _of_tensors, "batchnorm": _of_batchnorm, "modules": _of_modules}
    for kind in kinds:
        for place, label, details in found[kind](judged, _inventory(judged)):
            end = judged.text.extent(place)[1]
            if first <= end <= last:
                yield Hint(end, label, details)


_Shown = tuple[Place, str, str]


def _of_tensors(judged: Judged, inventory: Inventory) -> Iterator[_Shown]:
    for tensor in inventory.tensors:
        if tensor.place.path != judged.display or tensor.layers or tensor.is_use:
            continue
        shapes = [shape for shape in tensor.shapes if shape.ranked]
        # What has an annotation has enough behind it.
        if shapes and not judged.text.text.startswith(":", judged.text.extent(tensor.place)[1]):
            yield tensor.place, f": {_at_once(shapes)}", _of_name(tensor)


def _of_batchnorm(judged: Judged, inventory: Inventory) -> Iterator[_Shown]:
    shapes: dict[Place, list[Sizes]] = {}
    modes: dict[Place, list[Mode]] = {}
    details: dict[Place, str] = {}
    for place, layers in _by_place(inventory, judged.display).items():
        shapes[place] = [shape for _, layer in layers for shape in layer.inputs]
        modes[place] = [mode for _, layer in layers for mode in layer.modes]
        details[place] = _of_layers(judged, place, layers)
    for module in inventory.modules:
        if module.layers and not module.is_name and module.place.path == judged.display:
            shapes.setdefault(module.place, []).extend(one for flow in module.flows for one in flow.inputs)
            modes.setdefault(module.place, []).extend(module.modes)
            details.setdefault(module.place, _of_module(judged, module))
    for place, about in details.items():
        ranked = list(dict.fromkeys(shape for shape in shapes[place] if shape.ranked))
        parts = [_at_once(ranked)] if ranked else []
        parts += [" and ".join(dict.fromkeys(mode.value for mode in modes[place]))] if modes[place] else []
        if parts:
            yield place, f" on {', '.join(parts)}", about


def _of_modules(judged: Judged, inventory: Inventory) -> Iterator[_Shown]:
    in_lines: dict[int, ModuleUse] = {}  # the last in each line: what is before it is a part of it
    for module in sorted(inventory.modules, key=lambda one: (one.place.end_line, one.place.end_column)):
        builds = not (module.is_call or module.is_name or module.layers)
        if builds and module.place.path == judged.display:
            in_lines[module.place.end_line] = module
    for module in in_lines.values():
        returned = list(dict.fromkeys(one for flow in module.flows for one in flow.outputs if one.ranked))
        if returned:
            yield module.place, f" -> {_at_once(returned)}", _of_module(judged, module)


def _inventory(judged: Judged) -> Inventory:
    coverage = judged.report.coverage
    return Inventory() if coverage is None else coverage.inventory


def _known(judged: Judged) -> Iterator[tuple[Place, str]]:
    """All places of a document of which something is known, with what that is."""
    inventory = _inventory(judged)
    by_place = _by_place(inventory, None)
    built = [
        *((place, _of_layers(judged, place, layers)) for place, layers in by_place.items()),
        *((one.place, _of_module(judged, one)) for one in inventory.modules if not (one.is_call or one.is_name)),
    ]
    told: dict[Place, str] = {}
    for place, about in built:
        if place.path == judged.display:
            told.update(_with_name(judged, place, about))
    yield from told.items()
    for module in inventory.modules:
        if module.place.path == judged.display and (module.is_call or (module.is_name and module.place not in told)):
            yield module.place, _of_module(judged, module)
    for tensor in inventory.tensors:
        if tensor.place.path != judged.display:
            continue
        if not tensor.layers:
            yield tensor.place, _of_name(tensor)
            continue
        layers = (_of_layers(judged, place, by_place.get(place, ())) for place in tensor.layers)
        yield tensor.place, f"called on `{_alternatives(tensor.shapes)}`\n\n" + "\n\n".join(layers)


def _with_name(judged: Judged, place: Place, about: str) -> Iterator[tuple[Place, str]]:
    """A place that builds something, and the name before it, if it is assigned to one."""
    yield place, about
    start = judged.text.extent(place)[0]
    assigned = _ASSIGNED.match(judged.text.text, judged.text.offset(place.line, 1), start)
    if assigned is not None:
        yield replace(place, column=place.column - (start - assigned.start("name"))), about


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


def _of_module(judged: Judged, module: ModuleUse) -> str:
    """What is known of the modules of a place, or of the function that it calls."""
    parts = [f"**{listed(list(module.classes))}**"]
    parts += dict.fromkeys(_verdict(judged.report.coverage, place) for place in module.layers)
    if module.modes:
        parts.append(f"called in {listed([mode.value for mode in module.modes])} mode")
    if module.inside:
        of = f"checked in {module.checked} of {module.inside} places" if module.checked else "not checked"
        parts.append(f"BatchNorm inside {'checked' if module.checked == module.inside else of}")
    paths: dict[str, list[str]] = {}
    for model, path in module.names:
        paths.setdefault(model, []).append(path)
    names = "; ".join(_names(model, known) for model, known in paths.items())
    flows = [f"- `{flow}`" for flow in module.flows[:_MOST_FLOWS]]
    flows += ["- and more"] if len(module.flows) > _MOST_FLOWS else []
    return "\n\n".join(filter(None, (", ".join(parts), "\n".join(flows), names)))


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
    """`bn1`, `layer1.0.bn1` and 3 more of `ResNet`, whatever there is of models of one class."""
    names = list(dict.fromkeys(paths))
    shown = [f"`{path}`" for path in names[:_MOST_NAMES]]
    more = [f"{len(names) - _MOST_NAMES} more"] if len(names) > _MOST_NAMES else []
    return f"{listed(shown + more)} of `{model}`"


def _verdict(coverage: Coverage | None, place: Place) -> str:
    reasons = {each.place: each.reason for each in coverage.undecided} if coverage is not None else {}
    return f"not checked, {reasons[place]}" if place in reasons else "checked"


def _alternatives(shapes: Sequence[Sizes]) -> str:
    more = " or ..." if len(shapes) > _MOST_SHAPES else ""
    return " or ".join(map(str, shapes[:_MOST_SHAPES])) + more


def _at_once(shapes: Sequence[Sizes]) -> str:
    """Several shapes in the room of one, where they have the same number of axes: `(?, 64|128, ?, ?)`."""
    if len({len(shape.axes) for shape in shapes}) > 1:
        return _alternatives(shapes)
    axes = zip(*(shape.axes for shape in shapes))
    return f"({', '.join(map(_axis, axes))})"


def _axis(sizes: Sequence[Size]) -> str:
    numbers = sorted({size for size in sizes if isinstance(size, int)})
    others = dict.fromkeys("?" if size is None else size for size in sizes if not isinstance(size, int))
    known = [*map(str, numbers), *others]
    return "|".join([*known[:_MOST_SIZES], *(["..."] if len(known) > _MOST_SIZES else [])])


def _covers(judged: Judged, place: Place, offset: int) -> bool:
    start, end = judged.text.extent(place)
    return start <= offset < end


def _length(judged: Judged, place: Place) -> int:
    start, end = judged.text.extent(place)
    return end - start
