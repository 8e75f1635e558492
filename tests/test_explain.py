"""`bn-lint check --explain FILE:LINE`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest

from bn_lint.cli import main as cli

FIXTURES = Path(__file__).parent.parent / "fixtures"
Told = Callable[..., str]

MODEL = """\
import os
from torch import nn

class Net(nn.Module):
    def __init__(self, width, use_bn=False):
        super().__init__()
        self.conv = nn.Conv2d(3, width, 3)
        if use_bn:
            self.bn1 = nn.BatchNorm2d(width)
        self.bn2 = nn.BatchNorm2d(width)
        self.bn3 = nn.BatchNorm2d(5)

    def forward(self, x):
        x = self.bn2(self.conv(x))
        return self.bn3(unheard_of(x))

    def extra(self):
        return nn.BatchNorm2d(8)

def helper():
    def inner():
        return nn.BatchNorm2d(7)
    return 3

Net(4)(os.environ)
"""
NEAREST = "the nearest lines that do: 4 (`Net`), 9 (`nn.BatchNorm2d(width)`), 10 (`nn.BatchNorm2d(width)`)."


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model.py").write_text(MODEL)
    return tmp_path


@pytest.fixture
def explain(capsys: pytest.CaptureFixture[str]) -> Told:
    def call(place: str, *arguments: str, code: int = 0) -> str:
        assert cli.main(["check", "--isolated", "--explain", place, *arguments]) == code
        captured = capsys.readouterr()
        return captured.err if code else captured.out

    return call


def test_a_judged_layer_tells_who_reached_it_and_with_which_input(explain: Told) -> None:
    told = explain("model.py:10")
    assert "model.py:10:20: `nn.BatchNorm2d(width)` builds a BatchNorm layer" in told
    assert "the file was run, because it mentions BatchNorm; it ran to its end" in told
    assert "model.py:14: called on an input of (?, 4, ?, ?); the layer has 4 channels" in told
    assert "checked: its width was compared with the channels of its input" in told
    assert "No rule finds anything in this line." in told


def test_an_undecided_layer_tells_the_reason(explain: Told) -> None:
    assert "not checked: the shape of its input is not known: the name `unheard_of`" in explain("model.py:11")


def test_an_option_that_is_off_is_named(explain: Told) -> None:
    told = explain("model.py:9")
    assert "`Net` was run, with `use_bn` switched, because an option may lead to BatchNorm" in told


def test_what_nothing_reaches_tells_what_was_run_instead(explain: Told) -> None:
    told = explain("model.py:22")
    assert "not checked: no entry point reached it" in told
    assert "`helper` was run, because it needs no arguments" in told


def test_definitions_tell_whether_they_were_run(explain: Told) -> None:
    Path("parts.py").write_text("from torch import nn\n\nclass A(nn.Module):\n    pass\n\nlayer = nn.BatchNorm1d(3)\n")
    assert "`A` was not run: neither it nor what it uses names BatchNorm" in explain("parts.py:3")


@pytest.mark.parametrize("limit", ["STEPS_PER_FILE", "STEPS_PER_UNIT"])
def test_an_entry_point_that_takes_too_long_says_so(limit: str, explain: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"bn_lint.static.analyze.{limit}", -1)
    told = explain("model.py:10")
    assert "it was not run: the entry points before it took too long already" in told
    assert "BN903" in told


def test_a_finding_comes_with_its_evidence(explain: Told) -> None:
    place = FIXTURES / "vectors" / "bad_width.py"
    told = explain(f"{place}:6")
    assert "error[BN002] num-features-mismatch: the input has 3 channels; `layer` expects 5" in told
    assert "BN002 num-features-mismatch at" in explain(f"{place}:7")


def test_rules_that_are_off_are_named(explain: Told) -> None:
    told = explain("model.py:9")
    assert "BN504 unused-batchnorm is off here, or a comment silences it: `bn1` of Net is never applied" in told
    assert "info[BN504]" in explain("model.py:9", "--select=BN504")


def test_calls_of_models_tell_their_mode_and_purpose(explain: Told) -> None:
    folder = FIXTURES / "modes" / "train_script"
    told = explain(f"{folder / 'bad_no_eval.py'}:25", str(folder))
    assert "`model(images.to(device))` calls a model" in told
    assert "called in training mode" in told
    assert "checked: the call counts as evaluation" in told
    assert "[BN101]" in told
    told = explain(f"{folder / 'good.py'}:17", str(folder))
    assert "checked: the call counts as training" in told


def test_json_has_the_same(explain: Told) -> None:
    document = json.loads(explain("model.py:10", "--output-format=json"))
    assert (document["path"], document["line"]) == ("model.py", 10)
    (subject,) = document["subjects"]
    assert (subject["kind"], subject["text"], subject["line"]) == ("layer", "nn.BatchNorm2d(width)", 10)
    assert any("(?, 4, ?, ?)" in step["message"] and step["line"] == 14 for step in subject["told"])
    explain("model.py:10", "--output-format=json", "-o", "told.json")
    assert json.loads(Path("told.json").read_text()) == document


def test_a_file_outside_the_paths_is_found(explain: Told, here: Path) -> None:
    (here / "src").mkdir()
    assert "(?, 4, ?, ?)" in explain("model.py:10", "src")


def test_the_order_of_the_files_is_that_of_a_check(explain: Told, here: Path) -> None:
    """Whatever is explained, and however files are given: of two programs the same one comes first."""
    (here / ".git").mkdir()
    (here / "model.py").write_text(MODEL.replace("Net(4)(os.environ)", ""))
    for name in ("run.py", "start.py"):
        (here / name).write_text(
            "import torch\nfrom model import Net\nfrom train import fit\n\n"
            "if __name__ == '__main__':\n    net = Net(5)\n    fit(net, torch.optim.SGD(net.parameters(), lr=0.1))\n"
        )
    (here / "train.py").write_text(
        "def fit(net, optimizer):\n    net(images).mean().backward()\n    optimizer.step()\n"
    )
    told = explain("train.py:2", ".")
    assert "run.py:1: the file was run" in told
    assert explain("train.py:2", "start.py") == told
    assert explain("train.py:2", "train.py") == told


def test_callers_in_other_files_count(explain: Told, here: Path) -> None:
    (here / "net.py").write_text(
        dedent(
            """\
            from torch import nn

            class Block(nn.Module):
                def __init__(self, width):
                    super().__init__()
                    self.conv = nn.Conv2d(3, width, 3)
                    self.bn = nn.BatchNorm2d(width)

                def forward(self, x):
                    return self.bn(self.conv(x))
            """
        )
    )
    (here / "use.py").write_text("from net import Block\nBlock(24)(None)\n")
    assert "(?, width, ?, ?)" in explain("net.py:7", "net.py")
    assert "(?, 24, ?, ?)" in explain("net.py:7")


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("model.py", "--explain takes FILE:LINE, such as model.py:12, and not model.py."),
        ("model.py:x", "--explain takes FILE:LINE, such as model.py:12, and not model.py:x."),
        ("model.py:0", "--explain takes FILE:LINE, such as model.py:12, and not model.py:0."),
        ("gone.py:3", "--explain gone.py:3: there is no file gone.py."),
        ("model.py:99", "--explain model.py:99: model.py has 25 lines."),
        ("plain.py:1", "plain.py has nothing to do with BatchNorm: nothing in it is checked."),
        (
            "broken.py:1",
            "--explain broken.py:1: broken.py is not valid Python: '(' was never closed (line 3).",
        ),
        (
            "model.py:2",
            f"--explain model.py:2: nothing in this line has to do with BatchNorm; {NEAREST}",
        ),
    ],
)
def test_what_cannot_be_explained_is_an_error(explain: Told, here: Path, place: str, message: str) -> None:
    (here / "plain.py").write_text("x = 1\n")
    (here / "broken.py").write_text("# BatchNorm\n\nx = (\n")
    assert explain(place, code=2) == f"error: {message}\n"


@pytest.mark.parametrize("option", ["--fix", "--diff", "--add-ignore", "--update-baseline", "--output-format=sarif"])
def test_it_only_tells_something(explain: Told, option: str) -> None:
    assert explain("model.py:10", option, code=2).startswith("error: --explain ")
