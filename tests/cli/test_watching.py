"""`bn-lint check --watch`."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

import pytest

from bn_lint.cli import main as cli
from bn_lint.cli.commands import watching


def test_each_change_is_seen_once() -> None:
    states = iter([{"a.py": (1, 1)}, {"a.py": (1, 1)}, {"a.py": (2, 1)}, {"a.py": (2, 1)}, {}])
    pauses: list[float] = []
    assert list(islice(watching.changes(lambda: next(states), pauses.append), 3)) == [None] * 3
    assert len(pauses) == 2


def test_settings_count_and_files_may_vanish(tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    path.write_text("x")
    before = watching.state_of([path, tmp_path / "gone.py"])
    (tmp_path / "bn-lint.toml").touch()
    after = watching.state_of([path])
    assert set(after) - set(before) == {str(tmp_path / "bn-lint.toml")}
    os.utime(path, ns=(1, 1))
    assert watching.state_of([path])[str(path)] != after[str(path)]


class Stopped(BaseException):
    """The user has seen enough."""


def test_a_change_is_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    path = Path("a.py")
    path.write_text("from torch import nn\nnn.BatchNorm2d(8, momentum=0.99)\n")
    steps: Iterator[Callable[[], object]] = iter(
        [
            lambda: path.write_text("from torch import nn\nnn.BatchNorm2d(8)\n"),
            lambda: Path("bn-lint.toml").write_text("select = 1\n"),
            lambda: Path("bn-lint.toml").unlink(),
        ]
    )

    def act(seconds: float) -> None:
        step = next(steps, None)
        if step is None:
            raise Stopped
        step()

    monkeypatch.setattr("bn_lint.cli.commands.watching.time.sleep", act)
    with pytest.raises(Stopped):
        cli.main(["check", "--watch", "--no-cache", "-j1", "--output-format=concise"])
    captured = capsys.readouterr()
    assert captured.out.splitlines()[0].startswith("a.py:2:1: warning BN401")
    assert captured.out.count("All checks passed!") == 2
    assert 'error: bn-lint.toml: "select" must be' in captured.err
    assert captured.err.count("Watching for changes") == 4


@pytest.mark.parametrize("options", [["--fix"], ["--show-files"], ["-"]])
def test_it_goes_with_a_check_only(options: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["check", "--watch", *options]) == 2
    assert "--watch" in capsys.readouterr().err
