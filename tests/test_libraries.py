"""What is known of libraries stands in one file each, and each name in such a file has a specification."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from bn_lint.libraries import FILES, LIBRARIES
from bn_lint.libraries.library import Library, ModelClass
from bn_lint.project.prefilter import deserves_judging, is_zoo_name, uses_zoo

from .own_syntax import tree

ROOT = Path(__file__).parent.parent
SPECIFICATIONS = ROOT / "tests" / "libraries"
#: Fields with regular expressions, and with names that only the tracer compares.
NO_NAMES = ("packages", "mentions", "several_processes")
#: Text that is no knowledge of libraries: magics of notebooks, bn-lint's own options for pytest.
ELSEWHERE = {"bn_lint/project/notebook.py", "bn_lint/runtime/pytest_plugin.py"}

each = pytest.mark.parametrize("library", LIBRARIES, ids=FILES)


def names_in(library: Library) -> Iterator[str]:
    """All names that a file gives, dotted ones by their last part; arguments of functions are left out."""
    for field, value in vars(library).items():
        if field in NO_NAMES or isinstance(value, bool):
            continue
        for name in [value] if isinstance(value, str) else value:
            yield name if field == "repositories" else name.rstrip(".").rpartition(".")[2]
            more = value[name] if isinstance(value, Mapping) else ()
            if isinstance(more, ModelClass):
                yield from more.constructors
            elif isinstance(more, Mapping):
                yield from more


@each
def test_each_name_is_specified(library: Library) -> None:
    document = SPECIFICATIONS / f"{FILES[LIBRARIES.index(library)]}.md"
    text = document.read_text(encoding="utf-8")
    assert not [name for name in names_in(library) if name and re.search(rf"\b{re.escape(name)}", text) is None]
    assert any(package in text for package in library.packages)


def test_there_is_no_specification_of_something_else() -> None:
    assert {path.stem for path in SPECIFICATIONS.glob("*.md")} == set(FILES)


@each
def test_dotted_names_begin_with_a_package(library: Library) -> None:
    fields = (
        *("second_names", "by_name", "classes", "hands_back", "wrappers", "converters", "transforms", "datasets"),
        *("runs_as_is", "iterates", "leaves", "leaves_modes", "expects_failure", "loads_into"),
        *("attribute_dictionaries", "modules", "no_modules", "plain_modules", "known_modules"),
    )
    names = [name for field in fields for name in getattr(library, field)] + [library.functions or library.packages[0]]
    assert not [name for name in names if not name.startswith(library.packages)]


@each
def test_the_prefilter_sees_models(library: Library) -> None:
    has_models = bool(library.functions or library.by_name or library.classes)
    text = f"from {library.packages[0]} import models\nnet = models.build(pretrained=True)\n"
    assert deserves_judging(text.encode()) is has_models
    assert all(is_zoo_name(name) for name in library.names)


def test_the_prefilter_sees_nothing_else() -> None:
    assert not uses_zoo("from mylib import models")
    assert not is_zoo_name("mylib")


@pytest.mark.slow
def test_the_tracer_knows_profilers_by_their_folders() -> None:
    pytest.importorskip("torch")
    from bn_lint.runtime.recording.call_context import tool_in

    assert tool_in("site-packages/torchinfo/torchinfo.py") == "torchinfo"
    assert tool_in("site-packages\\calflops\\flops.py") == "calflops"
    assert tool_in("my/timm/torchinfo.py") is None


@pytest.mark.parametrize(
    "path",
    [path for path in sorted((ROOT / "bn_lint").rglob("*.py")) if path.parent.name != "libraries"],
    ids=lambda path: path.relative_to(ROOT).as_posix(),
)
def test_names_of_libraries_stand_in_their_files(path: Path) -> None:
    """What is written about them elsewhere is documentation."""
    if path.relative_to(ROOT).as_posix() in ELSEWHERE:
        return
    packages = re.compile(rf"\b(?:{'|'.join(name for one in LIBRARIES for name in one.packages)})\b(?!\.nn\b)")
    assert not [text for text in texts(path) if packages.search(text)]


def texts(path: Path) -> Iterator[str]:
    """The strings of a file, its docstrings and other statements left out."""
    nodes = list(ast.walk(tree(path)))
    documentation = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
    for node in nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documentation:
            yield node.value
