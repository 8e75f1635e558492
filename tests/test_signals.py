"""The recording that judges fixtures is honest itself: it notices what comments leave out, and what they make up."""

from __future__ import annotations

from pathlib import Path

import pytest

from .project import execute
from .recording import recorded
from .signals import contradictions

pytest.importorskip("torch")
pytestmark = pytest.mark.slow

PROGRAM = """\
# runs
import torch
from torch import nn

net = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Linear(8, 1))
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
x = torch.randn(6, 4)
BEFORE
net(x).sum().backward()  # TRAINING
optimizer.step()
AFTER
with torch.no_grad():
    net(x)  # EVALUATION
"""
TRAINED = "BatchNorm in evaluation mode, which no comment mentions"
EVALUATED = "BatchNorm in training mode, which no comment mentions"


@pytest.mark.parametrize(
    ("before", "training", "after", "evaluation", "sentences"),
    [
        pytest.param("", "", "net.eval()", "", [], id="clean"),
        pytest.param("", "", "", "warning: [BN101]", [], id="promised"),
        pytest.param("", "", "", "", [f"test.py:13: {EVALUATED}"], id="not promised"),
        pytest.param("", "", "", "in training mode: why not", [], id="meant"),
        pytest.param("net.eval()", "error: [BN105]", "", "", [], id="trained in evaluation mode"),
        pytest.param("net.eval()", "", "", "", [f"test.py:9: {TRAINED}"], id="trained in evaluation mode unnoticed"),
        pytest.param(
            "",
            "",
            "net.eval()",
            "warning: [BN101]",
            ["test.py:13: warning [BN101] is expected, but nothing like it happens in the run"],
            id="made up",
        ),
        pytest.param(
            "",
            "",
            "net.eval()",
            "in training mode: why not",
            ["test.py:13: BatchNorm is said to be in training mode, and is not"],
            id="meant, but not so",
        ),
        pytest.param(
            "net[1].eval()",
            "in evaluation mode: frozen",
            "net.train()",
            "in training mode: why not",
            ["test.py:11: train() reaches layers that were frozen"],
            id="frozen layers come back",
        ),
        pytest.param(
            "net[1].eval()", "in evaluation mode: frozen", "net.train(); net.eval()", "", [], id="frozen again"
        ),
    ],
)
def test_contradictions(
    before: str, training: str, after: str, evaluation: str, sentences: list[str], tmp_path: Path
) -> None:
    text = PROGRAM.replace("BEFORE", before).replace("AFTER", after)
    text = text.replace("TRAINING", training).replace("EVALUATION", evaluation)
    root = tmp_path.resolve()
    (root / "test.py").write_text(text)
    with recorded(root) as recording:
        execute(root, "test.py")
    assert contradictions({"test.py": text}, "test.py", recording, raised=False) == sentences


def test_gradients_that_are_thrown_away_are_no_training(tmp_path: Path) -> None:
    text = PROGRAM.replace("BEFORE", "net.eval(); net(x).sum().backward(); optimizer.zero_grad(); net.train()")
    text = text.replace("AFTER", "net.eval()")
    root = tmp_path.resolve()
    (root / "test.py").write_text(text)
    with recorded(root) as recording:
        execute(root, "test.py")
    assert [(call.training, call.trained, call.stepped) for call in recording.calls] == [
        (False, True, False),
        (True, True, True),
        (False, False, False),
    ]
