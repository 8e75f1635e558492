"""Each client gets what it said that it understands."""

from __future__ import annotations

from collections.abc import Callable

import pytest

pytest.importorskip("pygls")

from lsprotocol import types as lsp

from .client import MISTAKES, PLAIN, Client

pytestmark = pytest.mark.slow


def test_clients_get_what_they_offered(talk: Callable[..., None]) -> None:
    async def conversation(client: Client) -> None:
        found = await client.open(MISTAKES)
        assert all(one.related_information is None for one in found)
        (fix, *_) = await client.actions((9, 3))
        assert fix.edit is not None
        assert fix.edit.document_changes is None
        assert fix.edit.changes is not None
        assert list(fix.edit.changes) == [client.uri()]

    talk(conversation, PLAIN)


def test_evidence_is_in_the_message_for_clients_that_show_it_nowhere_else(talk: Callable[..., None]) -> None:
    mistake = "from torch import nn\nnet = nn.Sequential(\n    nn.Conv2d(3, 8, 3),\n    nn.BatchNorm2d(16),\n)\n"
    brief = "`[0]` gives 8 channels; `[1]` expects 16\nhelp: build it with num_features=8"

    async def plain(client: Client) -> None:
        (found,) = await client.open(mistake)
        assert found.message == brief.replace(
            "\n", "\nmodel.py:3: `[0]` gives 8 channels\nmodel.py:2: `[1]` is called here\n"
        )

    async def capable(client: Client) -> None:
        (found,) = await client.open(mistake)
        assert found.message == brief

    talk(plain, PLAIN)
    talk(capable)


def test_clients_may_ask(talk: Callable[..., None]) -> None:
    async def conversation(client: Client) -> None:
        async def ask() -> list[str]:
            params = lsp.DocumentDiagnosticParams(lsp.TextDocumentIdentifier(client.uri()))
            answer = await client.text_document_diagnostic_async(params)
            assert isinstance(answer, lsp.RelatedFullDocumentDiagnosticReport)
            return [str(one.code) for one in answer.items]

        item = lsp.TextDocumentItem(client.uri(), "python", 1, MISTAKES)
        client.text_document_did_open(lsp.DidOpenTextDocumentParams(item))
        assert set(await ask()) == {"BN102", "BN107", "BN401"}
        client.change(2, lsp.TextDocumentContentChangeWholeDocument(MISTAKES.replace("net.eval\n", "")))
        assert set(await ask()) == {"BN107", "BN401"}
        assert client.published.empty()  # nothing is shown twice

    asking = lsp.TextDocumentClientCapabilities(diagnostic=lsp.DiagnosticClientCapabilities())
    talk(conversation, lsp.ClientCapabilities(text_document=asking))


def test_rules_have_addresses_when_there_are_any(talk: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    async def conversation(client: Client) -> None:
        found = {one.code: one.code_description for one in await client.open(MISTAKES)}
        assert found["BN401"] == lsp.CodeDescription("https://docs.example.org/docs/rules/keras-momentum/")

    monkeypatch.setattr("bn_lint.addresses.DOCUMENTATION", "https://docs.example.org")
    talk(conversation)
