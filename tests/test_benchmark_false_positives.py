"""The false-positive benchmark: a benchmark that cannot fail would be no use."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.false_positives.lint import Finding, Outcome, Package, lint_folder
from benchmarks.false_positives.table import failures, render
from benchmarks.false_positives.verdicts import Verdict, judge, load_packages, load_verdicts, stanza
from benchmarks.linter import Linter
from benchmarks.machine import ROOT

PACKAGE = Package("zoo", "1.0")
FINDING = Finding("zoo", "1.0", "zoo/net.py", 7, "BN002", "error", "`conv` makes 8 channels; `norm` expects 16")
TRUE = Verdict("zoo", "1.0", "zoo/net.py", 7, "BN002", True, "PyTorch raises.")
OUTCOME = Outcome(PACKAGE, cpu=1.0, findings=[FINDING])


def test_a_finding_with_a_verdict_counts() -> None:
    second = replace(FINDING, line=9)
    judgment = judge([FINDING, second], [TRUE, replace(TRUE, line=9, true=False)], [PACKAGE])
    assert judgment.precision("BN002") == (1, 2)
    assert judgment.false_errors() == [second]
    assert failures([OUTCOME], judgment) == []


@pytest.mark.parametrize(
    "other",
    [
        replace(TRUE, line=8),
        replace(TRUE, code="BN003"),
        replace(TRUE, path="zoo/other.py"),
        replace(TRUE, version="1.1"),
    ],
)
def test_a_verdict_is_about_one_finding_only(other: Verdict) -> None:
    judgment = judge([FINDING], [other], [PACKAGE])
    assert judgment.unjudged == [FINDING]
    assert judgment.precision("BN002") == (0, 0)
    assert "1 findings have no verdict." in failures([OUTCOME], judgment)


def test_a_finding_that_is_gone_fails_the_benchmark() -> None:
    judgment = judge([], [TRUE], [PACKAGE])
    assert judgment.vanished == [TRUE]
    assert failures([], judgment) == ["1 verdicts are about findings that are gone."]


def test_verdicts_about_other_packages_do_not_matter() -> None:
    assert judge([], [TRUE], [Package("other", "2.0")]).vanished == []


def test_a_crash_fails_the_benchmark() -> None:
    crashed = replace(OUTCOME, crashes=["BN903 zoo/net.py:1 internal error"])
    assert failures([crashed], judge([FINDING], [TRUE], [PACKAGE])) == ["bn-lint crashed on zoo."]


def test_the_report_shows_what_is_wrong() -> None:
    judgment = judge([FINDING], [replace(TRUE, true=False, why="The two | branches exclude each other.")], [PACKAGE])
    report = render([replace(OUTCOME, slowest=[("zoo/net.py", 31.0)])], judgment, "* Command: none")
    assert "| precision | 0 of 1 (0.0%) | >= 95% |" in report
    assert "| false findings of severity error | 1 | 0 |" in report
    assert "| files over 30 s | 1 | 0 |" in report
    assert r"The two \| branches exclude each other." in report


def test_a_printed_entry_can_be_recorded(tmp_path: Path) -> None:
    file = tmp_path / "verdicts.toml"
    file.write_text(
        stanza(FINDING, "true", 'PyTorch says "no".') + "\n" + stanza(replace(FINDING, line=9), "false", ".")
    )
    assert load_verdicts(file) == [replace(TRUE, why='PyTorch says "no".'), replace(TRUE, line=9, true=False, why=".")]


@pytest.mark.parametrize(("why", "times"), [("PyTorch raises.", 2), (" ", 1)])
def test_entries_that_contradict_or_say_nothing_are_refused(tmp_path: Path, why: str, times: int) -> None:
    file = tmp_path / "verdicts.toml"
    file.write_text(f"{stanza(FINDING, 'true', why)}\n" * times)
    with pytest.raises(ValueError, match=r"verdicts\.toml"):
        load_verdicts(file)


def test_recorded_verdicts_are_about_listed_packages() -> None:
    packages = {(package.name, package.version) for package in load_packages()}
    assert len(packages) >= 40
    assert {(verdict.package, verdict.version) for verdict in load_verdicts()} <= packages


@pytest.mark.slow
def test_a_package_is_linted_and_timed(tmp_path: Path) -> None:
    """The benchmark watches functions of the engine, which may be renamed."""
    (tmp_path / "net.py").write_text(
        "from torch import nn\n\nnet = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(16))\n"
    )
    paths = os.pathsep.join((str(ROOT), str(ROOT / "rules")))
    outcome = lint_folder(PACKAGE, tmp_path, Linter(ROOT, (), {"PYTHONPATH": paths}), limit=60)
    assert outcome.crashes == []
    assert [finding.code for finding in outcome.findings] == ["BN002"]
    assert [file for file, _ in outcome.slowest] == ["net.py"]
    assert outcome.slowest[0][1] > 0
