"""Programs: what they do with the options of their command line is shown again, and so is what was reported of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bn_lint.cli import main as cli

from .projects import Check, Seen, edit, same, write

MODELS = """from torch import nn


class Plain(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 4)

    def forward(self, x):
        return self.fc(x)


class Normed(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        self.bn = nn.BatchNorm2d(8)

    def forward(self, x):
        return self.bn(self.conv(x))


MODELS = {"plain": Plain, "normed": Normed}
"""
TRAIN = """import argparse

import torch
from torch import nn
from models import MODELS, Normed


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--mode", default="train", choices=["train", "test"])
    args = parser.parse_args()
    net = Normed()
    net.load_state_dict(torch.load("net.pt"))
    if args.mode == "test":
        net.cpu()
        print(net(torch.randn(4, 3, 9, 9)).argmax())
    else:
        net.eval()
        print(net(torch.randn(4, 3, 9, 9)).argmax())


if __name__ == "__main__":
    main()
"""
TABLE = """import argparse

import torch
from models import MODELS

parser = argparse.ArgumentParser()
parser.add_argument("--model", default="plain")


def main():
    args = parser.parse_args()
    net = MODELS[args.model]()
    net.load_state_dict(torch.load("net.pt"))
    print(net(torch.randn(4, 3, 9, 9)).argmax())


if __name__ == "__main__":
    main()
"""
OTHER = """from torch import nn
import models


def other():
    return nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8))
"""
PROGRAMS = {"RunGuarded", "RunCommandLine"}


def test_an_edit_elsewhere_runs_no_program_with_options(check: Check, seen: Seen) -> None:
    write("models.py", MODELS)
    write("train.py", TRAIN)
    write("other.py", OTHER)
    found = same(check)
    assert found == ["train.py:16 BN101"]  # with another option than the default
    run, _ = seen.take()
    assert set(run) > PROGRAMS
    edit("other.py", "3, 8, 3", "4, 8, 3")
    assert check() == found
    run, repeated = seen.take()
    assert PROGRAMS.isdisjoint(run)
    assert set(repeated) > PROGRAMS


def test_an_edit_of_the_program_runs_it_with_all_its_options(check: Check, seen: Seen) -> None:
    write("models.py", MODELS)
    write("train.py", TRAIN)
    assert same(check) == ["train.py:16 BN101"]
    edit("train.py", "        net.cpu()\n", "        net.eval()\n")
    seen.take()
    assert check() == []
    assert set(seen.take()[0]) >= PROGRAMS
    edit("train.py", "    else:\n        net.eval()", "    else:\n        net.cpu()")
    assert same(check) == ["train.py:19 BN101"]


def test_which_models_an_option_finds_is_kept(check: Check, seen: Seen) -> None:
    """No class of the table is used but that of the default; what another one is made of decides nevertheless."""
    write("models.py", MODELS)
    write("test.py", TABLE)
    write("other.py", OTHER)
    found = same(check)
    assert found == ["test.py:14 BN101"]
    seen.take()
    edit("other.py", "3, 8, 3", "4, 8, 3")
    assert check() == found
    assert PROGRAMS.isdisjoint(seen.take()[0])
    edit("models.py", "self.bn = nn.BatchNorm2d(8)", "self.bn = nn.Identity()")
    assert same(check) == []
    edit("models.py", "self.bn = nn.Identity()", "self.bn = nn.BatchNorm2d(8)")
    assert same(check) == found


def test_what_a_program_with_other_options_defines_is_left_to_nobody(check: Check, seen: Seen) -> None:
    """Each run with other options executes `models.py` again: there are no more functions afterwards."""
    write("models.py", MODELS)
    write("train.py", TRAIN)
    write("eval.py", TRAIN.replace("net.cpu()", "net.eval()"))
    assert same(check) == ["train.py:16 BN101"]
    edit(
        "eval.py",
        "        net.eval()\n        print(net(torch.randn(4",
        "        net.eval()\n        print(net(torch.randn(2",
    )
    seen.take()
    assert check() == ["train.py:16 BN101"]
    run, repeated = seen.take()
    assert "RunCommandLine" in run
    assert "RunCommandLine" in repeated


@pytest.mark.parametrize(
    ("text", "code"),
    [
        pytest.param(TRAIN, "BN101", id="lines around a call"),
        pytest.param(
            "import torch\nfrom torch import nn\nfrom torch.utils.data import DataLoader, TensorDataset\n\n\n"
            "def main():\n    net = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8))\n"
            "    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)\n"
            "    data = TensorDataset(torch.randn(65, 4))\n    loader = DataLoader(data, batch_size=32)\n"
            "    for (x,) in loader:\n        net(x).sum().backward()\n        optimizer.step()\n\n\n"
            'if __name__ == "__main__":\n    main()\n',
            "BN202",
            id="an argument of a loader",
        ),
    ],
)
def test_what_was_reported_is_reported_again_with_its_fix(
    text: str, code: str, seen: Seen, capsys: pytest.CaptureFixture[str]
) -> None:
    def findings(*arguments: str) -> list[dict[str, object]]:
        cli.main(["check", "-q", "--output-format=json", *arguments])
        found: list[dict[str, object]] = json.loads(capsys.readouterr().out)["findings"]
        return [one for one in found if one["path"] == "program.py"]

    write("models.py", MODELS)
    write("program.py", text)
    write("other.py", OTHER)
    first = findings()
    assert [one["code"] for one in first] == [code]
    assert first[0]["fix"] is not None
    seen.take()
    edit("other.py", "3, 8, 3", "4, 8, 3")
    assert findings() == first
    assert PROGRAMS.isdisjoint(seen.take()[0])
    # Lines in front of it move the fix.
    Path("program.py").write_text('"""A program."""\n\n\n' + text, encoding="utf-8")
    assert findings() == findings("--no-cache") != first
