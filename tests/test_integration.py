"""What ties bn-lint to other tools: pre-commit, GitHub Actions, shells."""

from __future__ import annotations

import importlib
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest
from click.shell_completion import get_completion_class

from bn_lint.cli.main import command, main

ROOT = Path(__file__).parent.parent
yaml = importlib.import_module("yaml")  # it has no types
HOOKS: list[dict[str, Any]] = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text("utf-8"))
ACTION: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text("utf-8"))


@pytest.mark.parametrize("hook", HOOKS, ids=lambda hook: hook["id"])
def test_hooks_run_a_command_that_exists(hook: dict[str, Any]) -> None:
    program, *arguments = hook["entry"].split()
    assert program == "bn-lint"
    assert main([*arguments, *hook["args"], "--help"]) == 0


@pytest.mark.parametrize("hook", HOOKS, ids=lambda hook: hook["id"])
def test_hooks_judge_all_files_together_and_leave_out_what_is_excluded(hook: dict[str, Any]) -> None:
    assert hook["require_serial"] is True
    assert "--force-exclude" in hook["entry"]
    assert hook["types_or"][0] == "python"


def test_the_action_uses_pinned_actions_only() -> None:
    used = [step["uses"] for step in ACTION["runs"]["steps"] if "uses" in step]
    assert used
    for one in used:
        assert len(one.partition("@")[2]) == 40


def run_action(tmp_path: Path, **inputs: str) -> list[str]:
    """Run the action's last step with a program that says how it was called."""
    program = tmp_path / "bn-lint" / "bin" / "bn-lint"
    program.parent.mkdir(parents=True)
    program.write_text(
        f"#!{sys.executable}\nimport os, sys\nprint(*sys.argv[1:], os.environ['BN_LINT_OUTPUT_FORMAT'], sep='\\n')\n"
    )
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    values = {name: each["default"] for name, each in ACTION["inputs"].items()} | inputs
    step = ACTION["runs"]["steps"][-1]
    environment = {
        key: values[value.removeprefix("${{ inputs.").removesuffix(" }}")] for key, value in step["env"].items()
    }
    result = subprocess.run(
        [step["shell"], "-e", "-c", step["run"]],
        cwd=tmp_path,
        env={**os.environ, **environment, "RUNNER_TEMP": str(tmp_path)},
        check=True,
        capture_output=True,
        text=True,
    )
    return result.stdout.splitlines()


def test_the_action_checks_everything_and_annotates(tmp_path: Path) -> None:
    assert run_action(tmp_path) == ["check", "--", ".", "github"]


def test_the_action_passes_its_inputs_on(tmp_path: Path) -> None:
    inputs = {"paths": "src train.py", "arguments": "--select BN0 --exit-zero", "output-format": "sarif"}
    assert run_action(tmp_path, **inputs, **{"output-file": "a report.sarif"}) == [
        *(
            "check",
            "--output-file",
            "a report.sarif",
            "--select",
            "BN0",
            "--exit-zero",
            "--",
            "src",
            "train.py",
            "sarif",
        )
    ]


def test_the_action_evaluates_nothing(tmp_path: Path) -> None:
    assert run_action(tmp_path, paths="$(touch gone) ; x")[1:] == ["--", "$(touch", "gone)", ";", "x", "github"]
    assert not (tmp_path / "gone").exists()


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts(shell: str) -> None:
    kind = get_completion_class(shell)
    assert kind is not None
    source = kind(command, {}, "bn-lint", "_BN_LINT_COMPLETE").source()
    assert "_BN_LINT_COMPLETE" in source
    assert "bn-lint" in source


def completions(*words: str, incomplete: str = "") -> list[str]:
    """What a shell would offer after these words."""
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "rules")]),
        "_BN_LINT_COMPLETE": "bash_complete",
        "COMP_WORDS": " ".join(["bn-lint", *words, incomplete]),
        "COMP_CWORD": str(len(words) + 1),
    }
    script = "import sys; from bn_lint.cli.main import main; sys.exit(main())"
    result = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
    return [line.partition(",")[2] for line in result.stdout.splitlines()]


@pytest.mark.slow
def test_completion() -> None:
    assert {"check", "rule"} <= set(completions())
    assert completions("check", incomplete="--output-f") == ["--output-format", "--output-file"]
    assert completions("check", "--output-format", incomplete="js") == ["json", "json-lines"]
    assert completions("check", "--select", incomplete="BN401") == ["BN401"]
    assert completions("check", "--ignore", incomplete="BN102,BN401") == ["BN102,BN401"]
    assert "keras-momentum" in completions("rule", incomplete="keras")


def test_commands_are_listed_with_their_help() -> None:
    context = click.Context(command)
    for name in command.list_commands(context):
        found = command.get_command(context, name)
        assert found is not None
        assert found.help
