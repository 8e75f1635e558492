"""What is read from standard input, and what is written where: formats, colors, and streams that fail."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import IO

import pytest

from bn_lint.cli.terminal import wants_color
from tests.builders import MISTAKE

from .commands import Run, concise, write

ROOT = Path(__file__).parent.parent.parent


def test_standard_input(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def feed(data: bytes) -> None:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))

    feed(MISTAKE.encode())
    assert concise(run, "-") == ["<stdin> BN401"]
    write("sub/bn-lint.toml", 'ignore = ["BN401"]')
    feed(MISTAKE.encode())
    assert concise(run, "-", "--stdin-filename=sub/new.py") == []
    feed(MISTAKE.encode())
    assert concise(run, "-", "--stdin-filename=other/new.py") == ["other/new.py BN401"]
    feed(MISTAKE.encode())
    assert concise(run, "-", "--stdin-filename=other/new.py", "--exclude=other", "--force-exclude") == []


def test_output_file(run: Run) -> None:
    write("model.py")
    assert run("check", "model.py", "--output-file=report.txt") == (1, "", "")
    assert Path("report.txt").read_text().endswith("Found 1 warning in 1 file.\n")
    assert run("check", "model.py", "-oreport.json", "--output-format=json") == (1, "", "")
    assert len(json.loads(Path("report.json").read_text())["findings"]) == 1


def test_statistics_and_coverage(run: Run) -> None:
    write("model.py", MISTAKE + "nn.BatchNorm2d(8)\n")
    code, out, _ = run("check", "model.py", "--statistics", "--show-coverage", "-v")
    assert code == 1
    assert out == (
        "1  BN401  warning  keras-momentum\n"
        "Found 1 warning in 1 file.\n"
        "Coverage: 1 of 2 BatchNorm layers checked (50%).\n"
        "  1  the width is not known\n"
        "     model.py:3:1\n"
        "Modes: no call of a model with BatchNorm is visible.\n"
    )
    assert json.loads(run("check", ".", "--show-coverage", "--output-format=json")[1])["coverage"]["total"] == 2


def test_the_output_format_may_come_from_the_environment(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    write("model.py")
    monkeypatch.setenv("BN_LINT_OUTPUT_FORMAT", "json")
    assert json.loads(run("check", "model.py")[1])["version"] == 1


@pytest.mark.parametrize(
    ("choice", "variables", "terminal", "colored"),
    [
        ("auto", {}, True, True),
        ("auto", {}, False, False),
        ("auto", {"NO_COLOR": "1"}, True, False),
        ("auto", {"NO_COLOR": ""}, True, True),
        ("auto", {"NO_COLOR": "1", "FORCE_COLOR": "1"}, True, False),
        ("auto", {"FORCE_COLOR": "1"}, False, True),
        ("auto", {"FORCE_COLOR": "0"}, False, False),
        ("auto", {"TERM": "dumb"}, True, False),
        ("always", {"NO_COLOR": "1"}, False, True),
        ("never", {"FORCE_COLOR": "1"}, True, False),
    ],
)
def test_who_decides_about_color(
    choice: str, variables: dict[str, str], terminal: bool, colored: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    stream = io.StringIO()
    monkeypatch.setattr(stream, "isatty", lambda: terminal, raising=False)
    assert wants_color(choice, stream) is colored


def test_color(run: Run) -> None:
    write("model.py")
    assert "\x1b[" in run("check", "--color=always", "model.py")[1]
    assert "\x1b[" not in run("check", "model.py")[1]
    assert "\x1b[" not in run("check", "--color=always", "--output-format=json", "model.py")[1]


def start(*arguments: str, stdout: IO[str] | None = None) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "rules")])}
    command = [sys.executable, "-m", "bn_lint", *arguments]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, env=environment, stdout=stdout or pipe, stderr=pipe, text=True)


@pytest.mark.slow
def test_a_reader_that_leaves_is_no_error() -> None:
    process = start("rule", "--all")
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    assert process.stderr.read() == ""
    process.stderr.close()
    assert process.wait() == 0


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
@pytest.mark.slow
def test_a_full_disk_is_one_sentence(run: Run) -> None:
    write("model.py")
    code, _, err = run("check", "model.py", "--output-file=/dev/full")
    assert (code, err) == (2, "error: /dev/full cannot be written: no space left on device.\n")
    with open("/dev/full", "w") as full:
        process = start("rule", "--all", stdout=full)
        assert process.stderr is not None
        assert process.stderr.read() == "error: Standard output cannot be written: no space left on device.\n"
        process.stderr.close()
        assert process.wait() == 2


def test_no_standard_output_at_all(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    write("model.py")
    monkeypatch.setattr(sys, "stdout", None)
    assert run("check", "model.py") == (1, "", "")


@pytest.mark.slow
def test_a_terminal_that_knows_no_unicode(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONIOENCODING", "latin-1")
    out, err = start("check", "日本.py").communicate()
    assert (out, err) == ("", "error: \\u65e5\\u672c.py does not exist.\n")
