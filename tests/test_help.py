"""The remedies that findings name fit the mistake."""

from __future__ import annotations

from pathlib import Path

import pytest

from bn_lint.check.pipeline import check
from bn_lint.project.config import Configuration
from bn_lint.project.discovery import File

_COMPUTED = """\
import torch
from torch import nn


class Skeleton(nn.Module):
    def __init__(self, points=21, persons=2, channels=3):
        super().__init__()
        self.data_bn = nn.BatchNorm1d(persons * channels * points)

    def forward(self, x):
        n, c, t, v, m = x.size()
        return self.data_bn(x.permute(0, 4, 3, 1, 2).reshape(n, m * v * c, t))


Skeleton()(torch.randn(4, 3, 50, 21, 1))
"""
_LITERAL = "import torch\nfrom torch import nn\nnn.BatchNorm2d(8)(torch.randn(2, 4, 5, 5))\n"
_SQUEEZED = "import torch\nfrom torch import nn\nnn.BatchNorm1d(300)(torch.randn(8, 1, 300))\n"
_SAMPLE = "import torch\nfrom torch import nn\nnet = nn.BatchNorm1d(3)\n"
_EVALUATED = _SAMPLE + "with torch.no_grad():\n    net(torch.randn(1, 3))\n"
_TRAINED = _SAMPLE + "net(torch.randn(1, 3)).sum().backward()\n"
_KERAS = "from torch import nn\nnn.BatchNorm2d(64, {})\n"


@pytest.mark.parametrize(
    ("code", "program", "remedy"),
    [
        ("BN002", _COMPUTED, "num_features is `points * persons * channels` here: it fits with `persons=1` in line 6"),
        ("BN002", _COMPUTED.replace("Skeleton()", "Skeleton(persons=4)"), "it fits with `persons=1` in line 15"),
        ("BN002", _COMPUTED.replace("Skeleton()", "Skeleton(21, 4)"), "it fits with `persons=1` in line 15"),
        ("BN002", _COMPUTED.replace("Skeleton()", "Skeleton(42, 4)"), "give the constructor values that make it 63"),
        ("BN002", _COMPUTED.replace("Skeleton()", "Skeleton(persons=int('2'))"), "values that make it 63"),
        ("BN002", _LITERAL, "build it with num_features=4"),
        ("BN004", _SQUEEZED, "x.squeeze(1)"),
        ("BN201", _EVALUATED, "call eval() on the model before"),
        ("BN201", _TRAINED, "drop_last=True"),
        ("BN403", _KERAS.format("0.8"), "if 0.8 was Keras' momentum, write `momentum=0.2`"),
        ("BN403", "momentum = float(input())\n" + _KERAS.format("momentum"), "`momentum=1 - momentum`"),
        ("BN403", "momentum = float(input())\n" + _KERAS.format("momentum / 2"), "`momentum=1 - (momentum / 2)`"),
    ],
)
def test_remedies(tmp_path: Path, code: str, program: str, remedy: str) -> None:
    path = tmp_path / "net.py"
    path.write_text(program)
    found = check([File(str(path), "net.py", explicit=True)], Configuration(isolated=True)).visible
    assert [one.code for one in found] == [code]
    assert remedy in (found[0].help or "")


def test_what_was_converted_already_is_not_converted_again(tmp_path: Path) -> None:
    path = tmp_path / "net.py"
    path.write_text("momentum = float(input())\n" + _KERAS.format("1 - momentum"))
    found = check([File(str(path), "net.py", explicit=True)], Configuration(isolated=True)).visible
    assert [(one.code, one.help) for one in found] == [("BN403", "pass momentum by name")]
