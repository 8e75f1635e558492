"""Which attributes of a class hold BatchNorm layers, by what its methods assign to them."""

from __future__ import annotations

import re

from bn_lint.static.syntactic.receivers import Receivers
from bn_lint.static.syntax import nodes as cst
from bn_lint.static.syntax.scopes import Scope

BATCHNORM = re.compile(r"torch\.nn\.(?:Lazy|Sync)?BatchNorm(?:[123]d)?$")
_LISTS = frozenset({"torch.nn.ModuleList", "torch.nn.ModuleDict"})


def builds_batchnorm(value: cst.BaseExpression | None, receivers: Receivers) -> bool:
    """Whether an expression is a constructor call of a BatchNorm layer."""
    return isinstance(value, cst.Call) and BATCHNORM.match(receivers.imports.qualified(value.func) or "") is not None


def batchnorm_attributes(definition: cst.ClassDef, scope: Scope, receivers: Receivers) -> set[str]:
    """The attributes of a class that hold BatchNorm layers, or lists of them, and never another kind of layer.

    Layers that may have no running statistics are left out: they are the same in both modes.

    Args:
        scope: The scope of the class itself.
    """
    found: set[str] = set()
    for name, assigned in receivers.assigned(definition, scope).items():
        answers = [_holds_batchnorm(value, receivers) for value, _ in assigned]
        if True in answers and False not in answers:
            found.add(name)
    return found


def _holds_batchnorm(value: cst.BaseExpression | None, receivers: Receivers) -> bool | None:
    """Whether an expression builds BatchNorm layers; None when it stands for no layer at all."""
    match value:
        case cst.IfExp(body=body, orelse=orelse):
            answers = {_holds_batchnorm(body, receivers), _holds_batchnorm(orelse, receivers)}
            return False if False in answers else (True if True in answers else None)
        case cst.Name(value="None"):
            return None
        case cst.ListComp(elt=element):
            return _holds_batchnorm(element, receivers)
        case cst.List(elements=elements):
            answers = {_holds_batchnorm(element.value, receivers) for element in elements}
            return None if not answers else answers == {True}
        case cst.Call():
            origin = receivers.imports.qualified(value.func) or ""
            if BATCHNORM.match(origin):
                return not any(_changes_tracking(argument) for argument in value.args)
            if origin in _LISTS:
                return _holds_batchnorm(value.args[0].value, receivers) if value.args else None
            return None if origin == "torch.nn.Identity" else False
    return False


def _changes_tracking(argument: cst.Arg) -> bool:
    if argument.star == "**":
        return True
    is_true = isinstance(argument.value, cst.Name) and argument.value.value == "True"
    return argument.keyword is not None and argument.keyword.value == "track_running_stats" and not is_true
