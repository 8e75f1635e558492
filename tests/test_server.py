"""The language server, spoken to by a real client.

One conversation is held over standard input and output of a process. In the others the server is a thread here: it
would take a second or two to start each time.
"""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pygls")

from lsprotocol import types as lsp
from pygls.lsp.client import LanguageClient

from bn_lint.editor.server import server

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parent.parent
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


@pytest.fixture
def talk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Start a server in an empty directory and let a client talk to it."""
    monkeypatch.chdir(tmp_path)

    def serve(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection, connection.makefile("rb") as requests, connection.makefile("wb") as answers:
            server().start_io(requests, answers)

    async def session(conversation: Talk, capabilities: lsp.ClientCapabilities, options: Any) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            thread = threading.Thread(target=serve, args=(listener,), daemon=True)
            thread.start()
            client = Client(tmp_path.resolve(), capabilities, options)
            await client.start_tcp(*listener.getsockname())
            await converse(client, conversation)
            await asyncio.to_thread(thread.join)

    def start(conversation: Talk, capabilities: lsp.ClientCapabilities = CAPABILITIES, options: Any = None) -> None:
        asyncio.run(session(conversation, capabilities, options))

    return start


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


def test_fixes_and_comments_are_offered(talk: Callable[[Talk], None]) -> None:
    async def conversation(client: Client) -> None:
        await client.open(MISTAKES)
        fix, ignore = [one for one in await client.actions((9, 3)) if one.kind == lsp.CodeActionKind.QuickFix]
        assert (fix.title, fix.is_preferred) == ("BN102: write `net.eval()` (unsafe)", False)
        assert applied(MISTAKES, fix) == MISTAKES.replace("net.eval\n", "net.eval()\n")
        assert ignore.title == "BN102: ignore it here"
        assert applied(MISTAKES, ignore) == MISTAKES.replace("net.eval\n", "net.eval  # bn-lint: ignore[BN102]\n")

        (comment,) = [one for one in await client.actions((8, 50)) if one.kind == lsp.CodeActionKind.QuickFix]
        assert applied(MISTAKES, comment) == MISTAKES.replace(".train()\n", ".train()  # bn-lint: ignore[BN401]\n")

        (everything,) = await client.actions((0, 0), only=["source.fixAll"])
        assert everything.kind == "source.fixAll.bn-lint"
        assert applied(MISTAKES, everything) == MISTAKES.replace(
            "super().train(mode)\n", "super().train(mode)\n        return self\n"
        )
        client.change(2, lsp.TextDocumentContentChangeWholeDocument("\n" + MISTAKES))
        assert await client.actions((9, 3)) == []

    talk(conversation)


LAYERS = """\
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        self.bn = nn.BatchNorm2d(8)

    def forward(self, x):
        x = self.conv(x)
        return torch.relu(self.bn(x))


net = Net()
net.eval()
out = net(torch.randn(4, 3, 34, 34))
"""


def test_hovering_shows_layers_and_tensors(talk: Callable[[Talk], None]) -> None:
    async def conversation(client: Client) -> None:
        await client.open(LAYERS)
        layer = await client.hover(8, 25)
        assert layer is not None
        assert layer.startswith("**BatchNorm2d**, checked\n")
        assert "- width `8`, input `(4, 8, 32, 32)`, called in evaluation mode: `bn` of `Net`" in layer
        call = await client.hover(12, 28)
        assert call is not None
        assert call.startswith("called on `(4, 8, 32, 32)`\n\n**BatchNorm2d**, checked")
        assert await client.hover(11, 8) == "tensor of shape `(4, 8, 32, 32)`"
        assert await client.hover(17, 1) == "tensor of shape `(4, 8, 32, 32)`"
        assert await client.hover(7, 12) is None

    talk(conversation)


def test_hints_show_shapes_and_modes(talk: Callable[[Talk], None]) -> None:
    async def conversation(client: Client) -> None:
        await client.open(LAYERS)
        expected = [(11, 9, ": (4, 8, 32, 32)"), (17, 3, ": (4, 8, 32, 32)"), (8, 35, " on (4, 8, 32, 32), evaluation")]
        assert await client.hints() == expected
        assert await client.hints(10) == expected[2:]
        client.change(2, lsp.TextDocumentContentChangeWholeDocument("# A remark\n" + LAYERS))
        await client.found()
        assert await client.hints() == [(line + 1, column, label) for line, column, label in expected]
        client.change(3, lsp.TextDocumentContentChangeWholeDocument(LAYERS.replace("3, 34", "3, 18")))
        await client.found()
        assert (await client.hints())[0] == (11, 9, ": (4, 8, 16, 32)")

    talk(conversation)


def test_hovering_shows_the_page_of_the_rule(talk: Callable[[Talk], None]) -> None:
    async def conversation(client: Client) -> None:
        await client.open(MISTAKES)
        page = await client.hover(9, 4)
        assert page is not None
        assert page.startswith("# BN102 mode-call-mistake\n")
        assert "## Use instead" in page
        assert await client.hover(0, 0) is None

    talk(conversation)


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


def test_without_pygls_the_command_says_what_is_missing(tmp_path: Path) -> None:
    (tmp_path / "pygls.py").write_text("raise ModuleNotFoundError('no pygls', name='pygls')\n")
    (tmp_path / "lsprotocol").mkdir()
    (tmp_path / "lsprotocol/__init__.py").write_text("raise ModuleNotFoundError('none', name='lsprotocol')\n")
    command = [sys.executable, "-m", "bn_lint", "server"]
    path = f"{tmp_path}:{ROOT}:{ROOT / 'rules'}"
    result = subprocess.run(command, env={"PYTHONPATH": path, "PATH": ""}, capture_output=True, text=True, check=False)
    assert result.returncode == 2
    assert result.stderr == 'error: The language server needs pygls: pip install "bn-lint[lsp]".\n'


@pytest.mark.parametrize("name", ["my project/model one.py", "größe/моя модель.py", "100%/a+b#c.py"])
def test_any_file_name(talk: Callable[[Talk], None], name: str) -> None:
    """Addresses quote what is no plain letter; on Windows that is the colon of every drive."""

    async def conversation(client: Client) -> None:
        assert [one.code for one in await client.open(MISTAKES, name)] == ["BN107", "BN401", "BN102"]
        assert await client.hover(8, 50, name)

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


CELLS = {
    "imports": "%matplotlib inline\nimport torch\nfrom torch import nn\n",
    "empty": "",
    "model": "s = '\U0001f525'; net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(16))\n!ls",
    "run": "net(torch.randn(2, 3, 8, 8))\nnet.eval\n",
}


class Notebook:
    """A notebook with a cell of prose in front, which the client keeps to itself."""

    def __init__(self, client: Client, name: str = "train net.ipynb") -> None:
        self.client = client
        self.uri = client.uri(name)
        self.version = 1
        self.shown: dict[str, list[lsp.Diagnostic]] = {}

    def cell(self, name: str) -> str:
        return f"{self.uri.replace('file:', 'vscode-notebook-cell:')}#{name}"

    def open(self) -> None:
        cells = [lsp.NotebookCell(lsp.NotebookCellKind.Markup, self.cell("prose"))]
        cells += [lsp.NotebookCell(lsp.NotebookCellKind.Code, self.cell(name)) for name in CELLS]
        texts = [lsp.TextDocumentItem(self.cell(name), "python", 1, text) for name, text in CELLS.items()]
        document = lsp.NotebookDocument(self.uri, "jupyter-notebook", 1, cells)
        self.client.notebook_document_did_open(lsp.DidOpenNotebookDocumentParams(document, texts))

    def change(self, changes: lsp.NotebookDocumentCellChanges) -> None:
        self.version += 1
        document = lsp.VersionedNotebookDocumentIdentifier(self.version, self.uri)
        change = lsp.NotebookDocumentChangeEvent(cells=changes)
        self.client.notebook_document_did_change(lsp.DidChangeNotebookDocumentParams(document, change))

    def write(self, name: str, text: str) -> None:
        document = lsp.VersionedTextDocumentIdentifier(self.version + 1, self.cell(name))
        self.change(
            lsp.NotebookDocumentCellChanges(
                text_content=[
                    lsp.NotebookDocumentCellContentChanges(document, [lsp.TextDocumentContentChangeWholeDocument(text)])
                ]
            )
        )

    async def found(self, count: int = len(CELLS)) -> dict[str, list[tuple[str | int | None, int, int]]]:
        """Code, line and character of what is shown in each cell, after news of so many cells."""
        for _ in range(count):
            news = await asyncio.wait_for(self.client.published.get(), NEVER)
            self.shown[news.uri.rpartition("#")[2]] = list(news.diagnostics)
        return {
            name: [(one.code, one.range.start.line, one.range.start.character) for one in shown]
            for name, shown in self.shown.items()
            if shown
        }


def test_notebooks(talk: Callable[[Talk], None]) -> None:
    """The cells are one program; each finding, and each step of its evidence, is shown in its own cell."""

    async def conversation(client: Client) -> None:
        notebook = Notebook(client)
        notebook.open()
        assert await notebook.found() == {"model": [("BN002", 0, 50)], "run": [("BN102", 1, 0)]}
        related = notebook.shown["model"][0].related_information or ()
        assert notebook.cell("run") in {one.location.uri for one in related}

        notebook.write("model", "net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8))\n")
        assert await notebook.found() == {"run": [("BN102", 1, 0)]}

        # A cell that nobody has named before comes first, and one goes.
        new = lsp.NotebookCell(lsp.NotebookCellKind.Code, notebook.cell("new"))
        text = "from torch import nn\nnn.BatchNorm1d(4, momentum=0.99)"
        notebook.change(
            lsp.NotebookDocumentCellChanges(
                structure=lsp.NotebookDocumentCellChangeStructure(
                    lsp.NotebookCellArrayChange(0, 1, [new]),
                    did_open=[lsp.TextDocumentItem(notebook.cell("new"), "python", 1, text)],
                )
            )
        )
        assert await notebook.found(5) == {"new": [("BN401", 1, 0)], "run": [("BN102", 1, 0)]}
        notebook.change(
            lsp.NotebookDocumentCellChanges(
                structure=lsp.NotebookDocumentCellChangeStructure(
                    lsp.NotebookCellArrayChange(0, 1),
                    did_close=[lsp.TextDocumentIdentifier(notebook.cell("new"))],
                )
            )
        )
        assert await notebook.found(5) == {"run": [("BN102", 1, 0)]}

        document = lsp.NotebookDocumentIdentifier(notebook.uri)
        closed = [lsp.TextDocumentIdentifier(notebook.cell(name)) for name in CELLS]
        client.notebook_document_did_close(lsp.DidCloseNotebookDocumentParams(document, closed))
        assert await notebook.found() == {}

    talk(conversation)


def test_fixes_in_cells(talk: Callable[[Talk], None]) -> None:
    async def conversation(client: Client) -> None:
        notebook = Notebook(client)
        notebook.open()
        await notebook.found()
        fixes = {one.title: one for one in await client.actions((1, 0), uri=notebook.cell("run"))}
        fix, ignore = fixes["BN102: write `net.eval()` (unsafe)"], fixes["BN102: ignore it here"]
        for action in (fix, ignore):
            assert action.edit is not None
            assert action.edit.document_changes is not None
            (change,) = action.edit.document_changes
            assert isinstance(change, lsp.TextDocumentEdit)
            assert (change.text_document.uri, change.text_document.version) == (notebook.cell("run"), 1)
        assert applied(CELLS["run"], fix) == "net(torch.randn(2, 3, 8, 8))\nnet.eval()\n"
        assert applied(CELLS["run"], ignore).endswith("net.eval  # bn-lint: ignore[BN102]\n")
        mismatch = await client.actions((0, 60), uri=notebook.cell("model"))
        assert applied(CELLS["model"], mismatch[0]) == CELLS["model"].replace("16", "8")
        assert not await client.actions((0, 0), only=["quickfix"], uri=notebook.cell("empty"))
        assert "# " in (await client.hover(0, 60, uri=notebook.cell("model")) or "")

    talk(conversation)


# -- as a daily tool --------------------------------------------------------------------------------------------------

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


def test_settings_of_the_client(talk: Callable[..., None]) -> None:
    async def conversation(client: Client) -> None:
        assert [one.code for one in await client.open(MISTAKES)] == ["BN401"]
        params = lsp.DidChangeConfigurationParams({"bn-lint": {"ignore": ["BN4"]}})
        client.workspace_did_change_configuration(params)
        assert {one.code for one in await client.found()} == {"BN102", "BN107"}
        client.workspace_did_change_configuration(lsp.DidChangeConfigurationParams({"bn-lint": {"ignored": ["BN4"]}}))
        assert 'unknown key "ignored"' in await asyncio.wait_for(client.messages.get(), NEVER)

    talk(conversation, options={"select": ["BN4"]})


def test_rules_are_disabled_in_the_settings_of_the_project(talk: Callable[..., None]) -> None:
    async def conversation(client: Client) -> None:
        settings = client.root / "pyproject.toml"
        settings.write_text('[project]\nname = "x"\n\n[tool.bn-lint]\nexclude = ["old"]\n')
        await client.open(MISTAKES)
        (action,) = [one for one in await client.actions((9, 3)) if "disable" in one.title]
        assert action.title == "BN102: disable it in pyproject.toml"
        assert action.edit is not None
        assert action.edit.changes is not None
        ((uri, (edit,)),) = action.edit.changes.items()
        assert uri == client.uri("pyproject.toml")
        assert edit.range.start == lsp.Position(4, 0)
        assert edit.new_text == 'ignore = ["BN102"]\n'

    talk(conversation)


def test_rules_have_addresses_when_there_are_any(talk: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    async def conversation(client: Client) -> None:
        found = {one.code: one.code_description for one in await client.open(MISTAKES)}
        assert found["BN401"] == lsp.CodeDescription("https://docs.example.org/docs/rules/keras-momentum/")

    monkeypatch.setattr("bn_lint.addresses.DOCUMENTATION", "https://docs.example.org")
    talk(conversation)
