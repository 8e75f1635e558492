"""What cannot be read or judged, and defects: each is told in a sentence, and costs one file."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from bn_lint.check.registry import load_rules
from bn_lint.facts import Analysis, BatchNormBuilt, Place, Problem
from bn_lint.project.source import Source, read_regular
from bn_lint.rule import Severity, Violation, rule
from tests.builders import MISTAKE, Engine, read_momentum

from .commands import Run, use_rules, write


def test_unreadable_files_do_not_stop_the_others(run: Run) -> None:
    write("model.py")
    Path("bad.py").write_bytes(b"# BatchNorm\n\xff")
    code, out, err = run("check", ".")
    assert code == 2
    assert "model.py:2:9" in out
    assert err == "error: BN901 bad.py is not valid UTF-8: byte 0xff on line 2.\n"
    code, out, err = run("check", ".", "--output-format=json")
    assert (code, err) == (2, "")
    assert json.loads(out)["errors"] == [
        {
            "code": "BN901",
            "name": "unreadable-file",
            "message": "bad.py is not valid UTF-8: byte 0xff on line 2.",
            "path": "bad.py",
            "line": 2,
            "column": 1,
        }
    ]


def test_a_file_that_vanishes_is_no_error_unless_it_was_given(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    write("model.py")
    write("gone.py")

    def vanish(path: str) -> bytes:
        Path(path).unlink(missing_ok=True) if path.endswith("gone.py") else None
        return read_regular(path)

    monkeypatch.setattr("bn_lint.project.source.read_regular", vanish)
    code, out, err = run("check", ".", "--output-format=json")
    assert (code, json.loads(out)["files"], err) == (1, 1, "")
    write("gone.py")
    assert run("check", "gone.py")[0] == 2


def test_syntax_errors_are_findings_that_nothing_turns_off(run: Run, use_engine: Callable[[Engine], None]) -> None:
    problem = Problem("BN902", "expected one of )", Place("model.py", 3, 1, 3, 2))
    use_engine(lambda sources: Analysis(problems=[problem]))
    write("model.py", "# BatchNorm  noqa\nx = (  # noqa\n")
    for arguments in ([], ["--select=BN401"], ["--config=severity={BN4='info'}"]):
        code, out, err = run("check", "model.py", "--output-format=concise", *arguments)
        assert (code, err) == (1, "")
        assert out.startswith("model.py:2:5: error BN902 '(' was never closed (syntax-error)\n")


def test_syntax_that_only_the_parser_rejects(run: Run, use_engine: Callable[[Engine], None]) -> None:
    problem = Problem("BN902", "expected one of )", Place("model.py", 2, 5, 2, 6))
    use_engine(lambda sources: Analysis(problems=[problem]))
    for text in (MISTAKE, "# BatchNorm\nx = '\\d'\n"):
        write("model.py", text)
        assert run("check", "model.py", "-q", "-v") == (
            0,
            "",
            (
                "info: BN903 model.py:2: Python may accept this, but the parser of bn-lint does not "
                "(expected one of )); the file is not checked\n"
            ),
        )


def test_incomplete_analysis_is_told_when_asked(run: Run, use_engine: Callable[[Engine], None]) -> None:
    problem = Problem("BN903", "gave up after 1000 steps", Place("model.py", 7, 1, 7, 2))
    use_engine(lambda sources: Analysis(problems=[problem]))
    write("model.py")
    assert run("check", ".") == (0, "All checks passed!\n", "")
    assert run("check", ".", "-v")[2] == "info: BN903 model.py:7: gave up after 1000 steps\n"
    code, out, _ = run("check", ".", "--output-format=json")
    assert (code, json.loads(out)["errors"][0]["name"]) == (0, "analysis-incomplete")


@pytest.mark.usefixtures("defects_are_caught")
def test_a_rule_that_crashes_costs_one_file(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    @rule("BN498", "crashing", severity=Severity.ERROR, since="0.1.0")
    def crashing(fact: BatchNormBuilt) -> Iterator[Violation]:
        """Crashes."""
        if fact.place.path == "bad.py":
            raise ZeroDivisionError("division by zero")
        yield Violation("fine", fact.place)

    use_rules(monkeypatch, crashing, *load_rules())
    write("bad.py", MISTAKE * 2)
    write("good.py")
    code, out, err = run("check", ".", "--output-format=concise", "-q")
    assert code == 2
    assert [line.split()[2] for line in out.splitlines()] == ["BN401", "BN401", "BN401", "BN498"]
    assert err == ("error: BN903 bad.py:2:9: internal error in BN498 (crashing): ZeroDivisionError: division by zero\n")
    assert "Traceback" in run("check", ".", "--debug")[2]
    assert json.loads(run("check", ".", "--output-format=json")[1])["errors"][0]["path"] == "bad.py"


@pytest.mark.usefixtures("defects_are_caught")
def test_an_engine_that_crashes_costs_one_file(run: Run, use_engine: Callable[[Engine], None]) -> None:
    def crash(sources: Sequence[Source]) -> Analysis:
        if any(source.display == "bad.py" for source in sources):
            raise RecursionError("too deep")
        return read_momentum(sources)

    use_engine(crash)
    for name in ("a.py", "bad.py", "c.py"):
        write(name)
    code, out, err = run("check", ".", "--output-format=concise", "-q")
    assert code == 2
    assert [line.split(":")[0] for line in out.splitlines()] == ["a.py", "c.py"]
    assert err == "error: BN903 bad.py:1:1: internal error in the analysis: RecursionError: too deep\n"


def test_defects_of_the_tool_itself(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    write("model.py")

    def crash(*_: object, **__: object) -> None:
        raise ZeroDivisionError("oops")

    monkeypatch.setattr("bn_lint.check.pipeline.check", crash)
    code, out, err = run("check", "model.py")
    assert (code, out) == (2, "")
    assert err == (
        "error: Internal error in bn-lint: ZeroDivisionError: oops. Please report it. "
        "Run again with --debug for the traceback.\n"
    )
    assert "Traceback" in run("check", "--debug", "model.py")[2]


def test_commands_without_the_option_show_the_traceback_at_once(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(_: object) -> None:
        raise ZeroDivisionError("oops")

    monkeypatch.setattr("bn_lint.runtime.document.document.load", crash)
    code, out, err = run("report", "trace.json")
    assert (code, out) == (2, "")
    assert err.startswith("Traceback")
    assert err.endswith("error: Internal error in bn-lint: ZeroDivisionError: oops. Please report it.\n")


def test_a_working_directory_that_is_gone(run: Run, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write("model.py")
    gone = here / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    code, out, err = run("check", str(here / "model.py"))
    assert (code, out, err) == (2, "", "error: The working directory does not exist any more.\n")
