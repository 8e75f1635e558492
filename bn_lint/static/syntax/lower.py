"""Trees of libcst, lowered into nodes of our own."""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import Any, TypeAlias

import libcst

from bn_lint.static.syntax import nodes
from bn_lint.static.syntax.nodes import PART_NAMES, CSTNode, fields_of
from bn_lint.static.syntax.parse import ParseError, Parser, parse, parse_expression

Lower: TypeAlias = Callable[[Any], Any]


def read(text: str, parse: Parser = parse) -> nodes.Module:
    """Parse a module.

    Raises:
        ParseError: the text is not valid Python, or nested too deeply.
        TooLarge: it is too large.
    """
    tree = parse(text)
    try:
        return lowered(tree)
    except RecursionError as error:
        raise ParseError(f"the file cannot be parsed ({error})") from None


def lowered(tree: libcst.Module) -> nodes.Module:
    """The same tree without layout."""
    made: nodes.Module = _lowered(tree)
    return made


def read_expression(text: str) -> nodes.BaseExpression:
    """Parse an expression.

    Raises:
        ParseError: the text is none.
    """
    made: nodes.BaseExpression = _lowered(parse_expression(text))
    return made


def origins(tree: nodes.Module, of: libcst.Module) -> dict[CSTNode, libcst.CSTNode]:
    """For each node of a tree the one that it was made from, or that a tree of the same text has in its place."""
    found: dict[CSTNode, libcst.CSTNode] = {}
    pending: list[tuple[Any, Any]] = [(tree, of)]
    while pending:
        node, origin = pending.pop()
        found[node] = origin
        for name in PART_NAMES[type(node)]:
            part, its_origin = getattr(node, name), getattr(origin, name)
            if type(part) is tuple:
                pending += zip(part, its_origin)
            elif part is not None:
                pending.append((part, its_origin))
    return found


def _lowered(value: Any) -> Any:
    """A node or a sequence of nodes; anything else is left as it is."""
    lower = _LOWER.get(type(value))
    return value if lower is None else lower(value)


def _sequence(found: tuple[libcst.CSTNode, ...]) -> tuple[CSTNode, ...]:
    return tuple(map(_lowered, found))


def _name(node: libcst.Name) -> nodes.Name:
    made = nodes.Name(node.value)
    if node.lpar:
        made.parentheses = len(node.lpar)
    return made


def _subscript_element(node: libcst.SubscriptElement) -> nodes.SubscriptElement:
    return nodes.SubscriptElement(_lowered(node.slice), node.comma is not libcst.MaybeSentinel.DEFAULT)


def _import_from(kind: type[nodes.ImportFrom] | type[nodes.LazyImportFrom]) -> Lower:
    return lambda node: kind(_lowered(node.module), _lowered(node.names), len(node.relative))


def _expression(kind: type[nodes.BaseExpression]) -> Lower:
    read = _reader(kind)

    def lower(node: libcst.BaseExpression) -> nodes.BaseExpression:
        made = kind(*map(_lowered, read(node)))
        if node.lpar:
            made.parentheses = len(node.lpar)
        return made

    return lower


def _other(kind: type[CSTNode]) -> Lower:
    read = _reader(kind)
    return lambda node: kind(*map(_lowered, read(node)))


def _reader(kind: type[CSTNode]) -> Callable[[libcst.CSTNode], tuple[Any, ...]]:
    """What reads the fields that make up a node, all at once."""
    names = [each.name for each in fields_of(kind)]
    if len(names) > 1:
        return attrgetter(*names)
    read = attrgetter(*names) if names else None
    return (lambda node: (read(node),)) if read is not None else lambda node: ()


def _always(node: CSTNode) -> Lower:
    return lambda _: node


def _table() -> dict[type[object], Lower]:
    table: dict[type[object], Lower] = {tuple: _sequence, list: _sequence, libcst.MaybeSentinel: lambda _: None}
    for kind in nodes.KINDS:
        theirs = getattr(libcst, kind.__name__, None)
        if theirs is None:  # a base class of ours, or what this version of libcst does not know
            continue
        if issubclass(kind, nodes.BaseOperator):
            table[theirs] = _always(nodes.OPERATORS[kind])
        elif issubclass(kind, (nodes.ImportFrom, nodes.LazyImportFrom)):
            table[theirs] = _import_from(kind)
        else:
            table[theirs] = _expression(kind) if issubclass(kind, nodes.BaseExpression) else _other(kind)
    return {**table, libcst.Name: _name, libcst.SubscriptElement: _subscript_element}


_LOWER = _table()
