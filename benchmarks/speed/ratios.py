"""Times two commands against each other, so that the speed of the machine does not matter."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

from benchmarks.processes import Run


@dataclass(frozen=True)
class Comparison:
    """CPU seconds of a command and of its reference, pair by pair."""

    pairs: tuple[tuple[float, float], ...]

    @property
    def ratio(self) -> float:
        """The median of the pairs' ratios."""
        return median(mine / reference for mine, reference in self.pairs)

    @property
    def spread(self) -> tuple[float, float]:
        """The smallest and the largest ratio."""
        ratios = [mine / reference for mine, reference in self.pairs]
        return min(ratios), max(ratios)

    @property
    def seconds(self) -> tuple[float, float]:
        """The medians of both sides."""
        return median(mine for mine, _ in self.pairs), median(reference for _, reference in self.pairs)


def compare(mine: Callable[[], Run], reference: Callable[[], Run], pairs: int) -> Comparison:
    """Runs both sides in turns; each pair begins with the side that the last one ended with.

    Raises:
        RuntimeError: a command failed, so that its time would mean nothing.
    """
    found = []
    for number in range(pairs):
        if number % 2:
            second, first = _cpu(reference()), _cpu(mine())
        else:
            first, second = _cpu(mine()), _cpu(reference())
        found.append((first, second))
    return Comparison(tuple(found))


def _cpu(run: Run) -> float:
    if run.code not in (0, 1):  # linters exit with 1 when they find something
        raise RuntimeError(f"exit code {run.code}: {run.errors.strip() or run.output.strip()[-500:]}")
    return run.cpu
