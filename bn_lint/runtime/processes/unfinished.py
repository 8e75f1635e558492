"""What a process saw so far, in case it is killed: nothing can be done then.

Ray kills the actors that are left, launchers kill the ranks beside one that failed, and systems kill what takes too
much memory. So a process leaves an unfinished trace now and then, when an optimizer has made a step: there is no thread
and no timer, and no value of a tensor is read. A trace that it leaves in the end takes its place.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from bn_lint.runtime.processes.parts import Part, forget_unfinished

if TYPE_CHECKING:
    from bn_lint.runtime.document.document import Document

#: Seconds before the first one, and the most between one and the next unless they take long.
_FIRST, _MOST = 1.0, 60.0
#: How much of the time of a process a kill may cost its trace, as long as that is less.
_LOST = 0.1
#: How much of the time may be spent on them.
_SHARE = 0.01


class Unfinished:
    """The unfinished traces of one process, of which each takes the place of the one before.

    Args:
        folder: Where they are left.
        so_far: Gives the trace, if there is something to tell.
    """

    def __init__(self, folder: str, so_far: Callable[[], Document | None]) -> None:
        self._folder = folder
        self._so_far = so_far
        self._began = time.monotonic()
        self._next = self._began + _FIRST

    def stepped(self) -> None:
        """Leave one, if it is time. Never raises."""
        start = time.monotonic()
        if start < self._next:
            return
        with contextlib.suppress(Exception):  # another thread runs a model, the disk is full: the next one may succeed
            document = self._so_far() if os.path.isdir(self._folder) else None
            if document is not None:
                document.notes.append(
                    f"Process {os.getpid()} was killed or did not end: its trace ends at optimizer step "
                    f"{document.steps}, and the values of its statistics are not known."
                )
                Part(document).save(self._folder, finished=False)
        end = time.monotonic()
        self._next = end + max((end - start) / _SHARE, min(_LOST * (end - self._began), _MOST))

    def over(self) -> None:
        """The process has left its trace, or has none to leave."""
        self._next = float("inf")
        forget_unfinished(self._folder)
