"""`importlib` and `__import__`: modules by names that the program computes."""

from __future__ import annotations

import re

from bn_lint.static.interpreter.builtins.concrete import complete
from bn_lint.static.interpreter.builtins.table import builtin
from bn_lint.static.interpreter.imports import module_named
from bn_lint.static.interpreter.interpreter import Interpreter
from bn_lint.static.interpreter.values import Arguments, External, ModuleScope, Unknown, Value
from bn_lint.static.syntax import nodes as cst
from bn_lint.static.syntax.places import NodeRef
from bn_lint.static.syntax.tree import walk


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


def _spec(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
    """A file that is loaded as a module: `net.py` as `net`, if the program names both; the path is mostly computed.

    What stands for the specification of a module is the module.
    """
    name, unknown = arguments.get(0, "name"), Unknown("spec", "which file is loaded is not known")
    if not isinstance(name, str):
        return unknown
    file = re.compile(rf"""(?:^|[/'"]){re.escape(name.rpartition(".")[2])}\.py['"]+$""")
    named = (node for node in walk(ref.file.tree) if type(node) is cst.SimpleString)
    if not any(file.search(node.value) for node in named):
        return unknown
    found = _import_module(interpreter, Arguments([name]), ref)
    return found if isinstance(found, ModuleScope) else unknown


def _from_spec(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
    spec = arguments.get(0, "spec")
    return spec if isinstance(spec, ModuleScope) else Unknown("?", "which file is loaded is not known")


IMPORTLIB: dict[str, Value] = {
    "importlib.import_module": complete("import_module", _import_module),
    "importlib.util.spec_from_file_location": complete("spec_from_file_location", _spec),
    "importlib.util.module_from_spec": complete("module_from_spec", _from_spec),
}
