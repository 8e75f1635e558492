"""Scalars of each layer for TensorBoard, or for anything else with `add_scalar(tag, value, step)`."""

from __future__ import annotations

from typing import Any

import torch

from bn_lint.runtime.recording.layer_records import Layer
from bn_lint.runtime.recording.recorder import Recorder
from bn_lint.runtime.recording.running_statistics import Drift


class Scalars:
    """Writes the mode, the values per channel and, with statistics, the drift of each layer every few steps.

    Values that are on a device are copied without waiting, and written when they have arrived.
    """

    def __init__(self, writer: Any, recorder: Recorder, drift: Drift | None, every: int) -> None:
        self._writer = writer
        self._recorder = recorder
        self._drift = drift
        self._every = every
        self._last = -1
        self._counts: dict[Layer, tuple[int, int]] = {}
        self._waiting: list[tuple[int, list[str], torch.Tensor, Any]] = []
        self._written: torch.Tensor | None = None

    def stepped(self) -> None:
        """An optimizer step is over. Never raises."""
        step = self._recorder.step
        if step == self._last:
            return
        self._last = step
        try:
            self._send_drift(step)
            self._write_arrived()
            if step % self._every == 0:
                self._write_modes(step)
        except Exception:
            self._recorder.defect()

    def close(self) -> None:
        """Write what is still on its way."""
        if torch.cuda.is_available() and any(event is not None for *_, event in self._waiting):
            torch.cuda.synchronize()
        self._write_arrived()

    def _write_modes(self, step: int) -> None:
        for layer in self._recorder.everything():
            before = self._counts.get(layer, (0, 0))
            training = sum(entry.count for entry in layer.entries.values() if entry.training)
            evaluation = sum(entry.count for entry in layer.entries.values() if not entry.training)
            self._counts[layer] = (training, evaluation)
            trained, evaluated = training - before[0], evaluation - before[1]
            if not trained + evaluated:
                continue
            self._writer.add_scalar(f"bn_lint/training/{layer.name}", trained / (trained + evaluated), step)
            sizes = [values_per_channel(entry.shape) for entry in layer.entries.values() if entry.training]
            if sizes:
                self._writer.add_scalar(f"bn_lint/values_per_channel/{layer.name}", min(sizes), step)

    def _send_drift(self, step: int) -> None:
        if self._drift is None:
            return
        for layers, shift in self._drift.latest():
            if shift is self._written:
                continue
            self._written = shift
            event = None
            arrived = shift
            if shift.is_cuda:
                arrived = torch.empty(shift.shape, dtype=shift.dtype, pin_memory=True)
                arrived.copy_(shift, non_blocking=True)
                event = torch.cuda.Event()  # type: ignore[no-untyped-call]
                event.record()
            self._waiting.append((step, [layer.name for layer in layers], arrived, event))

    def _write_arrived(self) -> None:
        while self._waiting and (self._waiting[0][3] is None or self._waiting[0][3].query()):
            step, names, values, _ = self._waiting.pop(0)
            for name, value in zip(names, values.tolist(), strict=True):
                self._writer.add_scalar(f"bn_lint/drift/{name}", value, step)


def values_per_channel(shape: tuple[int, ...]) -> int:
    values = 1
    for index, size in enumerate(shape):
        values *= size if index != 1 else 1
    return values
