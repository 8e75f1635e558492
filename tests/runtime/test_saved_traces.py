"""What becomes of a saved trace: `bn-lint report` shows it again, `bn-lint check --trace` compares findings with it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.project import command_line as run

from .commands import MODEL, start

pytest.importorskip("torch")


def findings(folder: Path, *arguments: str) -> list[dict[str, Any]]:
    result = run(folder, "check", "--output-format", "json", "--select", "ALL", *arguments)
    found: list[dict[str, Any]] = json.loads(result.stdout)["findings"]
    return found


def test_a_saved_trace_gives_the_same_findings_again(project: Path) -> None:
    first = run(project, "trace", "--output", "trace.json", "--html", "a.html", "train.py", "16")
    again = run(project, "report", "trace.json", "--html", "b.html")
    assert again.returncode == 1
    assert again.stdout == first.stderr
    assert (project / "a.html").read_text() == (project / "b.html").read_text()
    document = json.loads((project / "trace.json").read_text())
    assert (document["format"], document["version"], document["steps"]) == ("bn-lint trace", 1, 4)


def test_two_saved_traces_are_compared(project: Path) -> None:
    run(project, "trace", "--output", "trace.json", "train.py", "16")
    assert run(project, "report", "trace.json", "--compare", "trace.json", "--html", "page.html").returncode == 1
    assert "The findings are the same." in (project / "page.html").read_text()
    refused = run(project, "report", "trace.json", "--compare", "trace.json")
    assert (refused.returncode, "--compare needs --html" in refused.stderr) == (2, True)


def test_newer_and_damaged_traces_are_refused(project: Path) -> None:
    (project / "new.json").write_text('{"format": "bn-lint trace", "version": 99}')
    assert "version 99" in run(project, "report", "new.json").stderr
    for damaged in ('"layers": [{"name": 1}]', '"layers": 3', '"modes": [{}]', '"layers": [{"early": [[0]]}]'):
        (project / "bad.json").write_text(f'{{"format": "bn-lint trace", "version": 1, {damaged}}}')
        assert "is damaged" in run(project, "report", "bad.json").stderr


def test_confirmation(project: Path) -> None:
    run(project, "trace", "--output", "good.json", "train.py", "16")
    run(project, "trace", "--output", "bad.json", "train.py", "32")
    for trace, expected in (("good.json", None), ("bad.json", True)):
        (found,) = (each for each in findings(project, "model.py", "--trace", trace) if each["code"] == "BN002")
        assert found["confirmed"] is expected


#: Something that cannot be read from the text changes the momentum while the layer is built.
LAYERS = """
import sys

import torch
from torch import nn

exec("build = nn.BatchNorm1d.__init__\\nnn.BatchNorm1d.__init__ = lambda self, n, momentum: build(self, n)")
nn.BatchNorm1d(4, momentum=0.9)
exec("del nn.BatchNorm1d.__init__")  # it inherits the method
if len(sys.argv) > 1:
    nn.BatchNorm1d(4, momentum=0.9)
"""


def test_a_run_without_the_mistake_refutes(tmp_path: Path) -> None:
    """The finding speaks of a line that ran without it; of the other line, which did not run, nothing is known."""
    (tmp_path / "layer.py").write_text(LAYERS)
    run(tmp_path, "trace", "--output", "trace.json", "layer.py")
    verdicts = [each["confirmed"] for each in findings(tmp_path, "layer.py", "--trace", "trace.json")]
    assert verdicts == [False, None]
    result = run(tmp_path, "check", "--trace", "trace.json", "layer.py")
    assert "Found 2 warnings in 1 file.\nThe trace refutes 1 of them; about 1 it tells nothing.\n" in result.stdout


def test_a_file_that_has_changed_since_is_not_compared(project: Path) -> None:
    """Its lines mean something else: whatever the trace tells of them would be wrong by chance."""
    run(project, "trace", "--output", "trace.json", "train.py", "32")
    (project / "model.py").write_text(f"import sys\n{MODEL}")
    result = run(project, "check", "--trace", "trace.json", ".")
    assert "The trace does not cover these lines.\n" in result.stdout
    assert "warning: model.py has changed since the run: findings that involve it are not compared." in result.stderr
    (project / "model.py").write_bytes(MODEL.replace("\n", "\r\n").encode())  # a checkout on Windows
    assert "The trace confirms 1 of them" in run(project, "check", "--trace", "trace.json", ".").stdout


def test_a_trace_is_understood_in_another_directory(project: Path) -> None:
    run(project, "trace", "--output", "trace.json", "train.py", "32")
    (project / "elsewhere").mkdir()
    result = run(project / "elsewhere", "check", "--trace", "../trace.json", "..")
    assert "The trace confirms 1 of them" in result.stdout
    shown = run(project / "elsewhere", "report", "../trace.json")
    assert "self.bn = nn.BatchNorm2d(width)" in shown.stdout  # the code is found again, and quoted
    result = run(project.parent, "check", "--trace", f"{project}/trace.json", str(project))
    assert "The trace confirms 1 of them" in result.stdout


LEFT_OVER = """
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

net = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Linear(8, 3))
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
loader = DataLoader(TensorDataset(torch.randn(65, 4), torch.randint(3, (65,))), batch_size=16)
for x, y in loader:
    optimizer.zero_grad()
    nn.functional.cross_entropy(net(x), y).backward()
    optimizer.step()
"""


def test_a_last_batch_of_one_that_failed_is_confirmed(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(LEFT_OVER)
    run(tmp_path, "trace", "--output", "trace.json", "train.py")
    (found,) = (each for each in findings(tmp_path, "--trace", "trace.json") if each["code"] == "BN202")
    assert found["confirmed"] is True


def test_report_and_check_do_not_import_torch(project: Path) -> None:
    run(project, "trace", "--output", "trace.json", "train.py", "16")
    script = """
import sys
from bn_lint.cli.main import main
assert main(["report", "trace.json", "--html", "r.html"]) == 1
assert main(["check", "--trace", "trace.json", "model.py"]) == 1
assert "torch" not in sys.modules
"""
    result = start(project, "-c", script)
    assert result.returncode == 0, result.stderr
