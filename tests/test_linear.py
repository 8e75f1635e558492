"""What a hostile text may make long takes time in proportion to the text: eight times as long, not sixty-four."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import bn_lint
import bn_lint_rules
from bn_lint.check.add_ignore import IgnoreComments
from bn_lint.check.fix import offered
from bn_lint.check.suppress import directives_in, suppress, unused
from bn_lint.facts import Place
from bn_lint.project.edits import Edits, Span
from bn_lint.project.source import Source, Sources
from bn_lint.rule import Applicability, Edit, Fix
from bn_lint.static.syntax.data_flow import fate_of
from bn_lint.static.syntax.lower import read
from bn_lint.static.syntax.tree import walk

from .builders import finding

pytestmark = pytest.mark.slow

#: What may not be installed, and modules need that are about it.
_OPTIONAL = {"torch", "pygls", "lsprotocol", "sympy"}
#: Read on the command line, and not in a checked file.
_OF_THE_USER = {"bn_lint.check.explain_line._PLACE"}


def grows(run: Callable[[int], object], small: int, *, least: float = 1e-3) -> bool:
    """Whether eight times as much takes far more than eight times as long."""

    def seconds(size: int) -> float:
        began = time.process_time()
        run(size)
        return time.process_time() - began

    limit = 24 * max(min(seconds(small) for _ in range(3)), least)
    return not any(seconds(8 * small) < limit for _ in range(3))


# -- regular expressions ----------------------------------------------------------------------------------------------


def patterns() -> Iterator[tuple[str, re.Pattern[Any], bool]]:
    """The patterns that stand in modules of bn-lint, and whether they are only matched from where a text begins."""
    for package in (bn_lint, bn_lint_rules):
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if ".runtime.recording" in found.name or found.name.endswith("__main__"):
                continue  # these import torch
            try:
                module = importlib.import_module(found.name)
            except ModuleNotFoundError as error:
                if error.name in _OPTIONAL:
                    continue
                raise
            if module.__name__ not in sys.modules:
                continue
            source = inspect.getsource(module)
            for name, value in vars(module).items():
                is_own = isinstance(value, re.Pattern) and re.search(rf"^{name}\b", source, re.MULTILINE)
                if is_own and f"{module.__name__}.{name}" not in _OF_THE_USER:
                    yield f"{module.__name__}.{name}", value, not _is_searched(name, source)


def _is_searched(name: str, source: str) -> bool:
    used = re.findall(rf"\b{name}(?:\.(\w+))?", source)
    return bool({"search", "finditer", "findall", "sub", "split", ""} & set(used[1:]))


PATTERNS = {name: (pattern, anchored) for name, pattern, anchored in patterns()}


def pieces(pattern: re.Pattern[Any]) -> list[str]:
    """What a text may repeat: what stands in the pattern itself, and what most patterns say something about."""
    text = pattern.pattern if isinstance(pattern.pattern, str) else pattern.pattern.decode()
    own = sorted(set(re.findall(r"[a-z_]{2,}|[^\w\s]", text)))[:30]
    usual = [
        " ",
        "\n",
        "a",
        "0",
        "_",
        "\\",
        '"',
        "'",
        "(",
        "[",
        ".",
        ",",
        "#",
        "%",
        "=",
        "a.",
        "a ",
        "a,",
        '\\"',
        "\\'",
    ]
    return [*usual, *own, *(f"{one} " for one in own), *(f"{one}a" for one in own), *(one + one for one in own)]


@pytest.mark.parametrize("name", PATTERNS)
def test_regular_expressions(name: str) -> None:
    pattern, anchored = PATTERNS[name]
    starts = ["", *[one for one in pieces(pattern) if one.isalpha()][:3]]
    slow = []
    for piece in pieces(pattern):
        for start in starts:

            def read(size: int, start: str = start, piece: str = piece) -> None:
                text: Any = start + piece * (size // len(piece)) + "\0"
                text = text if isinstance(pattern.pattern, str) else text.encode()
                if anchored:
                    pattern.match(text)
                    pattern.fullmatch(text)
                else:
                    for _ in pattern.finditer(text):
                        pass

            began = time.process_time()
            read(4_000)
            if time.process_time() - began > 0.004 and grows(read, 1_000):
                slow.append(start + piece)
    assert not slow


# -- findings, comments and edits of one file -------------------------------------------------------------------------


def many(size: int, line: str) -> tuple[Source, list[Any]]:
    source = Source(Path("/model.py"), "model.py", line * size)
    at = [Place("model.py", number, 1, number, 2) for number in range(1, size + 1)]
    fix = [Fix(Applicability.SAFE, (Edit(place, "b"),)) for place in at]
    return source, [replace(finding(at=place), fix=one) for place, one in zip(at, fix)]


@pytest.mark.parametrize(
    "line", ["a()  # bn-lint: ignore[BN401]\n", "# bn-lint: ignore[BN401]\n", "a(  # noqa: BN401\n"]
)
def test_comments_that_silence(line: str) -> None:
    def run(size: int) -> None:
        source, findings = many(size, line)
        directives = list(directives_in(source))
        suppress(findings, directives)
        list(unused(directives, findings, findings[:3]))

    assert not grows(run, 500)


def test_comments_that_are_written() -> None:
    def run(size: int) -> None:
        source, findings = many(size, "a()\n")
        comments = IgnoreComments(source)
        for one in findings:
            comments.edits([one])
        source.edited(comments.edits(findings))

    assert not grows(run, 500)


def test_fixes_that_are_offered() -> None:
    def run(size: int) -> None:
        source, findings = many(size, "a()\n")
        sources = Sources([source])
        for one in findings:
            offered(one, sources)

    assert not grows(run, 500)


def test_edits() -> None:
    def run(size: int) -> None:
        edits = Edits()
        for at in range(size):
            assert edits.leave_room_for([Span(at, at + 1, "bc")])
            edits.add([Span(at, at + 1, "bc")])
        for at in range(size):
            assert edits.moved(at) == (2 * at, 2 * at)

    assert not grows(run, 1_000)


# -- statements -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "program",
    [
        "if a:\n    x{0} = 1\nelse:\n    y{0} = 2\n",
        "self.a{0} = x{0}\nself.f(y)\n",
        "for i in a:\n    x{0} = i\n",
        "try:\n    x{0} = 1\nexcept E:\n    pass\n",
    ],
)
def test_what_becomes_of_a_result(program: str) -> None:
    def prepared(size: int) -> Callable[[], object]:
        tree = read("r = model(x)\n" + "".join(program.format(number) for number in range(size)))
        call = next(node for node in walk(tree) if type(node).__name__ == "Call")
        return lambda: fate_of(tree, call)

    flows = {size: [prepared(size) for _ in range(3)] for size in (100, 800)}  # an answer is kept
    assert not grows(lambda size: flows[size].pop()(), 100)


@pytest.mark.parametrize("nested", ["(x := {})", "[i for i in {}]", "await_({})"])
def test_nested_expressions_are_followed_once(nested: str) -> None:
    text = "model(x)"
    for _ in range(60):
        text = nested.format(text)
    tree = read(f"y = {text}\n")
    call = [node for node in walk(tree) if type(node).__name__ == "Call"][-1]
    assert fate_of(tree, call).effort < 2_000
