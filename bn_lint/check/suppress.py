"""Comments that silence findings.

`# bn-lint: ignore[BN401]` covers the statement it stands in, or the one right below it; `# bn-lint: file-ignore[BN401]`
covers the file; `# noqa: BN401` and a bare `# noqa` cover the statement they stand in.
"""

from __future__ import annotations

import re
import tokenize
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from bn_lint.check.registry import PREFIX
from bn_lint.project.selectors import ALL, Named, covers, unknown_selector
from bn_lint.project.source import Source
from bn_lint.project.tool_codes import TOOL_CODES
from bn_lint.rule import Finding

_MENTION = re.compile(r"bn-lint\s*:|noqa", re.IGNORECASE)
_NAMES = re.compile(r"[\w-]+")
_OWN = re.compile(r"#\s*bn-lint\s*:\s*(?P<kind>[\w-]*)\s*(?:\[(?P<selectors>[^\]]*)\])?", re.IGNORECASE)
_NOQA = re.compile(r"#\s*noqa\b(?!-)(?:\s*:\s*(?P<selectors>[^#]*))?", re.IGNORECASE)
_COMMENT_ONLY = re.compile(r"\s*#")
_INVISIBLE = frozenset({tokenize.NL, tokenize.INDENT, tokenize.DEDENT, tokenize.ENCODING, tokenize.ENDMARKER})


@dataclass(frozen=True)
class Directive:
    """One silencing comment.

    Attributes:
        line: Where the comment is, and the columns from its `#` to its end (1-based, the end is exclusive).
        selectors: What it silences; None for everything.
        first: The first and last line it covers; `last` None for the whole file.
        kind: The comment as its writer calls it: `ignore`, `file-ignore` or `noqa`.
    """

    line: int
    selectors: tuple[str, ...] | None
    first: int
    last: int | None
    kind: str = "ignore"
    column: int = 1
    end_column: int = 1

    def means(self, named: Named) -> bool:
        """Whether the comment silences a rule where it applies."""
        return self.selectors is None or any(covers(selector, named) for selector in self.selectors)


class _Reached:
    """The findings of one file by where they are, so that each comment need not ask each finding."""

    def __init__(self, findings: Iterable[Finding]) -> None:
        self._by_line: defaultdict[int, list[Finding]] = defaultdict(list)
        for finding in findings:
            self._by_line[finding.place.line].append(finding)
        self._known: dict[tuple[int, int | None], dict[tuple[str, str], list[Finding]]] = {}

    def by(self, directive: Directive) -> dict[tuple[str, str], list[Finding]]:
        """The findings where a comment applies, by code and name."""
        where = directive.first, directive.last
        found = self._known.get(where)
        if found is None:
            found = self._known[where] = {}
            first, last = where
            for line in self._by_line if last is None else range(first, last + 1):
                for finding in self._by_line.get(line, ()):
                    found.setdefault((finding.code, finding.name), []).append(finding)
        return found


def suppress(findings: Iterable[Finding], directives: Iterable[Directive]) -> list[Finding]:
    """Mark the findings of one file that a comment silences. Findings of the tool itself stay as they are."""
    findings = list(findings)
    reached = _Reached(finding for finding in findings if finding.code not in TOOL_CODES)
    silenced: set[int] = set()
    done: set[tuple[int, int | None, tuple[str, str]]] = set()
    for directive in directives:
        for kind, same in reached.by(directive).items():
            where = (directive.first, directive.last, kind)
            if where not in done and directive.means(same[0]):
                done.add(where)
                silenced.update(map(id, same))
    return [replace(finding, suppressed=True) if id(finding) in silenced else finding for finding in findings]


def unused(
    directives: Iterable[Directive], findings: Sequence[Finding], rules: Sequence[Named]
) -> Iterator[tuple[Directive, tuple[str, ...]]]:
    """The comments that name rules without need, each with the codes and names in question.

    Args:
        directives: Of one file.
        findings: In this file, also those of rules that are off.
        rules: Those that are on in it; nothing is said about a selector that means none of them.
    """
    reached = _Reached(findings)
    for directive in directives:
        idle = tuple(
            selector
            for selector in directive.selectors or ()
            if any(covers(selector, rule) for rule in rules)
            and not any(covers(selector, same[0]) for same in reached.by(directive).values())
        )
        if idle:
            yield directive, idle


def mentions_linters(text: str) -> bool:
    """Whether a comment in the text may be meant for bn-lint, or for linters in general."""
    return _MENTION.search(text) is not None


def names_rules(source: Source, packages: Sequence[str]) -> bool:
    """Whether a comment may name rules of bn-lint; most of those for linters in general name others.

    Args:
        packages: The rule packages besides the built-in one.
    """
    for line in source.lines:
        if _MENTION.search(line):
            found = _NOQA.search(line)
            selectors = (_noqa_selectors(found["selectors"]) if found is not None else None) or ()
            if _OWN.search(line) or any(packages or _may_be_built_in(selector) for selector in selectors):
                return True
    return False


def _may_be_built_in(selector: str) -> bool:
    code = selector.upper()
    return code == ALL or "-" in selector or code.startswith(PREFIX) or PREFIX.startswith(code)


def directives_in(source: Source) -> Iterator[Directive]:
    """The silencing comments of a file, which need not be valid Python."""
    if not _MENTION.search(source.text):
        return
    comments, statements = _layout(source)
    below = _statements_below(source.lines, statements)
    for line, start, comment in comments:
        statement = statements.get(line)
        if (noqa := _NOQA.search(comment)) is not None:
            first, last = statement or (line, line)
            yield Directive(line, _noqa_selectors(noqa["selectors"]), first, last, "noqa", *_columns(noqa, start))
        for own in _OWN.finditer(comment):
            kind, selectors = own["kind"].lower(), _split(own["selectors"] or "")
            if kind == "file-ignore":
                yield Directive(line, selectors, 1, None, kind, *_columns(own, start))
            elif kind == "ignore":
                first, last = statement or below.get(line, (line, line))
                yield Directive(line, selectors, first, last, kind, *_columns(own, start))


def _columns(found: re.Match[str], start: int) -> tuple[int, int]:
    """Where a comment begins and ends in its line, 1-based; a reason belongs to it, a further comment does not."""
    more = found.string.find("#", found.start() + 1)
    end = len(found.string[: more if more >= 0 else None].rstrip())
    return start + found.start() + 1, start + end + 1


def statements_in(source: Source) -> dict[int, tuple[int, int]]:
    """For each line of a statement: the first and last line of that statement."""
    return _layout(source)[1]


def mistakes_in(source: Source, rules: Callable[[], Sequence[Named]]) -> Iterator[tuple[int, str]]:
    """Comments meant for bn-lint that silence nothing, as they are written: the line, and one sentence.

    Args:
        rules: Gives the rules that there are, where a comment names one.
    """
    if not _MENTION.search(source.text):
        return
    for line, _, comment in _layout(source)[0]:
        for own in _OWN.finditer(comment):
            selectors = _split(own["selectors"] or "")
            if own["kind"].lower() not in ("ignore", "file-ignore"):
                yield line, f'"bn-lint: {own["kind"]}" is no known comment; write "bn-lint: ignore[CODE]".'
            elif not selectors:
                yield line, f'"bn-lint: {own["kind"]}" needs codes or names in brackets, such as [BN401].'
            for selector in selectors:
                problem = unknown_selector(selector, rules())
                if problem is not None:
                    yield line, f'"bn-lint: {own["kind"]}": {problem}{"" if problem.endswith("?") else "."}'


def _split(text: str) -> tuple[str, ...]:
    return tuple(_NAMES.findall(text))


def _noqa_selectors(text: str | None) -> tuple[str, ...] | None:
    return _split(text) if text is not None and text.strip() else None


Span = tuple[int, int]


@lru_cache(maxsize=1)  # several ask for that of a file, one after the other
def _layout(source: Source) -> tuple[list[tuple[int, int, str]], dict[int, Span]]:
    """The comments of a file (line, offset in it, text), and for each line of a statement the lines of that statement.

    Where the text stops being Python (or is newer than the running Python), each line counts as a statement.
    """
    comments: list[tuple[int, int, str]] = []
    statements: dict[int, Span] = {}
    start: int | None = None
    done = 0
    lines = source.lines
    rest = iter(lines)
    try:
        for token in tokenize.generate_tokens(lambda: next(rest) + "\n"):
            if token.type == tokenize.COMMENT:
                comments.append((*token.start, token.string))
            elif token.type == tokenize.NEWLINE:
                first = token.start[0] if start is None else start
                done = token.start[0]
                statements.update(dict.fromkeys(range(first, done + 1), (first, done)))
                start = None
            elif token.type not in _INVISIBLE and start is None:
                start = token.start[0]
        if start is None:
            return comments, statements
    except (tokenize.TokenError, SyntaxError):
        pass
    comments = [comment for comment in comments if comment[0] <= done]
    for number, text in enumerate(lines[done:], done + 1):
        position = text.find("#")
        if position >= 0:
            comments.append((number, position, text[position:]))
        if text.strip() and not _COMMENT_ONLY.match(text):
            statements[number] = (number, number)
    return comments, statements


def _statements_below(lines: Sequence[str], statements: dict[int, Span]) -> dict[int, Span]:
    """For each line of comments: the statement behind it, if there are only such lines between."""
    below: dict[int, Span] = {}
    for line in range(len(lines) - 1, 0, -1):
        span = statements.get(line + 1) or (below.get(line + 1) if _COMMENT_ONLY.match(lines[line]) else None)
        if span is not None:
            below[line] = span
    return below
