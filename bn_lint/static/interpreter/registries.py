"""Modules that put something into tables of others, such as a registry of models, as they are executed.

Python executes what is imported at once. Here the top level of a module runs when a name of it is first needed, and
nobody asks for a name of a module that only registers something.
"""

from __future__ import annotations

from collections.abc import Container, Iterator
from pathlib import Path

from bn_lint.project.mentions import is_told_of_classes, may_fill_tables
from bn_lint.static.interpreter.imports import dotted_name, execute_module, module_at, module_named
from bn_lint.static.interpreter.interpreter import Interpreter
from bn_lint.static.interpreter.values import Class, Dict, Imported, Instance, ModuleScope
from bn_lint.static.syntax import nodes as cst


def execute_imported(interpreter: Interpreter, table: Dict) -> None:
    """Execute the modules that were imported and not needed so far, and that may fill tables of others, such as this.

    Only an entry that is not there proves that one is missing: `in` and `get` are asked before something is registered.
    While a module of a package runs, those that import it have to wait.
    """
    if interpreter.searched == len(interpreter.modules) or not _is_of_imported(interpreter, table):
        return
    if any(
        scope.state == ModuleScope.RUNNING and not _is_script(interpreter, scope)
        for scope in interpreter.modules.values()
    ):
        return
    for scope in registering(interpreter):
        execute_module(interpreter, scope)


def registering(interpreter: Interpreter, among: Container[Path] | None = None) -> Iterator[ModuleScope]:
    """The modules that were imported and not needed so far, and that may fill tables of others.

    Each must have been executed before the next is asked for: it may import others.

    Args:
        among: Only those of these files; the others are still waited for.
    """
    are_left = False
    while interpreter.searched != len(interpreter.modules):
        for scope in list(interpreter.modules.values()):
            _note_packages(interpreter, scope.path)
            if scope.state != ModuleScope.FRESH and scope.path not in interpreter.unparsed:
                _note_submodules(interpreter, scope)
        interpreter.searched = len(interpreter.modules)
        scopes = [(one, one.file) for one in interpreter.modules.values() if one.file is not None]
        told = any(is_told_of_classes(file.source.text) for _, file in scopes)
        for scope, file in scopes:
            # A package imports its modules.
            may_fill = scope.path.name == "__init__.py" or may_fill_tables(file.source.text, told=told)
            if may_fill and scope.state == ModuleScope.FRESH:
                if among is not None and scope.path not in among:
                    are_left = True
                    continue
                yield scope
                interpreter.searched = 0  # it may import others
    if are_left:
        interpreter.searched = 0


def _is_of_imported(interpreter: Interpreter, table: Dict) -> bool:
    """Whether a name of a module stands for a dictionary, or for an object or a class that holds it.

    Options and arguments are dictionaries as well, and few of them have all that is asked for. Those of the program
    that runs nobody can import: as a module it would be another one.
    """
    count = len(interpreter.reads.executed)
    if interpreter.tables[0] != count:
        found: dict[int, tuple[Dict, list[ModuleScope]]] = {}
        for scope in interpreter.modules.values():
            for value in scope.cells.values():
                held = value.cells.values() if isinstance(value, (Instance, Class)) else ()
                for one in (value, *held):
                    entries = one.entries if isinstance(one, Instance) else one
                    if isinstance(entries, Dict):
                        found.setdefault(id(entries), (entries, []))[1].append(scope)
        interpreter.tables = count, found
    _, holders = interpreter.tables[1].get(id(table), (table, []))
    return any(scope.state != ModuleScope.RUNNING or not scope.is_program for scope in holders)


def _is_script(interpreter: Interpreter, scope: ModuleScope) -> bool:
    if scope.file is None or "__main__" in scope.file.source.text:
        return True
    return interpreter.project.package(scope.path.parent) is None


def _note_packages(interpreter: Interpreter, path: Path) -> None:
    """Add the packages that a module is in, which are imported with it."""
    for folder in path.parents:
        init = interpreter.project.package(folder)
        if init is None:
            break
        module_at(interpreter, init)


def _note_submodules(interpreter: Interpreter, scope: ModuleScope) -> None:
    """Add the modules that `import package.module` and `from package import module` name in a module."""
    body = scope.file.tree.body if scope.file is not None else ()
    for statement in (one for line in body if isinstance(line, cst.SimpleStatementLine) for one in line.body):
        if isinstance(statement, cst.Import):
            for alias in statement.names:
                module_named(interpreter, scope.path, dotted_name(alias.name), 0)
    for value in list(scope.cells.values()):
        if isinstance(value, Imported) and value.module.path.name == "__init__.py":
            path = interpreter.project.submodule(value.module.path, value.name)
            if path is not None:
                module_at(interpreter, path)
