"""Writes a comment at each finding, so that a project can begin with a clean run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bn_lint.check.suppress import Directive, directives_in, statements_in
from bn_lint.errors import PathError
from bn_lint.project.edits import NEWLINE, difference
from bn_lint.project.source import Source, display_path, from_bytes
from bn_lint.project.tool_codes import TOOL_CODES
from bn_lint.rule import Finding


@dataclass(frozen=True)
class Added:
    """How many comments were written, into how many files."""

    comments: int
    files: int


def add_ignores(findings: Iterable[Finding], files: Mapping[str, Path], reason: str = "") -> Added:
    """Write `# bn-lint: ignore[CODE]` at every finding.

    Args:
        findings: Those of bn-lint itself, such as syntax errors, are left alone.
        files: The path of each file by how reports call it.
        reason: What is to stand behind the comment.

    Raises:
        PathError: a file cannot be written.
        SourceError: a file can no longer be read.
    """
    by_file: dict[str, list[Finding]] = {}
    for finding in findings:
        if finding.code not in TOOL_CODES and finding.place.path in files:
            by_file.setdefault(finding.place.path, []).append(finding)
    comments = 0
    for display, own in by_file.items():
        path = files[display]
        try:
            data = path.read_bytes()
            source = from_bytes(data, path, display)
            text, added = with_ignores(source, own, reason)
            path.write_bytes(source.edited(difference(source.text, text)).data)
        except OSError as error:
            because = (error.strerror or str(error)).lower()
            raise PathError(f"{display_path(path)} cannot be changed: {because}.") from error
        comments += added
    return Added(comments, len(by_file))


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
