"""What the tests of the tracer have in common."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def small_tensors(one_thread: None) -> None:
    """They run small programs."""
