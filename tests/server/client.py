"""A real client of the language server."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from lsprotocol import types as lsp
from pygls.lsp.client import LanguageClient

from bn_lint.editor.server import server

MISTAKES = """\
from torch import nn


class Encoder(nn.Sequential):
    def train(self, mode=True):
        super().train(mode)


s = "\U0001f525"; net = Encoder(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8, momentum=0.99)).train()
net.eval
"""
CAPABILITIES = lsp.ClientCapabilities(
    notebook_document=lsp.NotebookDocumentClientCapabilities(lsp.NotebookDocumentSyncClientCapabilities()),
    text_document=lsp.TextDocumentClientCapabilities(
        publish_diagnostics=lsp.PublishDiagnosticsClientCapabilities(related_information=True)
    ),
    workspace=lsp.WorkspaceClientCapabilities(
        workspace_edit=lsp.WorkspaceEditClientCapabilities(document_changes=True)
    ),
)
#: Seconds after which nothing comes any more, however busy the machine is.
NEVER = 600
Talk = Callable[["Client"], Awaitable[None]]
#: A client that offers nothing.
PLAIN = lsp.ClientCapabilities()


class Client(LanguageClient):
    """An editor: opens and changes documents, and waits for what is found in them."""

    def __init__(self, root: Path, capabilities: lsp.ClientCapabilities = CAPABILITIES, options: Any = None) -> None:
        super().__init__("test", "v1")
        self.root = root
        self.capabilities = capabilities
        self.options = options
        self.published: asyncio.Queue[lsp.PublishDiagnosticsParams] = asyncio.Queue()
        self.messages: asyncio.Queue[str] = asyncio.Queue()

        @self.feature(lsp.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)  # type: ignore[untyped-decorator]
        def publish(params: lsp.PublishDiagnosticsParams) -> None:
            self.published.put_nowait(params)

        @self.feature(lsp.WINDOW_SHOW_MESSAGE)  # type: ignore[untyped-decorator]
        def show(params: lsp.ShowMessageParams) -> None:
            self.messages.put_nowait(params.message)

    def uri(self, name: str = "model.py") -> str:
        return (self.root / name).as_uri()

    async def open(self, text: str, name: str = "model.py") -> list[lsp.Diagnostic]:
        item = lsp.TextDocumentItem(self.uri(name), "python", 1, text)
        self.text_document_did_open(lsp.DidOpenTextDocumentParams(item))
        return await self.found()

    def change(self, version: int, *changes: Any) -> None:
        document = lsp.VersionedTextDocumentIdentifier(version, self.uri())
        self.text_document_did_change(lsp.DidChangeTextDocumentParams(document, list(changes)))

    async def found(self) -> list[lsp.Diagnostic]:
        return list((await asyncio.wait_for(self.published.get(), NEVER)).diagnostics)

    async def actions(
        self,
        start: tuple[int, int],
        end: tuple[int, int] | None = None,
        only: list[str] | None = None,
        *,
        uri: str | None = None,
    ) -> list[lsp.CodeAction]:
        where = lsp.Range(lsp.Position(*start), lsp.Position(*(end or start)))
        params = lsp.CodeActionParams(
            lsp.TextDocumentIdentifier(uri or self.uri()), where, lsp.CodeActionContext([], only=only)
        )
        found = await self.text_document_code_action_async(params)
        assert found is not None
        assert all(isinstance(one, lsp.CodeAction) for one in found)
        return [one for one in found if isinstance(one, lsp.CodeAction)]

    async def hover(self, line: int, character: int, name: str = "model.py", *, uri: str | None = None) -> str | None:
        params = lsp.HoverParams(lsp.TextDocumentIdentifier(uri or self.uri(name)), lsp.Position(line, character))
        found = await self.text_document_hover_async(params)
        return found.contents.value if found and isinstance(found.contents, lsp.MarkupContent) else None

    async def hints(self, last_line: int = 1_000, first_line: int = 0) -> list[tuple[int, int, str]]:
        where = lsp.Range(lsp.Position(first_line, 0), lsp.Position(last_line, 0))
        params = lsp.InlayHintParams(lsp.TextDocumentIdentifier(self.uri()), where)
        found = await self.text_document_inlay_hint_async(params) or []
        return [(one.position.line, one.position.character, str(one.label)) for one in found]


async def converse(client: Client, conversation: Talk) -> None:
    """Greet the server, talk to it, and take leave."""
    try:
        params = lsp.InitializeParams(
            client.capabilities, root_uri=client.root.as_uri(), initialization_options=client.options
        )
        answer = await asyncio.wait_for(client.initialize_async(params), NEVER)
        assert answer.server_info is not None
        assert answer.server_info.name == "bn-lint"
        client.initialized(lsp.InitializedParams())
        await conversation(client)
    finally:
        await asyncio.wait_for(client.shutdown_async(None), NEVER)
        client.exit(None)
        await client.stop()  # type: ignore[no-untyped-call]


def talk_to_thread(
    root: Path, conversation: Talk, capabilities: lsp.ClientCapabilities = CAPABILITIES, options: Any = None
) -> None:
    """Talk to a server that is a thread here, since a process would take a second or two to start each time."""

    def serve(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection, connection.makefile("rb") as requests, connection.makefile("wb") as answers:
            server().start_io(requests, answers)

    async def session() -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            thread = threading.Thread(target=serve, args=(listener,), daemon=True)
            thread.start()
            client = Client(root, capabilities, options)
            await client.start_tcp(*listener.getsockname())
            await converse(client, conversation)
            await asyncio.to_thread(thread.join)

    asyncio.run(session())


def applied(text: str, action: lsp.CodeAction) -> str:
    """The text after a code action; positions count UTF-16 units, as the protocol says unless told otherwise."""
    assert action.edit is not None
    assert action.edit.document_changes is not None
    lines = text.split("\n")
    starts = [sum(len(line.encode("utf-16-le")) + 2 for line in lines[:number]) for number in range(len(lines))]
    data = text.encode("utf-16-le")
    for change in action.edit.document_changes:
        assert isinstance(change, lsp.TextDocumentEdit)
        for edit in reversed(change.edits):
            assert isinstance(edit, lsp.TextEdit)
            first, last = (starts[at.line] + 2 * at.character for at in (edit.range.start, edit.range.end))
            data = data[:first] + edit.new_text.encode("utf-16-le") + data[last:]
    return data.decode("utf-16-le")
