"""Small projects, and the type of the fixture that checks them."""

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
