"""The folder of the cache: where it is, who may name it, and what is written to it and deleted from it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bn_lint.cli import main as cli

from .projects import WRONG, Check, write

ROOT = Path(__file__).parent.parent.parent


def test_a_cache_that_cannot_be_written_costs_only_time(check: Check) -> None:
    write("wrong.py", WRONG.format(16))
    write(".bn_lint_cache", "a file")
    assert check() == ["wrong.py:2 BN002"]
    assert Path(".bn_lint_cache").read_text(encoding="utf-8") == "a file"


def test_where_the_cache_is(check: Check, judged: list[list[str]]) -> None:
    write("bn-lint.toml", 'cache-dir = "kept/here"\n')
    write("src/wrong.py", WRONG.format(16))
    check()
    assert Path("kept/here/bn-lint/.gitignore").read_text(encoding="utf-8").endswith("\n*\n")
    os.chdir("src")
    assert check() == ["wrong.py:2 BN002"]
    assert len(judged) == 1
    check("--cache-dir=elsewhere")
    assert Path("elsewhere/bn-lint/CACHEDIR.TAG").exists()
    assert len(judged) == 2


def test_a_run_that_was_killed_at_the_start_is_made_up_for(check: Check) -> None:
    write("wrong.py", WRONG.format(16))
    write(".bn_lint_cache/bn-lint/.bn-lint-1-2.tmp", "")
    write(".bn_lint_cache/bn-lint/.gitignore", "*\n")
    assert check() == ["wrong.py:2 BN002"]
    assert Path(".bn_lint_cache/bn-lint/CACHEDIR.TAG").exists()


def age(*paths: str) -> None:
    for path in paths:
        os.utime(path, (time.time() - 60 * 86400,) * 2)


def test_only_entries_of_the_cache_are_deleted(check: Check) -> None:
    """A folder that is named for the cache may hold data that looks like entries."""
    write("wrong.py", WRONG.format(16))
    data = ["data/en/train.json", f"data/ab/{'0' * 62}.json", "data/bn-lint/en/train.json", "data/.gitignore"]
    check("--cache-dir=data")
    for path in data:
        write(path, "{}")
    old = f"data/bn-lint/ab/{'0' * 62}.json"
    linked = f"data/bn-lint/ab/{'1' * 62}.json"
    write(old, "")
    os.symlink(os.path.abspath("data/en/train.json"), linked)
    age(*data, old, "data/bn-lint/CACHEDIR.TAG")
    write("wrong.py", WRONG.format(17))
    check("--cache-dir=data")
    assert [path for path in [*data, linked] if not os.path.lexists(path)] == []
    assert not os.path.exists(old)


def test_nothing_is_deleted_from_a_folder_without_the_mark(check: Check) -> None:
    kept = f"data/bn-lint/ab/{'0' * 62}.json"
    write(kept, "{}")
    write("data/bn-lint/CACHEDIR.TAG", "Signature: 8a477f597d28d172789f06886806bc55\n# Made by something else.\n")
    age(kept)
    write("wrong.py", WRONG.format(16))
    check("--cache-dir=data")
    assert os.path.exists(kept)


def test_a_cache_outside_is_for_the_user_to_name(check: Check, capsys: pytest.CaptureFixture[str]) -> None:
    """A repository that names one could have files put anywhere."""
    write("project/wrong.py", WRONG.format(16))
    write("project/bn-lint.toml", 'cache-dir = "../outside"\n')
    os.mkdir("project/.git")
    os.chdir("project")
    assert cli.main(["check"]) == 2
    assert 'bn-lint.toml: "cache-dir" must be a folder of the project' in capsys.readouterr().err
    os.symlink("..", "link")
    write("bn-lint.toml", 'cache-dir = "link/outside"\n')
    assert cli.main(["check"]) == 2
    assert not os.path.exists("../outside")
    os.remove("bn-lint.toml")
    check("--cache-dir=../outside")
    assert os.path.exists("../outside/bn-lint/CACHEDIR.TAG")


def test_without_a_cache_nothing_is_written(
    check: Check, judged: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    write("wrong.py", WRONG.format(16))
    check("--no-cache")
    monkeypatch.setenv("BN_LINT_NO_CACHE", "1")
    check()
    assert len(judged) == 2
    assert sorted(os.listdir()) == ["wrong.py"]


def test_nothing_is_written_where_there_is_no_batchnorm(check: Check) -> None:
    write("plain.py", "x = 1\n")
    check()
    assert os.listdir() == ["plain.py"]


@pytest.mark.slow
def test_runs_at_the_same_time_do_not_disturb_each_other() -> None:
    for number in range(6):
        write(f"net_{number}.py", WRONG.format(number + 9))
    command = [sys.executable, "-m", "bn_lint", "check", "-q", "--output-format=concise", "."]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "rules")])}
    runs = [subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    outputs = {run.communicate()[0] for run in runs}
    assert len(outputs) == 1
    assert outputs.pop().count("BN002") == 6
    assert not list(Path(".bn_lint_cache/bn-lint").glob("??/*.json.*"))
