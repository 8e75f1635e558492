"""What the tests of the command line have in common: a file is written, a command is run, its report is read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from bn_lint.rule import Rule
from tests.builders import MISTAKE

Run = Callable[..., tuple[int, str, str]]


def write(name: str, text: str = MISTAKE) -> None:
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    Path(name).write_text(text)


def concise(run: Run, *arguments: str) -> list[str]:
    """Where something is found, as `path CODE`."""
    _, out, _ = run("check", "-q", "--output-format", "concise", *arguments)
    lines = [line.split(" ") for line in out.splitlines()]
    return [f"{words[0].rsplit(':', 3)[0]} {words[2]}" for words in lines]


def use_rules(monkeypatch: pytest.MonkeyPatch, *rules: Rule) -> None:
    monkeypatch.setattr("bn_lint.check.registry.load_rules", lambda packages=(): rules)
