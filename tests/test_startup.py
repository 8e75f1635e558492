"""What is imported decides how long a start takes; unlike milliseconds, it can be tested anywhere."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parent.parent
HEAVY = {"libcst", "rich", "torch", "pathspec", "importlib.metadata", "multiprocessing", "tomllib", "bn_lint.facts"}
HEAVY |= {"bn_lint.libraries", "dataclasses", "pathlib", "bn_lint.project.edits"}
LOOK = """
import sys
sys.path[:0] = {paths!r}
{statement}
print(*sys.modules, file=sys.stderr)
"""


def imported_by(statement: str, directory: Path) -> set[str]:
    packages = [path for path in sys.path if path.endswith("site-packages")]
    script = LOOK.format(paths=[str(ROOT), str(ROOT / "rules"), *packages], statement=statement)
    # Isolated: what a developer's environment imports at start is not what is tested.
    result = subprocess.run(
        [sys.executable, "-I", "-S", "-c", script], cwd=directory, check=True, capture_output=True, text=True
    )
    return set(result.stderr.split())


def run(*arguments: str) -> str:
    return f"from bn_lint.cli.main import main; assert main({list(arguments)!r}) == 0"


@pytest.mark.parametrize("arguments", [["--version"], ["check", "clean.py"], ["check", "--output-format=json", "."]])
def test_files_without_batchnorm_cost_little(arguments: list[str], tmp_path: Path) -> None:
    (tmp_path / "clean.py").write_text("import torch\nprint(torch.ones(2))\n")
    (tmp_path / "pyproject.toml").write_text("[project]\nname = 'x'\n")
    modules = imported_by(run(*arguments), tmp_path)
    assert "bn_lint.cli.main" in modules
    assert not HEAVY & modules


def test_color_needs_no_rich(tmp_path: Path) -> None:
    (tmp_path / "clean.py").write_text("x = 1\n")
    assert not HEAVY & imported_by(run("check", "--color=always", "clean.py"), tmp_path)


def test_the_package_itself_is_free(tmp_path: Path) -> None:
    before = imported_by("", tmp_path)
    assert imported_by("import bn_lint", tmp_path) - before <= {"bn_lint", "__future__"}


def test_what_is_only_said_again_needs_no_rules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BN_LINT_NO_CACHE", raising=False)
    (tmp_path / "net.py").write_text(
        "from torch import nn\nnet = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8))\n"
    )
    again = run("check", "--cache-dir=kept", "net.py")
    assert "bn_lint.check.workers" in imported_by(again, tmp_path)
    modules = imported_by(again, tmp_path)
    assert "bn_lint.check.workers" not in modules
    assert "bn_lint.check.outcome" in modules
    assert not {"bn_lint_rules", "bn_lint.facts.layers", "bn_lint.static", "libcst"} & modules
