"""The state of the language server: what is open, what was found in it, and what the client is shown of that.

What is judged is the text in the editor, saved or not, with the project around it; files that are not open are read
from the disk.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from urllib.parse import unquote

from lsprotocol import types as lsp
from pygls.lsp.server import LanguageServer
from pygls.uris import from_fs_path, to_fs_path
from pygls.workspace import PositionCodec

from bn_lint import __version__, addresses
from bn_lint.check.add_ignore import IgnoreComments
from bn_lint.check.fix import compatible
from bn_lint.editor.checker import Checker, ClientSettings
from bn_lint.editor.disable import disabled_in_project
from bn_lint.editor.open_documents import Judged, Open, Part
from bn_lint.errors import BnLintError
from bn_lint.facts import Evidence, Place
from bn_lint.project.edits import Span, Text
from bn_lint.project.paths import absolute, display_path
from bn_lint.project.tool_codes import TOOL_CODES
from bn_lint.rule import Finding, Severity

#: All notebooks: which of their cells are Python is told by the cells.
_NOTEBOOKS = lsp.NotebookDocumentSyncOptions(
    [lsp.NotebookDocumentFilterWithNotebook(notebook="*", cells=[lsp.NotebookCellLanguage("python")])], save=True
)
#: Seconds without a change after which a text is judged.
DELAY = 0.2
FIX_ALL = "source.fixAll.bn-lint"
_SEVERITIES = {
    Severity.ERROR: lsp.DiagnosticSeverity.Error,
    Severity.WARNING: lsp.DiagnosticSeverity.Warning,
    Severity.INFO: lsp.DiagnosticSeverity.Information,
}


class Server(LanguageServer):
    """The state of the server: what was last found in each open document."""

    def __init__(self, delay: float = DELAY) -> None:
        super().__init__("bn-lint", f"v{__version__}", notebook_document_sync=_NOTEBOOKS)
        #: By the address of the file or the notebook, as the client writes it.
        self.judged: dict[str, Judged] = {}
        self.opened: set[str] = set()
        #: What is judged now, or soon.
        self.waiting: dict[str, asyncio.Task[None]] = {}
        self.checker = Checker()
        self.inlay_hints = self.checker.settings.inlay_hints
        self._delay = delay
        # The analysis wants a thread and a deep stack of its own; one at a time is fastest.
        self._worker = ThreadPoolExecutor(max_workers=1)
        self._complaint = ""

    def schedule(self, uri: str, delay: float | None = None) -> None:
        """Judge a document soon; a change before that restarts the wait."""
        self.cancel(uri)
        self.waiting[uri] = asyncio.get_running_loop().create_task(
            self._judge(uri, self._delay if delay is None else delay)
        )

    def schedule_all(self) -> None:
        """Judge everything that is open again: something beside the open texts has changed."""
        self._worker.submit(self.checker.forget)
        for uri in self.opened:
            self.schedule(uri, 0)
        self._ask_again()

    def open(self, uri: str) -> None:
        """Judge a file or a notebook from now on."""
        self.opened.add(uri)
        self.schedule(uri, 0)

    def cancel(self, uri: str) -> None:
        """Judge a document no more, not even to the end if that has begun."""
        task = self.waiting.pop(uri, None)
        if task is not None:
            task.cancel()

    async def _judge(self, uri: str, delay: float) -> None:
        await asyncio.sleep(delay)
        is_over = threading.Event()
        job = self._job(uri, is_wanted=lambda: not is_over.is_set())
        if job is None:
            return
        try:
            judged = await asyncio.get_running_loop().run_in_executor(self._worker, job)
        except asyncio.CancelledError:
            is_over.set()
            raise
        except BnLintError as error:
            self._complain(error.message)
            return
        except Exception as error:  # an editor must not lose its server over one text
            self._complain(f"Internal error in bn-lint: {type(error).__name__}: {error}. Please report it.")
            return
        self._complaint = ""
        if uri not in self.opened:  # it was closed meanwhile
            return
        before = self.judged.get(uri)
        self.judged[uri] = judged
        found = {part.uri: self.diagnostics(judged, part) for part in judged.parts}
        for part in judged.parts:
            self._publish(part.uri, found[part.uri], part.version)
        for part in () if before is None else before.parts:
            if part.uri not in found:  # a cell that was deleted
                self._publish(part.uri, [])
        if judged.origin is None:
            self._schedule_users(uri)

    def _schedule_users(self, uri: str) -> None:
        """Judge the open files that depend on one whose text is new."""
        users = self.checker.users(absolute(to_fs_path(uri) or ""))
        again = [one for one in self.opened if one != uri and absolute(to_fs_path(one) or "") in users]
        for one in again:
            if one not in self.waiting or self.waiting[one].done():
                self.schedule(one, 0)
        if again:
            self._ask_again()

    def _ask_again(self) -> None:
        """Have the client ask again for what it shows: something besides the text that it is about has changed."""
        if self.is_asked and self._refreshes:
            self.workspace_diagnostic_refresh(None)
        if self._refreshes_hints:
            self.workspace_inlay_hint_refresh(None)

    def whole(self, uri: str) -> str:
        """The document that is judged as one: of a cell its notebook."""
        notebook = self.workspace.get_notebook_document(cell_uri=uri)
        return uri if notebook is None else notebook.uri

    async def settled(self, uri: str) -> None:
        """Wait until a document is judged as it is now."""
        while uri in self.opened:
            task = self.waiting.get(uri)
            if task is None or task.done():
                return
            await asyncio.wait([task])

    def _publish(self, uri: str, diagnostics: list[lsp.Diagnostic], version: int | None = None) -> None:
        if self.is_asked and self.workspace.get_notebook_document(cell_uri=uri) is None:
            return  # the client asks for what it wants to show
        params = lsp.PublishDiagnosticsParams(uri=uri, version=version, diagnostics=diagnostics)
        self.text_document_publish_diagnostics(params)

    def _job(self, uri: str, is_wanted: Callable[[], bool]) -> Callable[[], Judged] | None:
        """How to judge an open file or notebook as it is now; None for what is no Python code, or not open."""
        path = to_fs_path(uri)
        if path is None or uri not in self.opened or not uri.startswith(("file:", "untitled:")):
            return None
        notebook = self.workspace.get_notebook_document(notebook_uri=uri)
        if notebook is not None:
            cells = [self._open(cell.document) for cell in notebook.cells]
            return partial(self.checker.notebook, absolute(path), cells, is_wanted)
        if uri.endswith(".ipynb"):  # the JSON of the file, which an editor shows that knows no notebooks
            return None
        return partial(self.checker.file, absolute(path), self._open(uri), self.judged.get(uri), is_wanted)

    def _open(self, uri: str) -> Open:
        document = self.workspace.text_documents.get(unquote(uri))  # so does pygls call it, whatever the client writes
        if document is None:  # a cell of prose, which the client was not asked for
            return Open(uri, None, "", is_code=False)
        return Open(uri, document.version, document.source)

    def current(self, uri: str) -> tuple[Judged, Part] | None:
        """What was found in an open document or cell, unless its text has moved on: its places mean something else."""
        judged = self.judged.get(self.whole(uri))
        part = None if judged is None else judged.part(uri)
        if judged is None or part is None:
            return None
        versions = ((each.version, self.workspace.get_text_document(each.uri).version) for each in judged.parts)
        return (judged, part) if all(judged == now for judged, now in versions) else None

    def close(self, uri: str) -> None:
        """Forget a file or a notebook, and what was shown in it."""
        self.cancel(uri)
        self.opened.discard(uri)
        judged = self.judged.pop(uri, None)
        path = to_fs_path(uri)
        if path is not None:
            self._worker.submit(self.checker.close, absolute(path))
        for one in [uri] if judged is None else [part.uri for part in judged.parts]:
            self._publish(one, [])

    # -- what the client offered --------------------------------------------------------------------------------------

    @property
    def is_asked(self) -> bool:
        """Whether the client asks for diagnostics, instead of waiting for them."""
        document = self.client_capabilities.text_document
        return document is not None and document.diagnostic is not None

    @property
    def _refreshes(self) -> bool:
        workspace = self.client_capabilities.workspace
        asked = None if workspace is None else workspace.diagnostics
        return asked is not None and bool(asked.refresh_support)

    @property
    def _refreshes_hints(self) -> bool:
        workspace = self.client_capabilities.workspace
        hints = None if workspace is None else workspace.inlay_hint
        return hints is not None and bool(hints.refresh_support)

    @property
    def _shows_related(self) -> bool:
        document = self.client_capabilities.text_document
        published = None if document is None else document.publish_diagnostics
        asked = None if document is None else document.diagnostic
        return any(each is not None and bool(each.related_information) for each in (published, asked))

    @property
    def _takes_versions(self) -> bool:
        workspace = self.client_capabilities.workspace
        edits = None if workspace is None else workspace.workspace_edit
        return edits is not None and bool(edits.document_changes)

    def configure(self, given: object) -> None:
        """Take over settings of the client."""
        try:
            settings = ClientSettings.of(given)
        except BnLintError as error:
            self._complain(error.message)
            return
        self.inlay_hints = settings.inlay_hints
        self._worker.submit(setattr, self.checker, "settings", settings)

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

    def location(self, judged: Judged, place: Place) -> lsp.Location:
        """Where the client has a place of a judged text."""
        start, end = judged.text.extent(place)
        part = judged.part_at(start)
        return lsp.Location(part.uri, self.range(part.text, *part.extent(start, end)))

    # -- what the client is shown -------------------------------------------------------------------------------------

    def diagnostics(self, judged: Judged, part: Part) -> list[lsp.Diagnostic]:
        """What is found in one part, and what is found in other files because of it."""
        shown = [(finding, finding.place) for finding in judged.findings] + judged.found_elsewhere
        return [
            self.diagnostic(judged, finding, place)
            for finding, place in shown
            if judged.part_at(judged.text.extent(place)[0]) == part
        ]

    def diagnostic(self, judged: Judged, finding: Finding, place: Place | None = None) -> lsp.Diagnostic:
        """A finding, at its own place or at one that is evidence for it."""
        place = place or finding.place
        lines = [finding.message]
        if not self._shows_related:
            lines += [f"{step.place.file}:{step.place.line}: {step.message}" for step in finding.evidence]
        if finding.help is not None:
            lines.append(f"help: {finding.help}")
        message = "\n".join(lines)
        steps = finding.evidence
        if place != finding.place:
            message = f"{finding.place.file}:{finding.place.line}: {message}"
            steps = (Evidence(finding.message, finding.place), *steps)
        address = addresses.page_of(finding.name)
        related = [lsp.DiagnosticRelatedInformation(self._evidence(judged, one), one.message) for one in steps]
        return lsp.Diagnostic(
            range=self.location(judged, place).range,
            message=message,
            severity=_SEVERITIES[finding.severity],
            code=finding.code,
            code_description=None if address is None else lsp.CodeDescription(address),
            source="bn-lint",
            related_information=related if self._shows_related else None,
        )

    def _evidence(self, judged: Judged, evidence: Evidence) -> lsp.Location:
        place = evidence.place
        if place.path == judged.display:
            return self.location(judged, place)
        source = judged.report.sources.get(place.path)
        text = source.places if source is not None else Text("")
        return lsp.Location(from_fs_path(str(absolute(place.path))) or "", self.range(text, *text.extent(place)))

    def actions(self, judged: Judged, findings: Iterable[Finding]) -> Iterator[lsp.CodeAction]:
        """Fixes of findings, and comments that silence them."""
        source = judged.report.sources.given(judged.display)
        comments = None if source is None else IgnoreComments(source)
        for finding in findings:
            shown = [self.diagnostic(judged, finding)]
            if finding.fix is not None and all(edit.place.path == judged.display for edit in finding.fix.edits):
                spans = [judged.text.span(edit) for edit in finding.fix.edits]
                unsafe = "" if finding.fix.is_safe else " (unsafe)"
                title = f"{finding.code}: {finding.help or 'fix it'}{unsafe}"
                yield self._action(title, judged, spans, shown, preferred=finding.fix.is_safe)
            if comments is not None and finding.code not in TOOL_CODES:
                yield self._action(f"{finding.code}: ignore it here", judged, comments.edits([finding]), shown)
                yield from self._disabling(finding, shown)

    def _disabling(self, finding: Finding, shown: list[lsp.Diagnostic]) -> Iterator[lsp.CodeAction]:
        """An entry in the settings of the project, if there is a place for them."""
        change = disabled_in_project(absolute(finding.place.path), finding.code)
        if change is not None:
            where = self.range(change.text, *change.text.extent(change.edit.place))
            edits = {from_fs_path(str(change.file)) or "": [lsp.TextEdit(where, change.edit.content)]}
            title = f"{finding.code}: disable it in {display_path(change.file)}"
            edit = lsp.WorkspaceEdit(changes=edits)
            yield lsp.CodeAction(title, kind=lsp.CodeActionKind.QuickFix, diagnostics=shown, edit=edit)

    def fix_all(self, judged: Judged) -> Iterator[lsp.CodeAction]:
        """All safe fixes at once."""
        safe = [finding for finding in judged.findings if finding.fix is not None and finding.fix.is_safe]
        spans = compatible(safe, judged.display, judged.text)
        if spans:
            yield lsp.CodeAction("Fix all safe bn-lint findings", kind=FIX_ALL, edit=self._edit(judged, spans))

    def _action(
        self,
        title: str,
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
            edit=self._edit(judged, spans),
        )

    def _edit(self, judged: Judged, spans: Iterable[Span]) -> lsp.WorkspaceEdit:
        if not self._takes_versions:
            plain = {
                part.uri: [lsp.TextEdit(self.range(part.text, start, end), content) for start, end, content in own]
                for part, own in judged.by_part(list(spans))
            }
            return lsp.WorkspaceEdit(changes=plain)
        changes = []
        for part, own in judged.by_part(list(spans)):
            edits = [lsp.TextEdit(self.range(part.text, start, end), content) for start, end, content in own]
            document = lsp.OptionalVersionedTextDocumentIdentifier(uri=part.uri, version=part.version)
            changes.append(lsp.TextDocumentEdit(document, list(edits)))
        return lsp.WorkspaceEdit(document_changes=list(changes))
