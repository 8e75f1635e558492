"""The comparison of two revisions: it must see each difference, and nothing else."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from benchmarks.false_positives.lint import Package
from benchmarks.false_positives.verdicts import load_packages
from benchmarks.sources import CACHE_VARIABLE
from benchmarks.unchanged import __main__ as command
from benchmarks.unchanged import inputs as inputs_module
from benchmarks.unchanged import revisions
from benchmarks.unchanged.differences import differences
from benchmarks.unchanged.inputs import LEFT_OUT, QUICK, SECONDS, inputs
from benchmarks.unchanged.snapshot import normal

FINDING = {"path": "net.py", "line": 3, "column": 5, "code": "BN002", "message": "too wide", "fix": None}
STEPS = {"path": "net.py", "line": 1, "name": "<module>", "steps": 12}
REPORT: dict[str, Any] = {
    "version": 1,
    "files": 2,
    "findings": [FINDING],
    "errors": [],
    "coverage": {"judged": 1, "total": 1, "undecided": [], "steps": [STEPS]},
}


def document(**changes: Any) -> dict[str, Any]:
    return {**normal(1, json.dumps(REPORT), "", Path("/somewhere")), **changes}


def test_equal_documents_have_no_differences() -> None:
    assert differences(document(), document()) == []


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"exit": 2}, "exit: 1 -> 2"),
        ({"judged": 0}, "judged: 1 -> 0"),
        ({"findings": []}, "- findings net.py:3:5:BN002 too wide"),
        ({"errors": [{**FINDING, "code": "BN903"}]}, "+ errors net.py:3:5:BN903 too wide"),
        ({"findings": [{**FINDING, "message": "wide"}]}, "~ findings net.py:3:5:BN002 message: too wide -> wide"),
        ({"findings": [{**FINDING, "fix": {}}]}, "~ findings net.py:3:5:BN002 fix: None -> {}"),
        (
            {"undecided": [{"path": "a.py", "line": 2, "column": 1, "reason": "who knows"}]},
            "+ undecided a.py:2:1 who knows",
        ),
        ({"steps": [{**STEPS, "steps": 13}]}, "~ steps net.py:1:<module> steps: 12 -> 13"),
        ({"steps": [STEPS, STEPS]}, "+ steps net.py:1:<module> 12"),
    ],
)
def test_each_kind_of_difference_is_told(changes: dict[str, Any], line: str) -> None:
    assert differences(document(), document(**changes)) == [line]


def test_the_order_of_entry_points_is_a_difference() -> None:
    other = {**STEPS, "line": 7, "name": "Net"}
    told = differences(document(steps=[STEPS, other]), document(steps=[other, STEPS]))
    assert told == ["the entry points have another order"]


def test_what_differs_between_equal_runs_is_left_out() -> None:
    first = {**REPORT, "findings": [{**FINDING, "line": 9}, {**FINDING, "message": "in /tmp/one/net.py"}]}
    second = {
        **REPORT,
        "findings": [{**FINDING, "message": "in /tmp/two/net.py"}, {**FINDING, "line": 9}],
        "version": 7,
    }
    one, two = (
        normal(1, json.dumps(report), "", Path(folder))
        for report, folder in [(first, "/tmp/one"), (second, "/tmp/two")]
    )
    assert one == two
    assert [finding["line"] for finding in one["findings"]] == [3, 9]


def test_a_run_without_a_report_is_a_document_too() -> None:
    assert normal(2, "", "oh\nno\n", Path("/somewhere")) == {"exit": 2, "crash": "no"}


def test_the_tables_speak_of_known_inputs() -> None:
    packages = {package.name for package in load_packages()}
    assert {*QUICK, *SECONDS} <= {*packages, "fixtures", "specifications"}
    assert set(LEFT_OUT) <= packages
    assert len(packages - set(LEFT_OUT)) >= 40


def test_each_test_of_a_specification_is_a_project(tmp_path: Path) -> None:
    checkout, scratch = tmp_path / "checkout", tmp_path / "scratch"
    (checkout / "tests" / "rules").mkdir(parents=True)
    (checkout / "fixtures").mkdir()
    scratch.mkdir()
    (checkout / "tests" / "rules" / "bn001.md").write_text(
        "# BN001\n## Outer\n```python run\nx = 1\n```\n### Inner\n"
        '```python title="models/net.py"\ny = 2\n```\n```python run\nz = 3\n```\n'
    )
    one = next(each for each in inputs(checkout, scratch) if each.name == "specifications")
    folder = one.folder()
    assert {path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob("*.py")} == {
        "bn001/001-outer/test.py": "x = 1\n",
        "bn001/002-outer.inner/models/net.py": "y = 2\n",
        "bn001/002-outer.inner/test.py": "z = 3\n",
    }


def test_a_revision_is_exported_with_what_was_committed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for part in revisions._PARTS:
        (tmp_path / part).mkdir()
        (tmp_path / part / "file.py").write_text("committed")
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"]
    for arguments in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "first"]):
        subprocess.run([*git, *arguments], cwd=tmp_path, check=True)
    (tmp_path / "bn_lint" / "file.py").write_text("changed")
    monkeypatch.setattr(revisions, "ROOT", tmp_path)
    with revisions.exported("HEAD") as folder:
        assert sorted(path.name for path in folder.iterdir()) == sorted(revisions._PARTS)
        assert (folder / "bn_lint" / "file.py").read_text() == "committed"
    with pytest.raises(subprocess.CalledProcessError), revisions.exported("nonsense"):
        pass


#: Stands for bn-lint: it reports one finding for each Python file in the folder, and notes that it ran.
LINTER = """
import json, os, sys
from pathlib import Path

assert os.environ["BN_LINT_ENGINE"] == "untimed,steps"
with open({log!r}, "a") as log:
    print({name!r}, Path.cwd().name, file=log)
paths = sorted(path.as_posix() for path in Path().rglob("*.py"))
finding = {{"line": 1, "column": 1, "code": "BN401", "message": {message!r}}}
steps = [{{"path": path, "line": 1, "name": "<module>", "steps": 5}} for path in paths]
coverage = {{"judged": len(paths), "total": len(paths), "undecided": [], {steps}}}
findings = [{{"path": path, **finding}} for path in paths]
print(json.dumps({{"files": len(paths), "findings": findings, "errors": [], "coverage": coverage}}))
"""
STEPS_OF_LINTER = '"steps": steps'


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log"


@pytest.fixture
def checkout(tmp_path: Path, log: Path) -> Callable[..., Path]:
    def write(name: str, message: str = "bad", steps: str = STEPS_OF_LINTER, fixture: str = "x = 1") -> Path:
        root = tmp_path / name
        for folder in ("bn_lint", "rules/bn_lint_rules", "fixtures", "tests"):
            (root / folder).mkdir(parents=True, exist_ok=True)
        script = LINTER.format(log=str(log), name=name, message=message, steps=steps)
        (root / "bn_lint" / "__init__.py").touch()
        (root / "bn_lint" / "__main__.py").write_text(script)
        (root / "fixtures" / "net.py").write_text(fixture)
        return root

    return write


Compare = Callable[..., Result]


@pytest.fixture
def compare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Compare:
    """Compares two checkouts as the command does; a package `zoo` has one file."""
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    zoo = tmp_path / "zoo"
    zoo.mkdir()
    (zoo / "zoo.py").write_text("y = 2")
    monkeypatch.setattr(inputs_module, "load_packages", lambda: [Package("zoo", "1.0")])
    monkeypatch.setattr(inputs_module, "source", lambda name, version: zoo)

    def run(base: Path, new: Path, *arguments: str) -> Result:
        import contextlib

        monkeypatch.setattr(command, "exported", lambda revision: contextlib.nullcontext(base))
        monkeypatch.setattr(command, "ROOT", new)
        return CliRunner().invoke(command.main, ["--base", "revision", *arguments])

    return run


pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="child processes are measured with wait4")


@pytest.mark.slow
def test_linters_that_say_the_same_are_equal(compare: Compare, checkout: Callable[..., Path]) -> None:
    result = compare(checkout("base"), checkout("new"))
    assert result.exit_code == 0, result.output
    assert "zoo: unchanged (5 steps" in result.output
    assert result.output.endswith("3 of 3 inputs are unchanged.\n")


@pytest.mark.slow
def test_a_difference_is_shown_and_fails(compare: Compare, checkout: Callable[..., Path]) -> None:
    result = compare(checkout("base"), checkout("new", message="worse"), "zoo")
    assert result.exit_code == 1
    assert "zoo: 1 differences" in result.output
    assert "  ~ findings zoo.py:1:1:BN401 message: bad -> worse\n" in result.output
    assert result.output.endswith("0 of 1 inputs are unchanged.\n")


@pytest.mark.slow
def test_equal_crashes_prove_nothing(compare: Compare, checkout: Callable[..., Path]) -> None:
    base, new = checkout("base"), checkout("new")
    for root in (base, new):
        (root / "bn_lint" / "__main__.py").write_text("raise SystemExit('no report today')")
    result = compare(base, new, "zoo")
    assert result.exit_code == 1
    assert "zoo: no report" in result.output
    assert "  no report today\n" in result.output


@pytest.mark.slow
def test_both_sides_lint_the_inputs_of_the_base(compare: Compare, checkout: Callable[..., Path]) -> None:
    base, new = checkout("base"), checkout("new", fixture="x = 2")
    (new / "fixtures" / "other.py").write_text("")
    assert compare(base, new, "fixtures").exit_code == 0


@pytest.mark.slow
def test_what_was_linted_before_is_known(compare: Compare, checkout: Callable[..., Path], log: Path) -> None:
    base, new = checkout("base"), checkout("new")
    compare(base, new, "fixtures", "zoo")
    assert sorted(log.read_text().split("\n")[:-1]) == ["base fixtures", "base zoo", "new fixtures", "new zoo"]
    log.unlink()
    compare(base, checkout("new", message="worse"), "fixtures", "zoo")
    assert sorted(log.read_text().split("\n")[:-1]) == ["new fixtures", "new zoo"]
    log.unlink()
    compare(checkout("base", fixture="x = 3"), new, "fixtures", "zoo")
    assert sorted(log.read_text().split("\n")[:-1]) == ["base fixtures", "new fixtures"]
    log.unlink()
    compare(base, base, "--fresh", "zoo")
    assert log.read_text() == "base zoo\nbase zoo\n"


@pytest.mark.slow
def test_a_base_without_steps_proves_nothing(compare: Compare, checkout: Callable[..., Path]) -> None:
    result = compare(checkout("base", steps=""), checkout("new", steps=""), "zoo")
    assert result.exit_code == 2
    assert "knows nothing of BN_LINT_ENGINE" in result.output


@pytest.mark.slow
def test_an_input_that_does_not_exist_is_refused(compare: Compare, checkout: Callable[..., Path]) -> None:
    result = compare(checkout("base"), checkout("new"), "circus")
    assert result.exit_code == 2
    assert "There is no input circus" in result.output
