"""Which files are worth a parse, and which are executed for their own sake."""

from __future__ import annotations

import pytest

from bn_lint.project.prefilter import deserves_judging, is_interpreted, is_program, is_surveyed

BLOCK = """
from torch import nn

class Block(nn.Module):
    def __init__(self, inp, oup, norm_layer):
        super().__init__()
        self.conv = nn.Conv2d(inp, oup, 3)
        self.norm = norm_layer(inp)
"""


@pytest.mark.parametrize(
    ("text", "judged", "interpreted"),
    [
        ("from torch import nn\nnn.BatchNorm2d(3)\n", True, True),
        ("import torch.nn.functional as F\nF.batch_norm(x, m, v)\n", True, True),
        ("build({'norm': 'sync_BatchNorm'})\n", True, True),
        (BLOCK, True, True),
        (BLOCK.replace("Conv2d", "Linear"), False, False),
        ("import torch\nmodel.eval()\n", True, False),
        ("from tools import builder\nmodel = builder.build()\nmodel.eval  # forgotten\n", True, False),
        ("import pandas\nframe.eval('a + b')\n", False, False),
        ("import pandas\nevaluate = frame.eval\n", False, False),
        ("import torch\nprint(torch.ones(2))\n", False, False),
    ],
)
def test_what_a_file_mentions_decides(text: str, judged: bool, interpreted: bool) -> None:
    assert deserves_judging(text.encode()) is judged
    assert is_interpreted(text) is interpreted


@pytest.mark.parametrize(
    ("text", "program"),
    [
        ("import torch\nmodel.eval()\n", True),
        ("import torch\nself.head.train(self.training)\n", False),
        ("from torchvision.models import resnet18\nresnet18(weights='DEFAULT')\n", True),
        ("from torchvision.models import resnet18\nresnet18()\n", False),
        ("import torch\nlayer(weights=torch.ones(2))\n", False),
    ],
)
def test_a_program_switches_modes_or_takes_weights_from_a_zoo(text: str, program: bool) -> None:
    assert is_program(text) is program


@pytest.mark.parametrize("text", ["x.eval" + " " * 500_000 + "()", "x.train" * 100_000, ".training" + " " * 500_000])
def test_long_texts_are_read_once(text: str) -> None:
    """Patterns that go back take hours for these."""
    assert is_surveyed(text) is ("train" in text and "training" not in text)
