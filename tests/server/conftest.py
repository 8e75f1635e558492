"""A conversation of a client with the language server."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest


@pytest.fixture
def talk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Start a server in an empty directory and let a client talk to it."""
    from .client import talk_to_thread  # which needs pygls; not every test here does

    monkeypatch.chdir(tmp_path)
    return partial(talk_to_thread, tmp_path.resolve())
