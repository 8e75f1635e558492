"""Optimizer steps that do what the one before did, as nearly all do: they are only counted."""

from __future__ import annotations

from collections import Counter

from bn_lint.runtime.recording.backward_passes import WatchedEntry
from bn_lint.runtime.recording.layer_records import Entry


class Repetition:
    """A step that may come again.

    Args:
        calls: How many calls of each kind it had; all other kinds had none.
    """

    def __init__(self, calls: dict[Entry, int]) -> None:
        self._calls = calls
        self._watched = [entry for entry in calls if isinstance(entry, WatchedEntry)]
        #: The calls of the last step, in their order: nearly always the next one has the same.
        self._sequence: list[Entry] | None = None
        #: How often the step came again, and how many of these times the entries know of.
        self.times = self._added = 0

    def comes_again(self, counted: list[Entry]) -> bool:
        """Whether the calls since the last step are those of the step; if so, they are taken away."""
        sequence = self._sequence
        if sequence is None or counted != sequence:
            sequence = self._sequence = counted.copy()
            if dict(Counter(sequence)) != self._calls:
                return False
        del counted[: len(sequence)]
        for entry in self._watched:
            if self.times:
                entry.step_came_again()
            else:
                entry.step_is_over()
        self.times += 1
        return True

    def add_up(self) -> None:
        """Let the entries know of the calls in the steps that came again."""
        times, self._added = self.times - self._added, self.times
        for entry, calls in self._calls.items():
            entry.count += times * calls
            entry.seen = entry.count

    def settle(self, step: int) -> None:
        """The same, when it came again for the last time, in this step."""
        self.add_up()
        for entry in self._calls:
            entry.last_step = step
