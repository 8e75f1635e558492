"""Where names live while code runs: the frames of functions, class bodies and modules."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bn_lint.static.interpreter.values import ABSENT, Instance, Value
from bn_lint.static.syntax.places import NodeRef

if TYPE_CHECKING:
    from collections.abc import Callable

    from bn_lint.static.interpreter.paths import Sides
    from bn_lint.static.interpreter.values import Class, Function, ModuleScope
    from bn_lint.static.syntax.source_files import SourceFile


class Frame:
    """One execution of a function body, class body or module."""

    __slots__ = (
        "annotated",
        "began",
        "began_changes",
        "began_created",
        "began_events",
        "bound",
        "caller",
        "cells",
        "class_body",
        "comprehends",
        "file",
        "function",
        "global_names",
        "guards",
        "has_left",
        "is_running",
        "module",
        "on_yield",
        "owner",
        "parent",
        "pending",
        "receiver",
        "returns",
        "sides",
        "site",
        "uncertain",
        "yield_rest",
        "yields",
    )

    def __init__(
        self,
        module: ModuleScope,
        file: SourceFile,
        cells: dict[str, Value],
        parent: Frame | None = None,
        *,
        function: Function | None = None,
        caller: Frame | None = None,
        site: NodeRef | None = None,
    ) -> None:
        self.module = module
        self.file = file
        self.cells = cells
        self.parent = parent
        self.function = function
        self.caller = caller
        self.site = site
        self.owner: Class | None = function.owner if function is not None else None
        self.receiver: Value = None
        self.global_names: dict[str, Frame | ModuleScope] = {}
        self.returns: list[Value] = []
        #: What a generator yields: surely, and possibly.
        self.yields: list[Value] | None = None
        self.yield_rest: list[Value] = []
        #: How many undecided branches surround the call.
        self.uncertain = 0
        #: How many taken `if` branches surround the call.
        self.guards = 0
        #: What had been counted when the call began: steps, changes, modules made, and what happened to models.
        self.began = self.began_changes = self.began_created = self.began_events = 0
        #: The step at which the call is given up.
        self.bound: int | None = None
        self.is_running = False
        #: Some branch ended the program, which is no error, or raised `NotImplementedError`: another class has more.
        self.has_left = False
        self.on_yield: Callable[[Value], None] | None = None
        self.class_body = False
        #: It is that of a comprehension, which Python runs in a scope of its own.
        self.comprehends = False
        #: Annotated names of a class body, in order, and their values if any.
        self.annotated: list[tuple[str, Value]] = []
        #: Changes of branches that ended in `continue` or `break`, to be merged at the end of the pass or the loop.
        self.pending: list[tuple[str, object, int]] = []
        #: What branches have written to local names.
        self.sides: Sides = {}

    @property
    def running(self) -> Frame:
        """The function, class body or module that runs; for a comprehension, the one that it stands in."""
        frame = self
        while frame.comprehends and frame.parent is not None:
            frame = frame.parent
        return frame

    @property
    def is_of_module(self) -> bool:
        """Whether it executes a method of a module, which `Trainer.test(net)` is not."""
        receiver = self.receiver
        return isinstance(receiver, Instance) and receiver.is_module and self.owner in receiver.cls.mro

    def with_callers(self) -> list[Frame]:
        """This frame and those that wait for it, the innermost first."""
        found, frame = [self], self.caller
        while frame is not None:
            found.append(frame)
            frame = frame.caller
        return found

    def find(self, name: str) -> Value:
        """Look a name up in this frame and those around it; MISSING when it is in none (a global or builtin)."""
        value = self.cells.get(name, ABSENT)
        if value is not ABSENT:
            return value
        frame = self.parent
        while frame is not None:
            value = frame.cells.get(name, ABSENT)
            if value is not ABSENT:
                return value
            frame = frame.parent
        return self.module.cells.get(name, ABSENT)
