"""Turns that are run ahead of their time, in processes of their own: the outcome is that of one process."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from bn_lint.check import judge as judging
from bn_lint.check import workers
from bn_lint.check.kept_work import KeptWork
from bn_lint.check.outcome import Outcome
from bn_lint.check.tasks import Task
from bn_lint.check.workers import spread
from bn_lint.facts import Outdated
from bn_lint.forks import CAN_FORK, Forks, Tell
from bn_lint.project.partition import Unit
from bn_lint.project.source import Source, load
from bn_lint.rule import Thresholds
from bn_lint.static.turns.keeper import Keeper

from .projects import Check, write

pytestmark = pytest.mark.skipif(not CAN_FORK, reason="a process cannot be copied on this system")

#: A file with a model, its factory, and one that another file calls.
NET = """from torch import nn
import tables
from parts import norm


@tables.registered
class Net{number}(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.conv = nn.Conv2d(3, width, 3, bias=False)
        self.bn = norm({norm})

    def forward(self, x):
        return self.bn(self.conv(x))


def net_{number}():
    return Net{number}(8)


def alone_{number}(width):
    return nn.Sequential(nn.Conv2d(3, width, 3, bias=False), nn.BatchNorm2d(width + {more}))
"""
TABLES = """TABLE = {}


def registered(cls):
    TABLE[cls.__name__] = cls
    return cls
"""
PARTS = "from torch import nn\n\n\ndef norm(width):\n    return nn.BatchNorm2d(width)\n"
#: Each needs a module that nobody has needed before, and that enters itself into a table.
LATE = """from torch import nn
import tables


def late_{number}():
    from blocks_{number} import Block{number}

    block = Block{number}()
    width = 8 + len(tables.TABLE) - {number} - 1
    return nn.Sequential(nn.Conv2d(3, 8, 3, bias=False), block, nn.BatchNorm2d(width))
"""
BLOCKS = """from torch import nn
import tables


@tables.registered
class Block{number}(nn.Module):
    def forward(self, x):
        return x
"""

#: A program that tests what it has loaded, in the right mode unless an option says otherwise.
PROGRAM = """import argparse

import torch
from torch import nn
from parts import norm


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--mode", default="fast", choices=["fast", "slow"])
    args = parser.parse_args()
    net = nn.Sequential(nn.Conv2d(3, 8, 3, bias=False), norm(8))
    net.load_state_dict(torch.load("net.pt"))
    if args.mode == "{mode}":
        net.eval()
    print(net(torch.randn(4, 3, 9, 9)).argmax())


if __name__ == "__main__":
    main()
    print(nn.Sequential(nn.Conv2d(3, 8, 3, bias=False), nn.BatchNorm2d({width}))(torch.randn(4, 3, 9, 9)))
"""


class Judged:
    """A project as it is judged in one process and in several."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        #: For each turn that began in this process: whether it was shown, and was not run.
        self.turns: list[tuple[str, bool]] = []
        self.outdated: list[str] = []
        begin, judge = Keeper.begin, judging._judge

        def noted(keeper: Keeper, key: str, *given: object) -> bool:
            shown: bool = begin(keeper, key, *given)  # type: ignore[arg-type]
            self.turns.append((key.split(maxsplit=1)[0], shown))
            return shown

        def judged(*given: object, **options: object) -> Outcome:
            try:
                return judge(*given, **options)  # type: ignore[arg-type]
            except Outdated as error:
                self.outdated.append(str(error))
                raise

        monkeypatch.setattr(Keeper, "begin", noted)
        monkeypatch.setattr(judging, "_judge", judged)

    def in_processes(self, count: int, kept: KeptWork | None = None) -> Outcome:
        self.turns.clear()
        unit = Unit(tuple(load(path) for path in sorted(Path().glob("*.py"))))
        thresholds = {source.display: Thresholds() for source in unit.files}
        return judging.judge(unit, thresholds, coverage=False, kept=kept, processes=count)

    @property
    def shown(self) -> list[str]:
        return [file for file, shown in self.turns if shown]


@pytest.fixture
def judged(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Judged:
    monkeypatch.chdir(tmp_path)
    return Judged(monkeypatch)


def _write_nets(count: int, norm: Callable[[int], str] = lambda number: "width", more: str = "0") -> None:
    write("tables.py", TABLES)
    write("parts.py", PARTS)
    for number in range(count):
        write(f"net_{number}.py", NET.format(number=number, norm=norm(number), more=more))


def test_what_other_processes_run_is_reported_as_ever(judged: Judged) -> None:
    _write_nets(4, lambda number: "width" if number != 1 else "width + 1", more="1")
    alone = judged.in_processes(1)
    assert judged.in_processes(3) == alone
    assert [finding.code for finding in alone.findings] == ["BN002"] * 5
    assert any(finding.fix is not None for finding in alone.findings)
    assert judged.shown  # those without findings
    assert not judged.outdated


def test_turns_without_findings_are_all_run_elsewhere_but_the_last(judged: Judged) -> None:
    _write_nets(4)
    assert not judged.in_processes(2).findings
    factories = [f"net_{number}.py" for number in range(3)]
    assert judged.shown[:3] == factories


def test_programs_are_run_elsewhere_with_all_their_options(judged: Judged) -> None:
    write("parts.py", PARTS)
    for number, (mode, width) in enumerate([("fast", 8), ("slow", 8), ("fast", 9), ("fast", 8)]):
        write(f"program_{number}.py", PROGRAM.format(mode=mode, width=width))
    alone = judged.in_processes(1)
    assert sorted(finding.code for finding in alone.findings) == ["BN002", *["BN101"] * 4]
    assert judged.in_processes(3) == alone
    # As programs, and again with the other option.
    assert {"program_0.py", "program_1.py"} <= {file for file in judged.shown if judged.shown.count(file) == 2}
    assert not judged.outdated


def test_what_a_process_has_shown_is_kept(judged: Judged, tmp_path: Path) -> None:
    _write_nets(4)
    kept = KeptWork(tmp_path, "this one")
    judged.in_processes(2, kept)
    assert "net_0.py" in judged.shown
    judged.in_processes(1, kept)
    assert {"net_0.py", "net_1.py", "net_2.py", "net_3.py"} <= set(judged.shown)


def test_turns_that_execute_what_all_depend_on_are_run_here(judged: Judged) -> None:
    """Each width is right only if the tables were filled by the turns before, and by no other."""
    write("tables.py", TABLES)
    for number in range(5):
        write(f"late_{number}.py", LATE.format(number=number))
        write(f"blocks_{number}.py", BLOCKS.format(number=number))
    write("plain.py", "from torch import nn\nimport late_0\n\n\ndef plain():\n    return nn.BatchNorm2d(3)\n")
    alone = judged.in_processes(1)
    assert not alone.findings
    assert judged.in_processes(3) == alone
    assert judged.shown == ["plain.py"]
    assert not judged.outdated


def test_a_factory_that_another_file_calls_is_run_no_more(judged: Judged) -> None:
    _write_nets(2)
    write(
        "a.py", "from torch import nn\nfrom net_0 import net_0\n\n\ndef a():\n    return net_0(), nn.BatchNorm2d(3)\n"
    )
    write("b.py", "from torch import nn\n\n\ndef b():\n    return nn.BatchNorm2d(3)\n")
    alone = judged.in_processes(1)
    assert judged.in_processes(4) == alone
    assert not judged.outdated


def test_what_goes_wrong_in_a_process_goes_wrong_once_more_here(
    judged: Judged, monkeypatch: pytest.MonkeyPatch
) -> None:
    _write_nets(3)
    alone = judged.in_processes(1)
    here, fork = os.getpid(), os.fork
    made: list[int] = []

    def dying() -> int:
        number = fork()
        if not number:
            os._exit(9)
        made.append(number)
        return number

    monkeypatch.setattr(os, "fork", dying)
    assert judged.in_processes(2) == alone
    assert made
    assert not judged.shown
    assert os.getpid() == here


def test_without_another_process_everything_is_run_here(judged: Judged, monkeypatch: pytest.MonkeyPatch) -> None:
    _write_nets(3)
    alone = judged.in_processes(1)

    def refused() -> int:
        raise BlockingIOError("too many processes")

    monkeypatch.setattr(os, "fork", refused)
    assert judged.in_processes(2) == alone


@pytest.mark.slow
def test_a_process_that_judges_begins_others(check: Check, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BN_LINT_ENGINE")  # which would have everything run here
    monkeypatch.setattr(workers, "_WORTH_FORKING", 1)
    _write_nets(5, lambda number: "width" if number != 1 else "width + 1", more="1")
    alone = check("--no-cache", "-j1")
    assert check("--no-cache", "-j3") == alone
    assert len(alone) == 6


class Heard:
    """What processes have told."""

    def __init__(self, do: Callable[[str, Tell], None], most: int = 2) -> None:
        self.lines: list[tuple[str, bytes]] = []
        self.forks: Forks[str] = Forks(most, do, lambda work, line: self.lines.append((work, line)))

    def wait(self, *works: str) -> None:
        self.forks.wait(works[0], lambda: [work for work in works if not self.forks.is_begun(work)])


def test_work_is_told_line_by_line() -> None:
    def do(work: str, tell: Tell) -> None:
        tell(work.encode())
        tell(b"x" * 1_000_000)

    heard = Heard(do)
    heard.wait("a", "b", "c")
    heard.wait("b", "c")
    heard.wait("c")
    heard.forks.end()
    assert sorted((work, len(line)) for work, line in heard.lines) == [(w, n) for w in "abc" for n in (1, 1_000_000)]


def test_a_line_that_was_not_finished_is_not_heard() -> None:
    def do(work: str, tell: Tell) -> None:
        tell(b"first")
        raise MemoryError

    heard = Heard(do)
    heard.wait("a")
    heard.forks.end()
    assert heard.lines == [("a", b"first")]


def test_what_is_ended_can_be_begun_again(tmp_path: Path) -> None:
    def do(work: str, tell: Tell) -> None:
        if work == "slow" and not (tmp_path / "again").exists():
            time.sleep(600)
        tell(b"done")

    heard = Heard(do)
    heard.wait("quick", "slow")
    heard.forks.end("slow".__eq__)
    assert not heard.forks.is_begun("slow")
    (tmp_path / "again").touch()
    heard.wait("slow")
    heard.forks.end()
    assert heard.lines == [("quick", b"done"), ("slow", b"done")]


def test_processes_end_with_the_one_that_has_begun_them(tmp_path: Path) -> None:
    def do(work: str, tell: Tell) -> None:
        (tmp_path / "began").write_text(str(os.getpid()))
        tell(b"begun")
        time.sleep(600)

    def parent(work: str, tell: Tell) -> None:
        heard = Heard(do)
        heard.forks._hear = lambda work, line: os._exit(0)  # with all that it holds
        heard.wait("inner")

    heard = Heard(parent)
    heard.wait("outer")
    inner = int((tmp_path / "began").read_text())
    for _ in range(100):
        if not _runs(inner):
            break
        time.sleep(0.1)
    assert not _runs(inner)


def _runs(number: int) -> bool:
    try:
        state = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"  # ended, and nobody has asked how


def test_the_largest_unit_has_the_processes_that_others_leave() -> None:
    def tasks(*sizes: int) -> list[Task]:
        return [Task(Unit((Source(Path("a.py"), "a.py", "x" * size),)), {}) for size in sizes]

    def spread_over(jobs: int, *sizes: int) -> list[int]:
        return [task.processes for task in spread(tasks(*sizes), jobs)]

    assert spread_over(4, 1_000_000) == [4]
    assert spread_over(1, 1_000_000) == [1]
    assert spread_over(4, 5_000, 1_000_000) == [1, 4]  # the small one takes no time
    assert spread_over(4, 1_000_000, 400_000) == [3, 1]
    assert spread_over(2, 20_000, 1_000_000, 30_000) == [1, 2, 1]  # nor do these keep a process busy
    assert spread_over(4, 300_000, 300_000, 300_000) == [1, 1, 1]
    assert spread_over(4, 10_000) == [1]  # not worth it
    assert spread([], 4) == []
