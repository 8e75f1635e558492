"""The manual is true."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from bn_lint.check.catalog import settings_schema
from bn_lint.check.registry import load_rules
from bn_lint.cli import main as cli
from bn_lint.cli.commands.check import command as check
from bn_lint.errors import ConfigError
from bn_lint.output import FORMATS
from bn_lint.project.config import Configuration, _toml
from bn_lint.project.keys import KEYS, TABLE, schema

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
    rows = re.findall(r"^\| `([a-z-]+)` \| (.*) \|$", text_of("docs/settings.md"), re.MULTILINE)
    assert rows == [(key.name, key.meaning) for key in TABLE]


def test_the_schema_of_the_settings_is_fresh() -> None:
    assert text_of("docs/settings.schema.json") == settings_schema()


@pytest.mark.parametrize(
    "text",
    [
        *(f"{key} = 1.5" for key in KEYS),
        *(f'{key} = ["BN4", 1]' for key in KEYS),
        *('severity = {BN4 = "bad"}', 'per-file-ignores = {"a" = "BN4"}', "min-batch-size = 0", 'baseline = ""'),
        *("min-batch-size = true", "unknown = 1", "force-exclude = 1"),
    ],
)
def test_the_schema_refuses_what_is_refused(text: str, tmp_path: Path) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    (tmp_path / "bn-lint.toml").write_text(text)
    with pytest.raises(ConfigError):
        Configuration(allow_plugins=["BN4"]).settings_for(tmp_path / "a.py")
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(_toml(text.encode(), "the test"), schema())


def test_the_schema_accepts_the_examples() -> None:
    jsonschema = pytest.importorskip("jsonschema")
    tables = [
        _toml(code.encode(), page.name)["tool"]["bn-lint"]
        for page in PAGES
        for _, code in fences(page.read_text(encoding="utf-8"), "toml")
        if "[tool.bn-lint]" in code
    ]
    assert set(KEYS) <= {key for table in tables for key in table}
    for table in tables:
        jsonschema.validate(table, schema())


def test_every_format_is_explained() -> None:
    assert first_column(text_of("docs/formats.md")) == list(FORMATS)


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
