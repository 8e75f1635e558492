"""Which package may import which: dependencies point to what stands earlier in `ORDER`, and never back."""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from .own_syntax import tree

ROOT = Path(__file__).parent.parent

#: A package imports itself and those before it. Names are paths below `bn_lint`; a longer name counts before a shorter.
ORDER = (
    "errors",
    "addresses",
    "debugging",
    "native",
    "forks",
    "exit",
    "libraries",
    "facts",
    "rule",
    "project",
    "static.syntax",
    "static.interpreter",
    "static.torch_model",
    "static.libraries",
    "static.training",
    "static.fix_layout",
    "static.syntactic",
    "static.turns",
    "static",
    "check",
    "output",
    "runtime",
    "editor",
    "flake8",
    "cli",
)


def package_of(module: str) -> str:
    """The entry of `ORDER` for a module below `bn_lint`; empty for `bn_lint` itself and `python -m bn_lint`."""
    inner = module.removeprefix("bn_lint").lstrip(".")
    if inner in ("", "__main__"):
        return ""
    parts = inner.split(".")
    found = next((name for size in (2, 1) if (name := ".".join(parts[:size])) in ORDER), None)
    assert found is not None, f"`{module}` has no place in ORDER"
    return found


def module_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported(path: Path) -> Iterator[tuple[str, int]]:
    """The modules of `bn_lint` that a file imports, with the lines: inside functions and for types only, too."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.split(".")[0] == "bn_lint":
                    yield alias.name, node.lineno
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: a relative import"
            if node.module is not None and node.module.split(".")[0] == "bn_lint":
                for alias in node.names:
                    below = ROOT.joinpath(*node.module.split("."), alias.name)
                    is_module = below.with_suffix(".py").exists() or below.is_dir()
                    yield f"{node.module}.{alias.name}" if is_module else node.module, node.lineno


@functools.cache
def edges() -> list[tuple[str, str, str, str]]:
    """Imports from one package to another: the packages, the imported module, and `file:line`."""
    return [
        (own, package, module, f"{path.relative_to(ROOT).as_posix()}:{line}")
        for path in sorted((ROOT / "bn_lint").rglob("*.py"))
        for own in [package_of(module_of(path))]
        for module, line in imported(path)
        if (package := package_of(module)) != own
    ]


def points_back(own: str, package: str) -> bool:
    if own == "" or package == "":  # `from bn_lint import __version__`
        return False
    return ORDER.index(package) > ORDER.index(own)


@pytest.mark.slow
def test_dependencies_point_to_earlier_packages() -> None:
    back = [f"{where}: {module}" for own, package, module, where in edges() if points_back(own, package)]
    assert not back, "imports that point back"


def test_no_packages_import_each_other_in_a_circle() -> None:
    graph: dict[str, set[str]] = {}
    for own, package, _, _ in edges():
        if "" not in (own, package):
            graph.setdefault(own, set()).add(package)
    TopologicalSorter(graph).prepare()  # raises CycleError, which names the circle


@pytest.mark.parametrize(
    ("own", "package", "expected"),
    [("facts", "check", True), ("check", "facts", False), ("static.syntax", "static", True), ("", "cli", False)],
)
def test_the_order_is_read_from_left_to_right(own: str, package: str, expected: bool) -> None:
    assert points_back(own, package) is expected


@pytest.mark.slow
def test_only_what_reads_files_knows_the_parser() -> None:
    """The engine reads the nodes of `static/syntax/nodes.py`: the trees of libcst are dropped when they are lowered."""
    knowing = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "bn_lint").rglob("*.py")
        for node in ast.walk(tree(path))
        if "libcst" in {name.partition(".")[0] for name in _names_of_modules(node)}
    }
    assert knowing == {f"bn_lint/static/syntax/{name}.py" for name in ("lower", "parse", "positions")}


def _names_of_modules(node: ast.AST) -> list[str]:
    if isinstance(node, ast.ImportFrom):
        return [node.module or ""]
    return [alias.name for alias in node.names] if isinstance(node, ast.Import) else []


#: Modules whose answers differ from run to run.
UNSTEADY = {"time", "datetime", "random", "secrets", "uuid"}


@pytest.mark.parametrize("folder", ["bn_lint/facts", "bn_lint/static", "bn_lint/libraries", "rules"])
def test_no_result_depends_on_the_clock(folder: str) -> None:
    """What takes too long is told by steps, which are the same on every machine."""
    found = [
        f"{path.relative_to(ROOT).as_posix()}:{node.lineno}"
        for path in sorted((ROOT / folder).rglob("*.py"))
        for node in ast.walk(tree(path))
        if (isinstance(node, ast.Import) and UNSTEADY & {alias.name for alias in node.names})
        or (isinstance(node, ast.ImportFrom) and node.module in UNSTEADY)
    ]
    assert not found


#: What reads a string for its parts.
CUTS = {"partition", "rpartition", "split", "rsplit", "startswith", "endswith", "removeprefix", "removesuffix", "find"}
#: Messages of other programs: of the parser, and of PyTorch.
FOREIGN = {"error"}


def taken_apart(tree: ast.AST) -> Iterator[int]:
    """The lines that look into a message: `step.message.partition(" ")`, `"here" in step.message`."""

    def is_message(node: ast.expr) -> bool:
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            return is_message(node.func.value)  # `message.lower()`
        foreign = isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in FOREIGN
        return isinstance(node, ast.Attribute) and node.attr in ("message", "help") and not foreign

    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Attribute(value=value, attr=name)) if name in CUTS and is_message(value):
                yield node.lineno
            case ast.Compare(left=left, comparators=right) if any(map(is_message, (left, *right))):
                if not all(isinstance(one, ast.Constant) and one.value is None for one in right):
                    yield node.lineno
            case ast.Subscript(value=value) if is_message(value):
                yield node.lineno


@pytest.mark.slow
@pytest.mark.parametrize("folder", ["bn_lint", "rules"])
def test_no_code_takes_a_message_apart(folder: str) -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line}"
        for path in sorted((ROOT / folder).rglob("*.py"))
        for line in taken_apart(tree(path))
    ]
    assert not found, "`Evidence.shows` and typed fields of facts say what a message says"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("step.message.partition(' is ')[0]", True),
        ("step.message.lower().endswith('here')", True),
        ("'optimizer' in fact.before.message", True),
        ("step.message == 'it is called here'", True),
        ("step.message[:3]", True),
        ("finding.help is None", False),
        ("printable(step.message)", False),
        ("error.message.split(':')", False),
    ],
)
def test_what_takes_a_message_apart(text: str, expected: bool) -> None:
    assert bool(list(taken_apart(ast.parse(text)))) is expected


def writes(tree: ast.AST) -> Iterator[int]:
    """The lines that write or move files."""
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(attr="write_text" | "write_bytes" | "rename" | "mkstemp" | "NamedTemporaryFile"):
                yield node.lineno
            case ast.Attribute(value=ast.Name(id="os"), attr="replace" | "write" | "truncate" | "link"):
                yield node.lineno
            case ast.Call(func=ast.Name(id="open") | ast.Attribute(attr="open" | "fdopen"), args=[*_, last]) if (
                isinstance(last, ast.Constant) and set(str(last.value)) & set("wax+")
            ):
                yield node.lineno


@pytest.mark.slow
def test_all_files_are_written_by_one_function() -> None:
    own = {"bn_lint/project/writing.py"}
    streams = {
        "bn_lint/check/worker.py",
        "bn_lint/check/processes.py",
        "bn_lint/cli/terminal.py",
        "bn_lint/forks.py",
    }  # pipes between processes, standard error
    found = {
        path.relative_to(ROOT).as_posix()
        for path in sorted((ROOT / "bn_lint").rglob("*.py"))
        for _ in writes(tree(path))
    }
    assert found - streams == own, "`project/writing.py` loses nothing when a disk is full or the process is killed"


if __name__ == "__main__":
    # `python -m tests.test_architecture` shows all imports between packages, and where the wrong ones are.
    from collections import Counter

    for (own, package), count in sorted(Counter(edge[:2] for edge in edges()).items()):
        mark = "  <-- points back" if points_back(own, package) else ""
        print(f"{own or 'bn_lint'} -> {package or 'bn_lint'}: {count}{mark}")  # noqa: T201
    for own, package, module, where in edges():
        if points_back(own, package):
            print(f"{where}: {module}")  # noqa: T201
