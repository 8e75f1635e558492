"""Notebooks in an editor: the cells are one program, and each finding is shown in its own cell."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

pytest.importorskip("pygls")

from lsprotocol import types as lsp

from .client import NEVER, Client, Talk, applied

pytestmark = pytest.mark.slow
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
