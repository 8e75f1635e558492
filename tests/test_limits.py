"""What takes too long to evaluate is noted where something of BatchNorm may be missing, and nowhere else."""

from __future__ import annotations

from pathlib import Path

import pytest

from bn_lint.facts import Analysis, BatchNormCall
from bn_lint.source import load
from bn_lint.static.analyze import analyze

#: `{inside}` runs a million times, which is more than any entry point is given.
PROGRAM = """
from torch import nn

class Net(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.conv = nn.Conv2d(3, width, 3)
        self.bn = nn.BatchNorm2d(width)

    def forward(self, x):
        return self.bn(self.conv(x))

class Reader:
    def __init__(self, paths):
        self.paths = paths

    def length(self, path):
        return len(path)

def search(model=None):
    total = 0
    reader = Reader(["a", "b"])
    for row in range(1000):
        for column in range(1000):
            total += {inside}
    return total

def main(x):
    count = search()
    net = Net(16)
    return net(x), count
"""


def judged(folder: Path, inside: str) -> Analysis:
    path = folder / "program.py"
    path.write_text(PROGRAM.replace("{inside}", inside))
    return analyze([load(path)])


@pytest.mark.parametrize("inside", ["1", "len(reader.paths[0])", "reader.length(reader.paths[0])"])
def test_what_has_nothing_to_do_with_batchnorm_is_given_up_without_a_note(tmp_path: Path, inside: str) -> None:
    result = judged(tmp_path, inside)
    assert not result.problems
    calls = [fact for fact in result.facts if isinstance(fact, BatchNormCall)]
    assert [call.channels and call.channels.size for call in calls] == [16]


@pytest.mark.parametrize("inside", ["Net(row).conv.in_channels", "isinstance(model, Net)"])
def test_what_may_use_batchnorm_is_noted(tmp_path: Path, inside: str) -> None:
    result = judged(tmp_path, inside)
    assert [(problem.code, problem.internal) for problem in result.problems] == [("BN903", False)]
