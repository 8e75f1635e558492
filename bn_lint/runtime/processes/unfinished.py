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
    from bn_lint.runtime.recording.recorder import Recorder

#: The most seconds between one and the next, unless they take long.
_MOST = 60.0
#: How much of the time of a process a kill may cost its trace, as long as that is less.
_LOST = 0.1
#: How much of the time may be spent on them.
_SHARE = 0.01
#: Seconds of the processor that may be spent besides, when something new was seen. Nearly all that is new comes in the
#: first moments.
_NEWS = 0.1
#: A step tells of what came before it when the next one is made.
_STEPS_OF_NEWS = 2


class Unfinished:
    """The unfinished traces of one process, of which each takes the place of the one before.

    Args:
        folder: Where they are left.
        so_far: Gives the trace, if there is something to tell.
        recorder: What records; calls that it looks at closely may be something new.
    """

    def __init__(self, folder: str, so_far: Callable[[], Document | None], recorder: Recorder) -> None:
        self._folder = folder
        self._so_far = so_far
        self._recorder = recorder
        self._looks = -1
        #: For how many steps there is something new to tell, and the seconds that are left for that.
        self._news, self._left = 0, _NEWS
        self._began = time.monotonic()
        self._next = self._began

    def stepped(self) -> None:
        """Leave one, if it is time or something new was seen. Never raises."""
        start = time.monotonic()
        if self._recorder.looks != self._looks:
            self._looks, self._news = self._recorder.looks, _STEPS_OF_NEWS
        if start < self._next and not (self._news and self._left > 0):
            return
        self._news -= self._news > 0
        busy = time.thread_time()  # where others take the processor, this costs no more than elsewhere
        with contextlib.suppress(Exception):  # another thread runs a model, the disk is full: the next one may succeed
            document = self._so_far() if os.path.isdir(self._folder) else None
            if document is not None:
                document.notes.append(
                    f"Process {os.getpid()} was killed or did not end: its trace ends at optimizer step "
                    f"{document.steps}, and the values of its statistics are not known."
                )
                Part(document).save(self._folder, finished=False)
        end = time.monotonic()
        self._left -= time.thread_time() - busy
        self._next = end + max((end - start) / _SHARE, min(_LOST * (end - self._began), _MOST))

    def over(self) -> None:
        """The process has left its trace, or has none to leave."""
        self._next, self._left = float("inf"), 0.0
        forget_unfinished(self._folder)
