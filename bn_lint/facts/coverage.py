"""How much of a program was judged, and what was not."""

from __future__ import annotations

from dataclasses import dataclass, field

from bn_lint.facts.inventory import Inventory
from bn_lint.facts.vocabulary import Evidence, Place, Purpose


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
