"""What processes are asked to do, within which limits, and what they answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from bn_lint.check.registry import BUILT_IN_RULES, RuleSet
from bn_lint.debugging import UNTIMED, switches
from bn_lint.project.filesystem import Answer, Question
from bn_lint.project.partition import Unit

if TYPE_CHECKING:
    from bn_lint.check.outcome import Outcome
    from bn_lint.rule import Thresholds
    from bn_lint.static.turns.kept import KeptTurns

#: Seconds of computing time that a unit may take, and characters for each of which it gets another one. That is twenty
#: times what code takes that people have written.
_SECONDS, _CHARACTERS_PER_SECOND = 120, 2_000
#: Bytes of address space that a process may have, and how many more for each character.
_MEMORY, _MEMORY_PER_CHARACTER = 4 << 30, 2_000


@dataclass(frozen=True)
class Task:
    """What is to be judged, by which thresholds and rules, and whether the coverage is wanted.

    Attributes:
        texts: What stands for the contents of files on the disk.
        kept: Where trees of files are kept, and what entry points have shown.
        processes: How many may run entry points of the unit at a time.
    """

    unit: Unit
    thresholds: Mapping[str, Thresholds]
    rules: RuleSet = BUILT_IN_RULES
    coverage: bool = False
    texts: Mapping[str, bytes] = field(default_factory=dict)
    kept: KeptTurns | None = None
    processes: int = 1

    @property
    def size(self) -> int:
        """How much there is to judge, in characters."""
        return sum(len(source.text) for source in self.unit.sources)

    @property
    def limits(self) -> Limits | None:
        """What judging it may take; None if only steps are to count."""
        if UNTIMED in switches():
            return None
        return Limits(_SECONDS + self.size // _CHARACTERS_PER_SECOND, _MEMORY + self.size * _MEMORY_PER_CHARACTER)


@dataclass(frozen=True)
class Limits:
    """Seconds of computing time, and bytes of address space."""

    seconds: int
    memory: int


@dataclass(frozen=True)
class Judged:
    """The outcome of a task, what was asked of the disk on the way, and which files were parsed."""

    outcome: Outcome
    asked: Mapping[Question, Answer]
    parsed: frozenset[Path] = frozenset()


@dataclass(frozen=True)
class ReadAhead:
    """Texts of which another process is about to read the trees, in the order in which it does.

    Attributes:
        kept: Where it looks for them before it parses.
        limits: What it may take.
    """

    texts: Sequence[str]
    kept: KeptTurns
    limits: Limits | None
