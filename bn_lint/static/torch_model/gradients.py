"""What switches the recording of gradients: `no_grad`, `inference_mode`, `set_grad_enabled`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bn_lint.static.interpreter.hooks import Context
from bn_lint.static.interpreter.values import Arguments, Builtin, Function, Value
from bn_lint.static.syntax.places import NodeRef
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
