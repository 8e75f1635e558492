"""Small projects, what is done with them, and the types of fixtures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

Check = Callable[..., list[str]]
#: A model that is wrong by itself.
WRONG = "from torch import nn\nnet = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d({}))\n"


def write(name: str, text: str) -> Path:
    file = Path(name)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return file


def edit(name: str, old: str, new: str) -> None:
    file = Path(name)
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")


def same(check: Check) -> list[str]:
    """What a run finds with what is kept, which is what it finds without."""
    found = check()
    assert found == check("--no-cache")
    return found


class Seen:
    """The entry points that were run, and those that were shown again, by the words of their keys."""

    def __init__(self) -> None:
        self.run: list[str] = []
        self.repeated: list[str] = []

    def take(self) -> tuple[list[str], list[str]]:
        """Their names since the last time."""
        found = sorted(self.run), sorted(self.repeated)
        self.run, self.repeated = [], []
        return found
