"""What the benchmarks measure with."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from benchmarks.processes import TIMED_OUT, Run, measure
from benchmarks.speed.ratios import compare

ROOT = Path(__file__).parent.parent

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="child processes are measured with wait4")


@pytest.mark.slow
def test_a_process_is_measured_with_its_children() -> None:
    busy = "import time\nwhile time.process_time() < 0.3: pass"
    alone = measure([sys.executable, "-c", busy])
    parent = measure(
        [sys.executable, "-c", f"import subprocess, sys; subprocess.run([sys.executable, '-c', {busy!r}])"]
    )
    assert alone.cpu > 0.29
    assert parent.cpu > 0.29


@pytest.mark.slow
def test_output_and_exit_code_are_kept(tmp_path: Path) -> None:
    code = "import os, sys; print(os.getcwd(), os.environ['COLOR']); print('oh', file=sys.stderr); sys.exit(3)"
    run = measure([sys.executable, "-c", code], folder=tmp_path, environment={"COLOR": "red"})
    assert (run.code, run.output, run.errors) == (3, f"{tmp_path.resolve()} red\n", "oh\n")


@pytest.mark.slow
def test_a_process_that_does_not_end_is_ended() -> None:
    run = measure([sys.executable, "-c", "while True: pass"], limit=0.2)
    assert run.code == TIMED_OUT


#: Measures, in other threads, commands that note that they run and do not end; only the first two begin.
BENCHMARK = """
import sys
from concurrent.futures import ThreadPoolExecutor
from benchmarks.processes import ended_with_us, measure

note = "import os, sys, time; open(sys.argv[1] + str(os.getpid()), 'w').close(); time.sleep(600)"
with ended_with_us(), ThreadPoolExecutor(2) as pool:
    list(pool.map(lambda _: measure([sys.executable, "-c", note, sys.argv[1]]), range(4)))
"""


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_what_is_measured(tmp_path: Path, number: signal.Signals) -> None:
    command = [sys.executable, "-c", BENCHMARK, f"{tmp_path}{os.sep}"]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL) as benchmark:
        while len(running := [int(path.name) for path in tmp_path.iterdir()]) < 2:
            assert benchmark.poll() is None
            time.sleep(0.05)
        benchmark.send_signal(number)
        assert benchmark.wait() == {signal.SIGTERM: 143, signal.SIGINT: -signal.SIGINT}[number]
    assert len(list(tmp_path.iterdir())) == 2
    for process in running:
        with pytest.raises(ProcessLookupError):
            os.kill(process, 0)


def _runs(*seconds: float, code: int = 0) -> list[Run]:
    return [Run(code, "", "", wall=9.0, cpu=each) for each in seconds]


def test_ratios_are_taken_pair_by_pair() -> None:
    # The machine is ten times slower for the second pair: that must not show.
    mine, reference = iter(_runs(2.0, 30.0, 2.5)), iter(_runs(1.0, 10.0, 1.0))
    found = compare(lambda: next(mine), lambda: next(reference), 3)
    assert found.pairs == ((2.0, 1.0), (30.0, 10.0), (2.5, 1.0))
    assert found.ratio == 2.5
    assert found.spread == (2.0, 3.0)


def test_the_time_of_a_failed_run_means_nothing() -> None:
    with pytest.raises(RuntimeError, match="exit code 2"):
        compare(lambda: _runs(1.0, code=2)[0], lambda: _runs(1.0)[0], 1)
