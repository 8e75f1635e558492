"""How a width, or `torch.nn`, can be written at a given place of the program. Worked out only for fixes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from bn_lint.facts.comparison import Comparison, compare
from bn_lint.facts.dims import Dim, origin_of
from bn_lint.static.interpreter.values import ABSENT, BUILDER, Class, Instance, LibraryClass, Value
from bn_lint.static.syntax import nodes as cst
from bn_lint.static.syntax.import_table import ImportTable, dotted_name
from bn_lint.static.syntax.places import NodeRef
from bn_lint.static.syntax.source_text import argument_nodes, width_node
from bn_lint.static.syntax.surroundings import Surroundings
from bn_lint.static.syntax.tree import children, walk
from bn_lint.static.torch_model.describing import ArrivingChannels, of_twins
from bn_lint.static.torch_model.operations.sizes import size_of

if TYPE_CHECKING:
    from bn_lint.static.syntax.source_files import SourceFile

#: What the layers of torch call the size of the axis that they make.
_WIDTHS = ("out_channels", "out_features", "hidden_size", "embedding_dim", "num_features")
#: Functions that give the same result when they are called once more.
_PURE = frozenset({"int", "round", "max", "min", "len", "abs", "sum", "float"})
_REPEATABLE = (
    *(cst.Name, cst.Attribute, cst.Integer, cst.Subscript, cst.SubscriptElement, cst.Index, cst.Arg),
    *(cst.BinaryOperation, cst.UnaryOperation, cst.BaseBinaryOp, cst.BaseUnaryOp),
)
#: The nodes that `binds` understands: most nodes are none of them.
_BINDING = frozenset(
    {cst.AssignTarget, cst.AnnAssign, cst.AugAssign, cst.For, cst.NamedExpr, cst.CompFor, cst.AsName, cst.FunctionDef}
    | {cst.ClassDef, cst.Del, cst.Import, cst.ImportFrom}
)
_POLYNOMIAL = re.compile(r"[\w *+()-]*(?://[\w *+()-]*)*")


def arriving_channels(draft: ArrivingChannels) -> str | None:
    """The channels that arrive at a layer, with names that mean them where the layer is built; None if there are none.

    That is what the layer before says about its own width, when both are built by the same code, or an expression over
    the parameters of the constructor. A layer that gets different numbers of channels has no right width.
    """
    ref = draft.layer.built
    if ref is None or any(compare(draft.size, size) is Comparison.DIFFERENT for size in draft.everything):
        return None
    text = _spelled(draft, ref)
    present = width_node(ref.node)
    return None if present is not None and text == ref.file.text(present) else text


def _spelled(draft: ArrivingChannels, ref: NodeRef) -> str | None:
    here = _Site.of(ref)
    if here is None:
        return None
    maker = draft.axis.origin.maker if draft.axis.origin is not None else None
    text = None
    if isinstance(maker, Instance) and not of_twins(maker, draft.layer):
        text = _as_its_maker_says(maker, draft.size, here)
        text = text or _as_its_builder_is_told(maker, draft.layer, here)
    return text or _by_parameters(draft.size, BUILDER.of(draft.layer), here)


def torch_nn(file: SourceFile) -> str | None:
    """What a file calls `torch.nn`: `nn`, `torch.nn`; None when it does not import it at its top level."""
    return ImportTable.of(file.tree, top_only=True).spelling_of("torch.nn")


def _as_its_maker_says(maker: Instance, size: Dim, here: _Site) -> str | None:
    """The width in the constructor call of the layer before."""
    name = _width_name(maker)
    if name is None or compare(size_of(maker.cells.get(name, ABSENT)), size) is not Comparison.SAME:
        return None
    width = _width_of(maker, name)
    return here.text_of(width, maker.built) if width is not None and maker.built is not None else None


def _as_its_builder_is_told(maker: Instance, layer: Instance, here: _Site) -> str | None:
    """The width in the call of a helper such as `conv3x3(inplanes, planes)` that builds the layer before."""
    name = _width_name(maker)
    width = _width_of(maker, name) if name is not None else None
    call = _call_that_gives(maker, here) if maker.owner is layer.owner else None
    if maker.built is None or not isinstance(width, cst.Name) or call is None or call is maker.built.node:
        return None
    around = maker.built.file.surroundings.get(maker.built.node)
    helper = around.scopes[-1] if around is not None and around.scopes else None
    called = call.func.attr if isinstance(call.func, cst.Attribute) else call.func
    if not isinstance(helper, cst.FunctionDef) or not isinstance(called, cst.Name) or called.value != helper.name.value:
        return None
    parameters = [param.name.value for param in helper.params.params if param.name.value not in ("self", "cls")]
    if width.value in bound_names(helper.body) or width.value not in parameters:
        return None
    for position, keyword, node in argument_nodes(call):
        if keyword == width.value or position == parameters.index(width.value):
            return here.text_of(node, NodeRef(here.file, call))
    return None


def _call_that_gives(child: Instance, here: _Site) -> cst.Call | None:
    """The call, in the code around a layer, that gives another child of the same module."""
    owner = child.owner
    if owner is None or child.name is None:
        return None
    if isinstance(owner.cls, LibraryClass) and child.name.isdigit():
        call = owner.built.node if owner.built is not None else None
        given = [node for _, _, node in argument_nodes(call)] if call is not None else []
        found = given[int(child.name)] if int(child.name) < len(given) else None
        return found if isinstance(found, cst.Call) else None
    calls = []
    for node, around in here.file.surroundings.items():
        if type(node) is cst.Assign and around.scopes == here.around.scopes and isinstance(node.value, cst.Call):
            calls += [node.value for target in node.targets if dotted_name(target.target) == f"self.{child.name}"]
    return calls[0] if len(calls) == 1 else None


def _width_name(maker: Instance) -> str | None:
    names = [name for name, _ in maker.cls.signature] if isinstance(maker.cls, LibraryClass) else []
    return next((name for name in _WIDTHS if name in names), None)


def _width_of(maker: Instance, name: str) -> cst.BaseExpression | None:
    if maker.built is None or not isinstance(maker.cls, LibraryClass):
        return None
    order = [each for each, _ in maker.cls.signature].index(name)
    for position, keyword, node in argument_nodes(maker.built.node):
        if keyword == name or position == order:
            return node
    return None


def _by_parameters(size: Dim, builder: Value, here: _Site) -> str | None:
    """The width as an expression over the parameters of the constructor, when the layer is built right there."""
    origin = origin_of(size)
    function = here.around.scopes[-1] if here.around.scopes else None
    if origin is None or not isinstance(function, cst.FunctionDef) or function.name.value != "__init__":
        return None
    if not isinstance(builder, Class) or len(here.around.scopes) < 2 or here.around.scopes[-2] is not builder.node:
        return None
    text = str(origin)
    names = set(re.findall(r"[A-Za-z_]\w*", text))
    own = {param.name.value for param in (*function.params.params, *function.params.kwonly_params)}
    if not names <= own or names & set(bound_names(function.body)) or not _POLYNOMIAL.fullmatch(text):
        return None
    if names & set(_fractions(function)):
        return None
    # A number may be what became of another parameter on a path that was not followed, unless it is written here.
    written = {node.value for node in walk(function.body) if isinstance(node, cst.Integer)}
    for number in set(re.findall(r"\b\d+\b", text)) - written:
        attribute = next((n for n, v in builder.cells.items() if type(v) is int and str(v) == number), None)
        if attribute is None:
            return None
        text = re.sub(rf"\b{number}\b", f"self.{attribute}", text)
    return text


def _fractions(function: cst.FunctionDef) -> Iterator[str]:
    """The parameters of a function that may be no whole numbers: what they give is a width when it is rounded."""
    for param in (*function.params.params, *function.params.kwonly_params):
        annotation = param.annotation.annotation if param.annotation is not None else None
        if isinstance(param.default, cst.Float) or (annotation is not None and dotted_name(annotation) == "float"):
            yield param.name.value
    for node in walk(function.body):
        if isinstance(node, cst.Call) and dotted_name(node.func) in ("int", "round"):
            yield from (one.value for one in walk(node) if isinstance(one, cst.Name))


@dataclass(frozen=True)
class _Site:
    """A node for which something is written, and what surrounds it."""

    file: SourceFile
    around: Surroundings

    @staticmethod
    def of(ref: NodeRef) -> _Site | None:
        around = ref.file.surroundings.get(ref.node)
        return None if around is None else _Site(ref.file, around)

    def text_of(self, expression: cst.BaseExpression, ref: NodeRef) -> str | None:
        """An expression that stands in a call at `ref`, when it means the same here and stands on one line."""
        there = ref.file.surroundings.get(ref.node) if ref.file is self.file else None
        if there is None or not self._means_the_same(expression, there):
            return None
        text = ref.file.text(expression)
        return text if "\n" not in text else None

    def _means_the_same(self, text: cst.BaseExpression, there: Surroundings) -> bool:
        here = self.around
        if here.scopes != there.scopes or here.loops != there.loops or not _is_repeatable(text):
            return False
        names = set(_dotted_names(text))
        if not names:
            return True
        first, last = sorted((here.order, there.order))
        bound: set[str] = set()
        for node, around in islice(self.file.surroundings.items(), first + 1, last):
            if around.scopes == here.scopes:
                bound.update(binds(node))
        return not any(name == one or name.startswith(f"{one}.") for name in names for one in bound)


def _is_repeatable(node: cst.CSTNode) -> bool:
    """Whether an expression gives the same value when it is written a second time."""
    if isinstance(node, cst.Call):
        if not (isinstance(node.func, cst.Name) and node.func.value in _PURE):
            return False
    elif not isinstance(node, _REPEATABLE):
        return False
    return all(map(_is_repeatable, children(node)))


def _dotted_names(node: cst.CSTNode) -> Iterator[str]:
    dotted = dotted_name(node)
    if dotted is not None:
        yield dotted
        return
    for child in children(node):
        yield from _dotted_names(child)


def binds(node: cst.CSTNode) -> Iterator[str]:
    """The names, and attributes, that a node gives a value itself."""
    if type(node) not in _BINDING:
        return
    targets: list[cst.CSTNode | None] = []
    match node:
        case cst.AssignTarget() | cst.AnnAssign() | cst.AugAssign() | cst.For() | cst.NamedExpr() | cst.CompFor():
            targets = [node.target]
        case cst.AsName() | cst.FunctionDef() | cst.ClassDef():
            targets = [node.name]
        case cst.Del():
            targets = [node.target]
        case cst.Import() | cst.ImportFrom() if not isinstance(node.names, cst.ImportStar):
            for alias in node.names:
                yield (dotted_name(alias.name) or "").partition(".")[0]
    while targets:
        target = targets.pop()
        match target:
            case cst.Tuple(elements=elements) | cst.List(elements=elements):
                targets.extend(element.value for element in elements)
            case cst.Subscript(value=value):
                targets.append(value)
            case cst.CSTNode():
                name = dotted_name(target)
                if name is not None:
                    yield name


def bound_names(node: cst.CSTNode) -> Iterator[str]:
    yield from binds(node)
    for child in children(node):
        yield from bound_names(child)
