"""A language server judges files again and again: nothing of an earlier analysis may stay."""

from __future__ import annotations

import gc
from pathlib import Path

from bn_lint.project.source import load
from bn_lint.static.analyze import analyze

PROGRAM = """
import torch
from torch import nn

class Block(nn.Module):
    def __init__(self, width, groups):
        super().__init__()
        self.conv = nn.Conv2d(width, width // groups * groups, 3)
        self.bn = nn.BatchNorm2d(width)

    def forward(self, x):
        for _ in range(2):
            x = self.bn(self.conv(x))
        return x

def main(width, groups):
    model = Block(width, groups)
    model.eval()
    return model(torch.zeros(2, width, 8, 8))
"""


def test_earlier_analyses_leave_nothing_behind(tmp_path: Path) -> None:
    path = tmp_path / "net.py"
    path.write_text(PROGRAM)
    counts = []
    gc.freeze()  # what other tests left behind is not looked at
    try:
        for _ in range(5):
            result = analyze([load(path)])
            assert result.facts
            assert not result.problems
            del result
            gc.collect()
            counts.append(len(gc.get_objects()))
    finally:
        gc.unfreeze()
    assert counts[-1] - counts[1] < 20, counts
