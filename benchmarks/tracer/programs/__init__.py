"""Reads the programs: faulty ones, each with its healthy twin, and methods that are published and right.

The files in `faulty` and `methods` are collections, and no modules. In `faulty`, a line `# %% A1 what is wrong: BN101
BN104` begins a program, with the class of misuse and the codes that a right finding may have. A line that ends with
`# faulty` stands in the faulty program alone, one with `# healthy` in its twin alone; all else stands in both. In
`methods`, headings have neither class nor codes. Each program comes behind `preamble.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_FOLDER = Path(__file__).parent
_HEADING = re.compile(r"^# %% (.*)\n", re.MULTILINE)
_FAULT = re.compile(r"(?P<kind>[A-Z]\d+) (?P<title>.*?)(?: \((?P<processes>\d+) processes\))?: (?P<codes>BN\d{3}.*)")
_MARK = re.compile(r" *# (faulty|healthy)$")


@dataclass(frozen=True)
class Program:
    """One program.

    Attributes:
        kind: The class of misuse; empty for a published method.
        codes: What a right finding may be called.
        faulty: The text with the mistake; None for a published method.
        healthy: The text without it.
        processes: In so many processes, as torchrun starts them.
    """

    title: str
    healthy: str
    kind: str = ""
    codes: tuple[str, ...] = ()
    faulty: str | None = None
    processes: int = 1


def faulty() -> list[Program]:
    """The programs with a mistake, by class.

    Raises:
        ValueError: a heading is not well formed, or a program has no line that makes it faulty or healthy.
    """
    found = []
    for heading, body in _sections("faulty"):
        fault = _FAULT.fullmatch(heading)
        wrong, right = _version(body, "faulty"), _version(body, "healthy")
        if fault is None or wrong == right:
            raise ValueError(heading)
        codes = tuple(fault["codes"].split())
        processes = int(fault["processes"] or 1)
        found.append(Program(fault["title"], right, fault["kind"], codes, wrong, processes))
    return sorted(found, key=lambda program: (program.kind[0], int(program.kind[1:])))


def methods() -> list[Program]:
    """Published methods, all of them right."""
    return [Program(heading, _version(body, "healthy")) for heading, body in _sections("methods")]


def _sections(folder: str) -> Iterator[tuple[str, str]]:
    for path in sorted((_FOLDER / folder).glob("*.py")):
        _, *parts = _HEADING.split(path.read_text(encoding="utf-8"))
        yield from zip(parts[::2], parts[1::2])


def _version(body: str, kept: str) -> str:
    preamble = (_FOLDER / "preamble.py").read_text(encoding="utf-8")
    lines = [line for line in body.splitlines() if (mark := _MARK.search(line)) is None or mark[1] == kept]
    return preamble + "\n".join(_MARK.sub("", line) for line in lines).rstrip() + "\n"
