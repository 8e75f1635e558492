"""The trace of one process, from its start to what becomes of it when the process ends."""

from __future__ import annotations

import contextlib
import os
import shutil
import threading
from typing import TYPE_CHECKING

from bn_lint.runtime.processes.group import Group
from bn_lint.runtime.processes.parts import Numbers, Part, running_means, saved_in, together
from bn_lint.runtime.processes.unfinished import Unfinished
from bn_lint.runtime.processes.ways_out import Ending, WaysOut

if TYPE_CHECKING:
    from bn_lint.runtime.document.document import Document
    from bn_lint.runtime.tracer import Trace

#: Seconds that the traces of others may take to arrive when a signal is to end this process.
_PROMPT = 1.0


class Process:
    """A process that is traced: one that reports, or one that leaves what it saw to the one that does.

    A process that it forks goes on with a copy of all that was recorded: that is what happened before it began.

    Args:
        folder: Where processes leave what they saw.
        reports: Whether this process is the one that was started by the user, or by `torchrun` for the user.
    """

    def __init__(self, trace: Trace, folder: str, *, reports: bool) -> None:
        self.trace = trace
        self.folder = folder
        self.reports = reports
        #: Is told when this process may have to wait for others.
        self.ways: WaysOut | None = None
        self.group = Group(self._group_made, self._group_ends)
        self._means: tuple[Numbers, Numbers] = {}, {}
        #: What has come through the group: traces, or sentences about those that have not.
        self._received: list[Part | str | None] | None = None
        self._calls_before = 0
        self._handed_over = False
        #: What it leaves in case that it is killed; who reports has nobody to leave it to.
        self._unfinished = Unfinished(folder, self._so_far, trace.recorder)
        if not reports:
            trace.on_step = self._unfinished.stepped
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._forked)

    def hand_over(self, ending: Ending) -> int:
        """Leave what this process saw in the folder; returns the exit code of the process."""
        if self.trace.abandoned:
            self._unfinished.over()
        elif not self._handed_over:
            self._handed_over = True
            with contextlib.suppress(Exception):  # nothing that the process would do depends on it
                if self.group.look():
                    self.group.send(None)
                if self.trace.recorder.calls() > self._calls_before and os.path.isdir(self.folder):
                    self._part(ending, over=True).save(self.folder)
                self._unfinished.over()
        return ending.code

    def document(self, ending: Ending) -> Document | None:
        """The trace of all processes, when the program is over; None where another rank reports."""
        if self.group.look() and self._received is None:
            self._exchange(ending)
        own = self._part(ending, over=True)
        self.group.remove()
        if self.group.rank and self._received is not None:
            shutil.rmtree(self.folder, ignore_errors=True)
            return None
        others, notes = saved_in(self.folder)
        shutil.rmtree(self.folder, ignore_errors=True)
        received = self._received or []
        document = together(own, [*others, *(part for part in received if isinstance(part, Part))])
        document.notes += notes + [note for note in received if isinstance(note, str)]
        return document

    def _exchange(self, ending: Ending) -> None:
        """Give this rank's trace to rank 0, or, on rank 0, take those of the others."""
        if self.group.rank:
            own = self._part(ending, over=False)
            self._received = []
            self.group.send(Part(together(own, saved_in(self.folder)[0]), own.means, own.scales))
        else:
            self._means = running_means(self.trace.recorder)
            self._received = []
            if ending.signaled:
                # The main thread may wait for the store, which answers one question at a time.
                asking = threading.Thread(target=lambda: self._receive(ending), daemon=True)
                asking.start()
                asking.join(_PROMPT)
            else:
                self._receive(ending)

    def _receive(self, ending: Ending) -> None:
        assert self._received is not None
        self._received += self.group.receive(patient=not ending.code, prompt=ending.signaled)

    def _part(self, ending: Ending, *, over: bool) -> Part:
        if not self._means[0] and self.group.look():
            self._means = running_means(self.trace.recorder)
        document = self.trace.stop(ending.error, over=over)
        if self.group.world_size > 1:
            document.rank, document.world_size = self.group.rank, self.group.world_size
        return Part(document, *self._means)

    def _group_made(self) -> None:
        if self.ways is not None:
            self.ways.watch_closely()

    def _group_ends(self) -> None:
        """The group is about to be taken down, and its store with it."""
        if self.reports:
            self._exchange(Ending())
        else:
            self._means = running_means(self.trace.recorder)
            self.group.send(None)

    def _so_far(self) -> Document | None:
        if self.trace.recorder.calls() <= self._calls_before:
            return None
        document = self.trace.so_far()
        if self.group.look() and self.group.world_size > 1:
            document.rank, document.world_size = self.group.rank, self.group.world_size
        return document

    def _forked(self) -> None:
        self.reports = self._handed_over = False
        recorder = self.trace.recorder
        self._unfinished = Unfinished(self.folder, self._so_far, recorder)
        self.trace.on_step = self._unfinished.stepped
        recorder.asks_devices = False  # CUDA does not survive a fork
        self._calls_before = recorder.calls()
