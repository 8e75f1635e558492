"""Traces a program in several processes, with the environment that torchrun gives them.

A server that has imported torch forks each rank (`multiprocessing` calls it a fork server): a start costs little, and
there is no agent whose heartbeats a busy machine may miss. When a rank fails, the others are ended, and what it has
written is the failure. The only limit of time is for what hangs.
"""

from __future__ import annotations

import functools
import json
import multiprocessing
import os
import sys
from dataclasses import dataclass
from multiprocessing.connection import wait
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any

from .specification import Reported

#: Seconds in which some rank ends, and in which each waits for the other's trace, on any machine.
PATIENCE = 600
FINDINGS, TRACE = "findings.json", "trace.json"


@dataclass(frozen=True)
class Run:
    """What the ranks have left behind, and what rank 0 has reported for all of them."""

    reported: list[Reported]
    document: dict[str, Any]
    stdout: list[str]
    stderr: list[str]


@functools.cache
def server() -> ForkServerContext:
    """Gives processes that have imported torch, and what judges a trace, before they begin."""
    context = multiprocessing.get_context("forkserver")
    # What an optimizer imports when it is built, and the DDP wrapper, takes as long as torch itself.
    torch = ["torch.nn.parallel", "torch.distributed.optim", "torch._dynamo"]
    context.set_forkserver_preload([*torch, "bn_lint.runtime.processes.process", "bn_lint.runtime.judging.judge_trace"])
    return context


def traced_in_processes(root: Path, entry: str, *arguments: str, processes: int = 2) -> Run:
    """Run a file of the project at `root` under `bn-lint trace`, with all rules, in several processes.

    Raises:
        AssertionError: a process failed.
    """
    from torch.distributed import TCPStore  # type: ignore[attr-defined]  # torch exports it by a name of its own

    store = TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
    ranks = [
        server().Process(target=_rank, args=(rank, processes, store.port, str(root), [entry, *arguments]))
        for rank in range(processes)
    ]
    for rank in ranks:
        rank.start()
    failed, running = None, {rank.sentinel: rank for rank in ranks}
    while running:
        over = wait(list(running), PATIENCE)
        for hanging in running.values() if not over else ():
            hanging.kill()
        for sentinel in over:
            ended = running.pop(int(sentinel))  # type: ignore[arg-type]
            ended.join()
            if ended.exitcode and failed is None:
                failed = ranks.index(ended)
                for other in running.values():
                    other.kill()
    stdout, stderr = ([(root / f"rank{n}.{name}").read_text() for n in range(processes)] for name in ("out", "err"))
    assert failed is None, f"rank {failed} failed:\n{stderr[failed]}"
    found = json.loads((root / FINDINGS).read_text())["findings"]
    reported = [Reported(*(one[key] for key in ("path", "line", "severity", "code", "message"))) for one in found]
    return Run(reported, json.loads((root / TRACE).read_text()), stdout, stderr)


def _rank(rank: int, processes: int, port: int, root: str, program: list[str]) -> None:
    """One of the processes."""
    os.chdir(root)
    for number, name in ((1, "out"), (2, "err")):
        os.dup2(os.open(f"rank{rank}.{name}", os.O_WRONLY | os.O_CREAT), number)
    os.environ.update(RANK=str(rank), LOCAL_RANK=str(rank), WORLD_SIZE=str(processes))
    # The store is there already, and its port is known to be free.
    os.environ.update(TORCHELASTIC_USE_AGENT_STORE="True", TORCHELASTIC_RESTART_COUNT="0")
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port))
    import torch

    from bn_lint.cli.main import main
    from bn_lint.runtime.processes import group

    group._PATIENCE = group._GRACE = PATIENCE
    torch.set_num_threads(1)
    own = ["--isolated", "--select", "ALL", "--fail-on", "never", "--output", TRACE, "-o", FINDINGS]
    sys.exit(main(["trace", *own, "--output-format", "json", *program]))
