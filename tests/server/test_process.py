"""The language server as an editor starts it: a process that is spoken to over standard input and output."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("pygls")

from lsprotocol import types as lsp

from .client import MISTAKES, Client, Talk, converse

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
def talk_to_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Talk], None]:
    """Start the server as an editor does."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", f"{ROOT}:{ROOT / 'rules'}")

    async def session(conversation: Talk) -> None:
        client = Client(tmp_path.resolve())
        await client.start_io(sys.executable, "-m", "bn_lint", "server")
        await converse(client, conversation)

    return lambda conversation: asyncio.run(session(conversation))


def test_diagnostics(talk_to_process: Callable[[Talk], None]) -> None:
    async def conversation(client: Client) -> None:
        found = await client.open(MISTAKES)
        assert [(one.code, one.range.start.line, one.range.start.character) for one in found] == [
            ("BN107", 4, 8),
            ("BN401", 8, 44),
            ("BN102", 9, 0),
        ]
        assert found[2].severity is lsp.DiagnosticSeverity.Error
        assert found[2].source == "bn-lint"
        assert found[2].message.endswith("help: write `net.eval()`")
        assert not (client.root / "model.py").exists()

    talk_to_process(conversation)


def test_without_pygls_the_command_says_what_is_missing(tmp_path: Path) -> None:
    (tmp_path / "pygls.py").write_text("raise ModuleNotFoundError('no pygls', name='pygls')\n")
    (tmp_path / "lsprotocol").mkdir()
    (tmp_path / "lsprotocol/__init__.py").write_text("raise ModuleNotFoundError('none', name='lsprotocol')\n")
    command = [sys.executable, "-m", "bn_lint", "server"]
    path = f"{tmp_path}:{ROOT}:{ROOT / 'rules'}"
    result = subprocess.run(command, env={"PYTHONPATH": path, "PATH": ""}, capture_output=True, text=True, check=False)
    assert result.returncode == 2
    assert result.stderr == 'error: The language server needs pygls: pip install "bn-lint[lsp]".\n'
