"""What a release consists of agrees with itself."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

import bn_lint
from bn_lint.editor.checker import ClientSettings
from bn_lint.errors import ConfigError

ROOT = Path(__file__).parent.parent
MANUAL = ("README.md", *sorted(f"docs/{page.name}" for page in (ROOT / "docs").glob("*.md")))


def text_of(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def test_version_and_changelog_agree() -> None:
    headings = re.findall(r"^## \[([^\]]+)\](.*)$", text_of("CHANGELOG.md"), re.MULTILINE)
    released = [version for version, _ in headings if version != "Unreleased"]
    assert all(re.fullmatch(r" - \d{4}-\d\d-\d\d", date) for version, date in headings if version != "Unreleased")
    if bn_lint.__version__.endswith(".dev0"):
        assert headings[0][0] == "Unreleased"
        assert bn_lint.__version__.removesuffix(".dev0") not in released
    else:
        assert released[0] == bn_lint.__version__


def test_the_manual_names_no_version_that_does_not_exist() -> None:
    released = re.findall(r"^## \[(\d[^\]]*)\]", text_of("CHANGELOG.md"), re.MULTILINE)
    for name in MANUAL:
        assert set(re.findall(r"v(\d+\.\d+\.\d+)", text_of(name))) <= set(released), name
        if not released:
            assert not re.search(r'pip install "?bn-lint(?! @)', text_of(name)), name


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    (tmp_path / ".ci").mkdir()
    (tmp_path / "bn_lint").mkdir()
    shutil.copy(ROOT / ".ci/release", tmp_path / ".ci/release")
    (tmp_path / "bn_lint/__init__.py").write_text('__version__ = "1.2.0"\n')
    return tmp_path


def notes(copy: Path, changelog: str) -> tuple[int, str, str]:
    (copy / "CHANGELOG.md").write_text(changelog)
    command = ["bash", ".ci/release", "1.2.0", "--notes"]
    done = subprocess.run(command, cwd=copy, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout.strip(), done.stderr


def test_the_notes_do_not_say_that_nothing_is_released(copy: Path) -> None:
    code, _, complaint = notes(copy, "## [1.2.0] - 2026-01-02\n\nNothing has been released yet.\n")
    assert (code, complaint) == (1, "CHANGELOG.md still says that nothing is released.\n")


def test_the_notes_of_a_tag_are_its_section_of_the_changelog(copy: Path) -> None:
    sections = [
        "# Changelog\n",
        "## [Unreleased]\n\n- later\n",
        "## [1.2.0] - 2026-01-02\n\n### Added\n\n- a\n",
        "## [1.1.0] - 2025-01-01\n\n- b\n",
    ]
    changelog = "\n".join(sections)
    assert notes(copy, changelog) == (0, "### Added\n\n- a", "")


@pytest.mark.parametrize(
    ("changelog", "complaint"),
    [
        ("## [1.2.0]\n\n- a\n", "has no heading"),
        ("## [1.2.0] - 2026-01-02\n\n## [1.1.0] - 2025-01-01\n- b\n", "is empty"),
        ("## [Unreleased]\n- a\n", "has no heading"),
    ],
)
def test_no_release_without_notes(copy: Path, changelog: str, complaint: str) -> None:
    code, _, error = notes(copy, changelog)
    assert code == 1
    assert complaint in error


def test_no_release_of_another_version(copy: Path) -> None:
    (copy / "bn_lint/__init__.py").write_text('__version__ = "1.2.0.dev0"\n')
    code, _, error = notes(copy, "## [1.2.0] - 2026-01-02\n- a\n")
    assert code == 1
    assert "says 1.2.0.dev0, not 1.2.0" in error


def test_the_extension_sends_what_the_server_understands() -> None:
    package: dict[str, Any] = json.loads(text_of("editors/vscode/package.json"))
    properties = package["contributes"]["configuration"]["properties"]
    keys = {name.removeprefix("bn-lint.") for name in properties} - {"command"}
    sent = re.search(r"const SETTINGS = (\[.*?\]);", text_of("editors/vscode/extension.js"))
    assert sent is not None
    assert set(json.loads(sent[1])) == keys
    for key in keys:
        about = properties[f"bn-lint.{key}"]
        several = about.get("items", {}).get("enum", ["BN4"])
        try:
            ClientSettings.of({key: True if about["type"] == "boolean" else several})
        except ConfigError as error:
            pytest.fail(error.message)


#: VS Code has an empty list where nobody has set one.
EXTENSION = """
const Module = require("node:module");
const set = JSON.parse(process.argv[1]);
const vscode = {
  workspace: {
    getConfiguration: () => ({
      get: (key) => (key === "command" ? ["bn-lint", "server"] : (set[key] ?? [])),
      inspect: (key) => ({ key, defaultValue: [], workspaceValue: set[key] }),
    }),
    onDidChangeConfiguration: () => {},
  },
  commands: { registerCommand: () => {} },
};
class LanguageClient {
  constructor(id, server, client) {
    console.log(JSON.stringify([server.command, server.args, client.initializationOptions]));
  }
  async start() {}
}
const load = Module._load;
Module._load = (name, ...rest) =>
  name === "vscode" ? vscode : name.startsWith("vscode-languageclient") ? { LanguageClient } : load(name, ...rest);
require(process.argv[2]).activate({ subscriptions: [] });
"""


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("node") is None, reason="there is no Node.js")
@pytest.mark.parametrize("options", [{}, {"select": ["BN4"], "inlayHints": []}])
def test_the_extension_sends_what_is_set(options: dict[str, Any]) -> None:
    node = shutil.which("node")
    assert node is not None
    extension = str(ROOT / "editors/vscode/extension.js")
    command = [node, "-e", EXTENSION, json.dumps(options), extension]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == ["bn-lint", ["server"], options]


@pytest.mark.parametrize("path", sorted((ROOT / ".github").rglob("*.yml")), ids=lambda path: path.name)
def test_templates_and_workflows_are_valid_yaml(path: Path) -> None:
    yaml = pytest.importorskip("yaml")
    assert isinstance(yaml.safe_load(path.read_text(encoding="utf-8")), dict)


def test_the_citation() -> None:
    yaml = pytest.importorskip("yaml")
    citation = yaml.safe_load(text_of("CITATION.cff"))
    assert {"cff-version", "message", "title", "authors"} <= citation.keys()


def test_the_site_has_every_page() -> None:
    """What `mkdocs build --strict` would refuse: a page that is not there, and a link that leaves the site."""
    site = text_of("mkdocs.yml")
    listed = set(re.findall(r": ((?:[\w-]+/)*[\w-]+\.md)$", site, re.MULTILINE))
    manual = {f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md")} - {"docs/README.md"}
    assert manual <= listed
    assert all((ROOT / name).is_file() for name in listed)
    for name in [*listed, "docs/README.md"]:
        for target in re.findall(r"\]\(([^)#]+)", text_of(name)):
            if "://" in target:
                continue
            found = ((ROOT / name).parent / target).resolve().relative_to(ROOT).as_posix()
            assert found in {*listed, "docs/README.md", "LICENSE"} or found.startswith("docs/"), f"{name}: {target}"
            assert (ROOT / found).is_file(), f"{name}: {target}"
