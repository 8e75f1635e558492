"""However a program ends: it ends as it would have, and there is one report."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from .in_process import REPORTS, ROOT, Ended, traced

torch = pytest.importorskip("torch")
pytestmark = [pytest.mark.slow, pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals")]

#: A model that is trained, and then evaluated in training mode.
FAULTY = """
import os, signal, sys, threading, time
import torch
from torch import nn

net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8))

def work():
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    for _ in range(3):
        optimizer.zero_grad()
        net(torch.randn(4, 3, 8, 8)).square().mean().backward()
        optimizer.step()
    with torch.no_grad():
        print(net(torch.randn(4, 3, 8, 8)).sum() > 1e9, flush=True)

"""


def alone(folder: Path) -> Ended:
    done = subprocess.run([sys.executable, "program.py"], cwd=folder, capture_output=True, text=True)
    return Ended(done.returncode, done.stdout, done.stderr)


WAYS = {
    "end": "print('done')",
    "code": "import sys\nsys.exit(3)",
    "code beyond a byte": "import sys\nsys.exit(-1)",
    "text": "import sys\nsys.exit('no data')",
    "error": "def f():\n    1 / 0\nf()",
    "base exception": "class Stop(BaseException): pass\nraise Stop('custom')",
    "chained errors": "try:\n    {}['a']\nexcept KeyError as error:\n    raise ValueError('b') from error",
    "os._exit": "import os\nos._exit(5)",
    "SIGTERM": "import os, signal, time\nos.kill(os.getpid(), signal.SIGTERM)\ntime.sleep(60)",
    "SIGHUP": "import os, signal, time\nos.kill(os.getpid(), signal.SIGHUP)\ntime.sleep(60)",
    "SIGTERM, handled": "import os, signal, sys, time\n"
    "print(signal.signal(signal.SIGTERM, lambda *_: sys.exit(7)), signal.getsignal(signal.SIGTERM) is None)\n"
    "os.kill(os.getpid(), signal.SIGTERM)\ntime.sleep(60)",
    "SIGTERM, its handler put back": "import os, signal, time\nbefore = signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    "os.kill(os.getpid(), signal.SIGTERM)\nprint(before, signal.signal(signal.SIGTERM, before), flush=True)\n"
    "print(signal.getsignal(signal.SIGTERM), flush=True)\nos.kill(os.getpid(), signal.SIGTERM)\ntime.sleep(60)",
    "SIGINT": "import os, signal, time\nos.kill(os.getpid(), signal.SIGINT)\ntime.sleep(60)",
    "excepthook": "import sys\nsys.excepthook = lambda kind, *_: print('hook', kind.__name__)\n1 / 0",
    "excepthook that fails": "import sys\ndef hook(*_):\n    raise KeyError('hook')\nsys.excepthook = hook\n1 / 0",
    "excepthook that exits": "import sys\nsys.excepthook = lambda *_: sys.exit(9)\n1 / 0",
    "closed streams": "import sys\nsys.stdout.close()\nsys.exit(4)",
    "names": "print(sorted((name, str(value).partition(' at ')[0]) for name, value in globals().items()))",
    "a thread goes on": "import threading, time\n"
    "threading.Thread(target=lambda: (time.sleep(0.5), print('thread'))).start()\nprint('main')",
    "a pool goes on": "import concurrent.futures, time\n"
    "concurrent.futures.ThreadPoolExecutor().submit(lambda: (time.sleep(0.5), print('pool')))\nprint('main')",
    "a fork exits": "import os, sys\nif not os.fork():\n    print('child')\n    sys.exit(3)\nprint(os.wait()[1])",
    "a fork fails": "import os, sys\nif not os.fork():\n    raise SystemExit(2)\nprint(os.wait()[1])",
    "a fork is killed": "import os, signal, time\nchild = os.fork()\n"
    "if not child:\n    time.sleep(60)\n    os._exit(9)\n"
    "os.kill(child, signal.SIGTERM)\nprint(os.wait()[1])",
}


@pytest.mark.parametrize("way", WAYS)
def test_a_program_ends_as_it_would_have(way: str, tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(WAYS[way])
    expected, ended = alone(tmp_path), traced(tmp_path, "program.py")
    assert (ended.code, ended.stdout) == (expected.code, expected.stdout), ended.stderr
    assert ended.reports == 1, ended.stderr
    # What the program writes stands before the report, and nothing of bn-lint stands in it.
    assert ended.stderr.startswith(expected.stderr), ended.stderr


#: How each ends, with its code; 1 says that the program was fine and that there are findings.
FAULTY_WAYS = {
    "os._exit(5)": 5,
    "os._exit(0)": 1,
    "os.kill(os.getpid(), signal.SIGTERM); time.sleep(60)": -15,
    "os.kill(os.getpid(), signal.SIGINT); time.sleep(60)": -2,
    "raise BaseException": 1,
    "sys.stderr.close()": 1,
}


@pytest.mark.parametrize("way", FAULTY_WAYS)
def test_what_was_found_is_told_and_saved(way: str, tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(f"{FAULTY}work()\n{way}\n")
    ended = traced(tmp_path, "--output", "trace.json", "--html", "page.html", "program.py")
    assert (ended.code, ended.reports) == (FAULTY_WAYS[way], 1), ended.stderr
    assert "error[BN101] missing-eval" in ended.stderr
    assert json.loads((tmp_path / "trace.json").read_text())["steps"] == 3
    assert "BN101" in (tmp_path / "page.html").read_text()


def test_threads_are_waited_for(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(f"{FAULTY}threading.Thread(target=work).start()\n")
    ended = traced(tmp_path, "program.py")
    assert "error[BN101]" in ended.stderr
    assert (ended.code, ended.reports) == (1, 1)


def test_ctrl_c_and_what_runs_at_exit(tmp_path: Path) -> None:
    """Python itself ends the process: by the signal, after the functions of `atexit`, which find what they had."""
    (tmp_path / "program.py").write_text(
        "import atexit, os, signal, tempfile, time\nfolder = tempfile.mkdtemp(dir='.')\nos.chdir(folder)\n"
        "atexit.register(lambda: print(os.path.basename(os.getcwd()) == os.path.basename(folder)))\n"
        "os.kill(os.getpid(), signal.SIGINT)\ntime.sleep(60)\n"
    )
    path = os.pathsep.join([str(ROOT), str(ROOT / "rules")])
    done = subprocess.run(
        [sys.executable, "-m", "bn_lint", "trace", "--output", "trace.json", "program.py"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (-signal.SIGINT, "True\n"), done.stderr
    assert "bn_lint" not in done.stderr
    assert done.stderr.rstrip().endswith(REPORTS[1])
    assert (tmp_path / "trace.json").exists()


NOT_FINITE = """
import torch
from torch import nn

net = nn.Sequential(nn.BatchNorm1d(4), nn.Linear(4, 2), nn.BatchNorm1d(2, momentum=float("nan")))
odd = nn.BatchNorm1d(2, eps=float("inf"), momentum=1e300)
optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
for _ in range(60):
    optimizer.zero_grad()
    net(torch.randn(8, 4)).square().mean().backward()
    odd(torch.randn(8, 2))
    optimizer.step()
net.eval(), odd.eval()
with torch.no_grad():
    for _ in range(4):
        x = torch.randn(8, 4)
        x[0, 0] = float("nan")
        print(net(x).sum() > 1e9, odd(x[:, :2]).sum() > 1e9)
"""


def test_statistics_that_are_not_finite(tmp_path: Path) -> None:
    """They are what one looks for, and must not cost the report."""
    (tmp_path / "program.py").write_text(NOT_FINITE)
    ended = traced(tmp_path, "--stats", "--select", "ALL", "--output", "trace.json", "--html", "a.html", "program.py")
    assert "internal" not in ended.stderr.lower()
    assert "bn-lint failed" not in ended.stderr
    assert "error[BN802] running-stats-not-finite" in ended.stderr

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    json.loads((tmp_path / "trace.json").read_text(), parse_constant=refuse)
    shown = subprocess.run(
        [sys.executable, "-m", "bn_lint", "report", "--isolated", "--no-table", "--select", "ALL", "trace.json"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "rules")])},
        capture_output=True,
        text=True,
    )
    assert shown.stdout == ended.stderr


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no full device here")
@pytest.mark.parametrize("option", ["--output", "--html", "-o"])
def test_a_full_disk_costs_no_findings(option: str, tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(f"{FAULTY}work()\n")
    ended = traced(tmp_path, option, "/dev/full", "program.py")
    assert "error[BN101]" in ended.stderr
    assert "/dev/full cannot be written: no space left on device." in ended.stderr
    assert ended.code == 2
