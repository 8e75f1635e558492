"""Which calls of models were judged, and why others were not: `bn-lint check --show-coverage`."""

from __future__ import annotations

import json
from pathlib import Path
from textwrap import indent

import pytest

from bn_lint.check.outcome import Outcome, decode, encode
from bn_lint.cli import main as cli
from bn_lint.facts import CheckedCall, Coverage, Place, Purpose, Unclear

MODEL = """\
import torch
from torch import nn
net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8))
optimizer = torch.optim.SGD(net.parameters(), 0.1)
"""
TRAIN = """\
for images, labels in loader:
    optimizer.zero_grad()
    net(images).sum().backward()
    optimizer.step()
"""
EVALUATE = """\
net.eval()
with torch.no_grad():
    print(net(held_out).argmax())
"""
LOAD = 'net.load_state_dict(torch.load("net.pt"))\n'

FIT = """\
def fit(model):
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    {switch}
    for images, labels in loader:
        model(images).sum().backward()
        optimizer.step()
"""

#: What is judged: a program, and the purposes of the calls in it, in their order.
JUDGED = {
    "training, then evaluation": (MODEL + TRAIN + EVALUATE, ["training", "evaluation"]),
    "loaded weights": (MODEL + LOAD + EVALUATE, ["evaluation"]),
    "a model from elsewhere, switched for the call": (
        MODEL + FIT.format(switch="model.train()") + indent(EVALUATE.replace("net", "model"), "    "),
        ["training", "evaluation"],
    ),
}

#: What is not: a program in which one call is not judged, and why.
UNCLEAR = {
    Unclear.ARRIVED: MODEL + "with torch.no_grad():\n    print(net(images).argmax())\n",
    Unclear.ASSERTED: MODEL + LOAD + "assert net(images).shape[1] == 8\n",
    Unclear.DISCARDED: MODEL + LOAD + "net(images).sum().backward()\noptimizer.zero_grad()\n",
    Unclear.DROPPED: MODEL + "net(images)\n",
    Unclear.GRADIENTS: MODEL + LOAD + "with torch.set_grad_enabled(flag):\n    print(net(images).argmax())\n",
    Unclear.MADE_UP: MODEL + "net(torch.rand(2, 3, 8, 8)).sum().backward()\n",
    Unclear.OUT_OF_VIEW: MODEL + FIT.format(switch="pass"),
    Unclear.MODE: MODEL + LOAD + "net.train(flag)\nwith torch.no_grad():\n    print(net(images).argmax())\n",
    Unclear.OTHER_PARTS: MODEL.replace("net.p", "net[0].p") + "net.eval()\n" + TRAIN,
    Unclear.RESULT: MODEL + TRAIN.replace("    optimizer.zero", "    print(net(labels))\n    optimizer.zero"),
    Unclear.UNSTEPPED: MODEL + "net(images).sum().backward()\n",
}


def test_every_reason_has_an_example() -> None:
    assert set(UNCLEAR) == set(Unclear)


def checked(text: str, capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    Path("program.py").write_text(text)
    cli.main(["check", "--isolated", "--no-cache", "--show-coverage", "--output-format=json", "program.py"])
    calls = json.loads(capsys.readouterr().out)["coverage"]["calls"]
    return sorted(calls, key=lambda call: (call["line"], call["column"]))


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(("text", "purposes"), JUDGED.values(), ids=list(JUDGED))
def test_calls_whose_mode_was_judged(text: str, purposes: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    calls = checked(text, capsys)
    assert [call["purpose"] for call in calls] == purposes
    assert all(call["reason"] is None for call in calls)


@pytest.mark.parametrize(("reason", "text"), UNCLEAR.items(), ids=[reason.name for reason in UNCLEAR])
def test_a_call_that_was_not_judged_has_a_reason(
    reason: Unclear, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert [call["reason"] for call in checked(text, capsys) if call["purpose"] is None] == [reason.value]


def test_a_script_that_does_not_name_batchnorm_counts(capsys: pytest.CaptureFixture[str]) -> None:
    Path("model.py").write_text(MODEL)
    Path("train.py").write_text("import torch\nfrom model import net, optimizer\n" + TRAIN)
    cli.main(["check", "--isolated", "--no-cache", "-q", "--show-coverage", "-v", "."])
    assert capsys.readouterr().out == (
        "Coverage: 1 of 1 BatchNorm layer checked (100%).\nModes: 1 of 1 model call checked (100%): 1 training.\n"
    )


def test_models_out_of_view_do_not_count_without_batchnorm(capsys: pytest.CaptureFixture[str]) -> None:
    assert checked("import torch\n" + FIT.format(switch="model.train()"), capsys) == []


def test_reasons_are_grouped(capsys: pytest.CaptureFixture[str]) -> None:
    Path("program.py").write_text(MODEL + TRAIN + EVALUATE + "net(images)\nnet(labels)\n")
    cli.main(["check", "--isolated", "--no-cache", "-q", "--show-coverage", "-v", "program.py"])
    assert capsys.readouterr().out == (
        "Coverage: 1 of 1 BatchNorm layer checked (100%).\n"
        "Modes: 2 of 4 model calls checked (50%): 1 evaluation and 1 training.\n"
        "  2  nothing uses its result\n"
        "     program.py:12:1\n"
        "     program.py:13:1\n"
    )


def test_calls_survive_the_cache() -> None:
    place = Place("a.py", 1, 2, 3, 4)
    calls = [CheckedCall(place, Purpose.REFERENCE), CheckedCall(place, None, "nobody knows")]
    outcome = Outcome(coverage=Coverage(calls=calls))
    assert decode(json.loads(json.dumps(encode(outcome)))) == outcome


def test_calls_move_with_an_edit_that_leaves_the_code_alone(capsys: pytest.CaptureFixture[str]) -> None:
    command = ["check", "--isolated", "--cache-dir=cache", "--show-coverage", "--output-format=json", "program.py"]
    Path("program.py").write_text(MODEL + TRAIN)
    cli.main(command)
    before = json.loads(capsys.readouterr().out)["coverage"]["calls"]
    Path("program.py").write_text("# A comment.\n" + MODEL + TRAIN)
    cli.main(command)
    after = json.loads(capsys.readouterr().out)["coverage"]["calls"]
    assert after == [{**call, "line": call["line"] + 1} for call in before]
