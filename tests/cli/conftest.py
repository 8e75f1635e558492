"""Runs `bn-lint` in an empty folder, with an engine that only reads the momentum."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from bn_lint.cli import main as cli
from bn_lint.facts import Analysis
from bn_lint.project.source import Source
from tests.builders import Engine, read_momentum

from .commands import Run


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("NO_COLOR", "FORCE_COLOR", "BN_LINT_OUTPUT_FORMAT"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.fixture
def use_engine(monkeypatch: pytest.MonkeyPatch) -> Callable[[Engine], None]:
    def use(engine: Engine) -> None:
        def analyze(
            sources: Sequence[Source],
            context: object = (),
            filesystem: object = None,
            keep: object = None,
            **what: object,
        ) -> Analysis:
            return engine(sources)

        monkeypatch.setattr("bn_lint.static.analyze.analyze", analyze)

    use(read_momentum)
    return use


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], use_engine: object) -> Run:
    def call(*arguments: str) -> tuple[int, str, str]:
        code = cli.main(arguments)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call
