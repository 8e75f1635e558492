"""Processes that a traced program starts: each is traced, and there is one report."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from .in_process import started, traced

torch = pytest.importorskip("torch")
pytestmark = [pytest.mark.slow, pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows cannot fork")]

#: What processes run: a model that has learned is evaluated in training mode. An optimizer would import much of torch.
WORK = """
import torch
from torch import nn

torch.set_num_threads(1)


def trained():
    net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8))
    net.load_state_dict({name: value + 1 for name, value in net.state_dict().items()})
    return net


def work(*_):
    net = trained()
    with torch.no_grad():
        print(net(torch.randn(4, 3, 8, 8)).sum() > 1e9)


def fails(*_):
    work()
    raise ValueError("no data")
"""
#: Many libraries look for torch before they import it.
ASKS = 'import importlib.util; importlib.util.find_spec("torch"); import work; work.work()'
#: Ways to start processes, and how many of them see the model.
WAYS = {
    "mp.spawn": ("torch.multiprocessing.spawn(work, nprocs=1)", 1),
    "spawn": ("start('spawn')", 1),
    "fork": ("start('fork')\n    start('fork')", 2),
    "forkserver": ("start('forkserver')", 1),
    "pool": (
        "with mp.get_context('fork').Pool(2) as pool:\n        pool.map(work, [0])\n        pool.close(), pool.join()",
        1,
    ),
    "os.fork": ("if not os.fork():\n        work()\n        sys.exit(3)\n    print(os.wait()[1])", 1),
    "os._exit": ("if not os.fork():\n        work()\n        os._exit(3)\n    print(os.wait()[1])", 1),
    "asked first": ("subprocess.run([sys.executable, 'asks.py'])", 1),
    "python": ("subprocess.run([sys.executable, '-c', 'import work; work.work()'])", 1),
    "loader": ("list(torch.utils.data.DataLoader(Data(), 2, num_workers=1, multiprocessing_context='fork'))", 1),
}
START = """
import os
import subprocess
import sys

import torch
import torch.multiprocessing as mp

from work import fails, trained, work


def start(method):
    process = mp.get_context(method).Process(target=work)
    process.start()
    process.join()


class Data(torch.utils.data.Dataset):
    def __len__(self):
        return 4

    def __getitem__(self, index):
        with torch.no_grad():
            return net(torch.randn(4, 3, 8, 8)).sum()


if __name__ == "__main__":
    net = trained() if "Data()" in CODE else None
    CODE
"""


@pytest.mark.parametrize("way", WAYS)
def test_what_other_processes_did_is_reported_once(way: str, tmp_path: Path) -> None:
    code, processes = WAYS[way]
    (tmp_path / "work.py").write_text(WORK)
    (tmp_path / "asks.py").write_text(ASKS)
    (tmp_path / "program.py").write_text(START.replace(" in CODE", f" in {code!r}").replace("CODE", code))
    ended = traced(tmp_path, "--output", "trace.json", "program.py")
    assert (ended.code, ended.reports, ended.stderr.count("[BN101]")) == (1, 1, 1), ended.stderr
    if processes is not None:
        document = json.loads((tmp_path / "trace.json").read_text())
        assert 1 + len(document["ranks"]) == processes


def test_a_process_that_fails_is_as_it_would_be(tmp_path: Path) -> None:
    (tmp_path / "work.py").write_text(WORK)
    (tmp_path / "program.py").write_text(
        START.replace(" in CODE", " in ''").replace("CODE", "mp.start_processes(fails, start_method='fork')")
    )
    ended = traced(tmp_path, "program.py")
    assert (ended.code, ended.reports, ended.stderr.count("[BN101]")) == (1, 1, 1), ended.stderr
    assert "ValueError: no data" in ended.stderr
    assert "bn_lint" not in ended.stderr


#: A child that is killed soon after it has evaluated in training mode: in its first moment, or when it has run longer
#: and has left an unfinished trace since.
KILLED = """
import os
import signal
import time
from pathlib import Path

import torch
from torch import nn

if not os.fork():
    net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8))
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    x = torch.randn(4, 3, 8, 8)
    for step in range(7):
        if step == 5:
            with torch.no_grad():
                print(net(x).sum() > 1e9)
        optimizer.zero_grad()
        net(x).square().mean().backward()
        optimizer.step()
    END
print(os.wait()[1])
"""


@pytest.mark.parametrize(
    ("end", "code", "killed"), [("os.kill(os.getpid(), signal.SIGKILL)", 9, 1), ("os._exit(0)", 0, 0)]
)
def test_a_process_that_is_killed_has_left_what_it_saw(end: str, code: int, killed: int, tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(KILLED.replace("END", end))
    ended = traced(tmp_path, "--output", "trace.json", "program.py")
    assert (ended.code, ended.reports, ended.stderr.count("[BN101]")) == (1, 1, 1), ended.stderr
    assert ended.stdout.split()[-1] == str(code)
    assert ended.stderr.count("was killed or did not end: its trace ends at optimizer step") == killed
    document = json.loads((tmp_path / "trace.json").read_text())
    assert (document["ranks"], len(document["notes"])) == ([], killed)


def test_what_is_left_for_the_case_of_a_kill_costs_little(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A trace is left when something is new, until that has cost enough; else when the process is older by a tenth."""
    from bn_lint.runtime.document.document import Document
    from bn_lint.runtime.processes import unfinished
    from bn_lint.runtime.recording.recorder import Recorder

    now, seconds = 100.0, 0.01
    made: list[float] = []

    def so_far() -> Document:
        nonlocal now
        made.append(round(now - 100, 3))
        now += seconds
        return Document("", "", "", [], "", 0.0)

    monkeypatch.setattr("time.monotonic", lambda: now)
    monkeypatch.setattr("time.thread_time", lambda: now)
    recorder = Recorder()
    leaves = unfinished.Unfinished(str(tmp_path), so_far, recorder)
    for step in range(100):
        recorder.looks += step == 50
        now = 100.0 + step / 10
        leaves.stepped()
    assert made == [0.0, 0.1, 1.2, 2.3, 3.4, 4.5, 5.0, 5.1, 6.2, 7.3, 8.4, 9.5]
    assert (tmp_path / f"{os.getpid()}-unfinished.part.json").exists()

    made.clear()
    now, seconds = 100.0, 0.06
    leaves = unfinished.Unfinished(str(tmp_path), so_far, recorder)
    for step in range(100):
        recorder.looks += 1
        now = 100.0 + step / 10
        leaves.stepped()
    assert made == [0.0, 0.1, 6.2]  # what is new may cost a tenth of a second, then all of it a hundredth of the time

    leaves.over()
    now += 1000
    leaves.stepped()
    assert len(made) == 3
    assert not list(tmp_path.iterdir())


def test_the_environment_of_others_is_their_own(tmp_path: Path) -> None:
    """Their own `sitecustomize` is imported, bn-lint leaves nothing on their path, and nothing imports torch."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text("print('theirs', __file__.endswith('site/sitecustomize.py'))")
    program = """
import os, subprocess, sys
os.environ["PYTHONPATH"] += os.pathsep + os.path.abspath("site")
look = (
    "import sys, sitecustomize; print(sitecustomize.__name__, [p for p in sys.path if 'startup' in p], "
    "[name for name in ('torch', 'bn_lint.runtime.tracer') if name in sys.modules])"
)
print(subprocess.run([sys.executable, "-c", look], capture_output=True, text=True).stdout)
print(subprocess.run([sys.executable, "-I", "-c", "print('isolated')"], capture_output=True, text=True).stdout)
"""
    (tmp_path / "program.py").write_text(program)
    ended = traced(tmp_path, "program.py")
    assert ended.stdout.split("\n") == ["theirs True", "sitecustomize [] []", "", "isolated", "", ""]


def test_a_trace_that_a_process_begins_itself_counts(tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(
        "import torch, bn_lint\nwith bn_lint.trace() as trace:\n    torch.nn.BatchNorm1d(3)(torch.randn(4, 3))\n"
        "print(len(trace.document.layers))\n"
    )
    (tmp_path / "program.py").write_text("import subprocess, sys\nsubprocess.run([sys.executable, 'own.py'])\n")
    ended = traced(tmp_path, "program.py")
    assert (ended.code, ended.stdout, ended.reports) == (0, "1\n", 1), ended.stderr


#: Two processes of a group, whose running means part: `main` has the model, and is over when the group is taken down.
DIVERGING = """
import os
import signal
import sys
import time

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel


def main(way):
    rank = dist.get_rank()
    net = DistributedDataParallel(nn.Sequential(nn.Linear(8, 8), nn.BatchNorm1d(8)), broadcast_buffers=False)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    for step in range(20):
        optimizer.zero_grad()
        net(torch.randn(16, 8) + 3 * rank).square().mean().backward()
        optimizer.step()
    if way == "ends" and rank:
        dist.destroy_process_group()
    if way == "exit" and rank:
        os._exit(3)
    if way == "killed":
        if rank:
            os.kill(os.getpid(), signal.SIGKILL)
        dist.distributed_c10d._get_default_store().wait(["what never comes"])  # inside of foreign code


torch.manual_seed(0)
torch.set_num_threads(1)
dist.init_process_group("gloo")
main(sys.argv[1])
if dist.is_initialized():
    dist.destroy_process_group()
"""
LAUNCH = ("-m", "torch.distributed.run", "--nproc_per_node", "2", "--standalone", "--monitor-interval", "0.1")
#: The agent of torchrun, with workers that are forked: to import torch in each takes seconds.
FORKED = """
import signal
import sys

from torch.distributed.launcher.api import LaunchConfig, elastic_launch


def worker():
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # the agent has a handler
    from bn_lint.cli.main import main

    sys.exit(main(["trace", "--select", "BN6", "--fail-on", "never", "--no-table", "train.py", *sys.argv[1:]]))


rendezvous = {"rdzv_backend": "c10d", "rdzv_endpoint": "localhost:0", "run_id": "test"}
config = LaunchConfig(1, 1, 2, start_method="fork", monitor_interval=0.1, max_restarts=0, **rendezvous)
elastic_launch(config, worker)()
"""


@pytest.fixture
def diverging(tmp_path: Path) -> Path:
    (tmp_path / "train.py").write_text(DIVERGING)
    return tmp_path


def test_workers_of_a_launcher(diverging: Path) -> None:
    """One takes the group down in `main`, whose model is gone then, and the other after it."""
    ended = traced(diverging, "--select", "BN6", "--output", "trace.json", *LAUNCH, "train.py", "ends")
    assert "warning[BN604] buffers-diverge: the running means of `1` differ by" in ended.stderr
    assert "over 20 optimizer steps in 2 processes" in ended.stderr
    document = json.loads((diverging / "trace.json").read_text())
    assert [part["rank"] for part in (document, *document["ranks"])] == [0, 1]


@pytest.mark.parametrize("way", ["exit", "killed"])
def test_a_rank_that_is_lost_costs_its_own_trace_at_most(way: str, diverging: Path) -> None:
    """Rank 0 waits in a call that never ends. The launcher ends it by a signal, and kills it only 30 seconds later."""
    (diverging / "launch.py").write_text(FORKED)
    ended = started(diverging, "launch.py", way)
    assert "over 20 optimizer steps in 2 processes." in ended.stderr
    assert way == "killed" or "warning[BN604]" in ended.stderr
    assert "Signal 9 (SIGKILL) received by PID" in ended.stderr if way == "killed" else "exitcode  : 3" in ended.stderr
