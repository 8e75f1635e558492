"""Which argument of a constructor would make a computed width fit. Worked out only for help."""

from __future__ import annotations

from collections.abc import Iterator

from bn_lint.facts import Evidence
from bn_lint.facts.dims import TracedInt
from bn_lint.static.fix_layout.spelling import bound_names
from bn_lint.static.interpreter.values import ABSENT, BUILDER, Class
from bn_lint.static.syntax import nodes as cst
from bn_lint.static.syntax.places import NodeRef
from bn_lint.static.syntax.source_text import argument_nodes
from bn_lint.static.torch_model.describing import ArrivingChannels
from bn_lint.static.torch_model.operations.sizes import size_of


def fitting_argument(draft: ArrivingChannels) -> Evidence | None:
    """The argument `persons=1` with which a width of `persons * channels` is the channels that arrive.

    None if more than one argument could be changed, or none, or if they are not written as numbers. Its place is where
    the number that does not fit is written: in the call of the constructor, or as the default.
    """
    layer, arrives = draft.layer, draft.size
    width = size_of(layer.cells.get("num_features", ABSENT))
    if not isinstance(width, TracedInt) or not isinstance(arrives, int) or len(width.origin.terms) != 1 or width < 1:
        return None
    factors = [symbol.name for monomial in width.origin.terms for symbol in monomial]
    fitting = []
    for name, ref in _numbers(draft):
        value = int(ref.node.value) if isinstance(ref.node, cst.Integer) else 0
        needed, rest = divmod(arrives * value, width)
        if factors.count(name) == 1 and needed and not rest:
            fitting.append(Evidence(f"{name}={needed}", ref.place))
    return fitting[0] if len(fitting) == 1 else None


def _numbers(draft: ArrivingChannels) -> Iterator[tuple[str, NodeRef]]:
    """What the constructor that builds the layer is given for its parameters, where that is a number."""
    layer, owner = draft.layer, draft.layer.owner
    around = layer.built.file.surroundings.get(layer.built.node) if layer.built is not None else None
    cls = BUILDER.of(layer)
    if around is None or len(around.scopes) < 2 or owner is None or owner.built is None or owner.cls is not cls:
        return
    function = around.scopes[-1]
    if not isinstance(cls, Class) or around.scopes[-2] is not cls.node or not isinstance(function, cst.FunctionDef):
        return
    if layer.built is None or function.name.value != "__init__":
        return
    call = owner.built
    parameters = [parameter.name.value for parameter in function.params.params[1:]]
    given = {
        keyword if position is None else parameters[position]: NodeRef(call.file, node)
        for position, keyword, node in argument_nodes(call.node)
        if position is None or position < len(parameters)
    }
    for parameter in (*function.params.params, *function.params.kwonly_params):
        if parameter.default is not None:
            given.setdefault(parameter.name.value, NodeRef(layer.built.file, parameter.default))
    rebound = set(bound_names(function.body))
    for name, ref in given.items():
        if isinstance(ref.node, cst.Integer) and name is not None and name not in rebound:
            yield name, ref
