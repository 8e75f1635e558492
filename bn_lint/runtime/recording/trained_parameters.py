"""Which parameters an optimizer trains: those that it has, and that are not frozen."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from itertools import chain, compress
from operator import attrgetter

import torch

#: Steps of an optimizer after which its parameters are asked again; in the beginning they are asked more often, after
#: 1, 2, 4 and 8 steps.
PERIOD = 16
_REQUIRES_GRAD = attrgetter("requires_grad")


class _Known:
    """What one optimizer trains, and when it was asked for that."""

    __slots__ = ("asked", "groups", "ids", "uses")

    def __init__(self) -> None:
        #: All its parameters, by `id`, and which of them are not frozen.
        self.asked: tuple[list[int], list[bool]] = [], []
        self.ids: frozenset[int] = frozenset()
        self.groups = self.uses = -1

    def ask(self, optimizer: torch.optim.Optimizer) -> None:
        parameters = [*chain.from_iterable(group["params"] for group in optimizer.param_groups)]
        asked = [*map(id, parameters)], [*map(_REQUIRES_GRAD, parameters)]
        if asked == self.asked:
            return
        self.asked = asked
        ids = frozenset(compress(*asked))
        if ids != self.ids:  # else the same object: steps that are alike are told by it
            self.ids = ids


class TrainedParameters:
    """What the optimizers of a run train."""

    def __init__(self) -> None:
        self._known: weakref.WeakKeyDictionary[torch.optim.Optimizer, _Known] = weakref.WeakKeyDictionary()
        #: The optimizer that made the last step, and what it trains.
        self._last: tuple[Callable[[], object], _Known] = lambda: None, _Known()

    def of(self, optimizer: torch.optim.Optimizer) -> frozenset[int]:
        """What an optimizer trains that has just made a step: the `id` of each parameter."""
        reference, known = self._last
        if reference() is not optimizer:
            known = self._known.setdefault(optimizer, _Known())
            self._last = weakref.ref(optimizer), known
        known.uses = uses = known.uses + 1
        groups = len(optimizer.param_groups)
        if groups != known.groups or uses % PERIOD == 0 or (uses < PERIOD and not uses & (uses - 1)):
            known.groups = groups
            known.ask(optimizer)
        return known.ids
