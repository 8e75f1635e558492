"""What facts are made of: places in source text, and what may be said or written about them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True)
class Place:
    """A stretch of source text. Lines and columns are 1-based, columns count code points; the end is exclusive.

    In a notebook lines count within their cell, and `cell` is its 1-based number among all cells.
    """

    path: str
    line: int
    column: int
    end_line: int
    end_column: int
    cell: int | None = None

    @property
    def file(self) -> str:
        """The file, and in a notebook the cell: `model.py`, `train.ipynb:cell 3`."""
        return self.path if self.cell is None else f"{self.path}:cell {self.cell}"


class Evidence(NamedTuple):
    """One step of the reasoning behind a finding: what is known, and the place that shows it."""

    message: str
    place: Place


@dataclass(frozen=True)
class Spelling:
    """How something can be written at some place of the program; None when no way is known."""

    text: str | None = None


@dataclass(frozen=True)
class Lines:
    """Whole lines of a program, and what lines of their own can be put around them; for fixes.

    Attributes:
        before: The empty place in front of them; None when nothing can be put there.
        behind: The empty place at their end; None when what comes there may not be run.
        indent: What the lines begin with.
    """

    before: Place | None = None
    behind: Place | None = None
    indent: str = ""


@dataclass(frozen=True)
class Replacement:
    """A text that can stand at some place of the program instead of what is there, which may be nothing; for fixes.

    `place` is None when there is no such place.
    """

    place: Place | None = None
    text: str = ""
