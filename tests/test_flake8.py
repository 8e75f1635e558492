"""The flake8 plugin, run by flake8 itself."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import entry_points
from pathlib import Path

import pytest

main = pytest.importorskip("flake8.main.cli").main
pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent
MISTAKES = "from torch import nn\n\nnet = nn.Sequential(nn.BatchNorm2d(8, momentum=0.99))\nnet.eval\n"


@pytest.fixture
def flake8(tmp_path: Path) -> Path:
    """A directory in which flake8 knows the plugin, as it does everywhere once both are installed."""
    installed = any(point.name == "BN" for point in entry_points(group="flake8.extension"))
    lines = ["[flake8:local-plugins]", "extension =", "    BN = bn_lint.flake8:Plugin", "paths =", f"    {ROOT}"]
    plugin = "[flake8]\n" if installed else "\n".join([*lines, f"    {ROOT}/rules", ""])
    (tmp_path / ".flake8").write_text(plugin)
    return tmp_path


Run = Callable[..., list[str]]


@pytest.fixture
def run(flake8: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs flake8 here; each process would import it, and the parser, anew."""
    monkeypatch.chdir(flake8)
    monkeypatch.setattr(sys, "path", list(sys.path))

    def lines(*arguments: str, stdin: str = "") -> list[str]:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
        main(["-j1", *arguments])
        captured = capsys.readouterr()
        assert captured.err == ""
        return captured.out.splitlines()

    return lines


def test_findings(flake8: Path) -> None:
    (flake8 / "model.py").write_text(MISTAKES)
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'rules'}"}
    command = [sys.executable, "-m", "flake8", "-j1", "model.py"]
    result = subprocess.run(command, cwd=flake8, capture_output=True, text=True, check=False, env=environment)
    assert (result.returncode, result.stderr) == (1, "")
    found = result.stdout.splitlines()
    assert [line.split()[:2] for line in found] == [
        ["model.py:3:21:", "BN401"],
        ["model.py:4:1:", "BN102"],
    ]
    assert found[1] == "model.py:4:1: BN102 `net.eval` is not called, so the mode does not change"


def test_selection_and_comments_of_both(flake8: Path, run: Run) -> None:
    (flake8 / "bn-lint.toml").write_text('ignore = ["BN401"]\n')
    (flake8 / "model.py").write_text(MISTAKES)
    assert [line.split()[1] for line in run("model.py")] == ["BN102"]
    assert run("--extend-ignore=BN1", "model.py") == []
    (flake8 / "model.py").write_text(MISTAKES.replace("net.eval\n", "net.eval  # noqa: BN102\n"))
    assert run("model.py") == []


def test_other_encodings_and_standard_input(flake8: Path, run: Run) -> None:
    (flake8 / "model.py").write_bytes(f"# coding: latin-1\n{MISTAKES}s = 'é'\n".encode("latin-1"))
    assert [line.split()[1] for line in run("model.py")] == ["BN401", "BN102"]
    assert [line.split()[1] for line in run("-", stdin=MISTAKES)] == ["BN401", "BN102"]
