"""Ctrl-C and SIGTERM end bn-lint in the middle of an analysis that would never end, and leave no process behind.

Worker processes have the standard error of the main process. Reading it to its end waits until all of them have ended.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import sysconfig
from collections.abc import Sequence
from pathlib import Path
from typing import IO

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals")]

SCRIPTS = Path(sysconfig.get_path("scripts"))
MODEL = "from torch import nn\nnet = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(4))\n"
#: A rule package with which the engine, or else its rule, never ends: each says so first.
ENDLESS = '''
"""Never ends."""

import sys
from collections.abc import Iterator

import bn_lint.static.analyze
from bn_lint.facts import BatchNormBuilt
from bn_lint.rule import Severity, Violation, rule


def forever(*arguments: object) -> None:
    print("judging", file=sys.stderr, flush=True)
    while True:
        pass


if {engine}:
    bn_lint.static.analyze.syntactic_facts = forever


@rule("ENDLS001", "endless-rule", severity=Severity.WARNING, since="1.0")
def endless(built: BatchNormBuilt) -> Iterator[Violation]:
    """An endless rule.

    ## What it does
    Nothing.
    """
    forever()
    yield Violation("", built.place)
'''
PLUGIN = ["--config", 'plugins=["endless_rules"]']
#: bn-lint in this process, with an engine that never ends.
RUN = "import endless_rules, sys; from {} import main; sys.exit(main())"
CODES = {signal.SIGINT: 130, signal.SIGTERM: 143}


@pytest.fixture
def endless_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    return prepared(tmp_path, monkeypatch, engine=True)


@pytest.fixture(params=["engine", "rule"])
def environment(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    return prepared(tmp_path, monkeypatch, engine=request.param == "engine")


def prepared(folder: Path, monkeypatch: pytest.MonkeyPatch, *, engine: bool) -> dict[str, str]:
    """The environment of a process that is to meet the endless package, in a folder with two files to judge."""
    installed, repository = folder / "site-packages", folder / "repository"
    installed.mkdir()
    repository.mkdir()
    (installed / "endless_rules.py").write_text(ENDLESS.format(engine=engine))
    for number in range(2):
        (repository / f"net_{number}.py").write_text(f"{MODEL}# {number}\n")
    monkeypatch.chdir(repository)
    return {**os.environ, "PYTHONPATH": str(installed)}


def started(command: Sequence[str | Path], environment: dict[str, str]) -> subprocess.Popen[bytes]:
    """A process that is in the middle of the analysis."""
    process = subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stderr is not None
    wait_until_judging(process.stderr)
    return process


def ended(process: subprocess.Popen[bytes]) -> tuple[int, bytes, bytes]:
    """The exit code and the output of a process, once it and its workers have ended."""
    try:
        # Nothing here would ever end by itself, so this fails on the busiest machine only if there is a defect.
        out, err = process.communicate(timeout=300)
    finally:
        process.kill()
    return process.returncode, out or b"", err


def wait_until_judging(stderr: IO[bytes]) -> None:
    while line := stderr.readline():
        if b"judging" in line:  # processes that begin at the same time may write into one line
            return
    pytest.fail("the process ended before it judged anything")


@pytest.mark.parametrize(
    ("jobs", "number"), [("-j1", signal.SIGINT), ("-j2", signal.SIGINT), ("-j2", signal.SIGTERM)], ids=str
)
def test_check(environment: dict[str, str], jobs: str, number: signal.Signals) -> None:
    process = started([SCRIPTS / "bn-lint", "check", *PLUGIN, jobs, "."], environment)
    process.send_signal(number)
    code, out, err = ended(process)
    word = {signal.SIGINT: b"Interrupted.", signal.SIGTERM: b"Terminated."}[number]
    assert (code, out) == (CODES[number], b"")
    assert err.splitlines()[-1] == b"error: " + word
    assert b"Traceback" not in err


def test_workers_end_with_a_killed_process(environment: dict[str, str]) -> None:
    process = started([SCRIPTS / "bn-lint", "check", *PLUGIN, "-j2", "."], environment)
    process.kill()
    assert ended(process)[0] == -signal.SIGKILL


@pytest.mark.parametrize("number", CODES, ids=lambda number: number.name)
def test_hook(environment: dict[str, str], number: signal.Signals) -> None:
    """Named files: what pre-commit passes."""
    process = started([SCRIPTS / "bn-lint", "check", *PLUGIN, "--force-exclude", "net_0.py", "net_1.py"], environment)
    process.send_signal(number)
    assert ended(process)[0] == CODES[number]


def test_an_ignored_signal_stays_ignored(environment: dict[str, str]) -> None:
    """As after `nohup`, or in a script's background."""
    command = " ".join([str(SCRIPTS / "bn-lint"), "check", "--config", "'plugins=[\"endless_rules\"]'", "-j1", "."])
    process = started(["sh", "-c", f"trap '' INT; exec {command}"], environment)
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGTERM)
    assert ended(process)[0] == 143


def test_flake8(endless_engine: dict[str, str]) -> None:
    """flake8 handles Ctrl-C itself; nothing of bn-lint keeps the process alive afterward."""
    command = [sys.executable, "-c", RUN.format("flake8.main.cli"), "--isolated", "-j1", "net_0.py"]
    process = started(command, endless_engine)
    process.send_signal(signal.SIGINT)
    assert ended(process)[0] == 1  # that of flake8


@pytest.mark.parametrize("end", [*CODES, None], ids=["SIGINT", "SIGTERM", "exit"])
def test_server(endless_engine: dict[str, str], end: signal.Signals | None) -> None:
    """It ends with its input open, as that of an editor is, and when the editor says so."""
    process = subprocess.Popen(
        [sys.executable, "-c", RUN.format("bn_lint.cli.main"), "server"],
        env=endless_engine,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stderr is not None
    uri = Path("net_0.py").absolute().as_uri()
    document = {"uri": uri, "languageId": "python", "version": 1, "text": MODEL}
    send(process.stdin, "initialize", {"capabilities": {}}, 1)
    send(process.stdin, "initialized", {})
    send(process.stdin, "textDocument/didOpen", {"textDocument": document})
    wait_until_judging(process.stderr)
    if end is None:
        send(process.stdin, "shutdown", None, 2)
        send(process.stdin, "exit", None)
    else:
        process.send_signal(end)
    still_open = os.dup(process.stdin.fileno())
    assert ended(process)[0] == (0 if end is None else CODES[end])
    os.close(still_open)


def send(stdin: IO[bytes], method: str, params: object, number: int | None = None) -> None:
    message = {"jsonrpc": "2.0", "method": method, "params": params}
    body = json.dumps(message if number is None else {**message, "id": number}).encode()
    stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
    stdin.flush()
