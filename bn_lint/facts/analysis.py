"""What an analysis gives: facts, what remained undecided, and problems."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol, TypeVar, Union

from bn_lint.facts.inventory import Inventory
from bn_lint.facts.layers import BatchNormBuilt, BatchNormCall, BatchNormFollowed, LayerFact
from bn_lint.facts.models import ModelCall, ModelFact
from bn_lint.facts.text import BeforeBatchNorm, TextFact, TrainOverride
from bn_lint.facts.traced import ObservedFact, UnfitStatistics
from bn_lint.facts.vocabulary import Evidence, Place, Purpose

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


@dataclass(frozen=True)
class Undecided:
    """A BatchNorm layer that could not be judged, and why."""

    place: Place
    reason: str


@dataclass(frozen=True)
class CheckedCall:
    """A call of a model with BatchNorm, by code that is no part of a model, and whether its mode was checked.

    Attributes:
        purpose: What the model is called for; None when its mode was not checked.
        reason: Why it was not.
    """

    place: Place
    purpose: Purpose | None
    reason: str = ""


@dataclass(frozen=True)
class Steps:
    """How many steps the interpreter took from one entry point: a definition, or a file as a whole."""

    place: Place
    name: str
    steps: int


@dataclass
class Coverage:
    """How much of the BatchNorm in the given paths was judged: constructor calls, and calls of models.

    Attributes:
        judged: Constructor calls whose input channels and width were known in at least one call of the layer.
        undecided: The others, with the reason.
        calls: Calls of models with BatchNorm.
        steps: Of all entry points, in order; only for those who ask (`bn_lint.debugging`).
        inventory: The layers themselves, and the models that they are in.
    """

    judged: int = 0
    undecided: list[Undecided] = field(default_factory=list)
    steps: list[Steps] = field(default_factory=list)
    inventory: Inventory = field(default_factory=Inventory)
    calls: list[CheckedCall] = field(default_factory=list)

    @property
    def total(self) -> int:
        return self.judged + len(self.undecided)

    def add(self, other: Coverage) -> None:
        """Add the coverage of other files."""
        self.judged += other.judged
        self.undecided += other.undecided
        self.steps += other.steps
        self.inventory += other.inventory
        self.calls += other.calls


@dataclass(frozen=True)
class Problem:
    """Something that kept a file from being judged: BN901 unreadable, BN902 syntax error, BN903 analysis incomplete.

    Attributes:
        internal: It is a defect of bn-lint itself.
        left_out: Of a syntax error in a file that was judged all the same: what of it was not. None if all of it.
    """

    code: str
    message: str
    place: Place
    internal: bool = False
    left_out: tuple[Evidence, ...] | None = None


class Outdated(Exception):
    """What was kept of an earlier analysis is not what this one needs: it must be done from the beginning."""


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
