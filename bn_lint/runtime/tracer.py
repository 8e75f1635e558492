"""`bn_lint.trace()`: watches the BatchNorm calls of the code inside."""

from __future__ import annotations

import os
import platform
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import datetime, timezone
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any

import torch
from torch.nn.modules.batchnorm import _BatchNorm

from bn_lint import __version__
from bn_lint.errors import UsageError
from bn_lint.project.writing import write
from bn_lint.runtime.document.document import Document
from bn_lint.runtime.processes.ways_out import Signaled
from bn_lint.runtime.recording.layer_records import EVALUATION, EVALUATION_WITH_GRAD, Entry, Layer
from bn_lint.runtime.recording.patches import Patches
from bn_lint.runtime.recording.recorder import Recorder
from bn_lint.runtime.recording.running_statistics import Drift, EvaluationSamples
from bn_lint.runtime.recording.steps import Steps

if TYPE_CHECKING:
    from bn_lint.check.report import Report
    from bn_lint.rule import Finding

#: The trace of this process: at most one.
_running: list[Trace] = []


class Trace(AbstractContextManager["Trace"]):
    """A run that is watched, and what was found in it.

    Args:
        stats: Also compare batches with running statistics, on the device, every few optimizer steps.
        steps: Watch only this many optimizer steps.
        select, extend_select, ignore: Which rules, as in `bn-lint check`; they come on top of the configuration file.
        writer: Anything with TensorBoard's `add_scalar(tag, value, step)`.
        every: Optimizer steps between two comparisons, and between two scalars.

    Raises:
        UsageError: another trace is running in this process.
    """

    def __init__(
        self,
        *,
        stats: bool = False,
        steps: int | None = None,
        select: Sequence[str] | None = None,
        extend_select: Sequence[str] = (),
        ignore: Sequence[str] = (),
        writer: Any = None,
        every: int = 10,
        command: Sequence[str] | None = None,
        probing: bool = False,
        implicit: bool = False,
    ) -> None:
        if every < 1 or (steps is not None and steps < 1):
            raise UsageError("steps and every must be at least 1.")
        #: It began with a process of a traced program, and makes way for a trace that the process begins itself.
        self.implicit = implicit
        self.abandoned = False
        self.selection = (select, extend_select, ignore)
        self.stats = stats
        self.recorder = Recorder(probing=probing)
        self._drift = Drift(every) if stats else None
        self._samples = EvaluationSamples() if stats else None
        self._steps = Steps(self.recorder, self._drift, steps)
        self._patches = Patches(self.recorder, self._stepped)
        self._writer = None
        if writer is not None:
            from bn_lint.runtime.showing.tensorboard import Scalars

            self._writer = Scalars(writer, self.recorder, self._drift, every)
        self._command = list(sys.argv if command is None else command)
        self._started = datetime.now(timezone.utc)
        self._clock = time.monotonic()
        self._document: Document | None = None
        self._report: Report | None = None
        self._merging: Any = None
        #: Is told of each optimizer step, when it has been recorded.
        self.on_step: Callable[[], None] | None = None

    def start(self) -> Trace:
        """Begin to watch."""
        if _running and _running[0].implicit:
            _running[0].abandon()
        if _running:
            raise UsageError("A trace is already running in this process.")
        _running.append(self)
        if self._samples is not None:
            self.recorder.on_look = self._sample
        self._patches.install()
        return self

    def abandon(self) -> None:
        """End the watching for nothing."""
        self.abandoned = True
        self._patches.remove()
        _running.remove(self)

    def stop(self, error: BaseException | None = None, *, over: bool = False) -> Document:
        """End the watching and read what is left on devices.

        Args:
            error: What ended the program, if anything did.
            over: The program is over: what had no gradient by now never gets one.
        """
        if self._document is None:
            self._patches.remove()
            if self in _running:
                _running.remove(self)
            self._document = self._make(error, over)
        return self._document

    def so_far(self) -> Document:
        """What has been recorded, without what the values of tensors would tell; the trace goes on."""
        self._steps.settle()
        with self.recorder.peek():
            return self._summary(None, over=False)

    def __enter__(self) -> Trace:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop(error)

    @property
    def document(self) -> Document:
        """Everything that was recorded; ends the trace."""
        return self.stop()

    @property
    def report(self) -> Report:
        """The findings as `bn-lint check` would report them, those that comments silence included; ends the trace."""
        if self._report is None:
            from bn_lint.runtime.judging.judge_trace import judge

            self._report = judge(self.document, *self.selection)
        return self._report

    @property
    def findings(self) -> list[Finding]:
        """The findings that no comment silences; ends the trace."""
        return self.report.visible

    def ignoring(self) -> AbstractContextManager[None]:
        """Record nothing inside this context: for statistics that are recomputed intentionally."""
        return self.recorder.pause()

    def save(self, path: str) -> None:
        """Write the trace as JSON, for `bn-lint report` and `bn-lint check --trace`."""
        from bn_lint.runtime.document.document import dumps

        write(path, dumps(self.document).encode("utf-8", "backslashreplace"))

    def save_html(self, path: str) -> None:
        """Write the report as one HTML file."""
        from bn_lint.runtime.showing.html.page import page

        write(path, page(self.document, self.report).encode("utf-8", "backslashreplace"))

    def _repr_html_(self) -> str | None:
        """The page, as the output of a cell; None while the trace is running: a look at it must not end it."""
        if self._document is None:
            return None
        from bn_lint.output.html.document import in_frame
        from bn_lint.runtime.showing.html.page import page

        return in_frame(page(self.document, self.report))

    def table(self) -> str:
        """One line for each layer."""
        from bn_lint.runtime.showing.table import table

        return table(self.document)

    def _stepped(self, optimizer: torch.optim.Optimizer) -> None:
        self._steps.stepped(optimizer)
        if self._writer is not None:
            self._steps.settle()
            self._writer.stepped()
        if self._steps.over:
            self._patches.remove()
        if self.on_step is not None:
            self.on_step()

    def _sample(self, layer: Layer, entry: Entry, x: torch.Tensor, module: _BatchNorm | None) -> None:
        if self._samples is None or module is None or entry.kind not in (EVALUATION, EVALUATION_WITH_GRAD):
            return
        # A copy that is only evaluated while others are trained is an average of them: how much of the initial
        # statistics is left in it, nobody knows.
        follows = not layer.fresh and layer.loaded_at is None and self.recorder.step > 0 and not layer.updates_seen()
        if not follows:
            self._samples.add(layer, x, module)

    def _make(self, error: BaseException | None, over: bool) -> Document:
        recorder = self.recorder
        if isinstance(error, Signaled):  # a device may wait for a process that has failed, and there is little time
            recorder.asks_devices = False
        recorder.attempt(lambda: self._steps.finish(complete=error is None or isinstance(error, SystemExit)))
        for measured in (self._drift, self._samples):
            if measured is not None:
                recorder.attempt(partial(measured.read, recorder.ask))
        if self._writer is not None:
            recorder.attempt(self._writer.close)
        return self._summary(error, over)

    def _summary(self, error: BaseException | None, over: bool) -> Document:
        from bn_lint.runtime.document.summarize import summarize

        document = Document(
            bn_lint=__version__,
            torch=torch.__version__,
            python=platform.python_version(),
            command=self._command,
            started=self._started.isoformat(timespec="seconds"),
            seconds=round(time.monotonic() - self._clock, 3),
            steps=self.recorder.step,
            steps_per_position=self._steps.width,
            adversarial=self._steps.adversarial,
            stats=self.stats,
            probed=self.recorder.probing,
            directory=_working_directory(),
        )
        summarize(self.recorder, document, error, over=over, since=self._started.timestamp())
        return document


def _working_directory() -> str:
    try:
        return os.getcwd()
    except OSError:  # it was a temporary one
        return ""


def trace(**options: Any) -> Trace:
    """Watch the BatchNorm calls of the code inside: `with bn_lint.trace() as trace: ...`, then `trace.findings`.

    Takes the arguments of `Trace`.
    """
    return Trace(**options)


def active() -> Trace | None:
    """The trace that is running."""
    return _running[0] if _running else None
