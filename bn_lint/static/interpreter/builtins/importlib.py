"""`importlib` and `__import__`: modules by names that the program computes."""

from __future__ import annotations

from bn_lint.static.interpreter.builtins.concrete import complete
from bn_lint.static.interpreter.builtins.table import builtin
from bn_lint.static.interpreter.imports import module_named
from bn_lint.static.interpreter.interpreter import Interpreter
from bn_lint.static.interpreter.values import Arguments, External, ModuleScope, Unknown, Value
from bn_lint.static.syntax.places import NodeRef


def _import_module(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
    name = arguments.get(0, "name")
    if isinstance(name, str):
        dotted = name.lstrip(".")
        found = module_named(interpreter, ref.file.path, dotted, len(name) - len(dotted))
        if isinstance(found, (ModuleScope, External)):
            return found
    # It may be a module of the program: what it gives is not that of a library.
    return Unknown("?", "which module is imported is not known")


@builtin("__import__", takes_more=True)
def _import(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
    name = arguments.get(0, "name")
    # `__import__("a.b")` gives `a`.
    top = name.partition(".")[0] if isinstance(name, str) else name
    return _import_module(interpreter, Arguments([top]), ref)


IMPORTLIB: dict[str, Value] = {"importlib.import_module": complete("import_module", _import_module)}
