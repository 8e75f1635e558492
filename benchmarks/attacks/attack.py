"""What an attack is: one file that is meant to take all time or memory, beside one that has nothing to do with it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

#: Both files have this mistake, which BN002 finds.
_MISTAKE = """\
import torch
from torch import nn


class Mistaken(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        self.bn = nn.BatchNorm2d(16)

    def forward(self, x):
        return self.bn(self.conv(x))


"""
_IMPORTS = "import copy, decimal, fractions, functools, itertools, math, random, re\n"
ATTACKED, OTHER = "attacked.py", "other.py"


@dataclass(frozen=True)
class Attack:
    """One program: its name, its kind, and what comes after the mistake that is to be found."""

    name: str
    kind: str
    text: str

    def write(self, folder: Path) -> None:
        (folder / OTHER).write_text(_MISTAKE, encoding="utf-8")
        (folder / ATTACKED).write_text(_IMPORTS + _MISTAKE + self.text, encoding="utf-8")


def repeated(start: str, step: str, times: int = 60) -> str:
    """A statement, and one that a loop runs many times after it."""
    return f"{start}\nfor i in range({times}):\n    {step}\n"


def network(init: str, forward: str = "return self.bn(self.conv(x))", parameters: str = "n=64") -> str:
    """A module whose constructor and `forward` have these lines, and that is built."""
    return (
        f"class Net(nn.Module):\n    def __init__(self, {parameters}):\n        super().__init__()\n"
        + _indented(init)
        + "        self.conv = nn.Conv2d(3, n, 3)\n        self.bn = nn.BatchNorm2d(n)\n\n    def forward(self, x):\n"
        + _indented(forward)
        + "\n\nNet()\n"
    )


def _indented(lines: str) -> str:
    return "".join(f"        {line}\n" for line in lines.splitlines())


def nested(heads: list[str], innermost: str) -> str:
    """Compound statements, each in the body of the one before."""
    return "".join(" " * depth + head + "\n" for depth, head in enumerate(heads)) + " " * len(heads) + innermost + "\n"
