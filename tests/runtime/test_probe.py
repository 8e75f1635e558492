"""`bn-lint probe`: a model is run without data."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.project import command_line as run

pytest.importorskip("torch")


@pytest.mark.filterwarnings("default::DeprecationWarning")  # Dynamo's own, when it is imported
@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (["model:Net", "--input", "4,3,16,16"], 0, "A batch of one would fail"),
        (["model:Net", "--input", "4,3,16,16", "--eval"], 0, "All checks passed!"),
        (["model:Net", "--input", "4,3,16,16", "--samples", "9"], 1, "the last batch has 1, and fails"),
        (["model:Net", "--input", "4,3,16,16", "--samples", "10"], 0, "the last batch has 2, and fits"),
        (["model:wide", "--input", "4,3,16,16"], 1, "error[BN002]"),
        (["model.py:wide", "--input", "4,3,16,16"], 1, "error[BN002]"),
        (["model:compiled", "--input", "4,3,16,16"], 1, "error[BN002]"),
        (["model:Choosing", "--input", "4,3,16,16"], 2, "depends on the values of tensors"),
        (["model:Net(32)", "--input", "4,3,16,16"], 1, "error[BN002]"),
        (["model:Net(width=16)", "--input", "x=4,3,16,16", "--eval"], 0, "All checks passed!"),
        (["model:Net", "--input", "mask=4,3,16,16"], 2, "unexpected keyword argument 'mask'"),
        (["model:Net", "--input", "4,5,16,16"], 2, "The model cannot be run"),
    ],
)
def test_probe(project: Path, arguments: list[str], code: int, text: str) -> None:
    result = run(project, "probe", *arguments)
    assert (result.returncode, text in result.stdout + result.stderr) == (code, True), result.stderr


def test_a_failure_that_no_rule_tells_is_no_success(project: Path) -> None:
    """The program calls no layer itself, so no finding says where."""
    (project / "bare.py").write_text("from torch import nn\n\nnet = nn.Sequential(nn.BatchNorm2d(16))\n")
    result = run(project, "probe", "bare:net", "--input", "4,3,16,16")
    assert (result.returncode, "running_mean should contain 3 elements not 16" in result.stdout) == (2, True)
    assert result.stdout.endswith("Traced 1 BatchNorm layer over 0 optimizer steps.\n")
