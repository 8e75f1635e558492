"""When a pass over training data begins: what people call an epoch."""

from __future__ import annotations

import weakref
from typing import Any

#: Beginnings of passes that are kept, of each loader; and events of which the steps are kept.
MOST_PASSES = 1_000
MOST_STEPS = 256


class Epochs:
    """Takes note of when data loaders are iterated. An epoch is a pass during which an optimizer makes steps."""

    def __init__(self) -> None:
        self._begun: weakref.WeakKeyDictionary[Any, list[int]] = weakref.WeakKeyDictionary()
        #: The last loader of a data set, and the passes over it.
        self._last: weakref.WeakKeyDictionary[Any, tuple[Any, list[int]]] = weakref.WeakKeyDictionary()
        #: The pass that goes on: those of its loader, and the step before which it began.
        self._open: tuple[list[int], int] | None = None
        #: All passes in which steps were made: the passes over the same loader share a list.
        self._trained: list[list[int]] = []

    def begun(self, loader: Any, step: int) -> None:
        """A loader is iterated from its beginning, before optimizer step `step`."""
        self._close(step)
        self._open = (self._passes_of(loader), step)

    def _passes_of(self, loader: Any) -> list[int]:
        """Those over the loader; some programs make one in each epoch, which takes the place of the one before."""
        passes = self._begun.get(loader)
        if passes is None:
            data = _data_of(loader)
            before, passes = self._last.get(data, (None, []))
            if before is not None and before() is not None:
                passes = []
            self._begun[loader] = passes
            self._last[data] = (weakref.ref(loader), passes)
        return passes

    def _close(self, step: int) -> None:
        """The pass that was open led to this step."""
        if self._open is None:
            return
        passes, start = self._open
        if step > start and len(passes) < MOST_PASSES:
            if not passes:
                self._trained.append(passes)
            passes.append(start)

    def starts(self, step: int) -> list[int]:
        """The steps at which epochs begin; `step` is the last one of all. Of several loaders, the most used counts."""
        self._close(step)
        self._open = None
        most: list[int] = []
        for passes in self._trained:
            most = passes if len(passes) > len(most) else most
        return list(most)


def _data_of(loader: Any) -> Any:
    """The data set, if it is told from others by what it is: else the program's code would be asked to compare it."""
    data = getattr(loader, "dataset", None)
    kind: Any = type(data)
    return data if kind.__hash__ is object.__hash__ and kind.__weakrefoffset__ else loader


def keep(steps: list[int], step: int) -> None:
    """Add a step to those of an event that comes again and again; when there are too many, half of them are left."""
    if steps and steps[-1] == step:
        return
    steps.append(step)
    if len(steps) > MOST_STEPS:
        del steps[1::2]
