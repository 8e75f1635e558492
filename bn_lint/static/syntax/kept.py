"""What was made from texts, kept up to a size."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Generic, TypeVar

T = TypeVar("T")


class KeptByText(Generic[T]):
    """What was made from the texts that were used last. Threads may share it.

    Args:
        most_characters: Of all texts together.
    """

    def __init__(self, most_characters: int) -> None:
        self.most_characters = most_characters
        self._kept: OrderedDict[str, T] = OrderedDict()
        self._characters = 0
        self._lock = threading.Lock()

    def get(self, text: str) -> T | None:
        """What is kept for a text, if that is not long ago."""
        with self._lock:
            found = self._kept.get(text)
            if found is not None:
                self._kept.move_to_end(text)
            return found

    def keep(self, text: str, made: T) -> None:
        """Keep what was made from a text, and drop what was not used for longest."""
        with self._lock:
            if text not in self._kept:
                self._characters += len(text)
            self._kept[text] = made
            while self._characters > self.most_characters:
                self._characters -= len(self._kept.popitem(last=False)[0])

    def clear(self) -> None:
        """Drop all, to free their memory."""
        with self._lock:
            self._kept.clear()
            self._characters = 0
