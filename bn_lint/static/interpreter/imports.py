"""Executing import statements."""

from __future__ import annotations

from pathlib import Path

import libcst as cst

from bn_lint.static.interpreter.frames import Frame, ModuleScope
from bn_lint.static.interpreter.interpreter import Imported, Interpreter
from bn_lint.static.interpreter.values import External, Unknown, Value
from bn_lint.static.syntax.places import NodeRef


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
    module = module_named(interpreter, frame.file.path, dotted_name(node.module), len(node.relative))
    if isinstance(node.names, cst.ImportStar):
        if isinstance(module, ModuleScope):
            if module not in frame.module.stars:
                frame.module.stars.append(module)
        elif isinstance(module, External):
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
    if isinstance(module, Unknown):
        return Unknown(name)
    return interpreter.domain.imported(interpreter, module.dotted, name, ref)


def module_named(interpreter: Interpreter, importer: Path, dotted: str, level: int) -> Value:
    """Return the module an import names: one of the project, or something external."""
    path = interpreter.project.resolve(importer, dotted, level)
    scope = interpreter.module_at(path) if path is not None else None
    if scope is not None:
        return scope
    if level:
        return Unknown(dotted, f"the module `{'.' * level}{dotted}` is not in sight")
    return External(dotted)
