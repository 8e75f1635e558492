"""A file that is given by name gets the findings that a check of its project has in it, or shows it as evidence for."""

from __future__ import annotations

import io
import shutil
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import pytest

from bn_lint.check.pipeline import check
from bn_lint.cli import main as cli
from bn_lint.facts import Analysis
from bn_lint.project.config import Configuration
from bn_lint.project.discovery import File, discover
from bn_lint.project.selectors import ALL, SelectorSet
from bn_lint.project.source import Source
from bn_lint.project.whole import top_of, with_projects
from bn_lint.rule import Finding

from .specification import read

Run = Callable[..., tuple[int, str, str]]
ROOT = Path(__file__).parent.parent
FOLDERS = ("project_bad_block", "project_bad_model", "project_good", "modes/package_bad", "modes/trainer")
SPECIFIED = [
    pytest.param({name: file.text for name, file in one.files.items()}, id=f"{path.stem}-{one.line}")
    for path in sorted([*ROOT.glob("tests/static/*.md"), *ROOT.glob("tests/rules/*.md")])
    for one in read(path, path.read_text(encoding="utf-8"))
    if len(one.files) > 1
]


def findings(names: Sequence[str]) -> list[Finding]:
    configuration = Configuration(command_line=SelectorSet(select=(ALL,)))

    def excluded(path: str) -> bool:
        return configuration.settings_for(path).excludes(path)

    return check(with_projects(discover(names, excluded).files, excluded), configuration).findings


def keys(found: Iterable[Finding]) -> set[tuple[object, ...]]:
    return {(one.place, one.code, one.severity, one.message, one.evidence, one.suppressed) for one in found}


def concerns(finding: Finding, name: str) -> bool:
    return finding.place.path == name or any(step.place.path == name for step in finding.evidence)


def assert_one_answer() -> None:
    names = sorted(str(path) for path in Path().rglob("*.py"))
    whole = findings(["."])
    apart = {name: findings([name]) for name in names}
    for name, found in apart.items():
        assert keys(found) == keys(one for one in whole if concerns(one, name)), name
    assert keys(one for found in apart.values() for one in found) == keys(whole)


@pytest.mark.parametrize("folder", FOLDERS)
def test_fixtures(folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(ROOT / "fixtures" / folder, tmp_path / "project")
    monkeypatch.chdir(tmp_path / "project")
    Path("bn-lint.toml").touch()
    assert_one_answer()


@pytest.mark.parametrize("texts", SPECIFIED)
def test_specifications(texts: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("bn-lint.toml").touch()
    for name, text in texts.items():
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    assert_one_answer()


def test_there_are_enough_projects() -> None:
    assert len(SPECIFIED) + len(FOLDERS) >= 10


# -- what a user meets -----------------------------------------------------------------------------------------------

BLOCKS = """\
from torch import nn


class Block(nn.Module):
    def __init__(self, cin, cout):
        super().__init__()
        self.conv = nn.Conv2d(cin, cout, 3)
        self.bn = nn.BatchNorm2d(cin)

    def forward(self, x):
        return self.bn(self.conv(x))
"""
NET = """\
from torch import nn

from blocks import Block


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.block = Block(32, 32)

    def forward(self, x):
        return self.block(x)
"""
WRONG = NET.replace("32, 32", "32, 64")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("setup.cfg").touch()
    Path("blocks.py").write_text(BLOCKS)
    Path("net.py").write_text(NET)
    return tmp_path


@pytest.fixture
def run(project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    def call(*arguments: str, stdin: str = "") -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
        code = cli.main(["check", "--output-format=concise", *arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


def test_callers_of_a_given_file_count(run: Run) -> None:
    assert run("blocks.py") == (0, "All checks passed!\n", "")
    assert run("blocks.py", "--no-project")[0] == 1


def test_a_caller_gets_what_it_does_to_others(run: Run) -> None:
    Path("net.py").write_text(WRONG)
    code, out, _ = run("net.py")
    assert code == 1
    assert out.startswith("blocks.py:8:19: error BN002")
    assert run("net.py", "--no-project")[0] == 0


def test_what_has_nothing_to_do_with_it_is_left_out(run: Run) -> None:
    Path("other.py").write_text(BLOCKS.replace("cin)\n", "cout + 1)\n"))
    assert run("net.py") == (0, "All checks passed!\n", "")
    assert run(".")[0] == 1


def test_standard_input_is_checked_in_its_project(run: Run) -> None:
    assert run("-", "--stdin-filename=net.py", stdin=WRONG)[0] == 1
    Path("net.py").write_text(WRONG)
    assert run("-", "--stdin-filename=net.py", stdin=NET)[0] == 0


def test_standard_input_that_only_calls_stands_for_its_file(run: Run) -> None:
    """It is no file with BatchNorm, so the engine reads it as it reads the disk."""
    caller = "from blocks import Block\n\nBlock(32, 64)\n"
    Path("net.py").write_text(caller.replace("64", "32"))
    assert run("net.py")[0] == 0
    assert run("-", "--stdin-filename=net.py", stdin=caller)[0] == 1
    assert run("-", "--stdin-filename=new.py", stdin=caller)[0] == 1


def test_what_is_excluded_is_no_caller(run: Run) -> None:
    Path("bn-lint.toml").write_text('exclude = ["net.py"]\n')
    assert run("blocks.py")[0] == 1
    assert run("blocks.py", "--isolated")[0] == 0


def test_comments_and_settings_of_the_other_file_count(run: Run) -> None:
    Path("net.py").write_text(WRONG)
    Path("blocks.py").write_text(BLOCKS.replace("(cin)\n", "(cin)  # bn-lint: ignore[BN002]\n"))
    assert run("net.py")[0] == 0
    Path("blocks.py").write_text(BLOCKS)
    Path("bn-lint.toml").write_text('per-file-ignores = {"blocks.py" = ["BN002"]}\n')
    assert run("net.py")[0] == 0


def test_only_given_files_are_changed(run: Run) -> None:
    Path("net.py").write_text(WRONG)
    code, out, _ = run("net.py", "--fix", "--unsafe-fixes")
    assert code == 1
    assert "fixed" not in out
    run("net.py", "--add-ignore")
    assert Path("blocks.py").read_text() == BLOCKS
    run("blocks.py", "--fix", "--unsafe-fixes")
    assert "BatchNorm2d(cout)" in Path("blocks.py").read_text()


def test_a_baseline_knows_findings_elsewhere_once(run: Run) -> None:
    Path("net.py").write_text(WRONG)
    run("--baseline=known.json", "--update-baseline")
    before = Path("known.json").read_text()
    assert run("--baseline=known.json", "net.py") == (0, "All checks passed!\n", "")
    run("--baseline=known.json", "--update-baseline", "net.py")
    assert Path("known.json").read_text() == before


def test_problems_elsewhere_are_not_those_of_the_given_file(run: Run) -> None:
    Path("latin.py").write_bytes(b"import torch\nname = 'BatchNorm \xe9'\n")
    assert run("net.py") == (0, "All checks passed!\n", "")
    assert run(".")[0] == 2


def test_one_given_file_is_one_file(run: Run) -> None:
    assert '"files": 1' in run("net.py", "--output-format=json")[1]
    assert run("net.py", "--show-files")[1] == "net.py\n"


def test_only_the_units_of_given_files_are_judged(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def analyze(sources: Sequence[Source], facts_of: object) -> list[Analysis]:
        seen.append([source.display for source in sources])
        return []

    monkeypatch.setenv("BN_LINT_ENGINE", "strict,untimed")
    monkeypatch.setattr("bn_lint.check.judge._analyze", analyze)
    Path("other.py").write_text(BLOCKS)
    run("net.py", "-j1", "--no-cache")
    assert seen == [["blocks.py"]]  # net.py is its context


def test_what_a_project_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inner = tmp_path / "repository" / "package" / "src"
    inner.mkdir(parents=True)
    (inner.parent / "pyproject.toml").touch()
    assert top_of(str(inner / "a.py")) == str(inner.parent)
    (tmp_path / "repository" / ".git").mkdir()
    assert top_of(str(inner / "a.py")) == str(tmp_path / "repository")
    monkeypatch.setenv("HOME", str(tmp_path / "repository"))
    assert top_of(str(inner / "a.py")) == str(inner.parent)  # a home directory under version control


def test_a_file_outside_of_projects_is_alone(tmp_path: Path) -> None:
    if top_of(str(tmp_path / "a.py")) is not None:
        pytest.skip("temporary files are in a project")
    (tmp_path / "a.py").write_text(BLOCKS)
    (tmp_path / "b.py").write_text(NET.replace("blocks", "a"))
    (found,) = with_projects([File(str(tmp_path / "a.py"), "a.py", explicit=True)], lambda path: False)
    assert found.is_alone


def test_files_of_directories_bring_no_others(project: Path) -> None:
    Path("sub").mkdir()
    Path("sub/blocks.py").write_text(BLOCKS)
    found = discover(["sub"], lambda path: False).files
    assert with_projects(found, lambda path: False) == found
