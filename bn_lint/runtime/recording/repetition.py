"""Optimizer steps that do what the one before did, as nearly all do: they are only counted."""

from __future__ import annotations

from collections.abc import Sequence
from operator import add, attrgetter

from bn_lint.runtime.recording.backward_passes import WatchedEntry
from bn_lint.runtime.recording.layer_records import Entry

_COUNT = attrgetter("count")


class Repetition:
    """A step that may come again: how many calls of each kind it had.

    Args:
        entries: All that there are, in all layers.
        calls: How many calls each had in the step.
    """

    def __init__(self, entries: Sequence[Entry], calls: Sequence[int]) -> None:
        self._entries = entries
        self._calls = calls
        self._watched = [entry for entry in entries if isinstance(entry, WatchedEntry)]
        self._expected = [entry.count + more for entry, more in zip(entries, calls, strict=True)]
        #: How often the step came again.
        self.times = 0

    def comes_again(self) -> bool:
        """Whether the calls since the last step are those of the step."""
        counts = list(map(_COUNT, self._entries))
        if counts != self._expected:
            return False
        self._expected = list(map(add, counts, self._calls))
        for entry in self._watched:
            if self.times:
                entry.step_came_again()
            else:
                entry.step_is_over()
        self.times += 1
        return True

    def settle(self, step: int) -> None:
        """Let the entries know which of their calls belong to steps that are over, up to this one."""
        for entry, expected, calls in zip(self._entries, self._expected, self._calls, strict=True):
            entry.seen = expected - calls
            if calls:
                entry.last_step = step
