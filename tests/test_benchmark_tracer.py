"""The programs of the tracer's benchmark are what its report says they are."""

from __future__ import annotations

import pytest

from benchmarks.tracer.measure import Reported, Result
from benchmarks.tracer.programs import Program, faulty, methods
from benchmarks.tracer.table import CLASSES, Report, document
from bn_lint.check.registry import BUILT_IN_RULES

EVERY = [*faulty(), *methods()]


def test_there_are_enough() -> None:
    assert len(faulty()) >= 120
    assert len(methods()) >= 40
    assert len({(program.kind, program.title) for program in EVERY}) == len(EVERY)


def test_faults_have_classes_and_codes() -> None:
    codes = {rule.code for rule in BUILT_IN_RULES.rules}
    assert {program.kind for program in faulty()} == set(CLASSES)
    assert all(set(program.codes) <= codes for program in faulty())


@pytest.mark.parametrize("program", EVERY, ids=lambda program: f"{program.kind} {program.title}".strip())
def test_texts(program: Program) -> None:
    for text in (program.healthy, program.faulty):
        if text is not None:
            compile(text, "program.py", "exec")
            assert "# faulty" not in text
            assert "# healthy" not in text


def reported(*found: str) -> dict[str, Reported]:
    return {side: Reported(found, "", 0) for side in ("static", "runtime")}


def test_the_report() -> None:
    fault = Program("a fault", "pass\n", "A1", ("BN101",), "pass\n")
    method = Program("a method", "pass\n")
    before = [Result(fault, reported("BN114 line 1: x"), reported()), Result(method, None, reported("BN301 line 1: x"))]
    after = [Result(fault, reported("BN101 line 1: x"), reported()), Result(method, None, reported())]
    earlier = document("* Commit: x", before)
    assert "both; reported instead: BN114 line 1: x" in earlier
    text = document("* Commit: y", after, Report("x", earlier))
    assert "| A1 evaluation without eval() | 1 | 1 | 1 | 1 | 0 | 0 | 0 | 0 | 0 |" in text
    assert "1 published methods; with alarms: 0 by the static check, 0 by the tracer." in text
    assert "Before: 1 published methods; with alarms: 1 by the static check, 1 by the tracer." in text
    assert "## Not found" not in text
