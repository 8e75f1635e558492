"""Layers that are called as one of several: which of them was built may depend on what they are fed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from bn_lint.static.syntax import nodes as cst
from bn_lint.static.torch_model.batchnorm import builds_batchnorm
from bn_lint.static.torch_model.watchers import events_of

if TYPE_CHECKING:
    from bn_lint.facts import BatchNormCall
    from bn_lint.static.interpreter.interpreter import Interpreter
    from bn_lint.static.interpreter.values import Instance, Value
    from bn_lint.static.syntax.places import NodeRef


class Choices:
    """The choices of one turn.

    Which layer was built and what it is fed may depend on the same condition: a mismatch of one pair proves nothing.
    """

    def __init__(self) -> None:
        #: Where one of several modules is called now, and whether under an undecided condition.
        self._now: tuple[cst.CSTNode, bool] | None = None
        #: Whether some of them are something else than BatchNorm.
        self._others_meant = False
        #: By layer: where it was called as one of several, and the calls.
        self._calls: dict[int, tuple[Instance, set[tuple[cst.CSTNode, bool]], list[BatchNormCall]]] = {}
        self._called: dict[int, Instance] = {}

    @contextmanager
    def choosing(self, interpreter: Interpreter, alternatives: list[Value], ref: NodeRef) -> Iterator[None]:
        """Note that calls meanwhile are of one of several modules, perhaps where only a condition leads to."""
        events = events_of(interpreter)
        doubtful = events.depth > 0 and interpreter.path.uncertain > events.open_loops
        outer, self._now = self._now, (ref.node, doubtful)
        others, self._others_meant = self._others_meant, not all(map(builds_batchnorm, alternatives))
        try:
            yield
        finally:
            self._now, self._others_meant = outer, others

    def may_mean_others(self, ref: NodeRef) -> bool:
        """Whether a call that builds a layer may build something else, which its arguments are for."""
        return self._now is not None and self._now[0] is ref.node and self._others_meant

    def called(self, layer: Instance) -> None:
        """Note that a layer is called."""
        if self._now is not None:
            self._called[id(layer)] = layer

    def has(self, layer: Instance) -> bool:
        """Whether a layer was called as one of several."""
        return id(layer) in self._called

    def note(self, layer: Instance, call: BatchNormCall) -> None:
        """Note what a call of a layer has shown."""
        if self._now is not None:
            _, places, calls = self._calls.setdefault(id(layer), (layer, set(), []))
            places.add(self._now)
            calls.append(call)

    def doubtful(self) -> list[BatchNormCall]:
        """The calls that may never happen.

        Where one of several modules is called at several places, an undecided condition that leads to one of them is
        likely to be the one that chose the module.
        """
        return [
            call
            for _, choices, calls in self._calls.values()
            if len({place for place, _ in choices}) > 1 and any(doubt for _, doubt in choices)
            for call in calls
        ]

    def clear(self) -> None:
        """Let go of the layers of the turn before."""
        self._calls.clear()
        self._called.clear()
