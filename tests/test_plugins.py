"""Rules from outside use the same door as the built-in ones."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bn_lint.check.registry import BUILT_IN, load_rules
from bn_lint.cli import main as cli
from bn_lint.errors import ConfigError

from .project import command_line

ROOT = Path(__file__).parent.parent

#: The two files of a rule package.
PACKAGE = {
    "acme_rules/__init__.py": '"""The rules of the Acme company."""\n',
    "acme_rules/acme001_small_eps.py": '''
"""ACME001: our models are converted to half precision."""

from __future__ import annotations

from collections.abc import Iterator

from bn_lint.facts import BatchNormBuilt
from bn_lint.rule import Confirmation, Severity, Violation, rule


@rule("ACME001", "small-eps", severity=Severity.WARNING, since="1.0", confirmed_by=Confirmation.CONSTRUCTION)
def small_eps(built: BatchNormBuilt) -> Iterator[Violation]:
    """An `eps` that half precision rounds to zero.

    ## What it does
    Reports layers whose `eps` is below 6e-8.
    """
    if isinstance(built.layer.eps, float) and built.layer.eps < 6e-8:
        yield Violation(f"`{built.layer.name}` has eps {built.layer.eps}", built.place)
''',
}
MODEL = "from torch import nn\nlayer = nn.BatchNorm2d(8, eps=1e-9)\n"


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project whose environment has a rule package; the package is no part of the project."""
    installed = tmp_path / "site-packages"
    for name, text in PACKAGE.items():
        write(installed / name, text)
    monkeypatch.syspath_prepend(str(installed))
    root = tmp_path / "project"
    write(root / "model.py", MODEL)
    write(root / "bn-lint.toml", 'plugins = ["acme_rules"]\n')
    monkeypatch.chdir(root)
    monkeypatch.setenv("BN_LINT_ALLOW_PLUGINS", "acme_rules,gone,json")
    load_rules.cache_clear()
    for name in [name for name in sys.modules if name.startswith("acme_rules")]:
        del sys.modules[name]
    return root


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def call(*arguments: str) -> tuple[int, str, str]:
        code = cli.main(arguments)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


FOUND = "model.py:2:9: warning ACME001 `layer` has eps 1e-09 (small-eps)\n"


def test_its_rules_judge(run: Run) -> None:
    assert run("check", "-q", "--output-format=concise") == (1, FOUND, "")


@pytest.mark.parametrize("selector", ["ACME001", "ACME", "small-eps"])
def test_its_rules_are_selected_and_silenced_like_others(selector: str, run: Run) -> None:
    assert run("check", "-q", f"--ignore={selector}") == (0, "", "")
    assert run("check", "-q", "--output-format=concise", f"--select={selector}")[1] == FOUND
    write(Path("model.py"), MODEL.replace("9)\n", f"9)  # bn-lint: ignore[{selector}]\n"))
    assert run("check", "-q") == (0, "", "")


def test_its_rules_have_pages_and_are_in_sarif(run: Run) -> None:
    assert run("rule", "small-eps")[1].startswith(
        "# ACME001 small-eps\n\nSeverity warning, on by default, since 1.0.\n"
    )
    sarif = json.loads(run("check", "--output-format=sarif")[1])
    assert "ACME001" in {rule["id"] for rule in sarif["runs"][0]["tool"]["driver"]["rules"]}


@pytest.mark.slow
def test_other_processes_and_the_cache_know_its_rules(project: Path, run: Run) -> None:
    for number in range(3):
        write(project / f"model_{number}.py", MODEL)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "rules"), *sys.path[:1]])}
    environment.pop("BN_LINT_NO_CACHE")
    command = [sys.executable, "-m", "bn_lint", "check", "-q", "-j2", "--output-format=concise"]
    for _ in range(2):
        result = subprocess.run(command, env=environment, check=False, capture_output=True, text=True)
        assert result.stdout.count("ACME001") == 4, result.stderr
    rules = Path(sys.path[0], "acme_rules", "acme001_small_eps.py")
    rules.write_text(rules.read_text(encoding="utf-8").replace("6e-8", "6e-10"), encoding="utf-8")
    result = subprocess.run(command, env=environment, check=False, capture_output=True, text=True)
    assert (result.stdout, result.stderr) == ("", "")


#: Something that cannot be read from the text gives the layer another `eps`.
OTHERWISE = """
import sys

from torch import nn

if sys.argv[1:] == ["safe"]:
    exec("build = nn.BatchNorm2d.__init__\\nnn.BatchNorm2d.__init__ = lambda self, n, eps: build(self, n)")
if sys.argv[1:] != ["idle"]:
    layer = nn.BatchNorm2d(8, eps=1e-9)
if sys.argv[1:] == ["safe"]:
    exec("del nn.BatchNorm2d.__init__")  # it inherits the method
"""


@pytest.mark.slow
@pytest.mark.parametrize(("argument", "expected"), [("small", True), ("safe", False), ("idle", None)])
def test_a_trace_confirms_and_refutes_its_rules(project: Path, run: Run, argument: str, expected: bool | None) -> None:
    pytest.importorskip("torch")
    write(project / "model.py", OTHERWISE)
    sys.path.insert(0, str(project))  # what comes first gives way to the folder of the program
    command_line(project, "trace", "--output", "trace.json", "model.py", argument)
    document = json.loads(run("check", "--output-format=json", "--select=ACME", "--trace=trace.json")[1])
    assert [each["confirmed"] for each in document["findings"]] == [expected]


@pytest.mark.slow
def test_a_trace_does_not_refute_a_rule_that_names_no_condition(project: Path, run: Run) -> None:
    rule = Path(sys.path[0], "acme_rules", "acme001_small_eps.py")
    rule.write_text(PACKAGE["acme_rules/acme001_small_eps.py"].replace(", confirmed_by=Confirmation.CONSTRUCTION", ""))
    test_a_trace_confirms_and_refutes_its_rules(project, run, "safe", None)


def test_files_with_other_settings_are_not_judged_by_them(project: Path, run: Run) -> None:
    write(project / "apart" / "bn-lint.toml", "")
    write(project / "apart" / "model.py", MODEL)
    assert run("check", "-q", "--output-format=concise")[1] == FOUND


def test_the_built_in_rules_come_through_the_same_door() -> None:
    packages = {rule.judge.__module__.partition(".")[0] for rule in load_rules()}
    assert packages == {BUILT_IN}
    assert {rule.code for rule in load_rules(("acme_rules",))} - {rule.code for rule in load_rules()} == {"ACME001"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("acme_rules", "gone"), 'The rule package "gone" cannot be imported (ModuleNotFoundError: No module named'),
        (("acme_rules", "json"), 'The rule package "json" has no rules.'),
        (("ACME001", "BN777"), 'The rule package "acme_rules" has a rule with the code "BN777": a code is two to five'),
        (("ACME001", "A1"), 'The rule package "acme_rules" has a rule with the code "A1": a code is two to five'),
        (
            ("small-eps", "small"),
            'The rule package "acme_rules" has a rule called "small": a name is two or more words',
        ),
        (
            ("small-eps", "keras-momentum"),
            'The rule package "acme_rules" defines ACME001 (keras-momentum), but there is',
        ),
        (("@rule(", "exit()\n@rule("), 'The rule package "acme_rules" cannot be imported (SystemExit'),
        (("@rule(", "1 / 0\n@rule("), 'The rule package "acme_rules" cannot be imported (ZeroDivision'),
    ],
)
def test_mistakes_are_reported(change: tuple[str, str], message: str, run: Run) -> None:
    rules = Path(sys.path[0], "acme_rules", "acme001_small_eps.py")
    for file in (Path("bn-lint.toml"), rules):
        file.write_text(file.read_text(encoding="utf-8").replace(*change), encoding="utf-8")
    code, out, err = run("check")
    assert (code, out) == (2, "")
    assert err.startswith(f"error: {message}")


@pytest.mark.parametrize(
    "arguments", [["check"], ["check", "--config", "bn-lint.toml"], ["check", "--allow-plugins=x"]]
)
def test_a_configuration_alone_makes_nobody_import_anything(
    arguments: list[str], run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("BN_LINT_ALLOW_PLUGINS")
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert err == (
        'error: bn-lint.toml: "plugins" names code that bn-lint would run. If you trust it, say so with '
        "--allow-plugins acme_rules, or in the environment with BN_LINT_ALLOW_PLUGINS=acme_rules.\n"
    )
    assert "acme_rules" not in sys.modules


@pytest.mark.parametrize("option", ["--allow-plugins=x,acme_rules", '--config=plugins=["acme_rules"]'])
def test_the_command_line_allows_them(option: str, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BN_LINT_ALLOW_PLUGINS")
    assert run("check", "-q", "--output-format=concise", option) == (1, FOUND, "")


def test_a_package_is_named_once_even_if_settings_name_it_twice(run: Run) -> None:
    write(Path("bn-lint.toml"), 'plugins = ["acme_rules", "acme_rules"]\n')
    assert run("check", "-q", "--output-format=concise")[1] == FOUND


def test_wrong_settings() -> None:
    with pytest.raises(ConfigError):
        load_rules(("acme_rules", "acme_rules.acme001_small_eps"))
