"""Reads Markdown specifications, and compares what they promise with what bn-lint and PyTorch really say.

A specification is a Markdown file. Headings name the tests, Python fences under one heading are their files, and
comments in them are the expectations. CONTRIBUTING.md describes the format for its writers.
"""

from __future__ import annotations

import re
import shlex
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

#: Rules that say "PyTorch raises here": what they report as an error must be seen to raise.
ORACLE = frozenset({"BN001", "BN002", "BN003", "BN004", "BN006"})
SEVERITIES = ("error", "warning", "info")

_HEADING = re.compile(r"(#{1,6})\s+(.*?)\s*#*\s*$")
_FENCE = re.compile(r"(`{3,}|~{3,})\s*(.*)$")
_EXPECTATION = re.compile(r'#\s*(error|warning|info):\s*\[(\w+)\](?:\s*"([^"]*)")?')
_REVEALED = re.compile(r"#\s*revealed:\s*(.+?)\s*(?=# revealed:|$)")
_COMMENT = re.compile(r"#\s*(?:error|warning|warn|info|revealed)\b\s*[:\[]")


class SpecificationError(Exception):
    """A specification that cannot be read."""


@dataclass(frozen=True)
class Expected:
    """A finding that a comment promises, on a line of the code."""

    severity: str
    code: str
    text: str
    line: int

    def __str__(self) -> str:
        return f"{self.severity} [{self.code}]" + (f' "{self.text}"' if self.text else "")


@dataclass(frozen=True)
class Reported:
    """A finding as bn-lint reported it. `path` is relative to the project under test."""

    path: str
    line: int
    severity: str
    code: str
    message: str

    def answers(self, expected: Expected) -> bool:
        same = (self.severity, self.code, self.line) == (expected.severity, expected.code, expected.line)
        return same and expected.text in self.message

    def __str__(self) -> str:
        return f"{self.severity} [{self.code}] {self.message}"


@dataclass
class CodeFile:
    """One file of a test. `origins` holds the line of the specification for each line of the code."""

    title: str
    lines: list[str] = field(default_factory=list)
    origins: list[int] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "".join(f"{line}\n" for line in self.lines)

    def origin(self, line: int) -> int:
        return self.origins[min(max(line, 1), len(self.origins)) - 1] if self.origins else 1


@dataclass
class Specification:
    """One test of a specification: its files, and how PyTorch is expected to take them."""

    name: str
    path: Path
    line: int
    files: dict[str, CodeFile] = field(default_factory=dict)
    run: bool = False
    raises: str | None = None
    unrun: str | None = None
    #: The code runs under the tracer, and its comments are compared with what the tracer reports.
    trace: bool = False
    #: In so many processes, as torchrun starts them.
    processes: int = 1
    #: What fixing makes of the files.
    fixed: dict[str, CodeFile] = field(default_factory=dict)
    #: Only safe fixes are made.
    safe: bool = False
    #: Fixing leaves the files as they are.
    unfixed: bool = False

    @property
    def executes(self) -> bool:
        return (self.run or self.raises is not None) and not self.trace

    @property
    def entry(self) -> str:
        """The file to run."""
        return "test.py" if "test.py" in self.files else list(self.files)[-1]

    def verify(self) -> None:
        """Raise SpecificationError unless the test says how PyTorch takes its code, where that must be known."""
        if (self.run, self.raises is not None, self.unrun is not None).count(True) > 1:
            raise SpecificationError(f"{self.path}:{self.line}: give one of `run`, `raises=` and `unrun=`")
        expected = [one for file in self.files.values() for one in expectations(file.lines)]
        if self.unrun is None and self.raises is None and not self.trace:
            proven = [one for one in expected if one.severity == "error" and one.code in ORACLE]
            if proven:
                wants = 'must carry raises="part of the message" or unrun="reason"'
                raise SpecificationError(f"{self.path}:{self.line}: {self.name} expects {proven[0]}, so it {wants}")
            if not expected and not self.run:
                wants = 'must carry `run` or unrun="reason"'
                raise SpecificationError(f"{self.path}:{self.line}: {self.name} expects no finding, so it {wants}")


def read(path: Path, text: str) -> list[Specification]:
    """The tests of one Markdown file, in order.

    Raises:
        SpecificationError: the file is not a well-formed specification.
    """
    tests: dict[str, Specification] = {}
    names: set[str] = set()
    headings: list[tuple[int, str]] = []
    lines = text.splitlines()
    number = 0
    while number < len(lines):
        line = lines[number]
        number += 1
        if heading := _HEADING.match(line):
            level = len(heading[1])
            headings = [*(one for one in headings if one[0] < level), (level, heading[2])]
            name = _name(headings)
            if name in names:
                raise SpecificationError(f"{path}:{number}: a second test is named {name}")
            names.add(name)
        elif fence := _FENCE.match(line):
            start = number
            while number < len(lines) and lines[number].rstrip() != fence[1]:
                number += 1
            if number == len(lines):
                raise SpecificationError(f"{path}:{start}: this fence is never closed")
            if fence[2].split(" ", 1)[0] in ("python", "py"):
                test = tests.setdefault(_name(headings), Specification(_name(headings), path, start))
                file = _apply_info(test, fence[2], f"{path}:{start}")
                file.lines += lines[start:number]
                file.origins += range(start + 1, number + 1)
            number += 1
    for test in tests.values():
        test.verify()
    return list(tests.values())


def _name(headings: Sequence[tuple[int, str]]) -> str:
    """`Residual blocks` under `Shapes` is `shapes/residual-blocks`; the title of the document is left out."""
    titles = [title for _, title in headings]
    nested = titles[1:] if len(titles) > 1 and headings[0][0] == 1 else titles
    return "/".join(re.sub(r"[^a-z0-9_.]+", "-", title.lower()).strip("-") for title in nested) or "untitled"


def _apply_info(test: Specification, info: str, where: str) -> CodeFile:
    title = "test.py"
    files = test.files
    for word in shlex.split(info)[1:]:
        key, equals, value = word.partition("=")
        if key == "title" and equals:
            title = value
        elif key == "raises" and equals:
            test.raises = value
        elif key == "unrun" and equals and value:
            test.unrun = value
        elif word == "run":
            test.run = True
        elif word == "trace":
            test.trace = True
        elif key == "processes" and value.isdecimal() and test.trace:
            test.processes = int(value)
        elif word == "unfixed":
            test.unfixed = True
        elif word == "fixed" or (key, value) == ("fixed", "safe"):
            files = test.fixed
            test.safe = bool(equals)
        else:
            raise SpecificationError(f"{where}: unknown word in the info string: {word}")
    path = PurePosixPath(title)
    if path.is_absolute() or ".." in path.parts:
        raise SpecificationError(f"{where}: the title leaves the project: {title}")
    if title != "test.py" and title in files:
        raise SpecificationError(f"{where}: a second file is named {title}")
    return files.setdefault(title, CodeFile(title))


def expectations(lines: Sequence[str]) -> list[Expected]:
    """The findings that comments promise. A comment on a line of its own speaks of the next line of code.

    Raises:
        SpecificationError: a comment looks like an expectation and is none.
    """
    found: list[Expected] = []
    waiting: list[re.Match[str]] = []
    for number, line in enumerate(lines, 1):
        matches = list(_EXPECTATION.finditer(line))
        if len(_COMMENT.findall(line)) != len(matches) + len(_REVEALED.findall(line)):
            raise SpecificationError(f"line {number}: cannot read the expectation in: {line.strip()}")
        if matches and line.lstrip().startswith("#"):
            waiting += matches
            continue
        found += [Expected(match[1], match[2], match[3] or "", number) for match in waiting + matches]
        waiting = []
    if waiting:
        raise SpecificationError(f"no line of code follows the expectation {waiting[0][0]}")
    return found


def without_expectations(text: str) -> str:
    """The code without the comments that promise findings: fixes keep comments, and a result promises nothing."""
    return re.sub(r"^[ \t]*# (?:error|warning|info): \[.*\n|[ \t]*# (?:error|warning|info): \[.*", "", text, flags=re.M)


def revelations(lines: Sequence[str]) -> dict[int, list[str]]:
    """What `reveal(...)` is expected to show, line by line."""
    return {number: shown for number, line in enumerate(lines, 1) if (shown := _REVEALED.findall(line))}


def disagreements(expected: Sequence[Expected], reported: Sequence[Reported]) -> Iterator[tuple[int, str]]:
    """Yield each broken promise as (line, sentence): expected and not reported, or reported and not expected."""
    left = list(reported)
    # The most demanding expectations choose first, so that one without a text cannot take another's finding.
    for one in sorted(expected, key=lambda one: -len(one.text)):
        answer = next((candidate for candidate in left if candidate.answers(one)), None)
        if answer is None:
            near = [str(candidate) for candidate in left if candidate.line == one.line]
            yield one.line, f"expected {one}, " + (f"got {'; '.join(near)}" if near else "nothing was reported")
        else:
            left.remove(answer)
    for unexpected in left:
        yield unexpected.line, f"unexpected {unexpected}"


def spoken_of(reported: Sequence[Reported], codes: Collection[str]) -> list[Reported]:
    """What a test has to account for: all findings, those of severity `info` only of rules that it speaks of.

    Rules of that severity are off by default because they report what is common and does no harm.
    """
    return [one for one in reported if one.severity != "info" or one.code in codes]


def unlike(expected: Mapping[int, list[str]], shown: Sequence[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    """Yield each line on which `reveal` did not show what its comments say."""
    actual: dict[int, list[str]] = {}
    for line, text in shown:
        actual.setdefault(line, []).append(text)
    for line in sorted({*expected, *actual}):
        wanted, got = expected.get(line, []), actual.get(line, [])
        if Counter(wanted) != Counter(got):
            yield line, f"expected to reveal {' and '.join(wanted) or 'nothing'}, got {' and '.join(got) or 'nothing'}"
