"""The language server: findings while one types, fixes, comments that silence, and the pages of rules.

What is judged is the text in the editor, saved or not; other files are read from the disk.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from lsprotocol import types as lsp
from pygls.lsp.server import LanguageServer
from pygls.uris import from_fs_path, to_fs_path
from pygls.workspace import PositionCodec

from bn_lint import __version__
from bn_lint.add_ignore import with_ignores
from bn_lint.check import check
from bn_lint.config import Configuration
from bn_lint.edits import Span, Text, difference
from bn_lint.errors import BnLintError
from bn_lint.explain import find, markdown
from bn_lint.facts import Evidence
from bn_lint.files import File
from bn_lint.fix import compatible
from bn_lint.report import Report
from bn_lint.rule import Finding, Severity
from bn_lint.source import absolute, display_path, encoded
from bn_lint.tool_codes import TOOL_CODES

#: Seconds without a change after which a text is judged.
DELAY = 0.2
FIX_ALL = "source.fixAll.bn-lint"
_SEVERITIES = {
    Severity.ERROR: lsp.DiagnosticSeverity.Error,
    Severity.WARNING: lsp.DiagnosticSeverity.Warning,
    Severity.INFO: lsp.DiagnosticSeverity.Information,
}


@dataclass(frozen=True)
class Judged:
    """What was found in one version of a document."""

    version: int | None
    display: str
    text: Text
    report: Report

    def findings_at(self, first: int, last: int) -> Iterator[Finding]:
        """The findings that touch a stretch of the text."""
        for finding in self.report.visible:
            start, end = self.text.extent(finding.place)
            if start <= last and first <= end:
                yield finding


def judge(path: Path, text: str, version: int | None) -> Judged:
    """Judge the text of a document as the content of its file.

    Raises:
        BnLintError: the configuration is wrong.
    """
    configuration = Configuration()
    display = display_path(path)
    report = Report()
    if not configuration.settings_for(path).excludes(path):
        report = check([File(path, display, explicit=True, data=encoded(text, display))], configuration)
    return Judged(version, display, Text(text), report)


class Server(LanguageServer):
    """The state of the server: what was last found in each open document."""

    def __init__(self) -> None:
        super().__init__("bn-lint", f"v{__version__}")
        self.judged: dict[str, Judged] = {}
        self._waiting: dict[str, asyncio.Task[None]] = {}
        # The analysis wants a thread and a deep stack of its own; one at a time is fastest.
        self._worker = ThreadPoolExecutor(max_workers=1)
        self._complaint = ""

    def schedule(self, uri: str, delay: float = DELAY) -> None:
        """Judge a document soon; a change before that begins the wait anew."""
        self.cancel(uri)
        self._waiting[uri] = asyncio.get_running_loop().create_task(self._judge(uri, delay))

    def cancel(self, uri: str) -> None:
        """Judge a document no more."""
        task = self._waiting.pop(uri, None)
        if task is not None:
            task.cancel()

    async def _judge(self, uri: str, delay: float) -> None:
        await asyncio.sleep(delay)
        document = self.workspace.get_text_document(uri)
        path = to_fs_path(uri)
        if path is None or uri not in self.workspace.text_documents or not _is_python(uri):
            return
        text, version = document.source, document.version
        loop = asyncio.get_running_loop()
        try:
            judged = await loop.run_in_executor(self._worker, judge, absolute(path), text, version)
        except BnLintError as error:
            self._complain(error.message)
            return
        except Exception as error:  # an editor must not lose its server over one text
            self._complain(f"This is a defect of bn-lint: {type(error).__name__}: {error}.")
            return
        self._complaint = ""
        self.judged[uri] = judged
        diagnostics = [self.diagnostic(uri, judged, finding) for finding in judged.report.visible]
        self.text_document_publish_diagnostics(
            lsp.PublishDiagnosticsParams(uri=uri, version=version, diagnostics=diagnostics)
        )

    def _complain(self, message: str) -> None:
        if message != self._complaint:  # once, not at every key
            self._complaint = message
            self.window_show_message(lsp.ShowMessageParams(lsp.MessageType.Error, f"bn-lint: {message}"))

    # -- positions ---------------------------------------------------------------------------------------------------

    @property
    def _codec(self) -> PositionCodec:
        return self.workspace.position_codec

    def position(self, text: Text, offset: int) -> lsp.Position:
        """An index as the client counts."""
        line, column = text.position(offset)
        start = offset - (column - 1)
        return lsp.Position(line - 1, self._codec.client_num_units(text.text[start:offset]))

    def offset(self, text: Text, position: lsp.Position) -> int:
        """The index of a position of the client's."""
        start, end = text.offset(position.line + 1, 1), text.offset(position.line + 2, 1)
        units = 0
        for offset in range(start, end):
            if units >= position.character:
                return offset
            units += self._codec.client_num_units(text.text[offset])
        return end

    def range(self, text: Text, start: int, end: int) -> lsp.Range:
        return lsp.Range(self.position(text, start), self.position(text, end))

    # -- what the client is shown -------------------------------------------------------------------------------------

    def diagnostic(self, uri: str, judged: Judged, finding: Finding) -> lsp.Diagnostic:
        message = finding.message if finding.help is None else f"{finding.message}\nhelp: {finding.help}"
        return lsp.Diagnostic(
            range=self.range(judged.text, *judged.text.extent(finding.place)),
            message=message,
            severity=_SEVERITIES[finding.severity],
            code=finding.code,
            source="bn-lint",
            related_information=[
                lsp.DiagnosticRelatedInformation(self._location(uri, judged, one), one.message)
                for one in finding.evidence
            ],
        )

    def _location(self, uri: str, judged: Judged, evidence: Evidence) -> lsp.Location:
        place = evidence.place
        if place.path == judged.display:
            return lsp.Location(uri, self.range(judged.text, *judged.text.extent(place)))
        source = judged.report.sources.get(place.path)
        text = Text(source.text if source is not None else "")
        other = from_fs_path(str(absolute(place.path))) or uri
        return lsp.Location(other, self.range(text, *text.extent(place)))

    def actions(self, uri: str, judged: Judged, findings: Iterable[Finding]) -> Iterator[lsp.CodeAction]:
        """Fixes of findings, and comments that silence them."""
        for finding in findings:
            shown = [self.diagnostic(uri, judged, finding)]
            if finding.fix is not None and all(edit.place.path == judged.display for edit in finding.fix.edits):
                spans = [judged.text.span(edit) for edit in finding.fix.edits]
                unsafe = "" if finding.fix.is_safe else " (unsafe)"
                title = f"{finding.code}: {finding.help or 'fix it'}{unsafe}"
                yield self._action(title, uri, judged, spans, shown, preferred=finding.fix.is_safe)
            source = judged.report.sources.given(judged.display)
            if source is not None and finding.code not in TOOL_CODES:
                text, _ = with_ignores(source, [finding])
                title = f"{finding.code}: ignore it here"
                yield self._action(title, uri, judged, difference(source.text, text), shown)

    def fix_all(self, uri: str, judged: Judged) -> Iterator[lsp.CodeAction]:
        """All safe fixes at once."""
        safe = [finding for finding in judged.report.visible if finding.fix is not None and finding.fix.is_safe]
        spans = compatible(safe, judged.display, judged.text)
        if spans:
            yield lsp.CodeAction("Fix all safe bn-lint findings", kind=FIX_ALL, edit=self._edit(uri, judged, spans))

    def _action(
        self,
        title: str,
        uri: str,
        judged: Judged,
        spans: Iterable[Span],
        shown: list[lsp.Diagnostic],
        *,
        preferred: bool = False,
    ) -> lsp.CodeAction:
        return lsp.CodeAction(
            title,
            kind=lsp.CodeActionKind.QuickFix,
            diagnostics=shown,
            is_preferred=preferred,
            edit=self._edit(uri, judged, spans),
        )

    def _edit(self, uri: str, judged: Judged, spans: Iterable[Span]) -> lsp.WorkspaceEdit:
        edits = [lsp.TextEdit(self.range(judged.text, start, end), content) for start, end, content in sorted(spans)]
        document = lsp.OptionalVersionedTextDocumentIdentifier(uri=uri, version=judged.version)
        return lsp.WorkspaceEdit(document_changes=[lsp.TextDocumentEdit(document, list(edits))])


def server() -> Server:
    """A server that is ready to be started."""
    made = Server()

    @made.feature(lsp.TEXT_DOCUMENT_DID_OPEN)
    async def did_open(ls: Server, params: lsp.DidOpenTextDocumentParams) -> None:
        ls.schedule(params.text_document.uri, 0)

    @made.feature(lsp.TEXT_DOCUMENT_DID_CHANGE)
    async def did_change(ls: Server, params: lsp.DidChangeTextDocumentParams) -> None:
        ls.schedule(params.text_document.uri)

    @made.feature(lsp.TEXT_DOCUMENT_DID_SAVE)
    async def did_save(ls: Server, params: lsp.DidSaveTextDocumentParams) -> None:
        for uri in ls.workspace.text_documents:  # the saved file may be read for the others
            ls.schedule(uri, 0)

    @made.feature(lsp.TEXT_DOCUMENT_DID_CLOSE)
    async def did_close(ls: Server, params: lsp.DidCloseTextDocumentParams) -> None:
        uri = params.text_document.uri
        ls.cancel(uri)
        ls.judged.pop(uri, None)
        ls.text_document_publish_diagnostics(lsp.PublishDiagnosticsParams(uri=uri, diagnostics=[]))

    kinds = [lsp.CodeActionKind.QuickFix, FIX_ALL]

    @made.feature(lsp.TEXT_DOCUMENT_CODE_ACTION, lsp.CodeActionOptions(code_action_kinds=kinds))
    def code_action(ls: Server, params: lsp.CodeActionParams) -> list[lsp.CodeAction]:
        uri = params.text_document.uri
        judged = ls.judged.get(uri)
        if judged is None or judged.version != ls.workspace.get_text_document(uri).version:
            return []  # the text has moved on: its places mean something else
        wanted = params.context.only
        first, last = ls.offset(judged.text, params.range.start), ls.offset(judged.text, params.range.end)
        found = [*ls.actions(uri, judged, judged.findings_at(first, last)), *ls.fix_all(uri, judged)]
        return [one for one in found if wanted is None or _is_wanted(str(one.kind), wanted)]

    @made.feature(lsp.TEXT_DOCUMENT_HOVER)
    def hover(ls: Server, params: lsp.HoverParams) -> lsp.Hover | None:
        judged = ls.judged.get(params.text_document.uri)
        if judged is None:
            return None
        offset = ls.offset(judged.text, params.position)
        found = list(judged.findings_at(offset, offset))
        if not found:
            return None
        pages = dict.fromkeys(markdown(find(finding.code)) for finding in found if _has_page(finding.code))
        content = lsp.MarkupContent(lsp.MarkupKind.Markdown, "\n---\n".join(pages))
        return lsp.Hover(content, ls.range(judged.text, *judged.text.extent(found[0].place))) if pages else None

    return made


def _is_python(uri: str) -> bool:
    """Whether a document is a file of Python code, and not a notebook, whose cells editors keep elsewhere."""
    return uri.startswith(("file:", "untitled:")) and not uri.endswith(".ipynb")


def _is_wanted(kind: str, wanted: Iterable[str]) -> bool:
    return any(kind == one or kind.startswith(f"{one}.") for one in map(str, wanted))


def _has_page(code: str) -> bool:
    try:
        find(code)
    except BnLintError:
        return False
    return True


def serve() -> None:
    """Serve a client over standard input and output until it says to exit."""
    server().start_io()
