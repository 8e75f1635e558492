"""What is found in open documents while they are edited, and in files that are not open."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import pytest

pytest.importorskip("pygls")

from lsprotocol import types as lsp

from bn_lint.check.pipeline import check
from bn_lint.check.report import Report
from bn_lint.project.config import Configuration
from bn_lint.project.discovery import File

from .client import MISTAKES, NEVER, Client, Talk

pytestmark = pytest.mark.slow


def test_changes_are_judged_unsaved_and_the_newest_wins(talk: Callable[[Talk], None]) -> None:
    async def conversation(client: Client) -> None:
        await client.open(MISTAKES)
        where = lsp.Range(lsp.Position(9, 8), lsp.Position(9, 8))
        client.change(2, lsp.TextDocumentContentChangePartial(where, "("))
        client.change(3, lsp.TextDocumentContentChangePartial(where, "()  # \U0001f525"))
        client.change(4, lsp.TextDocumentContentChangeWholeDocument("from torch import nn\nnn.BatchNorm2d(8, 8)\n"))
        published = await asyncio.wait_for(client.published.get(), NEVER)
        assert published.version == 4
        assert [one.code for one in published.diagnostics] == ["BN403"]

    talk(conversation)


def test_a_change_ends_the_analysis_of_the_text_before(
    talk: Callable[[Talk], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, ended = threading.Event(), threading.Event()

    def slowly(files: Sequence[File], configuration: Configuration, **options: Any) -> Report:
        if b"slow" in (files[0].data or b""):
            begun.set()
            while options["is_wanted"]():
                time.sleep(0.01)
            ended.set()
        return check(files, configuration, **options)

    monkeypatch.setattr("bn_lint.editor.checker.check", slowly)

    async def conversation(client: Client) -> None:
        await client.open(MISTAKES)
        client.change(2, lsp.TextDocumentContentChangeWholeDocument(f"{MISTAKES}slow = 1\n"))
        await asyncio.to_thread(begun.wait, NEVER)
        client.change(3, lsp.TextDocumentContentChangeWholeDocument("from torch import nn\nnn.BatchNorm2d(8, 8)\n"))
        published = await asyncio.wait_for(client.published.get(), NEVER)
        assert (published.version, [one.code for one in published.diagnostics]) == (3, ["BN403"])
        assert ended.is_set()

    talk(conversation)


def test_other_files_are_read_and_named_in_the_evidence(talk: Callable[[Talk], None]) -> None:
    async def conversation(client: Client) -> None:
        (client.root / "blocks.py").write_text(
            "from torch import nn\n\n\ndef conv(a, b):\n    return nn.Conv2d(a, b, 3)\n"
        )
        text = "from torch import nn\nfrom blocks import conv\nnet = nn.Sequential(conv(3, 8), nn.BatchNorm2d(4))\n"
        (found,) = await client.open(text)
        assert found.code == "BN002"
        related = found.related_information or []
        assert related[0].location.uri == client.uri("blocks.py")
        assert related[0].location.range.start == lsp.Position(4, 11)

    talk(conversation)


def test_half_typed_code_keeps_the_findings_of_the_rest(talk: Callable[[Talk], None]) -> None:
    async def conversation(client: Client) -> None:
        text = "from torch import nn\n\nnet = nn.Sequential(nn.BatchNorm2d(8, momentum=0.99))\nnet.eval\n"
        whole = {one.code: one.range for one in await client.open(text)}
        client.change(2, lsp.TextDocumentContentChangeWholeDocument(text=f"{text}\n\ndef main(:\n    net."))
        broken = {one.code: one.range for one in await client.found()}
        assert whole.keys() == {"BN401", "BN102"}
        assert broken == whole  # and no syntax error, which every editor shows
        titles = [one.title for one in await client.actions((3, 1))]
        assert not any("write" in title for title in titles), titles

    talk(conversation)


def test_closing_takes_the_diagnostics_away(talk: Callable[[Talk], None]) -> None:
    async def conversation(client: Client) -> None:
        assert await client.open(MISTAKES)
        document = lsp.TextDocumentIdentifier(client.uri())
        client.text_document_did_close(lsp.DidCloseTextDocumentParams(document))
        assert await client.found() == []

    talk(conversation)


@pytest.mark.parametrize("name", ["my project/model one.py", "größe/моя модель.py", "100%/a+b#c.py"])
def test_any_file_name(talk: Callable[[Talk], None], name: str) -> None:
    """Addresses quote what is no plain letter; on Windows that is the colon of every drive."""

    async def conversation(client: Client) -> None:
        assert [one.code for one in await client.open(MISTAKES, name)] == ["BN107", "BN401", "BN102"]
        assert await client.hover(8, 50, name)

    talk(conversation)


BLOCKS = """\
from torch import nn


class Block(nn.Module):
    def __init__(self, cin, cout):
        super().__init__()
        self.conv = nn.Conv2d(cin, cout, 3)
        self.bn = nn.BatchNorm2d(cin)

    def forward(self, x):
        return self.bn(self.conv(x))
"""
NET = "from blocks import Block\n\nnet = Block(32, 32)\n"


def project(client: Client) -> None:
    (client.root / "setup.cfg").touch()
    (client.root / "blocks.py").write_text(BLOCKS)
    (client.root / "net.py").write_text(NET)


def test_callers_count_and_unsaved_texts_reach_other_open_files(talk: Callable[..., None]) -> None:
    async def conversation(client: Client) -> None:
        project(client)
        assert await client.open(BLOCKS, "blocks.py") == []
        assert await client.open(NET, "net.py") == []
        again = await asyncio.wait_for(client.published.get(), NEVER)  # net.py is now open
        assert again.uri == client.uri("blocks.py")
        document = lsp.VersionedTextDocumentIdentifier(2, client.uri("net.py"))
        change = lsp.TextDocumentContentChangeWholeDocument(NET.replace("32, 32", "32, 64"))
        client.text_document_did_change(lsp.DidChangeTextDocumentParams(document, [change]))
        found: dict[str, list[lsp.Diagnostic]] = {}
        while not found.get(client.uri("blocks.py")):
            published = await asyncio.wait_for(client.published.get(), NEVER)
            found[published.uri] = list(published.diagnostics)
        (here,), (there,) = found[client.uri("net.py")], found[client.uri("blocks.py")]
        assert (there.code, there.range.start.line) == ("BN002", 7)
        # In the other file it stands where that is evidence for it.
        assert (here.code, here.range.start.line) == ("BN002", 2)
        assert here.message.startswith("blocks.py:8: ")
        assert here.related_information is not None
        assert here.related_information[0].location.uri == client.uri("blocks.py")
        assert await client.actions((2, 7), uri=client.uri("net.py")) == []

    talk(conversation)
