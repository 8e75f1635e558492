"""Functions and classes that nothing has used yet."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from bn_lint.static.entry_points import CallFunction, EntryPoint, Instantiate, Reason
from bn_lint.static.interpreter.values import Class, Function
from bn_lint.static.relevance import callers_first
from bn_lint.static.syntax import nodes as cst
from bn_lint.static.syntax.tree import walk
from bn_lint.static.with_symbols import required_by_constructor


def not_instantiated(classes: Iterable[Class]) -> Iterator[EntryPoint]:
    """Classes that need no arguments, as long as nothing makes objects of them."""
    for cls in classes:
        if not cls.instantiated and not required_by_constructor(cls):
            yield Instantiate(cls, Reason.DEFAULTS)


def not_used(nodes: Sequence[cst.CSTNode], left: Mapping[cst.CSTNode, Class | Function]) -> Iterator[EntryPoint]:
    """Functions and classes, as long as nothing uses them; functions behind those that name them."""
    ordered = iter(callers_first([found for node in nodes if isinstance(found := left[node], Function)]))
    for node in nodes:
        found = left[node] if isinstance(left[node], Class) else next(ordered)
        if isinstance(found, Class) and not found.instantiated:
            yield Instantiate(found, Reason.UNUSED)
        elif isinstance(found, Function) and not found.called:
            yield CallFunction(found, Reason.UNUSED)


def with_callees(function: Function) -> Iterator[cst.CSTNode]:
    """A function and those of its module that it names: they are not left over, only not called again."""
    yield function.node
    for node in walk(function.node.body):
        named = function.scope.module.cells.get(node.value) if type(node) is cst.Name else None
        if isinstance(named, Function):
            yield named.node
