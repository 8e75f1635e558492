"""What facts are made of: places in source text, modes and purposes, and what may be said or written about them."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Final, NamedTuple, Union


@dataclass(frozen=True)
class Place:
    """A stretch of source text. Lines and columns are 1-based, columns count code points; the end is exclusive.

    In a notebook lines count within their cell, and `cell` is its 1-based number among all cells.

    Positions are costly, and most are never looked at. A place may therefore be *open*: it has a number by which the
    front end knows the stretch, and no lines and columns. `Analysis.complete` closes the places of a fact.
    """

    path: str
    line: int
    column: int
    end_line: int
    end_column: int
    cell: int | None = None
    number: int | None = None

    @staticmethod
    def at_number(path: str, number: int) -> Place:
        """A place without a position."""
        return Place(path, 0, 0, 0, 0, number=number)

    @property
    def is_open(self) -> bool:
        return self.number is not None

    @property
    def file(self) -> str:
        """The file, and in a notebook the cell: `model.py`, `train.ipynb:cell 3`."""
        return self.path if self.cell is None else f"{self.path}:cell {self.cell}"


class Unknown(enum.Enum):
    """The value of an argument that could not be determined. Distinct from `None`, which is a value users pass."""

    UNKNOWN = "UNKNOWN"

    def __repr__(self) -> str:
        return self.value


UNKNOWN: Final = Unknown.UNKNOWN
#: What a constant in a program may be.
Constant = Union[str, bytes, int, float, bool, None, Unknown]


class Mode(str, enum.Enum):
    """The mode of a module, as `train()` and `eval()` switch it."""

    TRAINING = "training"
    EVALUATION = "evaluation"

    def __str__(self) -> str:
        return self.value

    @staticmethod
    def of(training: bool | None) -> Mode | None:
        """The mode for a value of `module.training`; None when that is not known."""
        return None if training is None else Mode.TRAINING if training else Mode.EVALUATION


class Purpose(str, enum.Enum):
    """What a model is called for.

    Attributes:
        TRAINING: An optimizer steps on the model's parameters afterward.
        EVALUATION: The result is only looked at.
        REFERENCE: Another model is trained on the result.
        EXPORT: A tool makes a program of the model.
        FUSION: A tool merges its layers.
        INSPECTION: A tool, or the program, only looks at how the model is made.
    """

    TRAINING = "training"
    EVALUATION = "evaluation"
    REFERENCE = "reference"
    EXPORT = "export"
    FUSION = "fusion"
    INSPECTION = "inspection"

    def __str__(self) -> str:
        return self.value


class Unclear(enum.Enum):
    """Why the mode of a call is not checked: what the call is for, or the mode, is not known."""

    ARRIVED = "nothing visible trains the model or loads its weights before"
    ASSERTED = "its result is asserted, as in a test"
    DISCARDED = "its gradients are set to zero"
    DROPPED = "nothing uses its result"
    GRADIENTS = "whether it records gradients is not known"
    MADE_UP = "it is given made-up input, and nothing steps on the gradients"
    MODE = "the mode differs between the ways that lead here, or is not known"
    OTHER_PARTS = "what is trained may be another model, or parts without BatchNorm"
    OUT_OF_VIEW = "the model is made out of view, and its mode is not set for this call"
    RESULT = "what becomes of its result is not clear"
    UNSTEPPED = "no optimizer step on its gradients is visible"


class Shows(enum.Enum):
    """What a step of evidence shows, for those who ask for more than its words. The value is the sentence for it."""

    REMARK = "{}"
    CALL = "`{}` is called here"
    CONSTRUCTION = "`{}` is built here"
    TRAINING_MODE = "`{}` is put in training mode here"
    EVALUATION_MODE = "`{}` is put in evaluation mode here"
    GRADIENTS_OFF = "`{}` switches gradients off here"
    VOLATILE = "`volatile=True` says here that no gradients are wanted"
    OPTIMIZER_STEP = "an optimizer steps on the result here"


class Evidence(NamedTuple):
    """One step of the reasoning behind a finding: what is known, and the place that shows it.

    The message is for people. Code that asks what the step shows asks `shows` and `subject`.

    Attributes:
        subject: What the program calls what the step speaks of; None where that has no name.
    """

    message: str
    place: Place
    shows: Shows = Shows.REMARK
    subject: str | None = None

    @classmethod
    def of(cls, shows: Shows, place: Place, subject: str | None = None) -> Evidence:
        """A step in the usual words."""
        return cls(shows.value.format(subject), place, shows, subject)


@dataclass(frozen=True)
class Lines:
    """Whole lines of a program, and what lines of their own can be put around them; for fixes.

    Attributes:
        before: The empty place in front of them.
        behind: The empty place at their end; None when what comes there may not be run.
        indent: What the lines begin with.
    """

    before: Place
    behind: Place | None = None
    indent: str = ""


@dataclass(frozen=True)
class Replacement:
    """A text that can stand at some place of the program instead of what is there, which may be nothing; for fixes."""

    place: Place
    text: str
