"""Applies the fixes of a report, and checks each result.

Overlapping fixes are applied one after the other, in several passes. After each pass everything is checked again: a fix
stays only if its finding is gone and the file still parses. Other fixes are undone and reported.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from bn_lint.check.report import Report
from bn_lint.errors import PathError
from bn_lint.facts import Place, Problem
from bn_lint.project.discovery import File
from bn_lint.project.edits import Edits, Span, Text
from bn_lint.project.source import Source, Sources
from bn_lint.project.tool_codes import ANALYSIS_INCOMPLETE
from bn_lint.project.writing import ChangedError, write
from bn_lint.rule import Edit, Finding

#: A file that fixes still want to change after this many passes is left as it was: they undo each other.
MOST_PASSES = 10

Recheck = Callable[[Sequence[File]], Report]
#: A finding as it can be told from others: code, file, line and column.
_Key = tuple[str, str, int, int]


@dataclass(frozen=True)
class Change:
    """A file before and after its fixes."""

    before: Source
    after: Source


@dataclass
class Outcome:
    """What fixing came to: the report on the fixed files, and the files that are to be written."""

    report: Report
    changes: list[Change] = field(default_factory=list)


def fix(report: Report, files: Sequence[File], recheck: Recheck, *, unsafe: bool, write: bool) -> Outcome:
    """Work out the fixed files.

    Args:
        report: What was found in `files`.
        recheck: Checks the same files with other contents.
        unsafe: Make unsafe fixes as well.
        write: Put the fixed files in the place of the originals.
    """
    return _Fixer(report, files, recheck, unsafe=unsafe).fix(write=write)


def offered(finding: Finding, sources: Sources) -> Finding:
    """The finding, without its fix if that leaves the given files or loses a comment."""
    for edit in _edits(finding):
        source = sources.given(edit.place.path)
        if source is None or source.places.loses_comment(source.places.span(edit)):
            return replace(finding, fix=None)
    return finding


def compatible(findings: Iterable[Finding], path: str, text: Text) -> Edits:
    """The edits of as many findings as can be fixed at the same time, all of them in one file."""
    taken = Edits()
    for finding in findings:
        if all(edit.place.path == path for edit in _edits(finding)):
            wanted = [text.span(edit) for edit in _edits(finding)]
            if taken.leave_room_for(wanted):
                taken.add(wanted)
    return taken


def put_in_place(change: Change) -> None:
    """Put the fixed file in the place of the original: completely, or not at all.

    Raises:
        PathError: the file cannot be written, or is no longer what was checked.
    """
    display = change.before.display
    try:
        write(change.before.path, change.after.data, expected=change.before.data)
    except ChangedError:
        raise PathError(f"{display} changed while it was checked; it was not fixed.") from None
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise PathError(f"{display} cannot be written: {reason}; it was not fixed.") from error


class _Fixer:
    def __init__(self, report: Report, files: Sequence[File], recheck: Recheck, *, unsafe: bool) -> None:
        self.report = report
        self.files = files
        self.recheck = recheck
        self.unsafe = unsafe
        #: The files that some fix is about, as they were and as they are now.
        self.original: dict[str, Source] = {}
        self.current: dict[str, Source] = {}
        self.fixed: list[Finding] = []
        self.failed: list[Problem] = []
        #: Findings whose fix did not survive, where they are now.
        self.blocked: set[_Key] = set()

    def fix(self, *, write: bool) -> Outcome:
        passes = 0
        while chosen := self._chosen():
            if passes == MOST_PASSES:
                message = (
                    f"internal error: its fixes undo each other (after {MOST_PASSES} passes), and were not applied"
                )
                self._restore({edit.place.path: message for finding in chosen for edit in _edits(finding)})
                break
            passes += self._try(chosen)
        if write:
            self._restore(dict(self._unwritten()))
        report = self.report
        report.findings = [replace(f, fix=None) if _key(f) in self.blocked else f for f in report.findings]
        report.fixed = self.fixed
        report.problems = sorted([*report.problems, *self.failed], key=lambda p: (p.place.path, p.place.line))
        return Outcome(report, self._changes())

    def _changes(self) -> list[Change]:
        return [
            Change(before, self.current[display])
            for display, before in self.original.items()
            if self.current[display] is not before
        ]

    def _unwritten(self) -> Iterator[tuple[str, str]]:
        """Write the fixed files; yields those that could not be written, with one sentence."""
        for change in self._changes():
            try:
                put_in_place(change)
            except PathError as error:
                yield change.before.display, error.message

    def _know(self, name: str) -> Source:
        """The present state of a file."""
        if name not in self.current:
            source = self.report.sources.given(name)
            assert source is not None, "only given files have findings and fixes"
            self.original[name] = self.current[name] = source
        return self.current[name]

    def _chosen(self) -> list[Finding]:
        """Findings whose fixes can be made at the same time; of those that touch each other the first.

        Lines that are missing are added when what is there has been put right: `model.eval` without its parentheses
        and the evaluation behind it have one cause.
        """
        chosen: list[Finding] = []
        taken: defaultdict[str, Edits] = defaultdict(Edits)
        fixable = [
            finding
            for finding in self.report.visible
            if finding.fix is not None and _key(finding) not in self.blocked and (self.unsafe or finding.fix.is_safe)
        ]
        for finding in [finding for finding in fixable if not _adds_lines(finding)] or fixable:
            spans = self._spans([finding])
            if all(taken[name].leave_room_for(wanted) for name, wanted in spans.items()):
                chosen.append(finding)
                for name, wanted in spans.items():
                    taken[name].add(wanted)
        return chosen

    def _spans(self, findings: Iterable[Finding]) -> dict[str, set[Span]]:
        spans: dict[str, set[Span]] = {}
        for finding in findings:
            for edit in _edits(finding):
                spans.setdefault(edit.place.path, set()).add(self._know(edit.place.path).places.span(edit))
        return spans

    def _try(self, chosen: list[Finding]) -> bool:
        """Make fixes and check the result; False when some did not survive and nothing was kept."""
        survivors = self._that_parse(chosen)
        if len(survivors) < len(chosen):
            broken = [finding for finding in chosen if finding not in survivors]
            return self._fail(broken, "its fix leaves a file that is not valid Python")
        spans = self._spans(chosen)
        after = self._after(spans)
        report = self._check({**self.current, **after})
        remaining = {_key(finding) for finding in report.findings}
        edits = {name: Edits(wanted) for name, wanted in spans.items()}

        def moved(key: _Key) -> Iterator[_Key]:
            """Where a finding may be after these edits."""
            code, name, line, column = key
            if name not in edits:
                yield key
                return
            for offset in dict.fromkeys(edits[name].moved(self._know(name).places.offset(line, column))):
                yield code, name, *after[name].places.position(offset)

        stubborn = [f for f in chosen if not remaining.isdisjoint(moved(_key(f)))]
        if stubborn:
            return self._fail(stubborn, "its fix does not remove the finding")
        self.blocked = {key for old in self.blocked for key in moved(old)}
        self.fixed += chosen
        self.current.update(after)
        self.report = report
        return True

    def _that_parse(self, chosen: list[Finding]) -> list[Finding]:
        """The findings whose fixes leave valid Python, looked at one by one where they do not all do so."""
        if all(map(_parses, self._after(self._spans(chosen)).values())):
            return chosen
        kept: list[Finding] = []
        for finding in chosen:
            if all(map(_parses, self._after(self._spans([*kept, finding])).values())):
                kept.append(finding)
        return kept

    def _after(self, spans: Mapping[str, set[Span]]) -> dict[str, Source]:
        """The files that the edits change."""
        return {name: self.current[name].edited(sorted(wanted)) for name, wanted in spans.items()}

    def _check(self, sources: Mapping[str, Source]) -> Report:
        changed = {name: s for name, s in sources.items() if s is not self.original[name]}
        files = [
            file._replace(data=changed[file.display].data) if file.display in changed else file for file in self.files
        ]
        return self.recheck(files)

    def _fail(self, findings: Iterable[Finding], reason: str) -> bool:
        for finding in findings:
            self.blocked.add(_key(finding))
            message = f"internal error in {finding.code} ({finding.name}): {reason}, and was not applied"
            self.failed.append(Problem(ANALYSIS_INCOMPLETE.code, message, finding.place, internal=True))
        return False

    def _restore(self, reasons: Mapping[str, str]) -> None:
        """Take all fixes of some files back, and say why."""
        if not reasons:
            return
        for name, message in sorted(reasons.items()):
            self.current[name] = self.original[name]
            self.failed.append(Problem(ANALYSIS_INCOMPLETE.code, message, Place(name, 1, 1, 1, 1), internal=True))
        self.fixed = [f for f in self.fixed if not any(edit.place.path in reasons for edit in _edits(f))]
        self.report = self._check(self.current)


def _edits(finding: Finding) -> Sequence[Edit]:
    return finding.fix.edits if finding.fix is not None else ()


def _adds_lines(finding: Finding) -> bool:
    """Whether a fix leaves every line as it is, and adds others."""
    return all(
        "\n" in edit.content and (edit.place.line, edit.place.column) == (edit.place.end_line, edit.place.end_column)
        for edit in _edits(finding)
    )


def _key(finding: Finding) -> _Key:
    return finding.code, finding.place.path, finding.place.line, finding.place.column


def _parses(source: Source) -> bool:
    from bn_lint.static.syntax.parse import ParseError, parse

    try:
        parse(source.text)
    except ParseError:
        return False
    return True
