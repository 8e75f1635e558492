"""What switches the recording of gradients: `no_grad`, `inference_mode`, `set_grad_enabled`, and what once did."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from bn_lint.static.interpreter.hooks import Context
from bn_lint.static.interpreter.values import Arguments, Builtin, Function, Value
from bn_lint.static.syntax import nodes as cst
from bn_lint.static.syntax.places import NodeRef
from bn_lint.static.syntax.tree import asked_once, walk
from bn_lint.static.torch_model.watchers import events_of

if TYPE_CHECKING:
    from bn_lint.static.interpreter.interpreter import Interpreter


class GradientMode(Context):
    """A context manager, or decorator, under which gradients are recorded or not; None where that is not known.

    Attributes:
        decorates: Where it stands as the decorator of a function.
    """

    __slots__ = ("decorates", "enabled", "name")

    def __init__(self, enabled: bool | None, name: str, decorates: NodeRef | None = None) -> None:
        self.enabled = enabled
        self.name = name
        self.decorates = decorates

    def enter(self, interpreter: Interpreter, ref: NodeRef) -> None:
        events = events_of(interpreter)
        events.grad = self.enabled
        if self.enabled is False:
            events.gradients_off_by = (self.decorates or ref, self.name)

    def decorating(self, ref: NodeRef) -> GradientMode:
        return GradientMode(self.enabled, self.name, ref)

    def __repr__(self) -> str:
        return f"GradientMode({self.enabled})"


def _fixed(name: str, enabled: bool) -> Builtin:
    def make(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
        decorated = arguments.get(0, "func")
        if isinstance(decorated, Function):  # `@torch.no_grad` without parentheses
            decorated.context = GradientMode(enabled, name, NodeRef(ref.file, getattr(ref.node, "decorator", ref.node)))
            return decorated
        given = arguments.get(0, "mode", True)
        return GradientMode(enabled if given is True else None if not isinstance(given, bool) else not enabled, name)

    return Builtin("gradient mode", make)


def _set_enabled(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
    given = arguments.get(0, "mode")
    enabled = given if isinstance(given, bool) else None
    # As a statement it switches at once; as a context manager `with` puts back what was before.
    events_of(interpreter).grad = enabled
    events_of(interpreter).gradients_off_by = (ref, "set_grad_enabled")
    return GradientMode(enabled, "set_grad_enabled")


def volatile_argument(call: cst.Call, scope: cst.CSTNode) -> cst.CSTNode | None:
    """The `volatile=True` behind an argument of a call: before PyTorch 0.4 it said that no gradients are wanted.

    Later versions ignore it, with a warning. What the program is about is the same.
    """
    for argument in call.args:
        value = argument.value
        found = _wrappers(scope).get(value.value) if isinstance(value, cst.Name) else _volatile(value)
        if found is not None:
            return found
    return None


@asked_once
def _wrappers(scope: cst.CSTNode) -> Mapping[str, cst.CSTNode | None]:
    """For names that a function or module gives a value by a call: the `volatile=True` in it, if all have one."""
    found: dict[str, cst.CSTNode | None] = {}
    for node in walk(scope):
        if not isinstance(node, cst.Assign):
            continue
        for name, value in (pair for target in node.targets for pair in _pairs(target.target, node.value)):
            if any(isinstance(part, cst.Call) for part in walk(value)):
                volatile = _volatile(value)
                found[name] = volatile if found.get(name, volatile) is not None else None
    return found


def _pairs(target: cst.BaseExpression, value: cst.BaseExpression) -> Iterator[tuple[str, cst.BaseExpression]]:
    """The names in the target of an assignment, with what each is given, as far as that is written out."""
    if isinstance(target, cst.Name):
        yield target.value, value
    elif isinstance(target, (cst.Tuple, cst.List)) and isinstance(value, (cst.Tuple, cst.List)):
        for one, given in zip(target.elements, value.elements):
            yield from _pairs(one.value, given.value)


def _volatile(node: cst.BaseExpression) -> cst.CSTNode | None:
    """The argument `volatile=True` in `Variable(images, volatile=True).cuda()`."""
    while isinstance(node, cst.Call):
        for argument in node.args:
            if argument.keyword is not None and argument.keyword.value == "volatile":
                return argument if isinstance(argument.value, cst.Name) and argument.value.value == "True" else None
        inner = node.func.value if isinstance(node.func, cst.Attribute) else None
        if isinstance(inner, cst.Call):
            node = inner
        elif len(node.args) == 1:
            node = node.args[0].value  # `.cuda` of a function, `to_device(Variable(...))`
        else:
            return None
    return None


GRADIENTS: dict[str, Value] = {
    "torch.no_grad": _fixed("no_grad", False),
    "torch.autograd.no_grad": _fixed("no_grad", False),
    "torch.inference_mode": _fixed("inference_mode", False),
    "torch.autograd.inference_mode": _fixed("inference_mode", False),
    "torch.enable_grad": _fixed("enable_grad", True),
    "torch.autograd.enable_grad": _fixed("enable_grad", True),
    "torch.set_grad_enabled": Builtin("set_grad_enabled", _set_enabled),
    "torch.autograd.set_grad_enabled": Builtin("set_grad_enabled", _set_enabled),
}
