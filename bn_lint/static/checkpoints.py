"""Parameters that say where weights come from, and whose default is that they come from nowhere.

Nobody in view gives them, but that is what they are there for: a model that is only looked at was trained or loaded.
"""

from __future__ import annotations

from collections.abc import Iterator

from bn_lint.static.interpreter.values import Class, Function, Imported, Value
from bn_lint.static.syntax import nodes as cst
from bn_lint.static.syntax.tree import walk
from bn_lint.static.torch_model.out_of_sight import NAMED_LOADING

#: A function, and one of its parameters.
Handed = tuple[Function, str]


def weights_from(function: Function) -> list[str]:
    """The parameters of a function that have no value by default, and that what loads a file gets if they have one."""
    names = [name for name, default in function.defaults.items() if default is None or default == ""]
    return [name for name in names if _is_loaded((function, name), set())]


def _is_loaded(handed: Handed, seen: set[Handed]) -> bool:
    """Whether what a parameter stands for gets to what loads a file, by whatever functions of the project."""
    if handed in seen:
        return False
    seen.add(handed)
    function, name = handed
    for node in walk(function.node.body):
        if type(node) is cst.Call and node.args and any(_mentions(argument.value, name) for argument in node.args):
            called = node.func.attr if isinstance(node.func, cst.Attribute) else node.func
            if type(called) is cst.Name and NAMED_LOADING.search(called.value):
                return True
            if any(_is_loaded(one, seen) for one in _handed_on(node, name, function)):
                return True
    return False


def _mentions(argument: cst.CSTNode, name: str) -> bool:
    return any(type(node) is cst.Name and node.value == name for node in walk(argument))


def _handed_on(call: cst.Call, name: str, function: Function) -> Iterator[Handed]:
    """The parameters of a function of the project, or of a constructor, that get a name."""
    value: Value = function.scope.module.cells.get(call.func.value) if type(call.func) is cst.Name else None
    if isinstance(value, Imported):
        value = value.module.cells.get(value.name)
    if isinstance(value, Class):
        value = value.lookup("__init__")[0]
    if not isinstance(value, Function):
        return
    positional = [one for one in value.params.positional if one != "self"]
    for position, argument in enumerate(call.args):
        if argument.star or type(argument.value) is not cst.Name or argument.value.value != name:
            continue
        if argument.keyword is not None:
            yield value, argument.keyword.value
        elif position < len(positional):
            yield value, positional[position]
