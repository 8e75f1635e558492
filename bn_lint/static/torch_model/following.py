"""Follows results and arguments of calls through the statements of functions, and from there to their callers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from bn_lint.static.interpreter.limits import MAX_FOLLOWED
from bn_lint.static.syntax import nodes as cst
from bn_lint.static.syntax.data_flow import arguments_of, fate_of
from bn_lint.static.syntax.flow import Sources

if TYPE_CHECKING:
    from bn_lint.static.interpreter.frames import Frame


class Following:
    """What is followed in one entry point, within a number of nodes."""

    def __init__(self) -> None:
        #: Nodes that may still be looked at.
        self.left = MAX_FOLLOWED

    def is_looked_at(self, node: cst.CSTNode, frame: Frame, running: Frame | None = None) -> bool:
        """Whether no gradients are computed of what a call gives, as far as its result can be followed.

        Args:
            frame: Where the call is.
            running: Where gradients are computed now, if that is the question.
        """
        waiting = [] if running is None else running.with_callers()[1:]
        has_gradient = True
        while isinstance(node, cst.Call):
            scope = scope_of(frame)
            if scope is None or self.left <= 0:
                return False
            fate = fate_of(scope, node, has_gradient=has_gradient)
            self.left -= fate.effort
            if frame in waiting:
                return False  # who runs within a function may have been given what that has
            if (fate.is_propagated if running is None else fate.gets_gradient) and running in (None, frame):
                return False  # of a function that is over, its own backward pass took it, and not this one
            if running is not None and frame is not running and fate.is_kept:
                return False
            if not fate.is_returned or (running is not None and not fate.has_gradient):
                return True
            if frame.site is None or frame.caller is None:
                return False
            node, frame, has_gradient = frame.site.node, frame.caller, fate.has_gradient
        return False

    def is_without_gradient(self, node: cst.CSTNode, frame: Frame) -> bool:
        """Whether what a call gives is not propagated, kept or handed on with a gradient, not even out of view."""
        while isinstance(node, cst.Call):
            scope = scope_of(frame)
            if scope is None or self.left <= 0:
                return False
            fate = fate_of(scope, node)
            self.left -= fate.effort
            if fate.is_propagated:
                return False
            if not fate.has_gradient:
                return True
            if frame.site is None or frame.caller is None:
                return False
            node, frame = frame.site.node, frame.caller
        return False

    def arguments_of(
        self, body: Iterable[cst.CSTNode], call: cst.Call, known: Mapping[str, Sources]
    ) -> list[tuple[str | None, Sources]]:
        """The sources of the arguments of a call, each with its keyword: see `data_flow`."""
        given = arguments_of(body, call, known)
        self.left -= given.effort
        return given.arguments


def scope_of(frame: Frame) -> cst.Module | cst.FunctionDef | None:
    """The function or module that a frame executes; None for a lambda."""
    node = frame.function.node if frame.function is not None else frame.file.tree
    return node if isinstance(node, (cst.Module, cst.FunctionDef)) else None
