"""What an analysis gives: facts, what remained undecided, and problems."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol, TypeVar, Union

from bn_lint.facts.coverage import Coverage, Problem
from bn_lint.facts.layers import BatchNormBuilt, BatchNormCall, BatchNormFollowed, LayerFact
from bn_lint.facts.models import ModelCall, ModelFact
from bn_lint.facts.text import BeforeBatchNorm, TextFact, TrainOverride
from bn_lint.facts.traced import ObservedFact, UnfitStatistics
from bn_lint.facts.vocabulary import Evidence

AnyValue = TypeVar("AnyValue")
Fact = Union[LayerFact, ModelFact, TextFact, ObservedFact]

#: The vocabulary that several rules share. Each other kind of fact is the answer to the question of one rule, which its
#: docstring names; it may change with that rule, and joins this list when a second rule has a use for it.
SHARED: tuple[type, ...] = (
    BatchNormBuilt,
    BatchNormCall,
    BatchNormFollowed,
    ModelCall,
    TrainOverride,
    BeforeBatchNorm,
    UnfitStatistics,
)


class Outdated(Exception):
    """What was kept of an earlier analysis is not what this one needs: it must be done from the beginning."""


class Cancelled(Exception):
    """Nobody waits for the analysis any more: the text that it is about has changed."""


class Completion(Protocol):
    """What completes facts, and closes the places in anything else that is made of plain values."""

    def __call__(self, value: AnyValue, /) -> AnyValue: ...


def as_it_is(value: AnyValue) -> AnyValue:
    """The completion of facts that are complete."""
    return value


def nothing() -> None:
    """What is done where nothing is to be kept."""


@dataclass
class Analysis:
    """What is known of the judged files, or of a run.

    Attributes:
        facts: Drafts, which say all that rules judge by.
        refused: The files that are not valid Python, as far as they were read.
        complete: Works out the rest for a fact that is reported: positions, and what only fixes need.
        keep: Called when all facts are judged: keeps what the next analysis can use.
    """

    facts: list[Fact] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    coverage: Coverage = field(default_factory=Coverage)
    refused: frozenset[str] = frozenset()
    complete: Completion = as_it_is
    keep: Callable[[], None] = nothing
    #: Of the problems that are defects of bn-lint itself.
    tracebacks: list[str] = field(default_factory=list)
    #: What `reveal(value)` showed, for the specifications of the engine.
    revealed: list[Evidence] = field(default_factory=list)
