"""Which definitions can have anything to do with BatchNorm, judged by the names they use."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from bn_lint.project.prefilter import is_batchnorm_name
from bn_lint.static.interpreter.values import Function
from bn_lint.static.syntactic.survey import Surveyor, top_level
from bn_lint.static.syntax import nodes as cst
from bn_lint.static.syntax.source_files import SourceFile
from bn_lint.static.syntax.tree import walk


def relevant_definitions(
    files: Iterable[SourceFile], surveyed: Surveyor, is_wanted: Callable[[str], bool] | None = None
) -> set[cst.CSTNode]:
    """Return the top-level functions and classes that name BatchNorm, or use a definition that does, at any distance.

    Args:
        surveyed: Knows the names in the files.
        is_wanted: Begin with what uses a name for which this holds, instead of one of BatchNorm.

    Names are compared as they are written, across all files: this may take in too much, but nothing is left out that
    the files themselves define.
    """
    uses: dict[cst.CSTNode, set[str]] = {}
    defined: dict[str, list[cst.CSTNode]] = {}
    pending: list[cst.CSTNode] = []
    for file in files:
        for statement, known in zip(top_level(file.tree), surveyed(file).names):
            names = set(known)
            uses[statement] = names
            for name in _defines(statement):
                defined.setdefault(name, []).append(statement)
            if any(map(is_wanted or is_batchnorm_name, names)):
                pending.append(statement)
    users: dict[str, list[cst.CSTNode]] = {}
    for statement, names in uses.items():
        for name in names & defined.keys():
            users.setdefault(name, []).append(statement)
    relevant: set[cst.CSTNode] = set()
    while pending:
        statement = pending.pop()
        if statement not in relevant:
            relevant.add(statement)
            for name in _defines(statement):
                pending.extend(users.get(name, ()))
    return relevant


def unlike_first(functions: Iterable[Function]) -> list[Function]:
    """Order functions so that those that differ in more than constants come first.

    Two functions that use the same names in the same order are taken to differ in constants only.
    """
    seen: set[tuple[str, ...]] = set()
    first: list[Function] = []
    alike: list[Function] = []
    for function in functions:
        body = function.node.body
        names = tuple(node.value for node in walk(body) if type(node) is cst.Name)
        (alike if names in seen else first).append(function)
        seen.add(names)
    return first + alike


def callers_first(functions: Sequence[Function]) -> list[Function]:
    """Order functions so that each comes behind those that name it; the others stay as they are.

    Of functions that name each other in a circle, the one that is met first comes last.
    """
    named: dict[str, list[Function]] = {}
    for function in functions:
        for name in {node.value for node in walk(function.node.body) if type(node) is cst.Name}:
            named.setdefault(name, []).append(function)
    found: dict[cst.CSTNode, Function] = {}
    met: set[cst.CSTNode] = set()
    pending = list(reversed(functions))
    while pending:
        function = pending[-1]
        if function.node in met:
            found.setdefault(function.node, pending.pop())
            continue
        met.add(function.node)
        pending.extend(one for one in reversed(named.get(function.name, ())) if one.node not in met)
    return list(found.values())


def _defines(statement: cst.CSTNode) -> Iterable[str]:
    if isinstance(statement, (cst.FunctionDef, cst.ClassDef)):
        yield statement.name.value
    elif isinstance(statement, cst.SimpleStatementLine):
        for small in statement.body:
            if isinstance(small, cst.Assign):
                for target in small.targets:
                    if isinstance(target.target, cst.Name):
                        yield target.target.value
            elif isinstance(small, cst.ImportFrom) and not isinstance(small.names, cst.ImportStar):
                yield from (
                    a.asname.name.value for a in small.names if a.asname and isinstance(a.asname.name, cst.Name)
                )
