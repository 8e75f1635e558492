"""The processes that judge units: they report what one reports, and what ends one costs its unit alone."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bn_lint.check import tasks, worker, workers
from bn_lint.check.kept_work import KeptWork
from bn_lint.check.tasks import ReadAhead, Task
from bn_lint.cli import main as cli
from bn_lint.project.partition import Unit
from bn_lint.project.source import Source
from bn_lint.static.syntax.shared_trees import read_kept

from .projects import WRONG, Check, write

DEADLY = '''
import os
from collections.abc import Iterator
from bn_lint.facts import BatchNormCall
from bn_lint.rule import Severity, Violation, rule

@rule("XX001", "ends-everything", severity=Severity.ERROR, since="1")
def ends_everything(call: BatchNormCall) -> Iterator[Violation]:
    """Ends the process."""
    if "deadly" in call.place.path:
        os._exit(7)
    yield from ()
'''


@pytest.mark.slow
def test_processes_report_what_one_reports(check: Check) -> None:
    for number in range(5):
        write(f"net_{number}.py", WRONG.format(number + 7))
    write("broken.py", "from torch.nn import BatchNorm2d\nx = (\n")
    alone = check("--no-cache", "-j1")
    assert check("--no-cache", "-j3") == alone
    assert len(alone) == 5


@pytest.mark.slow
def test_files_that_another_process_reads_are_judged_as_always(check: Check, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BN_LINT_ENGINE")
    monkeypatch.setattr(workers, "_WORTH_READING", 1)
    monkeypatch.setattr(workers, "_SHARE", 1)
    shares: list[ReadAhead | None] = []
    share = workers._Ahead.share

    def noted(ahead: workers._Ahead) -> ReadAhead | None:
        shares.append(share(ahead))
        return shares[-1]

    monkeypatch.setattr(workers._Ahead, "share", noted)
    names = [f"net_{number}" for number in range(30)]
    for number, name in enumerate(names):
        write(f"{name}.py", WRONG.format(number + 9))
    write("main.py", "".join(f"import {name}\n" for name in names) + "from torch.nn import BatchNorm2d\n")
    alone = check("--no-cache", "-j1")
    assert check("-j2") == alone
    assert len(alone) == 30
    assert any(one is not None and len(one.texts) == 1 for one in shares)


def test_a_small_unit_does_not_pay_for_the_memory_of_a_large_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BN_LINT_ENGINE")
    large, small = (
        Task(Unit((Source(Path("a.py"), "a.py", "x" * size),)), {}, texts={}) for size in (10_000_000, 1_000)
    )
    held = worker.Held()
    first = held.make_room(large)
    held.states.append(large)
    beside = held.make_room(small)
    assert held.states
    assert first is not None
    assert beside is not None
    assert small.limits is not None
    assert beside.memory == first.memory + small.limits.memory
    assert held.make_room(small) == beside
    assert held.make_room(large) == large.limits
    assert not held.states


def test_reading_ahead_ends_where_the_other_process_has_come(tmp_path: Path) -> None:
    kept = KeptWork(tmp_path, "tool")
    texts = [f"x = {number}\n" for number in range(4)]
    read_kept(texts[1], kept)
    worker._read_ahead(ReadAhead([*texts[:3], "x = (\n", texts[3]], kept, None))
    assert [kept.has_tree(text) for text in texts] == [False, True, True, True]


@pytest.mark.slow
@pytest.mark.parametrize("own", [False, True], ids=["new processes", "copies of one that does nothing else"])
def test_a_process_that_dies_costs_its_unit_alone(
    own: bool, check: Check, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write("plugin/deadly/__init__.py", DEADLY)
    monkeypatch.syspath_prepend(os.path.abspath("plugin"))
    monkeypatch.setenv("PYTHONPATH", os.path.abspath("plugin"))
    monkeypatch.setenv("BN_LINT_ALLOW_PLUGINS", "deadly")
    write("bn-lint.toml", 'plugins = ["deadly"]\nexclude = ["plugin"]\n')
    for number in range(3):
        write(f"net_{number}.py", WRONG.format(9))
    write("net_deadly.py", WRONG.format(9).replace("3, 8", "3, 666"))
    arguments = ["check", "--no-cache", "-j2", "--output-format=concise"]
    if own:
        done = subprocess.run([sys.executable, "-m", "bn_lint", *arguments], capture_output=True, text=True)
        code, out, errors = done.returncode, done.stdout, done.stderr
    else:
        try:
            code = cli.main(arguments)
        finally:
            sys.modules.pop("deadly", None)
        out, errors = capsys.readouterr()
    assert code == 2
    assert out.count("BN002") == 3
    assert "BN903 net_deadly.py:1:1: internal error in the analysis: BnLintError: the process that checked it" in errors


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="other systems limit less")
@pytest.mark.parametrize(
    ("crime", "told"),
    [
        ("while True: pass", "that takes more than 1 seconds of computing time"),
        ("bytearray(4 << 30)", "that takes more than 2048 MB of memory"),
    ],
)
def test_a_unit_that_takes_too_much_costs_itself_alone(
    crime: str, told: str, monkeypatch: pytest.MonkeyPatch, check: Check, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("BN_LINT_ENGINE")
    monkeypatch.setenv("BN_LINT_ALLOW_PLUGINS", "greedy")
    monkeypatch.setattr(tasks, "_SECONDS", 1)
    monkeypatch.setattr(tasks, "_MEMORY", 2 << 30)
    write("plugin/greedy/__init__.py", DEADLY.replace("os._exit(7)", crime))
    monkeypatch.syspath_prepend(os.path.abspath("plugin"))
    write("bn-lint.toml", 'plugins = ["greedy"]\nexclude = ["plugin"]\n')
    write("net.py", WRONG.format(9))
    write("net_deadly.py", WRONG.format(9).replace("3, 8", "3, 666"))
    try:
        for _ in range(2):  # nothing of it is kept
            code = cli.main(["check", "-j1", "--output-format=concise"])
            captured = capsys.readouterr()
            assert code == 2
            assert captured.out.count("BN002") == 1
            assert f"BN903 net_deadly.py:1:1: internal error in the analysis: BnLintError: {told}" in captured.err
    finally:
        sys.modules.pop("greedy", None)
