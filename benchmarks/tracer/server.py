"""Checks and traces every program of a folder, each in a fork of this process, which has imported torch.

It is run as a script, with the linter on the path: `python server.py FOLDER`. Each folder inside has a `program.py`,
and `options.json`: the rules that are turned on as well, and the number of processes. What the commands write stays
there.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import traceback
from pathlib import Path

import torch
import torch._dynamo
import torch.ao.quantization
import torch.distributed
import torch.export
import torch.nn.parallel

from bn_lint.cli.main import main

_LIMIT = 120


def _forked(folder: Path, name: str, environment: dict[str, str], arguments: list[str]) -> int:
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        os.chdir(folder)
        os.setpgid(0, 0)
        os.environ.update(environment)
        for descriptor, ending in ((1, "out"), (2, "err")):
            os.dup2(os.open(f"{name}.{ending}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC), descriptor)
        signal.alarm(_LIMIT)
        code = int(main(arguments) or 0)
    except SystemExit as ending:
        code = ending.code if isinstance(ending.code, int) else 1
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _run(folder: Path) -> None:
    options = json.loads((folder / "options.json").read_text())
    common = ["--isolated", "--output-format", "json"]
    if options["rules"]:
        common += ["--extend-select", ",".join(options["rules"])]
    codes = {}
    own = ["--exit-zero", "--no-cache", "-j1"]
    started = _forked(folder, "static", {}, ["check", *common, *own, "-o", "static.json", "program.py"])
    codes["static"] = os.waitstatus_to_exitcode(os.waitpid(started, 0)[1])
    command = ["trace", *common, "--fail-on", "never", "-o", "runtime.json", "--output", "trace.json", "program.py"]
    environments: list[dict[str, str]] = [{}]
    if options["processes"] > 1:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            address = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free.getsockname()[1])}
        address["WORLD_SIZE"] = str(options["processes"])
        environments = [{**address, "RANK": str(rank), "LOCAL_RANK": str(rank)} for rank in range(options["processes"])]
    ranks = [
        _forked(folder, f"runtime{rank or ''}", environment, command) for rank, environment in enumerate(environments)
    ]
    ends = [os.waitstatus_to_exitcode(os.waitpid(rank, 0)[1]) for rank in ranks]
    codes["runtime"] = next((code for code in ends if code), 0)
    (folder / "codes.json").write_text(json.dumps(codes))


if __name__ == "__main__":
    torch.set_num_threads(1)
    for each in sorted(Path(sys.argv[1]).iterdir()):
        _run(each)
