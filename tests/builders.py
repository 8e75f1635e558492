"""Findings and facts for the tests of what surrounds the engine, and an engine that finds what a test tells it."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from bn_lint.check.report import Report
from bn_lint.facts import Analysis, BatchNormBuilt, BatchNormLayer, Evidence, Place, Undecided
from bn_lint.project.source import Source, Sources
from bn_lint.rule import Finding, Severity

Engine = Callable[[Sequence[Source]], Analysis]

MISTAKE = "from torch import nn\nlayer = nn.BatchNorm2d(8, momentum=0.99)\n"


def place(path: str = "model.py", line: int = 2, column: int = 9, end_line: int | None = None, end: int = 41) -> Place:
    return Place(path, line, column, line if end_line is None else end_line, end)


def finding(
    code: str = "BN401",
    name: str = "keras-momentum",
    *,
    at: Place | None = None,
    message: str = "momentum 0.99 is much",
    severity: Severity = Severity.WARNING,
    evidence: tuple[Evidence, ...] = (),
    help: str | None = None,  # noqa: A002 - the field's name
    suppressed: bool = False,
) -> Finding:
    return Finding(code, name, severity, message, at or place(), evidence, help, suppressed=suppressed)


def report(*findings: Finding, sources: Sequence[Source] = (), files: int = 1) -> Report:
    return Report(findings=list(findings), files=files, sources=Sources(sources))


def built(path: str, line: int, column: int, end: int, momentum: float) -> BatchNormBuilt:
    where = Place(path, line, column, line, end)
    return BatchNormBuilt(BatchNormLayer("bn", "2d", "BatchNorm2d", 8, where, momentum=momentum), (), where)


def read_momentum(sources: Sequence[Source]) -> Analysis:
    """An engine that sees only BatchNorm2d calls on one line, with a literal momentum."""
    analysis = Analysis()
    for source in sources:
        for number, line in enumerate(source.lines, 1):
            for call in re.finditer(r"nn\.BatchNorm2d\(.*?(?:momentum=([\d.]+))?\)", line):
                where = (source.display, number, call.start() + 1, call.end() + 1)
                if call[1] is None:
                    analysis.coverage.undecided.append(Undecided(place(*where[:3]), "the width is not known"))
                else:
                    analysis.coverage.judged += 1
                    analysis.facts.append(built(*where, float(call[1])))
    return analysis
