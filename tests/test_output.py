from __future__ import annotations

import json
from pathlib import Path
from textwrap import dedent

import pytest

from bn_lint.check.filtering import FilteredFile, filter_findings
from bn_lint.check.outcome import Outcome
from bn_lint.check.report import Report
from bn_lint.exit import ExitCode
from bn_lint.facts import Coverage, Evidence, Place, Problem, Undecided
from bn_lint.output import render
from bn_lint.output.summary import coverage, statistics, summary
from bn_lint.output.text import listed, printable, width
from bn_lint.project.config import Settings
from bn_lint.project.source import Source
from bn_lint.rule import Applicability, Edit, Finding, Fix, Severity

from .builders import finding, place, report

MODEL = Source(
    Path("/model.py"),
    "model.py",
    dedent(
        """\
        class Net(nn.Module):
            def __init__(self):
                self.conv1 = nn.Conv2d(3, 64, 3)
                self.bn1 = nn.BatchNorm2d(128)

            def forward(self, x):
                return self.bn1(self.conv1(x))
        """
    ),
)
MISMATCH = finding(
    "BN002",
    "num-features-mismatch",
    at=Place("model.py", 4, 20, 4, 39),
    severity=Severity.ERROR,
    message="`bn1` normalizes 128 channels, but its input has 64",
    evidence=(
        Evidence("the 64 channels come from `conv1`", Place("model.py", 3, 22, 3, 41)),
        Evidence("and the rank too", Place("model.py", 3, 22, 3, 41)),
        Evidence("called here", Place("model.py", 7, 16, 7, 39)),
    ),
    help="write nn.BatchNorm2d(64)",
)


def full(*findings: Finding, text: str | None = None) -> str:
    source = MODEL if text is None else Source(Path("/model.py"), "model.py", text)
    return render(report(*findings, sources=[source]), "full")


def test_full_shows_the_code_and_the_evidence() -> None:
    assert full(MISMATCH) == dedent(
        """\
        error[BN002] num-features-mismatch: `bn1` normalizes 128 channels, but its input has 64
         --> model.py:4:20
          |
        4 |         self.bn1 = nn.BatchNorm2d(128)
          |                    ^^^^^^^^^^^^^^^^^^^
          |
          = model.py:3: the 64 channels come from `conv1`
        3 |         self.conv1 = nn.Conv2d(3, 64, 3)
          |                      -------------------
          |
          = model.py:3: and the rank too
          |
          = model.py:7: called here
        7 |         return self.bn1(self.conv1(x))
          |                ~~~~~~~~~~~~~~~~~~~~~~~
          |
          = help: write nn.BatchNorm2d(64)

        """
    ).replace("~", "-")


def frame(text: str, line: int, column: int, end_line: int, end_column: int) -> list[str]:
    """The source part of a finding's frame."""
    shown = full(finding(at=Place("model.py", line, column, end_line, end_column)), text=text)
    return shown.rstrip("\n").split("\n")[3:]


def test_carets_stand_under_wide_and_combining_characters() -> None:
    text = 's = "日本é"; layer()'
    start = text.index("layer") + 1
    assert frame(text, 1, start, 1, start + 7) == [
        '1 | s = "日本é"; layer()',
        "  |              ^^^^^^^",
    ]


def test_tabs_stay_tabs() -> None:
    assert frame("if x:\n\ty\t= layer()", 2, 6, 2, 13) == ["2 | \ty\t= layer()", "  | \t \t  ^^^^^^^"]


def test_a_call_over_several_lines_is_shown_whole() -> None:
    text = "x = layer(\n    8,\n    momentum=0.99,\n)\n"
    assert frame(text, 1, 5, 4, 2) == [
        "1 | x = layer(",
        "  |     ^^^^^^",
        "2 |     8,",
        "3 |     momentum=0.99,",
        "4 | )",
    ]


def test_a_call_over_very_many_lines_is_shown_in_part() -> None:
    text = "x = layer(\n" + "    8,\n" * 20 + ")\n"
    assert frame(text, 1, 5, 22, 2) == [
        "1 | x = layer(",
        "  |     ^^^^^^",
        "2 |     8,",
        "3 |     8,",
        "4 |     8,",
        "5 |     8,",
        "  | ...",
    ]


def test_long_lines_are_cut_around_the_mark() -> None:
    text = "a" * 3000 + " layer() " + "b" * 3000
    source, carets = frame(text, 1, 3002, 1, 3009)
    assert len(source) < 180
    assert source[carets.index("^") : carets.rindex("^") + 1] == "layer()"
    assert source.startswith("1 | ...a")
    assert source.endswith("b...")


def test_places_outside_the_text_do_not_matter() -> None:
    assert frame("x\n", 9, 1, 9, 5) == []
    assert frame("x\n", 1, 50, 1, 60) == ["1 | x", "  |  ^"]
    shown = full(finding(at=Place("gone.py", 4, 20, 4, 39)))
    assert shown.split("\n")[1:] == [" --> gone.py:4:20", "", ""]


def test_the_gutter_fits_the_largest_line_number() -> None:
    text = "\n" * 99 + "layer()\n"
    shown = full(
        finding(at=Place("model.py", 100, 1, 100, 8), evidence=(Evidence("x", place(line=7)),)), text=text
    ).split("\n")
    assert shown[1:4] == ["   --> model.py:100:1", "    |", "100 | layer()"]
    assert "  7 |" in shown


def test_nothing_can_drive_the_terminal() -> None:
    evil = "\x1b[2J\x07\u202e\r"
    shown = render(
        report(
            finding(message=evil, help=evil, at=place(f"{evil}.py", 1, 1), evidence=(Evidence(evil, place(line=1)),)),
            sources=[Source(Path("/model.py"), "model.py", f"layer() # {evil}")],
        ),
        "full",
    )
    assert not set(evil[0] + evil[-3:]) & set(shown)
    assert "?[2J???" in shown
    assert printable("a\tb é 日") == "a\tb é 日"


def test_color_is_only_added() -> None:
    import click

    both = [render(report(MISMATCH, finding(), sources=[MODEL]), name, color=True) for name in ("full", "concise")]
    plain = [render(report(MISMATCH, finding(), sources=[MODEL]), name) for name in ("full", "concise")]
    assert [click.unstyle(text) for text in both] == plain
    assert all("\x1b[31m\x1b[1merror" in text and "\x1b[33m\x1b[1mwarning" in text for text in both)


def test_concise_is_one_line_a_finding() -> None:
    assert render(report(MISMATCH, finding()), "concise") == (
        "model.py:4:20: error BN002 `bn1` normalizes 128 channels, but its input has 64 (num-features-mismatch)\n"
        "model.py:2:9: warning BN401 momentum 0.99 is much (keras-momentum)\n"
    )


@pytest.mark.parametrize("name", ["full", "concise"])
def test_silenced_findings_are_not_shown(name: str) -> None:
    assert render(report(finding(suppressed=True)), name) == ""


def test_json_is_the_contract() -> None:
    edit = Edit(Place("model.py", 4, 35, 4, 38), "64")
    fixed = Finding(**{**vars(MISMATCH), "fix": Fix(Applicability.UNSAFE, (edit,)), "confirmed": True})
    result = report(fixed, finding(suppressed=True), files=3)
    result.problems.append(Problem("BN901", "a.py is not valid UTF-8.", Place("a.py", 3, 7, 3, 7)))
    assert json.loads(render(result, "json")) == {
        "version": 1,
        "findings": [
            {
                "code": "BN002",
                "name": "num-features-mismatch",
                "severity": "error",
                "message": "`bn1` normalizes 128 channels, but its input has 64",
                "path": "model.py",
                "line": 4,
                "column": 20,
                "end_line": 4,
                "end_column": 39,
                "evidence": [
                    {"message": "the 64 channels come from `conv1`", "path": "model.py", "line": 3},
                    {"message": "and the rank too", "path": "model.py", "line": 3},
                    {"message": "called here", "path": "model.py", "line": 7},
                ],
                "help": "write nn.BatchNorm2d(64)",
                "fix": {
                    "applicability": "unsafe",
                    "edits": [
                        {
                            "path": "model.py",
                            "line": 4,
                            "column": 35,
                            "end_line": 4,
                            "end_column": 38,
                            "content": "64",
                        }
                    ],
                },
                "source": "static",
                "confirmed": True,
            }
        ],
        "errors": [
            {
                "code": "BN901",
                "name": "unreadable-file",
                "message": "a.py is not valid UTF-8.",
                "path": "a.py",
                "line": 3,
                "column": 7,
            }
        ],
        "files": 3,
    }


def test_json_without_findings_is_still_a_report() -> None:
    assert json.loads(render(Report(files=2), "json")) == {"version": 1, "findings": [], "errors": [], "files": 2}


def test_json_survives_any_name_and_encoding() -> None:
    text = render(report(finding(message="é\udcff", at=place("日\udcff.py"))), "json")
    assert text.isascii()
    assert json.loads(text)["findings"][0]["path"] == "日\udcff.py"


def test_json_shows_coverage_when_asked() -> None:
    result = Report(coverage=Coverage(3, [Undecided(place(), "unknown")]))
    assert json.loads(render(result, "json", coverage=True))["coverage"] == {
        "judged": 3,
        "total": 4,
        "undecided": [{"path": "model.py", "line": 2, "column": 9, "reason": "unknown"}],
        "calls": [],
    }
    assert json.loads(render(Report(), "json", coverage=True))["coverage"]["total"] == 0


@pytest.mark.parametrize(
    ("findings", "files", "line"),
    [
        ([], 3, "All checks passed!"),
        ([finding(suppressed=True)], 3, "All checks passed!"),
        ([finding()], 1, "Found 1 warning in 1 file."),
        ([finding(), MISMATCH, MISMATCH], 5, "Found 2 errors and 1 warning in 1 of 5 files."),
        (
            [finding(severity=Severity.INFO), MISMATCH, finding(at=place("b.py"))],
            2,
            "Found 1 error, 1 warning and 1 info finding in 2 files.",
        ),
    ],
)
def test_summary(findings: list[Finding], files: int, line: str) -> None:
    assert summary(report(*findings, files=files), color=False) == line + "\n"


def test_summary_does_not_praise_what_was_not_read() -> None:
    unread = Report(problems=[Problem("BN901", "x", place())], files=1)
    assert summary(unread, color=False) == "Found nothing in the files that could be checked.\n"


def test_statistics() -> None:
    findings = [finding(at=place(line=line)) for line in range(10)]
    assert statistics(report(*findings, MISMATCH, finding(suppressed=True)), color=False) == (
        "10  BN401  warning  keras-momentum\n 1  BN002  error    num-features-mismatch\n"
    )


def test_coverage_groups_reasons() -> None:
    undecided = [Undecided(place(line=line), "the width comes from `cfg`") for line in (3, 1, 2)]
    result = Report(coverage=Coverage(5, [Undecided(place(line=9), "never called"), *undecided]))
    assert coverage(result, color=False, verbose=False) == dedent(
        """\
        Coverage: 5 of 9 BatchNorm layers checked (56%).
          3  the width comes from `cfg`
          1  never called
        Modes: no call of a model with BatchNorm is visible.
        """
    )
    assert coverage(result, color=False, verbose=True).split("\n")[1:5] == [
        "  3  the width comes from `cfg`",
        "     model.py:1:9",
        "     model.py:2:9",
        "     model.py:3:9",
    ]
    assert coverage(Report(), color=False, verbose=False) == "Coverage: no BatchNorm layer is built in these files.\n"


def test_words() -> None:
    assert [listed(list(words)) for words in ("", "a", "ab", "abc")] == ["", "a", "a and b", "a, b and c"]
    assert [width(text) for text in ("abc", "日本", "e\u0301", "\u200d")] == [3, 4, 1, 0]


@pytest.mark.parametrize(
    ("threshold", "severity", "code"),
    [
        ("info", Severity.INFO, ExitCode.FINDINGS),
        ("warning", Severity.INFO, ExitCode.CLEAN),
        ("warning", Severity.WARNING, ExitCode.FINDINGS),
        ("error", Severity.WARNING, ExitCode.CLEAN),
        ("error", Severity.ERROR, ExitCode.FINDINGS),
        ("never", Severity.ERROR, ExitCode.CLEAN),
    ],
)
def test_what_fails(threshold: str, severity: Severity, code: ExitCode) -> None:
    one = report(finding(severity=severity))
    one.fail_on = threshold
    assert one.exit_code is code


def test_a_threshold_hides_no_failure() -> None:
    one = report()
    one.fail_on = "never"
    one.problems = [Problem("BN901", "no", Place("a.py", 1, 1, 1, 1))]
    assert one.exit_code is ExitCode.FAILURE


def test_what_could_not_be_judged_in_files_that_nobody_gave_is_not_told() -> None:
    given = FilteredFile(Path("a.py"), "a.py", Settings(), None)
    cut = [Problem("BN903", "too long", Place(path, 1, 1, 1, 1)) for path in ("a.py", "library.py")]
    defect = Problem("BN903", "internal error", Place("library.py", 1, 1, 1, 1), internal=True)
    report = Report()
    filter_findings([given], [Outcome(problems=[*cut, defect])], report)
    assert report.problems == [cut[0], defect]
