"""How layers, their calls and what led to them are told in facts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bn_lint import facts
from bn_lint.facts import (
    UNKNOWN,
    Argument,
    BatchNormBuilt,
    BatchNormCall,
    BatchNormLayer,
    Evidence,
    Place,
    Shape,
    Shows,
)
from bn_lint.facts import Axis as FactAxis
from bn_lint.facts.dims import Dim, Expression, TracedInt, describe
from bn_lint.static.interpreter.values import (
    ABSENT,
    BUILDER,
    Arguments,
    Axis,
    Class,
    Function,
    Instance,
    LibraryClass,
    Provenance,
    Tensor,
    Unknown,
    Value,
)
from bn_lint.static.syntax import nodes as cst
from bn_lint.static.syntax.places import NodeRef
from bn_lint.static.syntax.python_2 import is_of_python_2
from bn_lint.static.syntax.source_text import (
    argument_nodes,
    called_name,
    class_node,
    is_literal,
    is_quotient,
    keyword_node,
    width_node,
)
from bn_lint.static.syntax.tree import parameters_used_once
from bn_lint.static.syntax.written import code_of
from bn_lint.static.torch_model.batchnorm import KEYWORD_ONLY, batchnorm_class, variant_of, variant_of_layer
from bn_lint.static.torch_model.operations.sizes import size_of

if TYPE_CHECKING:
    from bn_lint.static.interpreter.frames import Frame
    from bn_lint.static.interpreter.interpreter import Interpreter
    from bn_lint.static.syntax.source_files import Project


@dataclass(frozen=True, eq=False)
class ArrivingChannels:
    """What the channels that arrive at a layer can be written from, where the layer is built.

    Attributes:
        size: The channels, in words of the module that holds the layer.
        everything: All numbers of channels that this layer gets, known when the entry points of a file are over.
    """

    layer: Instance
    axis: Axis
    size: Dim
    everything: list[Dim]


def built_fact(project: Project, layer: Instance, arguments: Arguments, *, per_call: bool) -> BatchNormBuilt:
    """State that a layer was built, and with which arguments. `per_call`: each call of the model rebuilds it."""
    direct = isinstance(layer.cls, LibraryClass)
    ref = built_at(layer)
    written = tuple(_arguments_as_written(project, ref, arguments, layer)) if direct else ()
    known = {name for name, _ in layer.cls.signature} | KEYWORD_ONLY if isinstance(layer.cls, LibraryClass) else set()
    unexpected = tuple(name for name in arguments.keywords if name not in known) if direct else ()
    place = (arguments.partial if arguments.partial is not None else ref).place
    unpacks = isinstance(ref.node, cst.Call) and any(argument.star for argument in ref.node.args)
    return BatchNormBuilt(layer_fact(layer), written, place, per_call, unexpected, unpacks)


def layer_fact(layer: Instance) -> BatchNormLayer:
    """State what is known of a layer."""
    ref = built_at(layer)
    cls = batchnorm_class(layer)
    name = cls.short_name if cls is not None else "BatchNorm"
    value, width = layer.cells.get("num_features", ABSENT), width_node(ref.node)
    return BatchNormLayer(
        label_of(layer),
        variant_of_layer(layer, cls) if cls is not None else variant_of(name),
        layer.cls.name.rpartition(".")[2],
        own_size(size_of(value), BUILDER.of(layer)),
        ref.place,
        literal_width=width is not None and is_literal(width),
        own_parameter=width is not None and _has_no_other_use(width, BUILDER.of(layer)),
        lazy=name.startswith("Lazy"),
        eps=_number(layer, "eps"),
        momentum=_number(layer, "momentum"),
        affine=_flag(layer, "affine"),
        track_running_stats=_flag(layer, "track_running_stats"),
        class_place=place_of(ref, class_node(ref.node, name) or called_name(ref.node, name)),
        width_place=place_of(ref, width if isinstance(layer.cls, LibraryClass) else None),
    )


def _has_no_other_use(width: cst.BaseExpression, builder: object) -> bool:
    """Whether a constructor has a parameter for this width alone."""
    init = builder.lookup("__init__")[0] if isinstance(builder, Class) else None
    node = init.node if isinstance(init, Function) else None
    return isinstance(node, cst.FunctionDef) and width in parameters_used_once(node)


def arriving_at(layer: Instance, x: Tensor, everything: list[Dim]) -> ArrivingChannels | None:
    """What the channels of a layer's input can be written from."""
    channels = channels_of(x)
    return None if channels is None else ArrivingChannels(layer, channels, _size_for(layer, channels), everything)


def channels_of(x: Tensor) -> Axis | None:
    """The axis that a layer takes for the channels, if its input has so many."""
    return x.axes[1] if x.ranked and len(x.axes) > 1 else x.axes[-1] if x.axes else None


def call_fact(interpreter: Interpreter, layer: Instance, x: Tensor, ref: NodeRef) -> BatchNormCall:
    """State that a layer was called on a tensor."""
    builder = BUILDER.of(layer)
    axes = tuple(FactAxis(own_size(a.size, builder), evidence_of(a), a.features) for a in x.axes)
    rank = rank_evidence(x.origin) if x.origin is not None else None
    shape = Shape(axes, x.ranked, rank) if x.ranked or axes else None
    channels = channels_of(x)
    return BatchNormCall(
        layer_fact(layer),
        shape,
        ref.place,
        path=path_to(interpreter.frame),
        follows_layer=channels is not None and _follows_layer(x, channels),
    )


def reason_of(layer: Instance, x: Tensor, width: Dim) -> str:
    """Say why a call of a layer cannot be judged."""
    if width is None:
        value = layer.cells.get("num_features", ABSENT)
        return f"its width is not known: {value.why}" if isinstance(value, Unknown) else "its width is not known"
    if x.why:
        return f"the shape of its input is not known: {x.why}"
    if not x.ranked:
        return "the shape of its input is not known: nothing before it fixes the channels"
    return "the channels of its input are not known"


def of_twins(first: Instance, second: Instance) -> bool:
    """Whether two layers belong to two modules of one class, whose parameters have the same names."""
    one, other = _home(first), _home(second)
    return one is not None and other is not None and one is not other and one.cls is other.cls


def _home(layer: Instance) -> Instance | None:
    """The module of the program that a layer is part of."""
    owner = layer.owner
    while owner is not None and not isinstance(owner.cls, Class):
        owner = owner.owner
    return owner


def label_of(layer: Instance) -> str:
    """What a reader would call a layer: `bn1`, `downsample[1]`, or the class when it has no name."""
    name, owner = layer.name, layer.owner
    if name is None:
        return layer.variable or layer.cls.name.rpartition(".")[2]
    if name.isdigit():
        return f"{label_of(owner)}[{name}]" if owner is not None and owner.name is not None else f"[{name}]"
    return name


def place_of(ref: NodeRef, node: cst.CSTNode | None) -> Place | None:
    """Return the place of a node, if there is one."""
    return None if node is None else NodeRef(ref.file, node).place


def built_at(layer: Instance) -> NodeRef:
    """Return where the program builds a layer."""
    assert layer.built is not None, "layers in facts were built by the program"
    return layer.built


def own_size(size: Dim, builder: Value) -> Dim:
    """The size; its origin is kept only where it speaks of the parameters of the class that builds the layer."""
    if isinstance(size, TracedInt):
        place = NodeRef(builder.file, builder.node) if isinstance(builder, Class) else None
        if not all(symbol.owner == place for symbol in size.origin.symbols):
            return int(size)
    return size


def _size_for(layer: Instance, axis: Axis) -> Dim:
    """The size of an axis; its origin is kept only where it speaks of the module that holds the layer.

    What another instance of the same class gives was computed from other arguments of the same names.
    """
    size = own_size(axis.size, BUILDER.of(layer))
    if not isinstance(size, TracedInt):
        return size
    maker = axis.origin.maker if axis.origin is not None else None
    if isinstance(maker, Instance) and of_twins(maker, layer):
        return int(size)
    width = size_of(layer.cells.get("num_features", ABSENT))
    if isinstance(width, TracedInt) and size.origin.symbols == {width.origin.single_symbol}:
        value = sum(factor * int(width) ** len(monomial) for monomial, factor in size.origin.terms.items())
        if value != size:
            return int(size)
    return size


def evidence_of(axis: Axis) -> Evidence | None:
    """Say what fixed the size of an axis; None when nothing is known to have."""
    if axis.origin is None:
        return None
    maker, ref = axis.origin
    size = describe(axis.size)
    if isinstance(maker, Instance):
        kind = maker.cls.name.rpartition(".")[2]
        label = label_of(maker)
        named = f"`{label}`" if label != kind else f"this {kind}"
        unit = "features" if axis.features else "channels"
        return Evidence(f"{named} gives {size} {unit}", ref.place)
    return Evidence(f"`{maker}` makes this axis {size}", ref.place)


def rank_evidence(origin: Provenance) -> Evidence:
    """Say what fixed the number of dimensions."""
    maker = origin.maker
    name = label_of(maker) if isinstance(maker, Instance) else maker
    return Evidence(f"the number of dimensions comes from `{name}`", origin.ref.place)


def _number(layer: Instance, name: str) -> float | facts.Unknown | None:
    value = layer.cells.get(name, ABSENT)
    if value is None:
        return None
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return UNKNOWN
    try:
        return float(value)
    except OverflowError:
        return UNKNOWN


def _flag(layer: Instance, name: str) -> bool | facts.Unknown:
    value = layer.cells.get(name, ABSENT)
    return value if isinstance(value, bool) else UNKNOWN


def path_to(frame: Frame | None) -> tuple[Evidence, ...]:
    """The calls that lead to a frame, outermost first."""
    steps: list[Evidence] = []
    while frame is not None and frame.site is not None and len(steps) < 12:
        name = frame.function.name if frame.function is not None else "?"
        owner = f"{frame.owner.name}." if frame.owner is not None else ""
        if type(frame.site.node) is cst.Call:
            receiver = frame.receiver
            # A module that no visible code calls is called where it is built.
            uncalled = isinstance(receiver, Instance) and receiver.built == frame.site
            place = frame.site.place
            if uncalled:
                built = owner[:-1]
                steps.append(Evidence(f"this `{built}` is built here", place, Shows.CONSTRUCTION, built))
            else:
                steps.append(Evidence.of(Shows.CALL, place, owner + name))
        frame = frame.caller
    return tuple(reversed(steps))


def _follows_layer(x: Tensor, channels: Axis) -> bool:
    maker = channels.origin.maker if channels.origin is not None else None
    if not isinstance(maker, Instance) or not isinstance(maker.cls, LibraryClass):
        return False
    if maker.cls.short_name.endswith("Linear"):
        return True  # it keeps the number of dimensions, whatever made it
    return "Conv" in maker.cls.short_name and x.origin is not None and x.origin.maker is maker


def _arguments_as_written(project: Project, ref: NodeRef, arguments: Arguments, layer: Instance) -> Iterator[Argument]:
    written = ref.node.args if isinstance(ref.node, cst.Call) else ()
    for arg, (position, keyword, node) in zip(written, argument_nodes(ref.node)):
        if keyword is not None:
            value = arguments.keywords.get(keyword, UNKNOWN)
        else:
            value = (
                arguments.positional[position]
                if position is not None and position < len(arguments.positional)
                else UNKNOWN
            )
        if not (value is None or isinstance(value, (bool, int, float, str, tuple, Expression))):
            value = UNKNOWN
        if isinstance(value, TracedInt):
            value = int(value)
        place = NodeRef(ref.file, node if arg.keyword is not None else arg).place
        text = code_of(node)
        named = place_of(ref, keyword_node(ref.node, keyword))
        quotient = is_quotient(node) and not is_of_python_2(ref.file, project)
        yield Argument(keyword, position, text, value, is_literal(node), place, quotient, named)
