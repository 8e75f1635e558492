"""How a command ends: its exit code, and what it leaves undone to end at once."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from bn_lint.exit import ExitCode
from bn_lint.facts import Analysis
from bn_lint.project.source import Source
from tests.builders import Engine

from .commands import Run, write


def test_exit_codes_are_a_contract() -> None:
    assert {code.name: int(code) for code in ExitCode} == {
        "CLEAN": 0,
        "FINDINGS": 1,
        "FAILURE": 2,
        "INTERRUPTED": 130,
        "TERMINATED": 143,
    }


def test_exit_zero_hides_findings_but_no_failure(run: Run) -> None:
    write("model.py")
    assert run("check", "--exit-zero", "model.py")[0] == 0
    Path("bad.py").write_bytes(b"# BatchNorm \xff")
    assert run("check", "--exit-zero", "model.py", "bad.py")[0] == 2


def test_interruption(run: Run, use_engine: Callable[[Engine], None]) -> None:
    def interrupt(sources: Sequence[Source]) -> Analysis:
        raise KeyboardInterrupt

    use_engine(interrupt)
    write("model.py")
    code, _, err = run("check", "model.py")
    assert (code, err.strip()) == (130, "error: Interrupted.")


@pytest.mark.slow
@pytest.mark.parametrize(("also", "frozen"), [("", True), ("sys.modules['torch'] = sys; ", False)])
def test_a_process_that_ends_takes_no_syntax_trees_apart(also: str, frozen: bool) -> None:
    program = (
        f"import gc, sys; from bn_lint.cli.main import main; {also}before = gc.get_freeze_count(); main(); "
        "print(gc.get_freeze_count() - before)"
    )
    finished = subprocess.run([sys.executable, "-c", program, "--version"], capture_output=True, text=True, check=True)
    assert (int(finished.stdout.split()[-1]) > 0) is frozen
