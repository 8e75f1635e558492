"""Where modules and statistics that an attribute hides from PyTorch could be registered in place."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

from bn_lint.facts import Place
from bn_lint.project.mentions import plain_uses
from bn_lint.static.interpreter.values import Dict, Instance, List, Value
from bn_lint.static.syntax import nodes as cst
from bn_lint.static.syntax.import_table import dotted_name
from bn_lint.static.syntax.places import NodeRef
from bn_lint.static.syntax.source_files import SourceFile
from bn_lint.static.syntax.tree import children, walk

_DISPLAYS = (cst.List, cst.Dict, cst.ListComp, cst.DictComp)
#: Names that `nn.ModuleDict` has itself, and refuses as keys.
_RESERVED = frozenset(
    "add_module append apply buffers children clear cpu cuda double eval extra_repr float forward half items keys "
    "modules named_parameters parameters pop register_buffer register_module train training type to update values "
    "zero_grad".split()
)


def container_place(target: NodeRef, attribute: str, container: Value) -> Place | None:
    """Where the container stands in the assignment of an attribute, if a container of torch may be wrapped around it.

    That takes modules as the only elements, no use that only plain containers have, and a module that is ready to
    register something: `super().__init__()` comes before.
    """
    if not _holds_modules_only(container):
        return None
    owner = dotted_name(target.node) or ""
    if not owner.startswith("self.") or plain_uses(re.escape(attribute)).search(target.file.source.text):
        return None
    for cls in (node for node in walk(target.file.tree) if isinstance(node, cst.ClassDef)):
        found = list(_assignments(cls, owner))
        if len(found) != 1 or found[0].target is not target.node:
            continue
        for function in cls.body.body:
            if isinstance(function, cst.FunctionDef) and is_initialized_before(function, found[0].statement):
                value = found[0].value
                if value is None or not _may_wrap(target.file, value, function, found[0].statement):
                    return None
                return _with_parentheses(target.file.place(value), value)
    return None


def _with_parentheses(place: Place, value: cst.BaseExpression) -> Place:
    """The place of a tuple with its parentheses, which syntax trees do not count as its own."""
    if not isinstance(value, cst.Tuple):
        return place
    return replace(place, column=place.column - 1, end_column=place.end_column + 1)


def is_initialized_before(function: cst.FunctionDef, statement: cst.CSTNode) -> bool:
    """Whether an `__init__` calls the inherited one before a statement."""
    if function.name.value != "__init__":
        return False
    initialized = False
    for node in _in_order(function.body):
        if node is statement:
            return initialized
        match node:
            case cst.Call(func=cst.Attribute(attr=cst.Name(value="__init__"))):
                initialized = True
    return False


def _holds_modules_only(container: Value) -> bool:
    if isinstance(container, Dict):
        entries = container.entries()
        good = all(isinstance(key, str) and key.isidentifier() and key not in _RESERVED for key, _ in entries)
        return good and not container.is_open and not container.is_set and _are_modules([value for _, value in entries])
    if isinstance(container, List):
        return _are_modules([*container.items, *container.rest])
    return isinstance(container, tuple) and _are_modules(container)


def _are_modules(values: list[Value] | tuple[Value, ...]) -> bool:
    return all(isinstance(value, Instance) and value.is_module for value in values)


def _functions(tree: cst.Module) -> Iterator[cst.FunctionDef]:
    return (node for node in walk(tree) if isinstance(node, cst.FunctionDef))


class _Assignment(NamedTuple):
    """An assignment to one name; `value` is None where it is not assigned directly."""

    statement: cst.CSTNode
    target: cst.CSTNode
    value: cst.BaseExpression | None


def _assignments(body: cst.CSTNode, name: str) -> Iterator[_Assignment]:
    """Each assignment to a dotted name."""
    for node in _in_order(body):
        match node:
            case cst.Assign(targets=targets, value=value):
                for target in targets:
                    if dotted_name(target.target) == name:
                        yield _Assignment(node, target.target, value if len(targets) == 1 else None)
            case cst.AnnAssign(target=target, value=value) if dotted_name(target) == name:
                yield _Assignment(node, target, value)


def _may_wrap(file: SourceFile, value: cst.BaseExpression, function: cst.FunctionDef, statement: cst.CSTNode) -> bool:
    match value:
        case cst.Name(value=name):
            return not _is_used_after(function, statement, name)
        case cst.Call(func=cst.Name(value="list" | "dict" | "tuple")):
            return True
        case cst.Tuple(parentheses=1):
            text = file.text(value)
            return not text[1].isspace() and not text[-2].isspace()
    return isinstance(value, _DISPLAYS)


def _is_used_after(function: cst.FunctionDef, statement: cst.CSTNode, name: str) -> bool:
    """Whether the list that is kept is also used by its other name: the wrapped one would be another list."""
    passed = False
    inside = set(walk(statement))
    for node in _in_order(function.body):
        if passed and node not in inside and isinstance(node, cst.Name) and node.value == name:
            return True
        passed = passed or node is statement
    return False


def _in_order(node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    """A node and everything below it in the order of the text."""
    yield node
    for child in children(node):
        yield from _in_order(child)
