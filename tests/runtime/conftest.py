"""What the tests of the tracer have in common."""

from __future__ import annotations

from pathlib import Path

import pytest

from .commands import MODEL, TRAIN


@pytest.fixture(autouse=True)
def small_tensors(one_thread: None) -> None:
    """They run small programs."""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with a model and a script that trains it."""
    (tmp_path / "model.py").write_text(MODEL)
    (tmp_path / "train.py").write_text(TRAIN)
    return tmp_path
