"""Which places of which scripts are changed: few, so that each repository counts for about as much."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import libcst as cst

from benchmarks.modes.operators import controls, mutations
from benchmarks.mutation.mutants import CONTROL, Mutant

#: How many scripts of a repository are changed that train, and that only evaluate.
TRAINING, EVALUATION = 1, 1
#: Operators of which one is drawn for a script.
KINDS = (("no-eval", "no-parentheses"), ("no-train",), ("batch-of-one",), ("no-drop-last",), ("no-freeze",))
#: Bytes of Python up to which all of a repository is linted for each change.
SMALL = 40_000
_ASYNC = re.compile(rb"\basync(?=\s*=)")
_LEARNS = re.compile(r"\.backward\(|\.step\(|\.minimize\(|automatic_optimization")
_MODE = re.compile(r"\.(eval|train)\(\)")
_NO_SCRIPTS = ("test_", "tests", "conftest", "setup.py")


@dataclass(frozen=True)
class _Rewritten(Mutant):
    changes: tuple[Mutant, ...]

    def apply(self, source: bytes) -> str:
        text = source
        for change in sorted(self.changes, key=lambda one: (one.line, one.span), reverse=True):
            text = change.apply(text).encode()
        return text.decode()


def scripts(tree: Path) -> list[str]:
    """Returns the scripts of a repository that are changed, as paths in it."""
    training, evaluation = [], []
    for path in sorted(tree.rglob("*.py")):
        text = path.read_text(encoding="utf-8", errors="replace")
        name = path.relative_to(tree).as_posix()
        if _MODE.search(text) and not any(part.startswith(_NO_SCRIPTS) for part in Path(name).parts):
            (training if _LEARNS.search(text) else evaluation).append(name)
    return [*_drawn(training, TRAINING), *_drawn(evaluation, EVALUATION)]


def chosen(tree: Path, path: str) -> Iterator[Mutant]:
    """Yields the mutants of a script: one of each kind, drawn by a hash of their places."""
    # `cuda(async=True)` is no syntax of Python 3; the word is replaced by one of the same length to find the places.
    text = _ASYNC.sub(b"asynk", (tree / path).read_bytes())
    try:
        found = mutations(path, text)
    except (cst.ParserSyntaxError, UnicodeDecodeError):  # Python 2
        return
    for kind in KINDS:
        places = {f"{mutant.line}:{mutant.operator}": mutant for mutant in found if mutant.operator in kind}
        yield from (places[place] for place in _drawn(list(places), 1, path))


def rewritten(tree: Path, path: str) -> Mutant:
    """Returns the control of a script: equivalent spellings of all its places at once."""
    changes = tuple(controls(path, _ASYNC.sub(b"asynk", (tree / path).read_bytes())))
    return _Rewritten(CONTROL, path, 0, "", "", (0, 0, 0, 0), (), changes)


def linted(tree: Path, path: str) -> tuple[str, ...]:
    """Returns what is linted for a change of a script: all of a small repository, else the script and what names it."""
    sources = {each: each.read_bytes() for each in sorted(tree.rglob("*.py"))}
    if sum(map(len, sources.values())) <= SMALL:
        return (".",)
    name = re.compile(rb"\bimport\b.*\b%s\b|\bfrom\b.*\b%s\b.*\bimport\b" % ((Path(path).stem.encode(),) * 2))
    callers = [each.relative_to(tree).as_posix() for each, text in sources.items() if name.search(text)]
    return (path, *(each for each in callers if each != path))


def _drawn(names: list[str], count: int, salt: str = "") -> list[str]:
    def order(name: str) -> bytes:
        return hashlib.sha256(f"{salt}{name}".encode()).digest()

    return sorted(sorted(names, key=order)[:count])
