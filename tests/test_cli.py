from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO

import pytest

import bn_lint
from bn_lint.check.registry import load_rules
from bn_lint.cli import main as cli
from bn_lint.cli.terminal import wants_color
from bn_lint.exit import ExitCode
from bn_lint.facts import Analysis, BatchNormBuilt, Place, Problem
from bn_lint.project.source import Source, read_regular
from bn_lint.rule import Rule, Severity, Violation, rule

from .builders import MISTAKE, Engine, built, read_momentum

ROOT = Path(__file__).parent.parent
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("NO_COLOR", "FORCE_COLOR", "BN_LINT_OUTPUT_FORMAT"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.fixture
def use_engine(monkeypatch: pytest.MonkeyPatch) -> Callable[[Engine], None]:
    def use(engine: Engine) -> None:
        def analyze(
            sources: Sequence[Source],
            context: object = (),
            filesystem: object = None,
            keep: object = None,
            *,
            inventory: bool = False,
        ) -> Analysis:
            return engine(sources)

        monkeypatch.setattr("bn_lint.static.analyze.analyze", analyze)

    use(read_momentum)
    return use


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], use_engine: object) -> Run:
    def call(*arguments: str) -> tuple[int, str, str]:
        code = cli.main(arguments)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


def write(name: str, text: str = MISTAKE) -> None:
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    Path(name).write_text(text)


def concise(run: Run, *arguments: str) -> list[str]:
    """Where something is found, as `path CODE`."""
    _, out, _ = run("check", "-q", "--output-format", "concise", *arguments)
    lines = [line.split(" ") for line in out.splitlines()]
    return [f"{words[0].rsplit(':', 3)[0]} {words[2]}" for words in lines]


def test_findings(run: Run) -> None:
    write("model.py")
    code, out, err = run("check", "model.py")
    assert code == 1
    assert out.startswith("warning[BN401] keras-momentum: momentum 0.99 gives")
    assert out.endswith("\nFound 1 warning in 1 file.\n")
    assert err == ""


def test_nothing_found(run: Run) -> None:
    write("model.py", "layer = nn.BatchNorm2d(8, momentum=0.1)\n")
    assert run("check", "model.py") == (0, "All checks passed!\n", "")
    assert run("check", "-q", "model.py") == (0, "", "")


def test_the_current_directory_is_the_default(run: Run) -> None:
    write("b.py")
    write("a/model.py")
    assert concise(run) == ["a/model.py BN401", "b.py BN401"]


def test_findings_are_only_for_the_given_paths(run: Run, use_engine: Callable[[Engine], None]) -> None:
    def all_files(sources: Sequence[Source]) -> Analysis:
        return Analysis(facts=[built(name, 2, 9, 41, 0.9) for name in ("other.py", "model.py")])

    use_engine(all_files)
    write("model.py")
    write("other.py")
    assert concise(run, "model.py") == ["model.py BN401"]


def test_findings_are_sorted_and_reported_once(run: Run, use_engine: Callable[[Engine], None]) -> None:
    facts = [built("b.py", 1, 1, 9, 0.9), built("a.py", 2, 5, 9, 0.9), built("a.py", 2, 1, 9, 0.9)]
    use_engine(lambda sources: Analysis(facts=[*facts, *facts]))
    write("a.py")
    write("b.py")
    _, out, _ = run("check", "b.py", "a.py", "--output-format=json")
    places = [(f["path"], f["line"], f["column"]) for f in json.loads(out)["findings"]]
    assert places == [("a.py", 2, 1), ("a.py", 2, 5), ("b.py", 1, 1)]


def test_the_most_severe_of_equal_findings_stays(
    run: Run, use_engine: Callable[[Engine], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    @rule("BN499", "graded", severity=Severity.WARNING, since="0.1.0")
    def graded(fact: BatchNormBuilt) -> Iterator[Violation]:
        """Grades."""
        severity = Severity.ERROR if fact.layer.momentum == 0.5 else Severity.WARNING
        yield Violation(f"momentum {fact.layer.momentum}", fact.place, severity=severity)

    use_engine(lambda sources: Analysis(facts=[built("model.py", 2, 9, 41, m) for m in (0.1, 0.5, 0.2)]))
    use_rules(monkeypatch, graded)
    write("model.py")
    assert run("check", "model.py", "--output-format=concise")[1].startswith(
        "model.py:2:9: error BN499 momentum 0.5 (graded)\nFound 1 error"
    )


def use_rules(monkeypatch: pytest.MonkeyPatch, *rules: Rule) -> None:
    monkeypatch.setattr("bn_lint.check.registry.load_rules", lambda packages=(): rules)


def test_silenced_findings_do_not_count(run: Run) -> None:
    write("model.py", MISTAKE.replace(")\n", ")  # bn-lint: ignore[BN401]\n"))
    assert run("check", "model.py")[:2] == (0, "All checks passed!\n")


def test_useless_comments_are_remarked_on(run: Run) -> None:
    write("model.py", MISTAKE.replace(")\n", ")  # bn-lint: ignore\n"))
    code, _, err = run("check", "model.py")
    assert code == 1
    assert err == 'warning: model.py:2: "bn-lint: ignore" needs codes or names in brackets, such as [BN401].\n'
    assert run("check", "-q", "model.py")[2] == ""


def test_selection(run: Run) -> None:
    write("model.py")
    assert concise(run, "--ignore=keras-momentum", ".") == []
    assert concise(run, "--select=BN4,BN401", ".") == ["model.py BN401"]
    assert concise(run, "--select=BN401", "--ignore=BN401", ".") == []
    write("bn-lint.toml", 'ignore = ["BN401"]')
    assert concise(run, ".") == []
    assert concise(run, "--extend-select=BN401", ".") == ["model.py BN401"]
    assert concise(run, "--isolated", ".") == ["model.py BN401"]
    assert concise(run, "--config=ignore=[]", ".") == ["model.py BN401"]


def test_severity_can_be_changed(run: Run) -> None:
    write("model.py")
    write("bn-lint.toml", '[severity]\nBN401 = "error"')
    assert "error[BN401]" in run("check")[1]
    write("bn-lint.toml", '[severity]\nBN401 = "info"')
    assert run("check")[0] == 0
    assert "info[BN401]" in run("check", "--extend-select=BN401")[1]


def test_per_file_ignores_and_exclude(run: Run) -> None:
    for name in ("a.py", "tests/b.py", "old/c.py", "new/d.py"):
        write(name)
    write("pyproject.toml", '[tool.bn-lint]\nexclude = ["old"]\nper-file-ignores = {"tests/*" = ["BN4"]}\n')
    assert concise(run, ".", "--exclude=new, x") == ["a.py BN401"]
    assert concise(run, "old/c.py") == ["old/c.py BN401"]
    assert concise(run, "--force-exclude", "old/c.py", "a.py") == ["a.py BN401"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["check", "gone.py"], "error: gone.py does not exist.\n"),
        (["check", "--select=BN9999", "a.py"], 'error: --select: unknown rule "BN9999"'),
        (["check", "--ignore=keras-momentun", "a.py"], 'did you mean "keras-momentum"?\n'),
        (["check", "--config=ignore=['BN9999']", "a.py"], 'error: --config: unknown rule "BN9999"'),
        (["check", "--select=BN9999", "empty"], 'error: --select: unknown rule "BN9999"'),
        (["check", "--config=slect=[]", "a.py"], 'error: --config: unknown key "slect"; did you mean "select"?\n'),
        (["check", "--output-format=xml", "a.py"], "'xml' is not one of 'full', 'concise', 'json'"),
        (["check", "--nope"], "No such option"),
        (["nope"], 'Error: There is no command "nope".\n'),
        (["chekc"], 'Error: There is no command "chekc"; did you mean "check"?\n'),
        (["a.py"], 'Error: There is no command "a.py"; did you mean `bn-lint check a.py`?\n'),
        (["check", "-", "a.py"], "error: Standard input is read when - is the only path"),
        (["check", "--stdin-filename=a.py"], "error: Standard input is read when - is the only path"),
        (["check", "--output-file=no/such/dir", "a.py"], "error: no/such/dir cannot be written: no such file"),
        (["check", "--statistics", "--output-format=json", "a.py"], "error: --statistics has no JSON form"),
        (["rule", "BN4O1"], 'error: There is no rule "BN4O1"; did you mean "BN401"'),
        (["rule", "zzzzz"], 'error: There is no rule "zzzzz".\n'),
        (["rule"], "error: Name one rule by its code or name, or use --all.\n"),
        (["rule", "BN401", "--all"], "error: Name one rule by its code or name, or use --all.\n"),
    ],
)
def test_wrong_usage(run: Run, arguments: list[str], message: str) -> None:
    write("a.py", "x = 1\n")
    write("empty/bn-lint.toml", "min-batch-size = 4\n")
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert message in err
    assert "Traceback" not in err


def test_a_directory_without_python_files_is_no_error(run: Run, here: Path) -> None:
    Path("docs").mkdir()
    assert run("check", "docs") == (0, "All checks passed!\n", "warning: No Python files found in docs.\n")
    code, out, _ = run("check", "docs", "--output-format=json")
    assert (code, json.loads(out)["files"]) == (0, 0)


def test_exit_zero_hides_findings_but_no_failure(run: Run) -> None:
    write("model.py")
    assert run("check", "--exit-zero", "model.py")[0] == 0
    Path("bad.py").write_bytes(b"# BatchNorm \xff")
    assert run("check", "--exit-zero", "model.py", "bad.py")[0] == 2


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

    def vanish(path: Path) -> bytes:
        path.unlink() if path.name == "gone.py" and path.exists() else None
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
                "(expected one of )); the file is not judged\n"
            ),
        )


@pytest.mark.parametrize(("path", "name"), [(".", "the current directory"), ("..", '".."'), ("docs", "docs")])
def test_where_nothing_was_found(path: str, name: str, run: Run, here: Path) -> None:
    Path("deep/docs").mkdir(parents=True)
    os.chdir("deep")
    for file in here.glob("*.py"):
        file.unlink()
    assert run("check", path)[2] == f"warning: No Python files found in {name}.\n"


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


def test_interruption(run: Run, use_engine: Callable[[Engine], None]) -> None:
    def interrupt(sources: Sequence[Source]) -> Analysis:
        raise KeyboardInterrupt

    use_engine(interrupt)
    write("model.py")
    code, _, err = run("check", "model.py")
    assert (code, err.strip()) == (130, "error: Interrupted.")


def test_standard_input(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def feed(data: bytes) -> None:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))

    feed(MISTAKE.encode())
    assert concise(run, "-") == ["<stdin> BN401"]
    write("sub/bn-lint.toml", 'ignore = ["BN401"]')
    feed(MISTAKE.encode())
    assert concise(run, "-", "--stdin-filename=sub/new.py") == []
    feed(MISTAKE.encode())
    assert concise(run, "-", "--stdin-filename=other/new.py") == ["other/new.py BN401"]
    feed(MISTAKE.encode())
    assert concise(run, "-", "--stdin-filename=other/new.py", "--exclude=other", "--force-exclude") == []


def test_output_file(run: Run) -> None:
    write("model.py")
    assert run("check", "model.py", "--output-file=report.txt") == (1, "", "")
    assert Path("report.txt").read_text().endswith("Found 1 warning in 1 file.\n")
    assert run("check", "model.py", "-oreport.json", "--output-format=json") == (1, "", "")
    assert len(json.loads(Path("report.json").read_text())["findings"]) == 1


def test_statistics_and_coverage(run: Run) -> None:
    write("model.py", MISTAKE + "nn.BatchNorm2d(8)\n")
    code, out, _ = run("check", "model.py", "--statistics", "--show-coverage", "-v")
    assert code == 1
    assert out == (
        "1  BN401  warning  keras-momentum\n"
        "Found 1 warning in 1 file.\n"
        "Coverage: 1 of 2 BatchNorm layers judged (50%).\n"
        "  1  the width is not known\n"
        "     model.py:3:1\n"
        "Modes: no call of a model with BatchNorm is visible.\n"
    )
    assert json.loads(run("check", ".", "--show-coverage", "--output-format=json")[1])["coverage"]["total"] == 2


def test_the_output_format_may_come_from_the_environment(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    write("model.py")
    monkeypatch.setenv("BN_LINT_OUTPUT_FORMAT", "json")
    assert json.loads(run("check", "model.py")[1])["version"] == 1


def test_no_cache_is_accepted(run: Run) -> None:
    write("model.py")
    assert run("check", "--no-cache", "model.py")[0] == 1


@pytest.mark.parametrize(
    ("choice", "variables", "terminal", "colored"),
    [
        ("auto", {}, True, True),
        ("auto", {}, False, False),
        ("auto", {"NO_COLOR": "1"}, True, False),
        ("auto", {"NO_COLOR": ""}, True, True),
        ("auto", {"NO_COLOR": "1", "FORCE_COLOR": "1"}, True, False),
        ("auto", {"FORCE_COLOR": "1"}, False, True),
        ("auto", {"FORCE_COLOR": "0"}, False, False),
        ("auto", {"TERM": "dumb"}, True, False),
        ("always", {"NO_COLOR": "1"}, False, True),
        ("never", {"FORCE_COLOR": "1"}, True, False),
    ],
)
def test_who_decides_about_colour(
    choice: str, variables: dict[str, str], terminal: bool, colored: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    stream = io.StringIO()
    monkeypatch.setattr(stream, "isatty", lambda: terminal, raising=False)
    assert wants_color(choice, stream) is colored


def test_colour(run: Run) -> None:
    write("model.py")
    assert "\x1b[" in run("check", "--color=always", "model.py")[1]
    assert "\x1b[" not in run("check", "model.py")[1]
    assert "\x1b[" not in run("check", "--color=always", "--output-format=json", "model.py")[1]


def test_rule_pages(run: Run) -> None:
    code, by_code, _ = run("rule", "bn401")
    assert code == 0
    assert by_code == run("rule", "keras-momentum")[1]
    assert by_code.startswith("# BN401 keras-momentum\n\nSeverity warning, on by default, since ")
    assert "## Use instead" in by_code
    assert run("rule", "BN902")[1].startswith("# BN902 syntax-error\n\nAlways on.\n")
    everything = run("rule", "--all")[1]
    assert all(f"# {each.code} {each.name}\n" in everything for each in load_rules())
    styled = run("rule", "BN401", "--color=always")[1]
    assert "\x1b[" in styled
    assert "keras-momentum" in styled


def test_rule_pages_as_json(run: Run) -> None:
    page = json.loads(run("rule", "BN401", "--output-format=json")[1])
    assert list(page) == ["code", "name", "summary", "severity", "default", "since", "page"]
    assert (page["code"], page["severity"], page["default"]) == ("BN401", "warning", True)
    everything = json.loads(run("rule", "--all", "--output-format=json")[1])
    assert [each["code"] for each in everything] == [
        *(r.code for r in load_rules()),
        "BN900",
        "BN901",
        "BN902",
        "BN903",
    ]


def test_version_and_help(run: Run) -> None:
    assert run("--version") == (0, f"bn-lint {bn_lint.__version__}\n", "")
    code, out, _ = run("check", "--help")
    assert code == 0
    assert "--exit-zero" in out


def start(*arguments: str, stdout: IO[str] | None = None) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "rules")])}
    command = [sys.executable, "-m", "bn_lint", *arguments]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, env=environment, stdout=stdout or pipe, stderr=pipe, text=True)


@pytest.mark.slow
def test_a_reader_that_leaves_is_no_error() -> None:
    process = start("rule", "--all")
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    assert process.stderr.read() == ""
    process.stderr.close()
    assert process.wait() == 0


def test_a_working_directory_that_is_gone(run: Run, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write("model.py")
    gone = here / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    code, out, err = run("check", str(here / "model.py"))
    assert (code, out, err) == (2, "", "error: The working directory does not exist any more.\n")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
@pytest.mark.slow
def test_a_full_disk_is_one_sentence(run: Run) -> None:
    write("model.py")
    code, _, err = run("check", "model.py", "--output-file=/dev/full")
    assert (code, err) == (2, "error: /dev/full cannot be written: no space left on device.\n")
    with open("/dev/full", "w") as full:
        process = start("rule", "--all", stdout=full)
        assert process.stderr is not None
        assert process.stderr.read() == "error: Standard output cannot be written: no space left on device.\n"
        process.stderr.close()
        assert process.wait() == 2


def test_no_standard_output_at_all(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    write("model.py")
    monkeypatch.setattr(sys, "stdout", None)
    assert run("check", "model.py") == (1, "", "")


@pytest.mark.slow
def test_a_terminal_that_knows_no_unicode(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONIOENCODING", "latin-1")
    out, err = start("check", "日本.py").communicate()
    assert (out, err) == ("", "error: \\u65e5\\u672c.py does not exist.\n")


def test_exit_codes_are_a_contract() -> None:
    assert {code.name: int(code) for code in ExitCode} == {
        "CLEAN": 0,
        "FINDINGS": 1,
        "FAILURE": 2,
        "INTERRUPTED": 130,
        "TERMINATED": 143,
    }


def test_show_files(run: Run) -> None:
    write("b.py")
    write("a/model.py")
    write("old/model.py")
    write("bn-lint.toml", 'exclude = ["old"]\n')
    assert run("check", "--show-files") == (0, "a/model.py\nb.py\n", "")
    assert run("check", "--show-files", "old/model.py") == (0, "old/model.py\n", "")
    assert run("check", "--show-files", "--config=force-exclude=true", "-q", "old/model.py") == (0, "", "")


def test_show_settings(run: Run) -> None:
    write("a.py")
    write("sub/b.py")
    write("sub/c.py")
    write(
        "sub/bn-lint.toml",
        'select = ["keras-momentum"]\nmin-batch-size = 4\nexclude = [\'a"b\']\n[per-file-ignores]\n"c.py" = ["BN4"]\n',
    )
    code, out, err = run("check", "--show-settings")
    assert (code, err) == (0, "")
    first, second = out.split("\n\n# ")
    assert first.startswith("# a.py: the command line\nexclude = []\n")
    assert 'BN002 = "error"  # num-features-mismatch\n' in first
    assert second == (
        "sub/b.py and 1 other file: sub/bn-lint.toml\n"
        'exclude = ["a\\"b"]\nforce-exclude = false\nmin-batch-size = 4\nplugins = []\n\n'
        '[per-file-ignores]\n"c.py" = ["BN4"]\n\n'
        "[severity]  # of the rules that are on, before per-file-ignores\n"
        'BN401 = "warning"  # keras-momentum\n'
    )


def test_the_settings_that_are_shown_can_be_read_again(run: Run) -> None:
    write("a.py")
    write("bn-lint.toml", 'extend-select = ["ALL"]\n[severity]\nBN401 = "error"\n')
    shown = run("check", "--show-settings")[1]
    write("bn-lint.toml", shown)
    assert run("check", "--show-settings")[1].count("\n") > 10


LAYERS = """
from torch import nn
Norm = nn.BatchNorm2d
class Block(nn.Module):
    def __init__(self, norm):
        super().__init__()
        self.norm, self.bn = norm, nn.BatchNorm2d(8)
    def forward(self, x):
        return self.bn(self.norm(x))
"""


def test_a_mistake_in_a_given_file_without_batchnorm_is_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write("layers.py", LAYERS)
    write(
        "net.py",
        "from layers import Block, Norm\na = Block(Norm(8, momentum=0.99))\nb = Block(Norm(8, momentum=0.9))\n",
    )

    def found(*arguments: str) -> list[str]:
        cli.main(["check", "-q", "--output-format=concise", *arguments])
        return [line.split(" ")[0] for line in capsys.readouterr().out.splitlines()]

    assert found() == ["net.py:2:11:", "net.py:3:11:"]
    assert found("layers.py") == []
    write("net.py", Path("net.py").read_text().replace("9))\n", "9))  # bn-lint: ignore[BN401]\n", 1))
    assert found() == ["net.py:3:11:"]
    assert found("--config=per-file-ignores={'net.py'=['BN4']}") == []
    cli.main(["check", "-q", "--show-coverage"])
    assert "of 3 BatchNorm layers judged" in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.parametrize(("also", "frozen"), [("", True), ("sys.modules['torch'] = sys; ", False)])
def test_a_process_that_ends_takes_no_syntax_trees_apart(also: str, frozen: bool) -> None:
    program = (
        f"import gc, sys; from bn_lint.cli.main import main; {also}before = gc.get_freeze_count(); main(); "
        "print(gc.get_freeze_count() - before)"
    )
    finished = subprocess.run([sys.executable, "-c", program, "--version"], capture_output=True, text=True, check=True)
    assert (int(finished.stdout.split()[-1]) > 0) is frozen


def test_the_beginning_of_a_code_lists_rules(run: Run) -> None:
    code, out, _ = run("rule", "bn80")
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()] == ["BN801", "BN802", "BN803", "BN804", "BN805"]
    assert len(json.loads(run("rule", "BN80", "--output-format=json")[1])) == 5
    assert run("rule", "BN801")[1].startswith("# BN801 ")
    assert json.loads(run("rule", "BN801", "--output-format=json")[1])["code"] == "BN801"
    assert run("rule", "BN86")[0] == 2


def test_options_that_take_files_complete_their_names() -> None:
    from click import Choice, Option

    from bn_lint.cli.commands.check import command as check
    from bn_lint.cli.commands.report import command as report
    from bn_lint.cli.commands.trace import command as trace

    for command in (check, trace, report):
        for option in command.params:
            if isinstance(option, Option) and option.metavar == "FILE" and not isinstance(option.type, Choice):
                assert option.type.name == "path", option.name
