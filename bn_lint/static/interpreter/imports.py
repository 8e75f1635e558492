"""Executing import statements, and the modules of the project that they name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from bn_lint.static.interpreter.dispatch import execute_body
from bn_lint.static.interpreter.frames import Frame
from bn_lint.static.interpreter.interpreter import Interpreter
from bn_lint.static.interpreter.paths import PathCondition
from bn_lint.static.interpreter.store import Execution
from bn_lint.static.interpreter.values import (
    ABSENT,
    Dict,
    External,
    Imported,
    ModuleScope,
    Unknown,
    Value,
)
from bn_lint.static.syntax import nodes as cst
from bn_lint.static.syntax.parse import ParseError
from bn_lint.static.syntax.places import NodeRef
from bn_lint.static.syntax.tree import walk

if TYPE_CHECKING:
    from bn_lint.static.interpreter.hooks import Log
    from bn_lint.static.syntax.source_files import SourceFile


def dotted_name(node: cst.BaseExpression | None) -> str:
    """Return the text of a dotted name."""
    if isinstance(node, cst.Attribute):
        return f"{dotted_name(node.value)}.{node.attr.value}"
    return node.value if isinstance(node, cst.Name) else ""


def execute_import(interpreter: Interpreter, node: cst.Import, frame: Frame) -> None:
    """Execute `import a.b` and `import a.b as c`."""
    for alias in node.names:
        dotted = dotted_name(alias.name)
        if alias.asname is not None and isinstance(alias.asname.name, cst.Name):
            interpreter.store.write(
                frame.cells, alias.asname.name.value, module_named(interpreter, frame.file.path, dotted, 0)
            )
        else:
            top = dotted.partition(".")[0]
            interpreter.store.write(frame.cells, top, module_named(interpreter, frame.file.path, top, 0))


def execute_import_from(interpreter: Interpreter, node: cst.ImportFrom, frame: Frame) -> None:
    """Execute `from a.b import c`; what is imported is looked up when it is first used."""
    module = module_named(interpreter, frame.file.path, dotted_name(node.module), node.relative)
    if isinstance(node.names, cst.ImportStar):
        if isinstance(module, ModuleScope):
            if module not in frame.module.stars:
                frame.module.stars.append(module)
            frame.module.has_more |= module.has_more
        else:
            frame.module.has_more = True
        if isinstance(module, External):
            for name, value in interpreter.domain.star(module.dotted):
                interpreter.store.write(frame.cells, name, value)
        return
    for alias in node.names:
        name = dotted_name(alias.name)
        target = (
            alias.asname.name.value if alias.asname is not None and isinstance(alias.asname.name, cst.Name) else name
        )
        value = _member(interpreter, module, name, NodeRef(frame.file, alias))
        interpreter.store.write(frame.cells, target, value)


def _member(interpreter: Interpreter, module: Value, name: str, ref: NodeRef) -> Value:
    if isinstance(module, ModuleScope):
        return Imported(module, name)
    if isinstance(module, External):
        return interpreter.domain.imported(interpreter, module.dotted, name, ref)
    return Unknown(name)


def module_named(interpreter: Interpreter, importer: Path, dotted: str, level: int) -> Value:
    """Return the module an import names: one of the project, or something external."""
    path = interpreter.project.resolve(importer, dotted, level)
    # A module does not import itself: `import torchvision` in a `torchvision.py` means the library.
    scope = module_at(interpreter, path) if path is not None and (path != importer or level) else None
    if scope is not None:
        return scope
    if level:
        return Unknown(dotted, f"the module `{'.' * level}{dotted}` is not visible")
    return External(dotted)


def module_at(interpreter: Interpreter, path: Path) -> ModuleScope | None:
    """Return the module in a file (or the package in a folder), not yet executed."""
    scope = interpreter.modules.get(path)
    if scope is None:
        # Notebooks, scripts without a suffix and standard input are files too.
        is_file = path.suffix == ".py" or path in interpreter.project.files
        file = interpreter.project.file(path) if is_file else None
        if file is None and is_file:
            return None
        name = path.parent.name if path.name == "__init__.py" else path.stem
        scope = interpreter.modules[path] = ModuleScope(name, path, file)
    return scope


def execute_module(interpreter: Interpreter, scope: ModuleScope) -> None:
    """Run the top level of a module, once. A file that does not parse leaves an empty module."""
    interpreter.reads.module(scope)
    if scope.state != ModuleScope.FRESH:
        return
    scope.state = ModuleScope.RUNNING
    if scope.file is not None:
        interpreter.reads.executed.append(scope.path)
        log = interpreter.events
        if interpreter.frame is not None:
            # What an imported module does is no part of the program that imports it.
            log = scope.log = interpreter.domain.new_log()
        try:
            _execute(interpreter, scope, scope.file, log)
        except ParseError as error:
            interpreter.unparsed[scope.path] = error
    scope.state = ModuleScope.DONE


def import_module(interpreter: Interpreter, scope: ModuleScope) -> None:
    """Execute a module as an import of it does, wherever that may be: what it does is no part of a program."""
    if scope.state == ModuleScope.FRESH and scope.file is not None:
        outer, interpreter.frame = interpreter.frame, Frame(scope, scope.file, {})
        try:
            execute_module(interpreter, scope)
        finally:
            interpreter.frame = outer


def execute_program(interpreter: Interpreter, scope: ModuleScope) -> None:
    """Run a file as a program."""
    execute_top_level(interpreter, scope)
    execute_guarded(interpreter, scope)


def execute_top_level(interpreter: Interpreter, scope: ModuleScope) -> None:
    """Run the top level of a file as that of a program, but for what it only does as a program.

    `execute_guarded` goes on with what has been noted meanwhile.
    """
    if scope.is_program:
        return
    if scope.file is None or not guarded(scope.file):
        scope.is_program = True
        execute_module(interpreter, scope)
        if scope.log is not None:
            interpreter.events, scope.log = scope.log, None
    elif scope.state == ModuleScope.FRESH:
        execute_module(interpreter, scope)
        interpreter.begun[scope.path] = interpreter.set_aside()


def execute_guarded(interpreter: Interpreter, scope: ModuleScope) -> None:
    """Do what a file only does as a program, behind a question for `__name__`.

    It is taken back when the next entry point begins: nobody who imports the module finds it.
    """
    if scope.file is None:
        return
    scope.is_program, interpreter.program = True, scope
    begun = interpreter.begun.pop(scope.path, None)
    if begun is not None:
        interpreter.go_on_with(begun)
    elif scope.log is not None:
        interpreter.events, scope.log = scope.log, None
    if scope.state == ModuleScope.DONE:
        interpreter.reads.module(scope)
        interpreter.store.lend(scope.cells)
        with _apart(interpreter, scope, scope.file, interpreter.events) as frame:
            execute_body(interpreter, guarded(scope.file), frame)


def _execute(interpreter: Interpreter, scope: ModuleScope, file: SourceFile, log: Log) -> None:
    """Execute the top level of a module; what it writes stays."""
    execution = Execution(stays=True)
    budget, is_import = interpreter.budget, interpreter.frame is not None
    steps, imports = budget.steps, budget.imports
    try:
        with (
            _apart(interpreter, scope, file, log) as frame,
            interpreter.reads.by(scope),
            interpreter.store.executing(execution),
        ):
            execute_body(interpreter, file.tree.body, frame)
    finally:
        if execution.reaches_out:
            interpreter.reads.reaches_out(scope)
        if is_import:
            budget.imports = imports + budget.steps - steps


@contextmanager
def _apart(interpreter: Interpreter, scope: ModuleScope, file: SourceFile, log: Log) -> Iterator[Frame]:
    """Run statements of the top level of a module, in a frame of their own, apart from whoever asks for it."""
    outer = interpreter.store.fork()
    branches, interpreter.store.branches = interpreter.store.branches, 0
    # A module is not called: what it writes is not the importer's doing.
    purity, interpreter.store.purity = interpreter.store.purity, []
    stack, interpreter.stack = interpreter.stack, []
    path, interpreter.path = interpreter.path, PathCondition()
    frame, interpreter.frame = interpreter.frame, Frame(scope, file, scope.cells)
    events, interpreter.events = interpreter.events, log
    try:
        yield interpreter.frame
    finally:
        interpreter.store.branches = branches
        interpreter.store.resume(outer)
        interpreter.store.purity = purity
        interpreter.stack = stack
        interpreter.path = path
        interpreter.frame, interpreter.events = frame, events


def guarded(file: SourceFile) -> list[cst.If]:
    """The statements of a file that ask whether it is the program."""
    body = file.tree.body if file.parses else ()
    return [node for node in body if isinstance(node, cst.If) and _asks_for_program(node.test)]


def _asks_for_program(test: cst.BaseExpression) -> bool:
    return any(isinstance(node, cst.Name) and node.value == "__name__" for node in walk(test))


def module_member(interpreter: Interpreter, scope: ModuleScope, name: str) -> Value:
    """Return a name of a module: a global, or a submodule of a package."""
    if name == "__dict__":
        is_complete = scope.state == ModuleScope.DONE and not scope.has_more and scope.path.name != "__init__.py"
        namespace = Dict({**members(interpreter, scope)}, is_open=not is_complete)
        namespace.is_namespace = True
        return namespace
    execute_module(interpreter, scope)
    value = scope.cells.get(name, ABSENT)
    if isinstance(value, Imported) and value.module is scope and value.name == name:
        value = ABSENT  # `from . import name` in a package: the submodule
    if value is ABSENT:
        # A star import of a submodule also binds the submodule's own name, and then what it has under that name.
        value = star_member(interpreter, scope, name)
        if value is not ABSENT:
            return value
        path = interpreter.project.submodule(scope.path, name)
        found = module_at(interpreter, path) if path is not None else None
        return _member_of_namesake(interpreter, scope, name) if found is None else found
    return resolved(interpreter, value)


def _member_of_namesake(interpreter: Interpreter, scope: ModuleScope, name: str) -> Value:
    """Return a name that a folder without `__init__.py` cannot have: that of the module of its own name inside.

    `from nets import Net` then runs where the files of the folder lie beside the script, or where it is in `sys.path`.
    """
    path = interpreter.project.submodule(scope.path, scope.name) if scope.file is None else None
    inside = module_at(interpreter, path) if path is not None else None
    value = module_member(interpreter, inside, name) if inside is not None and inside.file is not None else ABSENT
    is_defined = value is not ABSENT and not isinstance(value, Unknown)
    return value if is_defined else Unknown(name, f"`{scope.name}` has no visible `{name}`")


def star_member(interpreter: Interpreter, scope: ModuleScope, name: str) -> Value:
    """Return a name that a module has from one of which it imports everything, or ABSENT. Circles are allowed."""
    if (scope, name) not in interpreter.looking:
        interpreter.looking.add((scope, name))
        try:
            for star in scope.stars:
                if star.state != ModuleScope.RUNNING or name in star.cells:
                    execute_module(interpreter, star)
                    value = star.cells.get(name, ABSENT)
                    if value is ABSENT:
                        value = star_member(interpreter, star, name)
                    value = resolved(interpreter, value)
                    if value is not ABSENT and not isinstance(value, Unknown):
                        return value
        finally:
            interpreter.looking.remove((scope, name))
    return ABSENT


def members(
    interpreter: Interpreter, scope: ModuleScope, seen: frozenset[ModuleScope] = frozenset()
) -> dict[str, Value]:
    """Return all names of a module, with those from modules of which it imports everything."""
    execute_module(interpreter, scope)
    found: dict[str, Value] = {}
    for star in scope.stars:
        if star not in seen:
            names = members(interpreter, star, seen | {scope})
            found.update((name, value) for name, value in names.items() if not name.startswith("_"))
    found.update((name, resolved(interpreter, v)) for name, v in scope.cells.items() if isinstance(name, str))
    for name, value in found.items():
        interpreter.store.reads(scope.cells, name, value)
    return found


def modules_in(interpreter: Interpreter, package: ModuleScope) -> list[ModuleScope]:
    """Return the modules of a package that are names of it, or that it imports by their full names."""
    found = [one for one in members(interpreter, package).values() if isinstance(one, ModuleScope)]
    statements = walk(package.file.tree) if package.file is not None else ()
    for alias in (alias for node in statements if type(node) is cst.Import for alias in node.names):
        module = module_named(interpreter, package.path, dotted_name(alias.name), 0)
        if isinstance(module, ModuleScope) and package.path.parent in module.path.parents:
            found.append(module)
    return [one for one in dict.fromkeys(found) if one is not package]


def resolved(interpreter: Interpreter, value: Value) -> Value:
    """Follow a name that was imported but not yet looked up."""
    hops = 0
    while isinstance(value, Imported) and hops < 20:
        if value.looking:
            return Unknown(value.name, f"`{value.name}` is imported in a circle")
        lookup = value
        lookup.looking = True
        try:
            value = module_member(interpreter, lookup.module, lookup.name)
        finally:
            lookup.looking = False
        hops += 1
    return value
