"""Nothing of a repository is run that is checked, whatever its files are called."""

from __future__ import annotations

import json
import subprocess
import sys
import sysconfig
import threading
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow

#: Modules that bn-lint, its dependencies or Python itself look for at some time.
OTHERS = (
    "bn_lint",
    "bn_lint_rules",
    "click",
    "libcst",
    "rich",
    "tomli",
    "sitecustomize",
    "usercustomize",
    "pygls",
    "torch",
)
WRONG = "from torch import nn\nnet = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(4))\n"
#: So much that further processes are worth their start, and quick to read.
PADDING = "# " + "padding " * 10_000 + "\n"
SCRIPTS = Path(sysconfig.get_path("scripts"))


@pytest.fixture
def marks(tmp_path: Path) -> Path:
    """A file that every module of the repository writes its name to when it is run."""
    return tmp_path / "marks"


@pytest.fixture
def repository(tmp_path: Path, marks: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "repository"
    folder.mkdir()
    for name in {*sys.stdlib_module_names, *OTHERS}:
        (folder / f"{name}.py").write_text(f"open({str(marks)!r}, 'a').write({name + chr(10)!r})\n")
    for number in range(3):
        (folder / f"net_{number}.py").write_text(f"{WRONG}# {number}\n{PADDING}")
    monkeypatch.chdir(folder)
    monkeypatch.delenv("PYTHONPATH", raising=False)
    return folder


def run(script: str, *arguments: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([SCRIPTS / script, *arguments], input=given, capture_output=True, check=False)


@pytest.mark.parametrize(
    "jobs", [["-j1"], ["-j2"], []], ids=["one process", "two processes", "as many as are worth it"]
)
def test_check(repository: Path, marks: Path, jobs: list[str]) -> None:
    done = run("bn-lint", "check", "--no-cache", "--output-format=json", *jobs, ".")
    findings = json.loads(done.stdout)["findings"]
    assert [(one["path"], one["code"]) for one in findings] == [(f"net_{n}.py", "BN002") for n in range(3)]
    assert (done.returncode, done.stderr.decode()) == (1, "")
    assert not marks.exists(), marks.read_text()


def test_hook(repository: Path, marks: Path) -> None:
    hook = ["bn-lint", "check", "--force-exclude"]  # tests/test_integration.py holds this to the hook that is published
    done = run(*hook, *(path.name for path in repository.glob("*.py")))
    assert done.stdout.count(b"BN002") == 3, done.stderr
    assert not marks.exists(), marks.read_text()


def test_flake8(repository: Path, marks: Path) -> None:
    done = run("flake8", "--isolated", "--select=BN", "-j1", "net_0.py")
    assert b"BN002" in done.stdout, done.stderr
    assert not marks.exists(), marks.read_text()


def test_server(repository: Path, marks: Path) -> None:
    uri = (repository / "net_0.py").as_uri()
    document = {"uri": uri, "languageId": "python", "version": 1, "text": WRONG}
    process = subprocess.Popen([SCRIPTS / "bn-lint", "server"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin is not None
    assert process.stdout is not None
    limit = threading.Timer(600, process.kill)  # for a server that hangs
    limit.start()
    with process, process.stdin, process.stdout:
        for message in (
            {"id": 1, "method": "initialize", "params": {"capabilities": {}, "rootUri": repository.as_uri()}},
            {"method": "initialized", "params": {}},
            {"method": "textDocument/didOpen", "params": {"textDocument": document}},
        ):
            body = json.dumps({"jsonrpc": "2.0", **message}).encode()
            process.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        process.stdin.flush()
        answer: dict[str, Any] = {}
        while answer.get("method") != "textDocument/publishDiagnostics":
            length = 0
            while (header := process.stdout.readline().strip()) != b"":
                if header.lower().startswith(b"content-length:"):
                    length = int(header.split(b":")[1])
            assert length, "the server ended"
            answer = json.loads(process.stdout.read(length))
        process.kill()
    limit.cancel()
    assert [one["code"] for one in answer["params"]["diagnostics"]] == ["BN002"]
    assert not marks.exists(), marks.read_text()
