"""The language server: findings while one types, fixes, comments that silence, pages of rules, and hints.

Each function answers one request or takes one notice of the protocol.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import BinaryIO, cast

from lsprotocol import types as lsp

from bn_lint.check.explain import find, markdown
from bn_lint.editor import hints
from bn_lint.editor.messages import Messages
from bn_lint.editor.session import FIX_ALL, Server
from bn_lint.errors import BnLintError

#: What is read for the findings in open documents.
_WATCHED = ("**/pyproject.toml", "**/bn-lint.toml", "**/*.py")


def server(made: Server | None = None) -> Server:
    """A server that is ready to be started."""
    made = made or Server()

    @made.feature(lsp.TEXT_DOCUMENT_DID_OPEN)
    async def did_open(ls: Server, params: lsp.DidOpenTextDocumentParams) -> None:
        ls.open(params.text_document.uri)

    @made.feature(lsp.NOTEBOOK_DOCUMENT_DID_OPEN)
    async def did_open_notebook(ls: Server, params: lsp.DidOpenNotebookDocumentParams) -> None:
        ls.open(params.notebook_document.uri)

    @made.feature(lsp.TEXT_DOCUMENT_DID_CHANGE)
    async def did_change(ls: Server, params: lsp.DidChangeTextDocumentParams) -> None:
        ls.schedule(params.text_document.uri)

    @made.feature(lsp.NOTEBOOK_DOCUMENT_DID_CHANGE)
    async def did_change_notebook(ls: Server, params: lsp.DidChangeNotebookDocumentParams) -> None:
        ls.schedule(params.notebook_document.uri)

    @made.feature(lsp.TEXT_DOCUMENT_DID_SAVE)
    async def did_save(ls: Server, params: lsp.DidSaveTextDocumentParams) -> None:
        ls.schedule_all()  # the saved file may be read for the others

    @made.feature(lsp.NOTEBOOK_DOCUMENT_DID_SAVE)
    async def did_save_notebook(ls: Server, params: lsp.DidSaveNotebookDocumentParams) -> None:
        ls.schedule(params.notebook_document.uri, 0)

    @made.feature(lsp.TEXT_DOCUMENT_DID_CLOSE)
    async def did_close(ls: Server, params: lsp.DidCloseTextDocumentParams) -> None:
        ls.close(params.text_document.uri)

    @made.feature(lsp.NOTEBOOK_DOCUMENT_DID_CLOSE)
    async def did_close_notebook(ls: Server, params: lsp.DidCloseNotebookDocumentParams) -> None:
        ls.close(params.notebook_document.uri)

    @made.feature(lsp.INITIALIZE)
    async def initialize(ls: Server, params: lsp.InitializeParams) -> None:
        ls.configure(params.initialization_options)

    @made.feature(lsp.WORKSPACE_DID_CHANGE_CONFIGURATION)
    async def did_change_configuration(ls: Server, params: lsp.DidChangeConfigurationParams) -> None:
        ls.configure(params.settings)
        ls.schedule_all()

    @made.feature(lsp.TEXT_DOCUMENT_DIAGNOSTIC, lsp.DiagnosticOptions(True, False, identifier="bn-lint"))
    async def diagnostic(ls: Server, params: lsp.DocumentDiagnosticParams) -> lsp.RelatedFullDocumentDiagnosticReport:
        uri = params.text_document.uri
        await ls.settled(uri)
        judged = ls.judged.get(uri)
        items = [] if judged is None else [one for part in judged.parts for one in ls.diagnostics(judged, part)]
        return lsp.RelatedFullDocumentDiagnosticReport(items)

    @made.feature(lsp.INITIALIZED)
    async def initialized(ls: Server, params: lsp.InitializedParams) -> None:
        workspace = ls.client_capabilities.workspace
        watching = None if workspace is None else workspace.did_change_watched_files
        if watching is not None and watching.dynamic_registration:
            options = lsp.DidChangeWatchedFilesRegistrationOptions([lsp.FileSystemWatcher(one) for one in _WATCHED])
            registration = lsp.Registration("bn-lint-files", lsp.WORKSPACE_DID_CHANGE_WATCHED_FILES, options)
            ls.client_register_capability(lsp.RegistrationParams([registration]))

    @made.feature(lsp.WORKSPACE_DID_CHANGE_WATCHED_FILES)
    async def did_change_files(ls: Server, params: lsp.DidChangeWatchedFilesParams) -> None:
        ls.schedule_all()

    kinds = [lsp.CodeActionKind.QuickFix, FIX_ALL]

    @made.feature(lsp.TEXT_DOCUMENT_CODE_ACTION, lsp.CodeActionOptions(code_action_kinds=kinds))
    def code_action(ls: Server, params: lsp.CodeActionParams) -> list[lsp.CodeAction]:
        current = ls.current(params.text_document.uri)
        if current is None:
            return []
        judged, part = current
        first, last = (part.start + ls.offset(part.text, at) for at in (params.range.start, params.range.end))
        wanted = params.context.only
        found = [*ls.actions(judged, judged.findings_at(first, last)), *ls.fix_all(judged)]
        return [one for one in found if wanted is None or _is_wanted(one.kind, wanted)]

    @made.feature(lsp.TEXT_DOCUMENT_HOVER)
    async def hover(ls: Server, params: lsp.HoverParams) -> lsp.Hover | None:
        await ls.settled(ls.whole(params.text_document.uri))
        current = ls.current(params.text_document.uri)
        if current is None:
            return None
        judged, part = current
        offset = part.start + ls.offset(part.text, params.position)
        found = [finding for finding in judged.findings_at(offset, offset) if _has_page(finding.code)]
        known = hints.hover(judged, offset)
        # A page of a rule is long: what is short stands before it.
        told: dict[str, None] = {} if known is None else {known[0]: None}
        told |= dict.fromkeys(markdown(find(finding.code)) for finding in found)
        places = [*(finding.place for finding in found), *(() if known is None else (known[1],))]
        if not places:
            return None
        content = lsp.MarkupContent(lsp.MarkupKind.Markdown, "\n\n---\n\n".join(told))
        return lsp.Hover(content, ls.location(judged, places[0]).range)

    @made.feature(lsp.TEXT_DOCUMENT_INLAY_HINT)
    async def inlay_hint(ls: Server, params: lsp.InlayHintParams) -> list[lsp.InlayHint]:
        await ls.settled(ls.whole(params.text_document.uri))
        current = ls.current(params.text_document.uri)
        if current is None:
            return []
        judged, part = current
        first, last = (part.start + ls.offset(part.text, at) for at in (params.range.start, params.range.end))
        return [
            lsp.InlayHint(
                ls.position(part.text, part.extent(hint.offset, hint.offset)[0]),
                hint.label,
                tooltip=lsp.MarkupContent(lsp.MarkupKind.Markdown, hint.details),
            )
            for hint in hints.hints(judged, first, last, ls.inlay_hints)
        ]

    return made


def _is_wanted(kind: str | None, wanted: Iterable[str]) -> bool:
    """Whether a kind of action is one of several, or below one.

    Members of an enumeration compare like their values, but `str` gives their names.
    """
    return kind is not None and any(kind == one or kind.startswith(one + ".") for one in wanted)


def _has_page(code: str) -> bool:
    try:
        find(code)
    except BnLintError:
        return False
    return True


def talk(made: Server, requests: BinaryIO, answers: BinaryIO) -> None:
    """Serve a client until it says to exit, or says no more.

    Raises:
        ProtocolError: what it sends is not divided into messages.
    """
    messages = Messages(requests)
    made.start_io(cast(BinaryIO, messages), answers)
    if messages.error is not None:
        raise messages.error


def serve() -> None:
    """Serve a client over standard input and output."""
    talk(server(), sys.stdin.buffer, sys.stdout.buffer)
