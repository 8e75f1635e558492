"""What is asked of the disk, and that few questions and many get the same answers."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bn_lint.project import filesystem
from bn_lint.project.filesystem import FileSystem

NAMES = ["a.py", "Upper.py", "package", "längen.py", "missing.py", "no/where.py", "A.PY", "package/..", "package/."]


def answers(folder: Path, disk: FileSystem) -> list[object]:
    return [disk.answer((kind, str(folder / name))) for name in NAMES for kind in ("file", "directory")]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a.py", "Upper.py", "längen.py"):
        (tmp_path / name).write_text("")
    (tmp_path / "package").mkdir()
    return tmp_path


@pytest.mark.parametrize("most_names", [10_000, 3])
def test_a_listed_folder_gives_the_same_answers(folder: Path, monkeypatch: pytest.MonkeyPatch, most_names: int) -> None:
    asked_one_by_one = answers(folder, FileSystem())
    monkeypatch.setattr(filesystem, "_MANY_QUESTIONS", 0)
    monkeypatch.setattr(filesystem, "_MOST_NAMES", most_names)
    assert answers(folder, FileSystem()) == asked_one_by_one
    assert asked_one_by_one[0] is True
    assert asked_one_by_one[5] is True


def test_many_missing_modules_are_not_looked_for_one_by_one(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []

    def isfile(path: str) -> bool:
        seen.append(path)
        return False

    monkeypatch.setattr(os.path, "isfile", isfile)
    disk = FileSystem()
    for number in range(1000):
        assert disk.answer(("file", str(folder / f"module_{number}.py"))) is False
    assert len(seen) == 99


def test_a_missing_folder_has_nothing(tmp_path: Path) -> None:
    disk = FileSystem()
    assert not any(disk.answer(("file", str(tmp_path / "gone" / f"m{number}.py"))) for number in range(200))


def test_the_root_folder_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filesystem, "_MANY_QUESTIONS", 0)
    top = next(name for name in os.listdir(os.sep) if os.path.isdir(os.sep + name))
    assert FileSystem().answer(("directory", os.sep + top)) is True
