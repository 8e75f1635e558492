"""The wheel that users install: what must be in it, and what must never be."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import bn_lint
from bn_lint.check.registry import load_rules

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """Built from a copy, so that the working tree stays as it is."""
    pytest.importorskip("hatchling")
    copy = tmp_path_factory.mktemp("build") / "bn-lint"
    copy.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy / name)
    for name in ("bn_lint", "rules", "tests", "fixtures"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(copy / "dist")]
    subprocess.run(command, cwd=copy, check=True, capture_output=True)
    (path,) = (copy / "dist").glob("*.whl")
    return zipfile.ZipFile(path)


def test_top_level_names(wheel: zipfile.ZipFile) -> None:
    names = {name.split("/")[0] for name in wheel.namelist()}
    assert names == {"bn_lint", "bn_lint_rules", f"bn_lint-{bn_lint.__version__}.dist-info"}


def test_rules_and_types_are_inside(wheel: zipfile.ZipFile) -> None:
    names = set(wheel.namelist())
    assert {"bn_lint/py.typed", "bn_lint_rules/py.typed", "bn_lint/static/__init__.py"} <= names
    rules = {f"{rule.judge.__module__.replace('.', '/')}.py" for rule in load_rules()}
    assert rules
    assert rules <= names
    assert not [name for name in names if name.endswith((".pyc", ".md"))]


def test_metadata(wheel: zipfile.ZipFile) -> None:
    dist = f"bn_lint-{bn_lint.__version__}.dist-info"
    metadata = wheel.read(f"{dist}/METADATA").decode()
    needed = [line.split(": ", 1)[1] for line in metadata.splitlines() if line.startswith("Requires-Dist: ")]
    base = sorted(one for one in needed if "extra ==" not in one)
    assert base == ["click>=8.1", "libcst>=1.5", "rich>=13", "tomli>=2; python_version < '3.11'"]
    assert "bn-lint = bn_lint.__main__:main" in wheel.read(f"{dist}/entry_points.txt").decode()


def test_rules_is_no_module_of_the_wheel(wheel: zipfile.ZipFile, tmp_path: Path) -> None:
    wheel.extractall(tmp_path)
    look = "import importlib.util as u; print(u.find_spec('bn_lint_rules') is not None, u.find_spec('rules') is None)"
    command = [sys.executable, "-S", "-E", "-c", look]
    result = subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, text=True)
    assert result.stdout.split() == ["True", "True"]


def test_continuous_integration_runs_the_commands_of_the_readme() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()
    (install, tests), (_, lint) = (
        command.split(" && ") for command in re.findall(r"^(pip install .*constraints.*)$", readme, re.MULTILINE)[::-1]
    )
    assert [line for line in script if line in (install, lint, tests)] == [install, lint, tests]
