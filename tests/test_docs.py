"""The manual is true."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from bn_lint.check.registry import load_rules
from bn_lint.cli import main as cli
from bn_lint.cli.commands.check import command as check
from bn_lint.output import FORMATS
from bn_lint.project.config import KEYS, Configuration

ROOT = Path(__file__).parent.parent
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "rules" / "README.md",
    *sorted((ROOT / "docs").glob("*.md")),
]
OPTIONS = {name for option in check.params for name in option.opts}


def text_of(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def fences(text: str, language: str) -> list[tuple[str, str]]:
    """What stands behind the language, and the code."""
    return re.findall(rf"^```{language}([^\n]*)\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def first_column(text: str) -> list[str]:
    return re.findall(r"^\| `([^`]+)` \|", text, re.MULTILINE)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_options_exist(page: Path) -> None:
    lines = [line for line in page.read_text(encoding="utf-8").splitlines() if "bn-lint check" in line]
    used = {
        option
        for line in lines
        for option in re.findall(r"(?<![\w-])--?[a-z][a-z-]*", line.partition("bn-lint check")[2])
    }
    assert used - OPTIONS <= set()


def test_every_key_is_explained() -> None:
    assert first_column(text_of("docs/settings.md")) == list(KEYS)


def test_every_format_is_explained() -> None:
    assert first_column(text_of("docs/integrations.md")) == list(FORMATS)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_settings_can_be_read(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared" / "bn-lint.toml").write_text("", encoding="utf-8")
    project = tmp_path / "project"
    project.mkdir()
    for _, settings in fences(page.read_text(encoding="utf-8"), "toml"):
        (project / "pyproject.toml").write_text(settings, encoding="utf-8")
        Configuration(allow_plugins=["acme_rules"]).settings_for(project / "model.py").check_selectors(load_rules())


def test_the_rule_package_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    manual = text_of("docs/rule-packages.md")
    for info, code in fences(manual, "python"):
        file = tmp_path / "installed" / re.findall(r'title="([^"]+)"', info)[0]
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(code, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path / "installed"))
    load_rules.cache_clear()
    for name in [name for name in sys.modules if name.startswith("acme_rules")]:
        monkeypatch.delitem(sys.modules, name)
    project = tmp_path / "project"
    project.mkdir()
    ((_, settings),) = fences(manual, "toml")
    (project / "pyproject.toml").write_text(settings, encoding="utf-8")
    (project / "model.py").write_text("from torch import nn\nbn = nn.BatchNorm2d(8, eps=1e-9)\n", encoding="utf-8")
    monkeypatch.chdir(project)
    assert cli.main(["check", "-q", "--output-format=concise", "--allow-plugins=acme_rules"]) == 1
    assert capsys.readouterr().out == "model.py:2:6: warning ACME001 `bn` has eps 1e-09 (small-eps)\n"
