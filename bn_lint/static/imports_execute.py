"""Executing import statements."""

from __future__ import annotations

from pathlib import Path

import libcst as cst

from bn_lint.static.frames import Frame, ModuleScope
from bn_lint.static.run import Imported, Run
from bn_lint.static.torch.batchnorm import is_missing
from bn_lint.static.values import LibraryClass, Spot, Unknown, Value


def dotted_name(node: cst.BaseExpression | None) -> str:
    """Return the text of a dotted name."""
    if isinstance(node, cst.Attribute):
        return f"{dotted_name(node.value)}.{node.attr.value}"
    return node.value if isinstance(node, cst.Name) else ""


def execute_import(run: Run, node: cst.Import, frame: Frame) -> None:
    """Execute `import a.b` and `import a.b as c`."""
    for alias in node.names:
        dotted = dotted_name(alias.name)
        if alias.asname is not None and isinstance(alias.asname.name, cst.Name):
            run.heap.write(frame.cells, alias.asname.name.value, module_named(run, frame.file.path, dotted, 0))
        else:
            top = dotted.partition(".")[0]
            run.heap.write(frame.cells, top, module_named(run, frame.file.path, top, 0))


def execute_import_from(run: Run, node: cst.ImportFrom, frame: Frame) -> None:
    """Execute `from a.b import c`; what is imported is looked up when it is first used."""
    module = module_named(run, frame.file.path, dotted_name(node.module), len(node.relative))
    if isinstance(node.names, cst.ImportStar):
        if isinstance(module, ModuleScope):
            if module not in frame.module.stars:
                frame.module.stars.append(module)
        else:
            from bn_lint.static.library import star_names

            for name, value in star_names(module):
                run.heap.write(frame.cells, name, value)
        return
    for alias in node.names:
        name = dotted_name(alias.name)
        target = (
            alias.asname.name.value if alias.asname is not None and isinstance(alias.asname.name, cst.Name) else name
        )
        value = _member(run, module, name)
        if isinstance(value, LibraryClass) and is_missing(value):
            run.observer.missing_imported(name, Spot(frame.file, alias))
            value = Unknown(name, f"`torch.nn` has no `{name}`")
        run.heap.write(frame.cells, target, value)


def _member(run: Run, module: Value, name: str) -> Value:
    if isinstance(module, ModuleScope):
        return Imported(module, name)
    if isinstance(module, Unknown):
        return Unknown(name)
    from bn_lint.static.library import library_member

    return library_member(module.dotted, name)


def module_named(run: Run, importer: Path, dotted: str, level: int) -> Value:
    """Return the module an import names: one of the project, or something external."""
    path = run.project.resolve(importer, dotted, level)
    scope = run.module_at(path) if path is not None else None
    if scope is not None:
        return scope
    if level:
        return Unknown(dotted, f"the module `{'.' * level}{dotted}` is not in sight")
    from bn_lint.static.library import library_module

    return library_module(dotted)
