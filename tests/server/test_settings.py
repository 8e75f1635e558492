"""The settings of the project and of the editor hold, and change while the server runs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

pytest.importorskip("pygls")

from lsprotocol import types as lsp

from .client import MISTAKES, NEVER, Client, Talk

pytestmark = pytest.mark.slow


def test_settings_hold_and_mistakes_in_them_are_told(talk: Callable[[Talk], None]) -> None:
    async def conversation(client: Client) -> None:
        settings = client.root / "bn-lint.toml"
        settings.write_text('ignore = ["BN1"]\nexclude = ["third_party"]\n')
        assert [one.code for one in await client.open(MISTAKES)] == ["BN401"]
        assert await client.open(MISTAKES, "third_party/model.py") == []
        settings.write_text("nonsense = 1\n")
        client.change(2, lsp.TextDocumentContentChangeWholeDocument(MISTAKES + "\n"))
        assert "nonsense" in await asyncio.wait_for(client.messages.get(), NEVER)

    talk(conversation)


def test_settings_that_change_count_at_once(talk: Callable[[Talk], None]) -> None:
    async def conversation(client: Client) -> None:
        await client.open(MISTAKES)
        settings = client.root / "pyproject.toml"
        settings.write_text('[tool.bn-lint]\nignore = ["BN1"]\n')
        change = lsp.FileEvent(settings.as_uri(), lsp.FileChangeType.Created)
        client.workspace_did_change_watched_files(lsp.DidChangeWatchedFilesParams([change]))
        assert [one.code for one in await client.found()] == ["BN401"]

    talk(conversation)


def test_settings_of_the_client(talk: Callable[..., None]) -> None:
    async def conversation(client: Client) -> None:
        assert [one.code for one in await client.open(MISTAKES)] == ["BN401"]
        params = lsp.DidChangeConfigurationParams({"bn-lint": {"ignore": ["BN4"]}})
        client.workspace_did_change_configuration(params)
        assert {one.code for one in await client.found()} == {"BN102", "BN107"}
        client.workspace_did_change_configuration(lsp.DidChangeConfigurationParams({"bn-lint": {"ignored": ["BN4"]}}))
        assert 'unknown key "ignored"' in await asyncio.wait_for(client.messages.get(), NEVER)

    talk(conversation, options={"select": ["BN4"]})
