"""Whether code that calls a module is part of a model itself, or uses one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bn_lint.static.syntax import nodes as cst
from bn_lint.static.syntax.tree import asked_once, walk

if TYPE_CHECKING:
    from bn_lint.static.interpreter.frames import Frame
    from bn_lint.static.interpreter.values import Instance


def method_of_model(called: Instance, frame: Frame) -> Frame | None:
    """The outermost method of a model that computes something with a part of it, which is called there.

    None where the model itself is called, or what `DataParallel` makes of it, or by code that is not part of one. A
    method that switches modes or computes gradients is such code: some models train themselves.
    """
    receiver = frame.running.receiver
    if called is receiver or (receiver is not None and called.cells.get("module") is receiver):
        return None
    found: Frame | None = None
    for one in frame.with_callers():
        if one.is_of_module:
            if one.function is not None and _drives(one.function.node):
                break
            found = one
    return found


@asked_once
def _drives(node: cst.FunctionDef | cst.Lambda) -> bool:
    """Whether a function switches modes or computes gradients."""
    return any(
        type(inner) is cst.Attribute and inner.attr.value in ("train", "eval", "backward") for inner in walk(node)
    )


def is_being_built(frame: Frame) -> bool:
    """Whether something runs for the constructor of a module, as what finds out sizes does."""
    return any(
        one.is_of_module and one.function is not None and one.function.name == "__init__"
        for one in frame.with_callers()
    )
