"""What can be typed: wrong commands and options, paths without Python files, help, completion."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

import bn_lint

from .commands import Run, write


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


@pytest.mark.parametrize(("path", "name"), [(".", "the current directory"), ("..", '".."'), ("docs", "docs")])
def test_where_nothing_was_found(path: str, name: str, run: Run, here: Path) -> None:
    Path("deep/docs").mkdir(parents=True)
    os.chdir("deep")
    for file in here.glob("*.py"):
        file.unlink()
    assert run("check", path)[2] == f"warning: No Python files found in {name}.\n"


def test_version_and_help(run: Run) -> None:
    assert run("--version") == (0, f"bn-lint {bn_lint.__version__}\n", "")
    assert "..." not in run("--help")[1].partition("Commands:")[2]  # no summary is cut off
    code, out, _ = run("check", "--help")
    assert code == 0
    assert "--exit-zero" in out


def test_options_that_take_files_complete_their_names() -> None:
    from click import Choice, Option

    from bn_lint.cli.commands.check import command as check
    from bn_lint.cli.commands.report import command as report
    from bn_lint.cli.commands.trace import command as trace

    for command in (check, trace, report):
        for option in command.params:
            if isinstance(option, Option) and option.metavar == "FILE" and not isinstance(option.type, Choice):
                assert option.type.name == "path", option.name
