"""Writes a comment at each finding, so that a project can begin with a clean run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from bn_lint.check.suppress import Directive, directives_in, statements_in
from bn_lint.project.edits import Span
from bn_lint.project.source import Source, Sources
from bn_lint.project.tool_codes import TOOL_CODES
from bn_lint.project.writing import ChangedError, write
from bn_lint.rule import Finding


@dataclass
class Added:
    """How many comments were written, into how many files; and one sentence for each file that could not be changed."""

    comments: int = 0
    files: int = 0
    failures: list[str] = field(default_factory=list)


def add_ignores(findings: Iterable[Finding], sources: Sources, reason: str = "") -> Added:
    """Write `# bn-lint: ignore[CODE]` at every finding.

    Args:
        findings: Those of bn-lint itself, such as syntax errors, are left alone.
        sources: The files as they were judged.
        reason: What is to stand behind the comment.
    """
    by_file: dict[str, list[Finding]] = {}
    for finding in findings:
        if finding.code not in TOOL_CODES:
            by_file.setdefault(finding.place.path, []).append(finding)
    added = Added()
    for display, own in by_file.items():
        source = sources.given(display)
        if source is None:
            continue
        edits = IgnoreComments(source, reason).edits(own)
        try:
            write(source.path, source.edited(edits).data, expected=source.data)
        except ChangedError:
            added.failures.append(f"{display} changed while it was checked; it got no comments.")
        except UnicodeEncodeError as error:  # only what the user gave as a reason can be the cause
            added.failures.append(f"{display} cannot be changed: {error.encoding} has no bytes for the reason.")
        except OSError as error:
            because = (error.strerror or str(error)).lower()
            added.failures.append(f"{display} cannot be changed: {because}.")
        else:
            added.comments += len(edits)
            added.files += 1
    return added


class IgnoreComments:
    """The comments that findings in one file would get."""

    def __init__(self, source: Source, reason: str = "") -> None:
        self._source = source
        self._reason = reason
        self._statements = statements_in(source)
        self._present = {
            (each.first, each.last): each for each in directives_in(source) if each.kind == "ignore" and each.selectors
        }

    def edits(self, findings: Iterable[Finding]) -> list[Span]:
        """One edit for each comment that is written or extended."""
        wanted: dict[tuple[int, int], list[str]] = {}
        for finding in findings:
            span = self._statements.get(finding.place.line, (finding.place.line, finding.place.line))
            codes = wanted.setdefault(span, [])
            if finding.code not in codes:
                codes.append(finding.code)
        return [self._edit(first, last, sorted(codes)) for (first, last), codes in sorted(wanted.items())]

    def _edit(self, first: int, last: int, codes: Sequence[str]) -> Span:
        directive = self._present.get((first, last))
        if directive is not None:
            return self._extended(directive, codes)
        start, code = self._source.places.offset(first, 1), self._source.lines[first - 1]
        comment = f"# bn-lint: ignore[{', '.join(codes)}]" + (f" {self._reason}" if self._reason else "")
        if first == last:
            return Span(start + len(code.rstrip()), start + len(code), f"  {comment}")
        # A formatter may move what stands inside a statement of several lines, but not what stands above it.
        indent = code[: len(code) - len(code.lstrip())]
        return Span(start, start, f"{indent}{comment}{self._source.places.newline_at(start)}")

    def _extended(self, directive: Directive, codes: Sequence[str]) -> Span:
        line = self._source.lines[directive.line - 1]
        first = line.index("[", directive.column - 1) + 1
        last = line.index("]", first)
        start = self._source.places.offset(directive.line, 1)
        return Span(start + first, start + last, ", ".join(dict.fromkeys([*(directive.selectors or ()), *codes])))
