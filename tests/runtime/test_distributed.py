"""Several processes with gloo: each records, rank 0 reports for all of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from bn_lint.cli import main as cli
from tests.ranks import TRACE, traced_in_processes

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.skipif(not torch.distributed.is_available(), reason="torch was built without distributed")

PROGRAM = """
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
print(f"rank {rank} ended")
"""


@pytest.mark.parametrize("arguments", [[], ["keep"]], ids=["group destroyed", "group kept"])
def test_rank_0_reports_for_all(tmp_path: Path, arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "train.py").write_text(PROGRAM)
    run = traced_in_processes(tmp_path, "train.py", *arguments)
    assert run.stdout == ["rank 0 ended\n", "rank 1 ended\n"]
    document = run.document
    assert (document["rank"], document["world_size"], document["ranks"][0]["rank"]) == (0, 2, 1)
    shapes = [part["layers"][0]["calls"][0]["shape"][0] for part in (document, *document["ranks"])]
    assert shapes == [8, 1]
    assert document["divergence"]["1"] > 0
    assert {(one.severity, one.code) for one in run.reported} == {
        ("warning", "BN203"),
        ("info", "BN601"),
        ("info", "BN604"),
    }
    assert cli.main(["report", "--isolated", str(tmp_path / TRACE)]) == 1
    assert "optimizer steps in 2 processes" in capsys.readouterr().out


def test_the_rank_that_failed_is_told(tmp_path: Path) -> None:
    (tmp_path / "fails.py").write_text(
        "import os, torch\n"
        "if os.environ['RANK'] == '1':\n"
        "    raise ValueError('no data')\n"
        "torch.distributed.init_process_group('gloo')\n"
    )
    with pytest.raises(AssertionError, match=r"(?s)rank 1 failed.*ValueError: no data"):
        traced_in_processes(tmp_path, "fails.py")
