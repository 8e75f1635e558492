"""Evidence points at the line that made things as they are, and not at one that merely led there."""

from __future__ import annotations

from pathlib import Path

import pytest

from bn_lint.check.pipeline import check
from bn_lint.project.config import Configuration
from bn_lint.project.discovery import File

PROGRAM = """\
import torch
from torch import nn

net = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Linear(8, 3))
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
{evaluate}

for _ in range(9):
    optimizer.zero_grad()
    nn.functional.cross_entropy(net(torch.randn(16, 4)), torch.randint(3, (16,))).backward()
    optimizer.step()
    evaluate()
"""


@pytest.mark.parametrize(
    "evaluate",
    [
        "@torch.no_grad()\ndef evaluate():\n    print(net(torch.randn(16, 4)).argmax(1))",
        "@torch.no_grad\ndef evaluate():\n    print(net(torch.randn(16, 4)).argmax(1))",
        "def evaluate():\n    with torch.no_grad():\n        print(net(torch.randn(16, 4)).argmax(1))",
    ],
    ids=["a decorator", "without parentheses", "a context"],
)
def test_what_switches_gradients_off(tmp_path: Path, evaluate: str) -> None:
    text = PROGRAM.format(evaluate=evaluate)
    (tmp_path / "train.py").write_text(text)
    path = tmp_path / "train.py"
    (found,) = check([File(str(path), "train.py", explicit=True)], Configuration(isolated=True)).visible
    (step,) = (one for one in found.evidence if one.message == "`no_grad` switches gradients off here")
    assert "torch.no_grad" in text.splitlines()[step.place.line - 1]


REBUILT = """\
import torch
from torch import nn

class Block(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.bn = nn.BatchNorm2d(width)

    def forward(self, x):
        return self.bn(x)

class Net(nn.Module):
    def forward(self, x):
        return Block(3)(x)  # here

Net()(torch.rand(2, 3, 8, 8))
"""


def test_where_a_part_is_built_anew_for_every_input(tmp_path: Path) -> None:
    path = tmp_path / "net.py"
    path.write_text(REBUILT)
    (found,) = check([File(str(path), "net.py", explicit=True)], Configuration(isolated=True)).visible
    assert found.code == "BN502"
    (step,) = (one for one in found.evidence if one.message == "this `Block` is built here")
    assert REBUILT.splitlines()[step.place.line - 1].endswith("# here")
