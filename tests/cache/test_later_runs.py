"""What a later run takes from the cache, and what makes it judge again."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bn_lint.cli import main as cli
from bn_lint.project.filesystem import FileSystem, digest
from bn_lint.project.partition import Unit, divide
from bn_lint.project.source import Source

from .projects import WRONG, Check, write

ROOT = Path(__file__).parent.parent.parent
MODEL = """
from torch import nn
class Net(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.conv = nn.Conv2d(3, {given}, 3)
        self.bn = nn.BatchNorm2d(width)
    def forward(self, x):
        return self.bn(self.conv(x))
"""
TRAIN = "from model import Net\nnet = Net({})\n"
BACKBONE = "from torch import nn\nbackbone = nn.Sequential(nn.Conv2d(3, {0}, 3), nn.BatchNorm2d({0}))\n"
SCRIPT = "from torch import nn\nfrom model import backbone\nnet = nn.Sequential(backbone, nn.BatchNorm2d(64))\n"


def test_a_second_run_judges_nothing_and_says_the_same(check: Check, judged: list[list[str]]) -> None:
    write("wrong.py", WRONG.format(16))
    assert check() == ["wrong.py:2 BN002"]
    assert check() == ["wrong.py:2 BN002"]
    assert judged == [["wrong.py"]]


def test_an_unchanged_tree_is_not_divided_again(check: Check, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first of the two kinds of entries: into which units the given files fall."""
    divided: list[list[str]] = []

    def dividing(sources: list[Source], *arguments: object) -> list[Unit]:
        divided.append([source.display for source in sources])
        return divide(sources, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr("bn_lint.check.incremental.divide", dividing)
    write("net.py", WRONG.format("WIDTH").replace("\n", "\nfrom sizes import WIDTH\n", 1))
    write("sizes.py", "WIDTH = 16\n")
    for _ in range(2):
        assert check("net.py") == ["net.py:3 BN002"]
    assert divided == [["net.py"]]


@pytest.mark.parametrize(
    ("edit", "is_divided"),
    [
        ("from torch import nn\n\ndef width():\n    return 16\n", False),
        ("from torch import nn\nimport unused\n\ndef width():\n    return 32\n", True),
    ],
)
def test_files_are_divided_again_when_an_edit_may_connect_others(
    check: Check, monkeypatch: pytest.MonkeyPatch, edit: str, is_divided: bool
) -> None:
    divided: list[int] = []

    def dividing(sources: list[Source], *arguments: object) -> list[Unit]:
        divided.append(len(sources))
        return divide(sources, *arguments)  # type: ignore[arg-type]

    write("sizes.py", "from torch import nn\n\ndef width():\n    return 32\n")
    write("net.py", WRONG.format("width()").replace("\n", "\nfrom sizes import width\n", 1))
    write("other.py", "from sizes import width\n")
    assert check() == ["net.py:3 BN002"]
    monkeypatch.setattr("bn_lint.check.incremental.divide", dividing)
    write("sizes.py", edit)
    assert len(check()) == 1
    assert divided == [1] * is_divided


@pytest.mark.slow
def test_a_warm_run_neither_parses_nor_imports_the_parser() -> None:
    write("wrong.py", WRONG.format(16))
    script = "import sys; from bn_lint.cli.main import main; print(main(sys.argv[1:]), 'libcst' in sys.modules)"
    command = [sys.executable, "-c", script, "check", "-q", "--output-format=concise", "."]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "rules")])}
    cold, warm = (
        subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.splitlines()
        for _ in range(2)
    )
    assert (cold[-1], warm[-1]) == ("1 True", "1 False")
    assert cold[:-1] == warm[:-1]
    assert cold[0].startswith("wrong.py:2:41: error BN002 ")


def test_a_change_in_the_model_changes_what_is_found_in_the_script(check: Check, judged: list[list[str]]) -> None:
    write("model.py", BACKBONE.format(64))
    write("train.py", SCRIPT)
    write("apart.py", WRONG.format(16))
    assert check() == ["apart.py:2 BN002"]
    write("model.py", BACKBONE.format(32))
    assert check() == ["apart.py:2 BN002", "train.py:3 BN002"]
    write("model.py", BACKBONE.format(64))
    assert check() == ["apart.py:2 BN002"]
    assert judged == [["apart.py"], ["model.py", "train.py"], ["model.py", "train.py"]]


def test_a_change_in_the_script_changes_what_is_found_in_the_model(check: Check, judged: list[list[str]]) -> None:
    write("model.py", MODEL.format(given=64))
    write("train.py", TRAIN.format(64))
    assert check() == []
    write("train.py", TRAIN.format(32))
    assert check() == ["model.py:7 BN002"]
    # The script is no source of BatchNorm itself.
    assert judged == [["model.py"], ["model.py"]]


def test_what_was_not_given_is_remembered_too(check: Check, judged: list[list[str]]) -> None:
    write("sizes.py", "WIDTH = 8\n")
    write("net.py", WRONG.format("WIDTH").replace("\n", "\nfrom sizes import WIDTH\n", 1))
    assert check("net.py") == []
    write("sizes.py", "WIDTH = 16\n")
    assert check("net.py") == ["net.py:3 BN002"]
    assert check("net.py") == ["net.py:3 BN002"]
    assert len(judged) == 2


def test_files_that_were_looked_for_in_vain_are_remembered_too(check: Check, judged: list[list[str]]) -> None:
    write("net.py", WRONG.format("WIDTH").replace("\n", "\nfrom sizes import WIDTH\n", 1))
    assert check("net.py") == []
    write("sizes.py", "WIDTH = 16\n")
    assert check("net.py") == ["net.py:3 BN002"]
    assert len(judged) == 2


def test_settings_that_decide_about_findings_decide_about_entries(check: Check, judged: list[list[str]]) -> None:
    write("wrong.py", WRONG.format(16))
    assert check() == ["wrong.py:2 BN002"]
    assert check("--ignore=BN002") == []
    assert len(judged) == 1
    assert check("--config=min-batch-size=4") == ["wrong.py:2 BN002"]
    assert len(judged) == 2


def test_coverage_is_worked_out_when_it_is_wanted(check: Check, capsys: pytest.CaptureFixture[str]) -> None:
    write("net.py", WRONG.format("WIDTH"))
    check()
    for _ in range(2):
        cli.main(["check", "-q", "--show-coverage"])
        assert capsys.readouterr().out.startswith("Coverage: 1 of 1 BatchNorm layer checked (100%).\n")


def entries() -> list[Path]:
    return sorted(Path(".bn_lint_cache/bn-lint").glob("??/*.json"))


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"",
        lambda data: data[: len(data) // 2],
        lambda data: data.replace(b"BN002", b"BN003"),
        lambda data: pickle.dumps({"units": []}),
        lambda data: b"{}",
        lambda data: digest(b"[]").encode() + b"\n[]",
        lambda data: digest(b"{}").encode() + b"\n{}",
        lambda data: digest(b"[" * 100_000).encode() + b"\n" + b"[" * 100_000,
        lambda data: digest(b'{"surroundings":{"rm":{"a":1}}}').encode() + b'\n{"surroundings":{"rm":{"a":1}}}',
        lambda data: digest(b'{"surroundings":{},"units":3}').encode() + b'\n{"surroundings":{},"units":3}',
    ],
)
def test_damaged_entries_count_as_absent(
    damage: Callable[[bytes], bytes], check: Check, judged: list[list[str]]
) -> None:
    write("wrong.py", WRONG.format(16))
    check()
    assert len(entries()) == 4  # the unit, the run, which was the last one, and the text
    for entry in entries():
        entry.write_bytes(damage(entry.read_bytes()))
    assert check() == ["wrong.py:2 BN002"]
    assert len(judged) == 2
    assert check() == ["wrong.py:2 BN002"]
    assert len(judged) == 2


def test_a_project_may_move(check: Check, judged: list[list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    write("one/pyproject.toml", "")
    write("one/wrong.py", WRONG.format(16))
    monkeypatch.chdir("one")
    check()
    monkeypatch.chdir("..")
    os.rename("one", "two")
    monkeypatch.chdir("two")
    assert check() == ["wrong.py:2 BN002"]
    assert len(judged) == 1


@pytest.mark.usefixtures("defects_are_caught")
def test_a_defect_is_judged_again(check: Check, monkeypatch: pytest.MonkeyPatch, judged: list[list[str]]) -> None:
    def fail(*arguments: object, **options: object) -> None:
        raise ZeroDivisionError

    write("wrong.py", WRONG.format(16))
    with monkeypatch.context() as patch:
        patch.setattr("bn_lint.static.analyze.analyze", fail)
        assert check() == []
    assert check() == ["wrong.py:2 BN002"]


def test_a_pipe_is_not_read() -> None:
    os.mkfifo("pipe")
    assert FileSystem().answer(("content", "pipe")) is None
