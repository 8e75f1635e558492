"""Writes a comment at each finding, so that a project can begin with a clean run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from bn_lint.check.suppress import Directive, directives_in, statements_in
from bn_lint.project.edits import NEWLINE, difference
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
        text, comments = with_ignores(source, own, reason)
        try:
            write(source.path, source.edited(difference(source.text, text)).data, expected=source.data)
        except ChangedError:
            added.failures.append(f"{display} changed while it was checked; it got no comments.")
        except UnicodeEncodeError as error:  # only what the user gave as a reason can be the cause
            added.failures.append(f"{display} cannot be changed: {error.encoding} has no bytes for the reason.")
        except OSError as error:
            because = (error.strerror or str(error)).lower()
            added.failures.append(f"{display} cannot be changed: {because}.")
        else:
            added.comments += comments
            added.files += 1
    return added


def with_ignores(source: Source, findings: Sequence[Finding], reason: str = "") -> tuple[str, int]:
    """The text of a file with comments for its findings, and how many comments were written or extended."""
    statements = statements_in(source)
    wanted: dict[tuple[int, int], list[str]] = {}
    for finding in findings:
        span = statements.get(finding.place.line, (finding.place.line, finding.place.line))
        codes = wanted.setdefault(span, [])
        if finding.code not in codes:
            codes.append(finding.code)
    present = {
        (each.first, each.last): each for each in directives_in(source) if each.kind == "ignore" and each.selectors
    }
    lines = _with_ends(source.text)
    for (first, last), codes in sorted(wanted.items(), reverse=True):
        directive = present.get((first, last))
        if directive is not None:
            lines[directive.line - 1] = _extended(lines[directive.line - 1], directive, codes)
            continue
        comment = f"# bn-lint: ignore[{', '.join(sorted(codes))}]" + (f" {reason}" if reason else "")
        line = lines[first - 1]
        code = line.rstrip("\r\n")
        if first == last:
            lines[first - 1] = f"{code.rstrip()}  {comment}{line[len(code) :]}"
        else:
            # A formatter may move what stands inside a statement of several lines, but not what stands above it.
            indent = code[: len(code) - len(code.lstrip())]
            lines.insert(first - 1, f"{indent}{comment}{line[len(code) :]}")
    return "".join(lines), len(wanted)


def _extended(line: str, directive: Directive, codes: Sequence[str]) -> str:
    before, comment = line[: directive.column - 1], line[directive.column - 1 :]
    head, _, rest = comment.partition("[")
    selectors = [*(directive.selectors or ()), *sorted(codes)]
    return f"{before}{head}[{', '.join(dict.fromkeys(selectors))}]{rest.partition(']')[2]}"


def _with_ends(text: str) -> list[str]:
    """The lines of a text, each with its end."""
    lines, start = [], 0
    for end in NEWLINE.finditer(text):
        lines.append(text[start : end.end()])
        start = end.end()
    return [*lines, text[start:]] if start < len(text) else lines
