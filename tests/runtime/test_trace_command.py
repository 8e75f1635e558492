"""`bn-lint trace` from the outside: what it writes where, with which code it ends, and what counts for it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.project import command_line as run

from .commands import TRAIN

pytest.importorskip("torch")


def test_trace_reports_to_standard_error_and_leaves_the_program_its_output(project: Path) -> None:
    result = run(project, "trace", "train.py", "16")
    assert result.returncode == 1
    assert result.stdout == "trained __main__ ['16']\n"
    assert "error[BN101] missing-eval: `net` is evaluated in training mode" in result.stderr
    assert "train.py:13:5" in result.stderr
    assert "model.py:10  BatchNorm2d     16      5     0         8x16x6x6" in result.stderr
    assert "Traced 2 BatchNorm layers over 4 optimizer steps. Found 1 error in 1 file." in result.stderr


def test_options_of_the_program_are_its_own(project: Path) -> None:
    (project / "echo.py").write_text("import sys; print(sys.argv)")
    result = run(project, "trace", "--fail-on", "never", "echo.py", "--select", "x", "-h")
    assert (result.returncode, result.stdout) == (0, "['echo.py', '--select', 'x', '-h']\n")


def test_modules_run_too(project: Path) -> None:
    result = run(project, "trace", "--no-table", "-m", "train", "16")
    assert result.stdout == "trained __main__ ['16']\n"
    assert "BN101" in result.stderr


@pytest.mark.parametrize(("option", "code"), [("error", 1), ("never", 0), ("info", 1)], ids=["error", "never", "info"])
def test_fail_on(project: Path, option: str, code: int) -> None:
    assert run(project, "trace", "--fail-on", option, "train.py", "16").returncode == code


def test_a_failure_is_explained_and_passed_on(project: Path) -> None:
    result = run(project, "trace", "train.py", "32")
    assert result.returncode == 1
    assert f'File "{project}/train.py", line 10, in <module>' in result.stderr  # as Python writes it
    assert "bn_lint" not in result.stderr.split("RuntimeError")[0]
    assert "error[BN002] num-features-mismatch: the input has 16 channels; `bn` expects 32" in result.stderr
    assert (
        "The program failed in BatchNorm2d `bn`, built for 32 channels at model.py:10: it was called at model.py:15 in "
        "training mode on an input of (8, 16, 6, 6)." in result.stderr
    )


@pytest.mark.parametrize(("ending", "code"), [("sys.exit(3)", 3), ("sys.exit()", 0), ("sys.exit('no')", 1)])
def test_exit_codes_of_the_program_win(tmp_path: Path, ending: str, code: int) -> None:
    (tmp_path / "end.py").write_text(f"import sys\n{ending}\n")
    assert run(tmp_path, "trace", "end.py").returncode == code


def test_a_program_that_is_no_python(tmp_path: Path) -> None:
    """Its traceback is that of Python, which names nothing of bn-lint."""
    (tmp_path / "broken.py").write_text("x = (\n")
    result = run(tmp_path, "trace", "broken.py")
    assert result.returncode == 1
    assert result.stderr.splitlines()[0] == f'  File "{tmp_path}/broken.py", line 1'
    assert result.stderr.endswith("\nThe program ended before it called a BatchNorm layer.\n")


def test_usage_errors(project: Path) -> None:
    for arguments, text in [
        (["trace", "missing.py"], "missing.py cannot be read"),
        (["trace", "--statistics", "train.py"], "No such option '--statistics'"),
        (["trace", "-m", "missing_module"], "There is no module named missing_module"),
        (["trace", "--select", "BN999", "train.py", "16"], "BN999"),
        (["trace", "--html", "no/such/folder.html", "train.py", "16"], "cannot be written"),
        (["report", "missing.json"], "missing.json cannot be read"),
        (["report", "model.py"], "no trace of bn-lint"),
        (["probe", "model", "--input", "2,3,8,8"], "names no factory"),
        (["probe", "model:nothing", "--input", "2,3,8,8"], "cannot be loaded"),
        (["probe", "model:Net", "--input", "two"], "is no shape"),
        (["probe", "model:Net", "--input", "the mask=2,3"], "is no shape"),
        (["probe", "model:Net(width)", "--input", "2,3,8,8"], "literals"),
        (["probe", "model:Net(width=", "--input", "2,3,8,8"], "literals"),
        (["check", "--trace", "model.py", "."], "no trace of bn-lint"),
    ]:
        result = run(project, *arguments)
        assert (result.returncode, text in result.stderr) == (2, True), result.stderr


def test_json_findings(project: Path) -> None:
    run(project, "trace", "--output-format", "json", "-o", "findings.json", "train.py", "16")
    report = json.loads((project / "findings.json").read_text())
    (finding,) = report["findings"]
    assert (finding["code"], finding["source"], finding["path"], finding["line"]) == (
        "BN101",
        "runtime",
        "train.py",
        13,
    )


def test_suppression_comments_and_settings_count(project: Path) -> None:
    text = TRAIN.replace(
        "    net(torch.randn(8, 3, 8, 8))\nprint", "    net(torch.randn(8, 3, 8, 8))  # bn-lint: ignore[BN101]\nprint"
    )
    assert text != TRAIN
    (project / "train.py").write_text(text)
    assert run(project, "trace", "train.py", "16").returncode == 0
    (project / "train.py").write_text(TRAIN)
    (project / "pyproject.toml").write_text('[tool.bn-lint]\nignore = ["BN101"]\n')
    assert run(project, "trace", "train.py", "16").returncode == 0
    assert run(project, "trace", "--isolated", "train.py", "16").returncode == 1


def test_a_program_may_change_its_directory(project: Path) -> None:
    """As Hydra does: what the user named, and the paths in the report, still begin where the user was."""
    (project / "outputs").mkdir()
    (project / "train.py").write_text(f"import os\nos.chdir('outputs')\nassert os.path.isabs(__file__)\n{TRAIN}")
    result = run(project, "trace", "--output", "trace.json", "--html", "report.html", "train.py", "16")
    assert "--> train.py:16:5" in result.stderr
    assert "16 |     net(torch.randn(8, 3, 8, 8))" in result.stderr
    assert (project / "trace.json").read_text()
    assert (project / "report.html").read_text()
    assert not list((project / "outputs").iterdir())


def test_a_directory_that_is_gone_costs_nothing(project: Path) -> None:
    """A program that works in a temporary folder ends without one."""
    (project / "train.py").write_text(
        f"{TRAIN}\nimport os, tempfile, bn_lint\nwith tempfile.TemporaryDirectory() as folder:\n    os.chdir(folder)\n"
    )
    assert "--> train.py:13:5" in run(project, "trace", "train.py", "16").stderr
