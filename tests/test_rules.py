"""What every rule must have: a page, a specification, a place in the catalog and in the changelog."""

from __future__ import annotations

import ast
import functools
import re
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

import bn_lint_rules
from bn_lint.check.catalog import COMMAND, catalog, file_name, pages, write_pages
from bn_lint.check.registry import load_rules
from bn_lint.rule import Rule

from .own_syntax import tree
from .project import lint, traced
from .specification import read

ROOT = Path(__file__).parent.parent
RULES = load_rules()
HEADINGS = [
    "What it does",
    "Why is this bad?",
    "Example",
    "Use instead",
    "Fix safety",
    "Known limits",
    "References",
]
OPTIONAL = {"Fix safety", "Known limits", "References"}

#: Codes and names are the contract with configuration files and suppression comments: a name never changes.
CONTRACT = {
    "BN001": "unknown-batchnorm",
    "BN002": "num-features-mismatch",
    "BN003": "wrong-batchnorm-variant",
    "BN004": "channels-last-input",
    "BN005": "hard-coded-num-features",
    "BN006": "invalid-num-features",
    "BN101": "missing-eval",
    "BN102": "mode-call-mistake",
    "BN103": "train-not-restored",
    "BN104": "train-mode-in-validation",
    "BN105": "training-in-eval-mode",
    "BN106": "train-override-ignores-mode",
    "BN107": "train-override-returns-none",
    "BN108": "functional-training-flag",
    "BN109": "batchnorm-skipped",
    "BN110": "export-in-train-mode",
    "BN111": "fuse-in-train-mode",
    "BN112": "teacher-in-train-mode",
    "BN113": "auxiliary-forward-in-train-mode",
    "BN114": "eval-before-replacement",
    "BN201": "single-value-per-channel",
    "BN202": "last-batch-of-one",
    "BN203": "tiny-batch",
    "BN204": "batchnorm-on-1x1",
    "BN205": "accumulation-does-not-help",
    "BN301": "frozen-without-eval",
    "BN302": "frozen-batchnorm-reenabled",
    "BN303": "freeze-misses-variant",
    "BN304": "freeze-flips-tracking",
    "BN401": "keras-momentum",
    "BN402": "zero-momentum",
    "BN403": "positional-eps",
    "BN404": "eps-out-of-range",
    "BN405": "no-running-stats-in-eval",
    "BN406": "redundant-bias",
    "BN407": "weight-decay-on-batchnorm",
    "BN408": "dropout-before-batchnorm",
    "BN409": "momentum-out-of-range",
    "BN501": "unregistered-batchnorm",
    "BN502": "batchnorm-built-in-forward",
    "BN503": "shared-batchnorm",
    "BN504": "unused-batchnorm",
    "BN505": "running-stats-not-buffers",
    "BN601": "ddp-without-syncbatchnorm",
    "BN602": "syncbatchnorm-order",
    "BN603": "syncbatchnorm-without-ddp",
    "BN604": "buffers-diverge",
    "BN605": "half-precision-running-stats",
    "BN606": "checkpoint-double-update",
    "BN607": "swa-without-update-bn",
    "BN608": "ema-ignores-buffers",
    "BN609": "missing-running-stats-loaded",
    "BN701": "dp-sgd-batchnorm",
    "BN702": "vmap-batchnorm",
    "BN801": "running-stats-never-updated",
    "BN802": "running-stats-not-finite",
    "BN803": "collapsed-variance",
    "BN804": "batch-running-drift",
    "BN805": "mode-flapping",
}

#: Their pages show programs that run in several processes.
NEEDS_PROCESSES = {"BN601", "BN604"}

each_rule = pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)


def section(page: str, heading: str) -> str:
    """The text under one heading of a page, empty when there is none."""
    found = re.search(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL)
    return found[1] if found else ""


def code(text: str) -> str:
    return "\n".join(re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL))


def test_every_rule_file_holds_one_rule() -> None:
    files = {path.name for path in Path(bn_lint_rules.__path__[0]).glob("bn*.py")}
    assert files == {file_name(rule) for rule in RULES}


@each_rule
def test_code_and_name_are_in_the_contract(rule: Rule) -> None:
    assert CONTRACT.get(rule.code) == rule.name


@each_rule
def test_page_has_its_headings_in_order(rule: Rule) -> None:
    summary, *rest = rule.page.split("\n")
    assert summary.endswith(".")
    assert not rest[0]
    headings = re.findall(r"^## (.*)$", rule.page, re.MULTILINE)
    assert headings == [one for one in HEADINGS if one in headings or one not in OPTIONAL]
    assert all(section(rule.page, heading).strip() for heading in headings)


@pytest.mark.slow
@each_rule
def test_page_shows_code_that_the_rule_reports_and_code_that_it_does_not(rule: Rule, tmp_path: Path) -> None:
    bad, good = code(section(rule.page, "Example")), code(section(rule.page, "Use instead"))
    assert bad
    assert good
    assert rule.code not in codes(good, tmp_path)
    if rule.code in NEEDS_PROCESSES:
        # What to use instead needs several GPUs, or is reported with severity `info`.
        assert rule.code in codes_in_processes(bad, tmp_path)
    elif rule.code not in codes(bad, tmp_path):
        # What only a run can tell, or what the static engine does not tell yet: the pages are run under the tracer.
        assert rule.code in run_codes(bad, tmp_path)
        assert rule.code not in run_codes(good, tmp_path)


def codes(text: str, root: Path) -> set[str]:
    (root / "example.py").write_text(text, encoding="utf-8")
    reported, _ = lint(root, ["example.py"])
    return {one.code for one in reported}


def run_codes(text: str, root: Path) -> set[str]:
    pytest.importorskip("torch")
    (root / "example.py").write_text(text, encoding="utf-8")
    reported, _ = traced(root.resolve(), "example.py")
    return {one.code for one in reported}


def codes_in_processes(text: str, root: Path) -> set[str]:
    pytest.importorskip("torch")
    from .ranks import traced_in_processes

    (root / "example.py").write_text(text, encoding="utf-8")
    return {one.code for one in traced_in_processes(root, "example.py").reported}


@each_rule
def test_specification_shows_the_finding_and_a_clean_twin(rule: Rule) -> None:
    path = ROOT / "tests" / "rules" / Path(file_name(rule)).with_suffix(".md").name
    tests = read(path.relative_to(ROOT), path.read_text(encoding="utf-8"))
    texts = ["".join(file.text for file in test.files.values()) for test in tests]
    assert any(f"[{rule.code}]" in text for text in texts)
    assert any(f"[{rule.code}]" not in text for text in texts)


@each_rule
def test_changelog_mentions_the_rule(rule: Rule) -> None:
    assert re.search(rf"\b{rule.code}\b.*\b{rule.name}\b", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"))


def test_catalog_is_current() -> None:
    written = (ROOT / "rules" / "README.md").read_text(encoding="utf-8")
    assert written == catalog(RULES), f"run `{COMMAND}`"


def test_pages_are_current() -> None:
    written = {path.name: path.read_text(encoding="utf-8") for path in (ROOT / "docs" / "rules").iterdir()}
    assert written == pages(), f"run `{COMMAND}`"


def test_pages_of_rules_that_are_no_more_are_removed(tmp_path: Path) -> None:
    (tmp_path / "gone-rule.md").write_text("x", encoding="utf-8")
    write_pages(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == pages().keys()


@functools.cache
def imports(path: Path) -> Imports:
    """The absolute imports in a file."""
    found = Imports(set(), set())

    def visit(node: ast.AST, *, inside: bool) -> None:
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [node.module]
        found.anywhere.update(name.split(".")[0] for name in names)
        if not inside:
            found.at_start.update(name.split(".")[0] for name in names)
        statements = (ast.stmt, ast.excepthandler, ast.match_case)
        for child in (one for one in ast.iter_child_nodes(node) if isinstance(one, statements)):
            visit(child, inside=inside or isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)))

    visit(tree(path), inside=False)
    return found


class Imports(NamedTuple):
    """Top-level names; `at_start` has no imports inside functions."""

    anywhere: set[str]
    at_start: set[str]


RULE_FILES = sorted((ROOT / "rules").rglob("*.py"))
ENGINE_FILES = sorted((ROOT / "bn_lint").rglob("*.py"))


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("path", RULE_FILES, ids=name_of)
def test_rules_know_neither_syntax_nor_torch(path: Path) -> None:
    foreign = imports(path).anywhere - set(sys.stdlib_module_names)
    assert foreign <= {"bn_lint", "bn_lint_rules"}
    assert "ast" not in imports(path).anywhere
    assert "bn_lint.static" not in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("path", ENGINE_FILES, ids=name_of)
def test_torch_belongs_to_the_tracer(path: Path) -> None:
    if "runtime" not in path.relative_to(ROOT).parts:
        assert not imports(path).anywhere & {"torch", "numpy"}


#: The modules of the tracer that watch. The others read and show traces, which needs no torch.
WATCHERS = {
    "runtime/recording/backward_passes.py",
    "runtime/recording/errors.py",
    "runtime/recording/patches.py",
    "runtime/recording/recognize.py",
    "runtime/recording/recorder.py",
    "runtime/recording/mode_changes.py",
    "runtime/recording/layer_registry.py",
    "runtime/recording/call_context.py",
    "runtime/recording/running_statistics.py",
    "runtime/recording/steps.py",
    "runtime/recording/structure.py",
    "runtime/recording/trained_parameters.py",
    "runtime/recording/weights.py",
    "runtime/document/summarize.py",
    "runtime/recording/compiled.py",
    "runtime/showing/tensorboard.py",
    "runtime/tracer.py",
    "runtime/processes/group.py",
    "runtime/probe.py",
}
#: Formats made with rich. `import_module` loads them by name, when somebody wants one.
WRITERS = {"output/layers/text.py"}


@pytest.mark.parametrize("path", ENGINE_FILES, ids=name_of)
def test_heavy_imports_wait_until_they_are_needed(path: Path) -> None:
    heavy = {"rich", "torch", "pathspec", "multiprocessing"}
    if path.relative_to(ROOT / "bn_lint").as_posix() in WATCHERS:
        heavy -= {"torch"}
    if path.relative_to(ROOT / "bn_lint").as_posix() in WRITERS:
        heavy -= {"rich"}
    assert not imports(path).at_start & heavy


@pytest.mark.parametrize(
    "path",
    [p for p in ENGINE_FILES if "static" in p.relative_to(ROOT).parts or p.name == "module_finder.py"],
    ids=name_of,
)
def test_the_engine_asks_the_disk_by_way_of_its_file_system(path: Path) -> None:
    """What it learns otherwise would be missing in the cache."""
    called = {
        node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call)
    }
    direct = {"is_dir", "iterdir", "glob", "rglob", "listdir", "scandir", "open", "read_text", "read_bytes", "stat"}
    assert not called & direct
    assert "import os" not in path.read_text(encoding="utf-8")
    if path.name not in ("imported_models.py", "module_finder.py"):
        assert "is_file" not in called


def test_boundaries_see_imports() -> None:
    path = ROOT / "tests" / "project.py"
    assert "torch" in imports(path).anywhere
    assert "torch" not in imports(path).at_start
