"""The switches for work on bn-lint itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bn_lint.check.judge import judge
from bn_lint.check.outcome import Outcome
from bn_lint.cli import main as cli
from bn_lint.debugging import VARIABLE
from bn_lint.project.partition import Unit
from bn_lint.project.source import load
from bn_lint.static.interpreter.builtins.functions import BUILTINS
from bn_lint.static.interpreter.values import Builtin

PROGRAM = """
from torch import nn

def net(width):
    return nn.Sequential(nn.Conv2d(3, width, 3), nn.BatchNorm2d(width))

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)

for _ in range(2000):
    net(8)
"""


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "net.py"
    path.write_text(PROGRAM)
    return path


def report(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    cli.main(["check", "--isolated", "--output-format", "json", "--show-coverage", "net.py"])
    document: dict[str, Any] = json.loads(capsys.readouterr().out)
    return document


@pytest.mark.usefixtures("program")
def test_the_steps_of_each_entry_point_are_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("BN_LINT_NO_CACHE")  # the outcome that the first run keeps has no steps, and is not taken
    without = report(capsys)
    monkeypatch.setenv(VARIABLE, "steps, untimed")
    document = report(capsys)
    steps = document["coverage"].pop("steps")
    assert [(each["path"], each["line"], each["name"]) for each in steps] == [
        ("net.py", 1, "<module>"),
        ("net.py", 7, "Net"),
    ]
    assert steps[0]["steps"] > 2000 > steps[1]["steps"] > 0
    assert document == without


#: Users do not notice the first; the second costs the entry point.
DEFECTS = [TypeError, AssertionError]


def judged(program: Path, monkeypatch: pytest.MonkeyPatch, defect: type[Exception]) -> Outcome:
    def crash(*_: object) -> None:
        raise defect

    monkeypatch.setitem(BUILTINS, "range", Builtin("range", crash))
    return judge(Unit((load(program),)), {})


@pytest.mark.parametrize("defect", DEFECTS)
def test_a_defect_of_the_engine_fails_a_test(
    program: Path, monkeypatch: pytest.MonkeyPatch, defect: type[Exception]
) -> None:
    with pytest.raises(defect):
        judged(program, monkeypatch, defect)


@pytest.mark.parametrize("defect", DEFECTS)
@pytest.mark.usefixtures("defects_are_caught")
def test_a_defect_of_the_engine_costs_users_little(
    program: Path, monkeypatch: pytest.MonkeyPatch, defect: type[Exception]
) -> None:
    problems = judged(program, monkeypatch, defect).problems
    assert [problem.internal for problem in problems] == [True] * (defect is AssertionError)


@pytest.mark.usefixtures("program")
def test_a_switch_that_does_not_exist_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(VARIABLE, "untimed,unknown")
    assert cli.main(["check", "net.py"]) == 2
    assert capsys.readouterr().err == (
        "error: BN_LINT_ENGINE has no switch unknown; there are steps, strict, untimed.\n"
    )
