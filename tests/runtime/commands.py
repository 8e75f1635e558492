"""What the tests of commands have in common: a model, a script that trains it, and processes of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
MODEL = """
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self, width=16):
        super().__init__()
        self.conv = nn.Conv2d(3, 16, 3)
        self.bn = nn.BatchNorm2d(width)
        self.fc = nn.Linear(16, 4)
        self.last = nn.BatchNorm1d(4)

    def forward(self, x):
        return self.last(self.fc(self.bn(self.conv(x)).mean((2, 3))))


def wide():
    return Net(32)


def compiled():
    net = torch.compile(Net(32))
    net.bn.compile()
    return net


class Choosing(Net):
    def forward(self, x):
        return super().forward(x if x.sum() > 0 else -x)
"""
TRAIN = """
import sys

import torch
from model import Net

net = Net(int(sys.argv[1]))
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
for _ in range(4):
    net(torch.randn(8, 3, 8, 8)).sum().backward()
    optimizer.step()
with torch.no_grad():
    net(torch.randn(8, 3, 8, 8))
print("trained", __name__, sys.argv[1:])
"""


def start(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command in a process of its own."""
    path = os.pathsep.join([str(ROOT), str(ROOT / "rules")])
    keep = {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1", "NO_COLOR": "1"}
    return subprocess.run([sys.executable, *arguments], cwd=folder, env=keep, capture_output=True, text=True)
