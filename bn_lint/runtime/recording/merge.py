"""Brings the traces of the processes of a distributed run together on rank 0.

Through the key-value store that `torch.distributed` was started with: no collective is called, so nothing hangs when a
process has failed, and no device takes part.
"""

from __future__ import annotations

import functools
import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import torch

from bn_lint.runtime.document.document import Document, from_json, to_json
from bn_lint.runtime.document.moved import from_here

if TYPE_CHECKING:
    from bn_lint.runtime.tracer import Trace

#: How long rank 0 waits for each of the others, in seconds: on a busy machine they do not end together.
_PATIENCE = 120.0
#: How long the others wait for rank 0: when one has failed, the rest may hang until it ends.
_GRACE = 30.0


class Merger:
    """Merges when the program takes its process group down, or when it ends with the group still there."""

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self._others: list[tuple[Document, dict[str, list[float]]]] = []
        self._means: dict[str, list[float]] = {}
        self._scales: dict[str, list[float]] = {}
        self._missing: list[int] = []
        self._rank = 0
        self._world_size = 1
        self._original: Any = None
        if torch.distributed.is_available():
            self._original = torch.distributed.destroy_process_group
            torch.distributed.destroy_process_group = self._before_end(self._original)

    def merged(self, error: BaseException | None) -> Document | None:
        """The document of all processes on rank 0, None on the others; the trace is over then."""
        self._exchange()
        if self._original is not None:
            torch.distributed.destroy_process_group = self._original
        document = self.trace.stop(error, over=True)
        if self._world_size == 1:
            return document
        document.rank, document.world_size = self._rank, self._world_size
        if self._rank:
            return None
        for other, means in self._others:
            document.ranks.append(other)
            for name, mine in self._means.items():
                shift = _shift(mine, means.get(name), self._scales.get(name))
                document.divergence[name] = max(document.divergence.get(name, 0.0), shift)
        document.notes += [f"The trace of rank {rank} did not arrive." for rank in self._missing]
        return document

    def _before_end(self, original: Any) -> Any:
        @functools.wraps(original)
        def destroy_process_group(group: Any = None) -> None:
            if group is None or group is torch.distributed.GroupMember.WORLD:
                self._exchange()
            original(group)

        return destroy_process_group

    def _exchange(self) -> None:
        """Send this process's trace to rank 0, or, on rank 0, receive those of the others."""
        distributed = torch.distributed
        if self._world_size > 1 or not distributed.is_available() or not distributed.is_initialized():
            return
        self._world_size, self._rank = distributed.get_world_size(), distributed.get_rank()
        if self._world_size == 1:
            return
        store = distributed.distributed_c10d._get_default_store()
        self._means, self._scales = running_means(self.trace)
        if self._rank:
            document = self.trace.stop()
            document.rank, document.world_size = self._rank, self._world_size
            store.set(f"bn_lint/{self._rank}", json.dumps([to_json(document), self._means], default=str))
            # Rank 0 may hold the store: wait until it has read.
            self._wait(store, "bn_lint/read", _GRACE)
            return
        for rank in range(1, self._world_size):
            if self._wait(store, f"bn_lint/{rank}", _PATIENCE):
                data, means = json.loads(store.get(f"bn_lint/{rank}"))
                self._others.append((from_json(from_here(data)), means))
            else:
                self._missing.append(rank)
        store.set("bn_lint/read", "1")

    @staticmethod
    def _wait(store: Any, key: str, seconds: float) -> bool:
        try:
            store.wait([key], timedelta(seconds=seconds))
        except Exception:  # the kind of error depends on the store
            return False
        return True


def running_means(trace: Trace) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    """The running means of the layers that exist, and their running standard deviations, by name."""
    means: dict[str, list[float]] = {}
    scales: dict[str, list[float]] = {}
    for layer in trace.recorder.everything():
        module = None if layer.reference is None else layer.reference()
        mean = None if module is None else module._buffers.get("running_mean")
        variance = None if module is None else module._buffers.get("running_var")
        if mean is not None and variance is not None and layer.called:
            means[layer.name] = mean.float().cpu().tolist()
            scales[layer.name] = (variance.float() + (layer.eps or 0.0)).sqrt().cpu().tolist()
    return means, scales


def _shift(mine: list[float], other: list[float] | None, scales: list[float] | None) -> float:
    """The largest difference of two running means, in running standard deviations."""
    if other is None or scales is None or len(other) != len(mine):
        return 0.0
    return max((abs(a - b) / scale for a, b, scale in zip(mine, other, scales, strict=True) if scale), default=0.0)
