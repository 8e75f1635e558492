"""Hand-written normalization layers whose running statistics are not buffers."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from bn_lint.facts import Place, PlainStatistics
from bn_lint.static.fix_layout.registration import is_initialized_before
from bn_lint.static.syntactic.receivers import Receivers
from bn_lint.static.syntax import nodes as cst
from bn_lint.static.syntax.import_table import dotted_name
from bn_lint.static.syntax.scopes import Located, Scope, within

STATISTICS = re.compile(r"_?(?:running|moving)_(?:mean|avg|average|var|variance|std)(?:_\w+)?$")
_TENSORS = frozenset(
    f"torch.{name}"
    for name in ("zeros", "ones", "empty", "full", "tensor", "rand", "randn", "zeros_like", "ones_like", "FloatTensor")
)
_KEEPS = frozenset({"to", "cuda", "cpu", "float", "double", "half", "view", "reshape", "unsqueeze", "fill_", "zero_"})
_PARAMETERS = frozenset({"torch.nn.Parameter", "torch.nn.parameter.Parameter"})


def plain_statistics(
    located: Located, receivers: Receivers, place: Callable[[cst.CSTNode], Place]
) -> Iterator[PlainStatistics]:
    """The statistics that an assignment `self.running_mean = torch.zeros(...)` leaves unregistered."""
    statement = located.statement
    method = located.scope.method()
    if method is None or method[0].name.value != "__init__" or not isinstance(statement, (cst.Assign, cst.AnnAssign)):
        return
    definition = method[1]
    kind = _kind(statement.value, receivers)
    if kind is None or not receivers.classes.is_module(definition) or not receivers.classes.closed(definition):
        return
    # Other bases may register the name themselves, as nn.BatchNorm2d does.
    if receivers.classes.torch_bases(definition) - {"torch.nn.Module"}:
        return
    targets = [t.target for t in statement.targets] if isinstance(statement, cst.Assign) else [statement.target]
    for target in targets:
        name = (dotted_name(target) or "").removeprefix("self.")
        if STATISTICS.match(name) and not _registered(definition, name, receivers):
            around: tuple[Place | None, Place | None] = (None, None)
            if len(targets) == 1 and is_initialized_before(method[0], statement):
                around = _around(statement, receivers, place)
            yield PlainStatistics(definition.name.value, name, kind, place(statement), *around)


def _around(
    statement: cst.Assign | cst.AnnAssign, receivers: Receivers, place: Callable[[cst.CSTNode], Place]
) -> tuple[Place | None, Place | None]:
    """What an assignment has before and behind the initial tensor; of a parameter that is its argument."""
    value = tensor = statement.value
    if isinstance(value, cst.Call) and receivers.imports.qualified(value.func) in _PARAMETERS:
        tensor = value.args[0].value
    elif _kind(value, receivers) != "tensor":
        return None, None
    if value is None or tensor is None or value.parentheses or tensor.parentheses:
        return None, None
    whole, inner = place(statement), place(tensor)
    return (
        Place(whole.path, whole.line, whole.column, inner.line, inner.column),
        Place(whole.path, inner.end_line, inner.end_column, whole.end_line, whole.end_column),
    )


def _kind(value: cst.BaseExpression | None, receivers: Receivers) -> str | None:
    while isinstance(value, cst.Call):
        origin = receivers.imports.qualified(value.func)
        if origin in _TENSORS:
            return "tensor"
        if origin in _PARAMETERS:
            pinned = any(a.keyword and a.keyword.value == "requires_grad" for a in value.args) or len(value.args) > 1
            return None if pinned else "parameter"
        if origin == "torch.autograd.Variable" and value.args:
            value = value.args[0].value
        elif isinstance(value.func, cst.Attribute) and value.func.attr.value in _KEEPS:
            value = value.func.value
        else:
            break
    return None


def _registered(definition: cst.ClassDef, name: str, receivers: Receivers) -> bool:
    """Whether any class of the family may register the name as a buffer, or takes the gradient off it later."""
    for one in receivers.classes.family(definition):
        for statement, *_ in within(Scope(one)):
            match statement:
                case cst.Expr(value=cst.Call(func=function, args=arguments)):
                    dotted = dotted_name(function) or ""
                    if dotted.endswith((".register_buffer", "_buffers.update")) or dotted == "setattr":
                        if _may_be(arguments, name):
                            return True
                    elif dotted == f"self.{name}.requires_grad_":
                        return True
                case cst.Assign(targets=[cst.AssignTarget(target=cst.Subscript(value=mapping))]):
                    if (dotted_name(mapping) or "").endswith("._buffers"):
                        return True
                case cst.Assign(targets=[cst.AssignTarget(target=target)]):
                    if dotted_name(target) == f"self.{name}.requires_grad":
                        return True
    return False


def _may_be(arguments: object, name: str) -> bool:
    """Whether a call registers this name; one that is computed may be any."""
    for argument in arguments if isinstance(arguments, (list, tuple)) else ():
        match argument:
            case cst.Arg(value=cst.SimpleString() as text):
                return text.evaluated_value == name
            case cst.Arg(value=cst.Name(value="self")):
                continue
        return True
    return True
