"""Operations with a backward pass of their own: classes that inherit from `torch.autograd.Function`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bn_lint.static.interpreter.attributes import get_attribute
from bn_lint.static.interpreter.calls import call
from bn_lint.static.interpreter.values import ABSENT, Arguments, Builtin, Class, External, Unknown, Value
from bn_lint.static.syntax.places import NodeRef

if TYPE_CHECKING:
    from bn_lint.static.interpreter.interpreter import Interpreter

_FUNCTION = ("torch.autograd.Function", "torch.autograd.function.Function")


def autograd_apply(cls: Class) -> Value:
    """Return `cls.apply`, which calls `forward`; `ABSENT` where a class is no such operation."""
    if not any(isinstance(one, External) and one.dotted in _FUNCTION for one in cls.mro):
        return ABSENT

    def apply(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
        forward = get_attribute(interpreter, cls, "forward", ref)
        if cls.lookup("setup_context")[0] is ABSENT:
            arguments = arguments.prefixed(Unknown("ctx"))
        return call(interpreter, forward, arguments, ref, interpreter.frame)

    return Builtin("apply", apply)
