"""What several processes saw, each of a part of the program, and how it becomes one trace."""

from __future__ import annotations

import contextlib
import json
import math
import os
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bn_lint.project.writing import write
from bn_lint.runtime.document.document import Document, from_json, to_json
from bn_lint.runtime.document.moved import from_here

if TYPE_CHECKING:
    from bn_lint.runtime.recording.recorder import Recorder

_SUFFIX = ".part.json"
#: The part of a process that has not ended, if it leaves no other one.
_UNFINISHED = f"-unfinished{_SUFFIX}"
Numbers = dict[str, list[float]]


@dataclass
class Part:
    """What one process saw.

    Attributes:
        means: The running means of its layers in the end, by name, if it belonged to a group of processes.
        scales: Their running standard deviations.
    """

    document: Document
    means: Numbers = field(default_factory=dict)
    scales: Numbers = field(default_factory=dict)

    def dumps(self) -> str:
        return json.dumps([to_json(self.document), self.means, self.scales], default=str)

    @staticmethod
    def loads(text: str) -> Part:
        """Read what `dumps` wrote.

        Raises:
            ValueError: it is something else.
        """
        document, means, scales = json.loads(text)
        return Part(from_json(from_here(document)), _numbers(means), _numbers(scales))

    def save(self, folder: str, *, finished: bool = True) -> None:
        """Leave it in a folder; one that is not finished takes the place of the one before."""
        name = f"{os.getpid()}-{time.time_ns()}{_SUFFIX}" if finished else f"{os.getpid()}{_UNFINISHED}"
        write(os.path.join(folder, name), self.dumps().encode("utf-8", "backslashreplace"), durable=False)


def _numbers(data: Any) -> Numbers:
    return {str(name): [float(value) for value in values] for name, values in dict(data).items()}


def forget_unfinished(folder: str) -> None:
    """The own process has left its part, or has none to leave."""
    with contextlib.suppress(OSError):
        os.unlink(os.path.join(folder, f"{os.getpid()}{_UNFINISHED}"))


def _process(path: Path) -> str:
    return path.name.partition("-")[0]


def saved_in(folder: str) -> tuple[list[Part], list[str]]:
    """The parts that other processes have left in a folder, and sentences about those that cannot be read."""
    parts: list[Part] = []
    notes: list[str] = []
    paths = sorted(Path(folder).glob(f"*{_SUFFIX}"))
    ended = {_process(path) for path in paths if not path.name.endswith(_UNFINISHED)}
    for path in paths:
        if path.name.endswith(_UNFINISHED) and _process(path) in ended:
            continue  # it was killed just when it was done
        try:
            parts.append(Part.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError, AttributeError, RecursionError) as error:
            notes.append(f"The trace of process {_process(path)} cannot be read: {error}.")
    parts.sort(key=lambda part: (part.document.rank, part.document.started))
    return parts, notes


def together(own: Part, others: Iterable[Part]) -> Document:
    """One document of what this process and others saw. A launcher that sees no layer itself speaks for the first."""
    parts = [own, *others]
    called = [part for part in parts if any(layer.called for layer in part.document.layers)]
    first = called[0] if called else own
    document = first.document
    if first is not own:
        run = own.document
        document.command, document.started, document.seconds = run.command, run.started, run.seconds
        document.notes += run.notes
    ranks = document.ranks
    for part in called:
        if part is not first:
            ranks += [part.document, *part.document.ranks]
            part.document.ranks = []
            for name, mine in first.means.items():
                shift = _shift(mine, part.means.get(name), first.scales.get(name))
                document.divergence[name] = max(document.divergence.get(name, 0.0), shift)
    document.world_size = max(part.document.world_size for part in parts)
    return document


def running_means(recorder: Recorder) -> tuple[Numbers, Numbers]:
    """The running means of the layers that are or were called, and their running standard deviations, by name."""
    recorder.bury()
    found = dict(recorder.last_buffers)
    for layer in recorder.everything():
        module = None if layer.reference is None else layer.reference()
        mean = None if module is None else module._buffers.get("running_mean")
        variance = None if module is None else module._buffers.get("running_var")
        if mean is not None and variance is not None and layer.called:
            found[layer.name] = (mean, variance, layer.eps)
    means: Numbers = {}
    scales: Numbers = {}
    for name, (mean, variance, eps) in found.items():
        pair = recorder.ask(lambda m=mean, v=variance: (m.float().tolist(), v.float().tolist()), mean.device)  # type: ignore[misc]
        if pair is not None:
            means[name] = pair[0]
            scales[name] = [math.sqrt(max(value + (eps or 0.0), 0.0)) for value in pair[1]]
    return means, scales


def _shift(mine: list[float], other: list[float] | None, scales: list[float] | None) -> float:
    """The largest difference of two running means, in running standard deviations."""
    if other is None or scales is None or len(other) != len(mine):
        return 0.0
    shifts = [abs(a - b) / scale for a, b, scale in zip(mine, other, scales, strict=True) if scale]
    return max((shift for shift in shifts if math.isfinite(shift)), default=0.0)
