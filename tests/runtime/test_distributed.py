"""Two processes under torchrun with gloo: each records, rank 0 reports for both."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bn_lint.check.registry import load_rules
from tests.test_rules import code, section

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.skipif(not torch.distributed.is_available(), reason="torch was built without distributed")

ROOT = Path(__file__).parent.parent.parent
PROGRAM = """
import os
import sys

import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel

torch.distributed.init_process_group("gloo")
rank = torch.distributed.get_rank()
torch.manual_seed(0)
net = DistributedDataParallel(nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8)))
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
for _ in range(3):
    optimizer.zero_grad()
    net(torch.randn(8 if rank == 0 else 1, 3, 8, 8) + rank).square().mean().backward()
    optimizer.step()
if "keep" not in sys.argv:
    torch.distributed.destroy_process_group()
# Both processes share the pipe: one write each keeps the lines whole.
os.write(1, f"rank {rank} ended\\n".encode())
"""


def torchrun(folder: Path, *arguments: str) -> tuple[subprocess.CompletedProcess[str], dict[str, Any]]:
    path = os.pathsep.join([str(ROOT), str(ROOT / "rules")])
    result = subprocess.run(
        [
            *(sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"),
            *("-m", "bn_lint", "trace", "--select", "ALL", "--fail-on", "never", "--output", "trace.json"),
            *arguments,
        ],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert result.returncode == 0, result.stderr
    return result, json.loads((folder / "trace.json").read_text())


@pytest.mark.parametrize("arguments", [[], ["keep"]], ids=["group destroyed", "group kept"])
def test_rank_0_reports_for_all(tmp_path: Path, arguments: list[str]) -> None:
    (tmp_path / "train.py").write_text(PROGRAM)
    result, document = torchrun(tmp_path, "train.py", *arguments)
    assert sorted(result.stdout.splitlines()) == ["rank 0 ended", "rank 1 ended"]
    assert result.stderr.count("optimizer steps in 2 processes") == 1
    assert (document["rank"], document["world_size"], document["ranks"][0]["rank"]) == (0, 2, 1)
    shapes = [part["layers"][0]["calls"][0]["shape"][0] for part in (document, *document["ranks"])]
    assert shapes == [8, 1]
    assert document["divergence"]["1"] > 0
    assert "warning[BN203] tiny-batch: BatchNorm is trained on batches of 1" in result.stderr
    assert "info[BN601] ddp-without-syncbatchnorm: each of 2 processes" in result.stderr
    assert "info[BN604] buffers-diverge" in result.stderr


@pytest.mark.parametrize("rule", [rule for rule in load_rules() if rule.code == "BN604"], ids=lambda rule: rule.code)
def test_buffers_that_are_not_broadcast(tmp_path: Path, rule: Any) -> None:
    (tmp_path / "bad.py").write_text(code(section(rule.page, "Example")))
    result, _ = torchrun(tmp_path, "bad.py")
    assert "warning[BN604] buffers-diverge: the running means of `1` differ by" in result.stderr
    assert "info[BN601]" in result.stderr
