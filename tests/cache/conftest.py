"""An empty folder, a check that uses the cache, and what is really judged in it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from bn_lint.cli import main as cli
from bn_lint.project.partition import Unit
from bn_lint.static.turns.keeper import Keeper
from bn_lint.static.turns.record import Entry

from .projects import Seen


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("BN_LINT_NO_CACHE")
    return tmp_path


@pytest.fixture
def judged(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The files of each unit that is really judged."""
    import bn_lint.check.judge

    seen: list[list[str]] = []
    original = bn_lint.check.judge.judge

    def judge(unit: Unit, *arguments: object, **options: object) -> object:
        seen.append([source.display for source in unit.sources])
        return original(unit, *arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr("bn_lint.check.judge.judge", judge)
    return seen


@pytest.fixture
def check(capsys: pytest.CaptureFixture[str]) -> Callable[..., list[str]]:
    """Checks, and gives `path:line CODE` of what was found."""

    def run(*arguments: str) -> list[str]:
        cli.main(["check", "-q", "--output-format=json", *arguments])
        report = json.loads(capsys.readouterr().out)
        return [f"{one['path']}:{one['line']} {one['code']}" for one in report["findings"]]

    return run


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> Seen:
    seen, note, repeat = Seen(), Keeper.note, Keeper.repeat

    def noted(keeper: Keeper, entry: Entry, *, is_whole: bool, defines: bool, is_apart: bool) -> None:
        if not defines:
            seen.run.append(entry.key.split()[1])
        note(keeper, entry, is_whole=is_whole, defines=defines, is_apart=is_apart)

    def repeated(keeper: Keeper, entry: Entry) -> None:
        seen.repeated.append(entry.key.split()[1])
        repeat(keeper, entry)

    monkeypatch.setattr(Keeper, "note", noted)
    monkeypatch.setattr(Keeper, "repeat", repeated)
    return seen
