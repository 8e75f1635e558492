"""Results that nobody reads: their name is given to something else before, or only what is unread reads them."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from bn_lint.static.syntax import nodes as cst
from bn_lint.static.syntax.flow import names_in
from bn_lint.static.syntax.tree import asked_once, only_asked_about, walk, walk_own, ways_to


@asked_once
def is_lost(scope: cst.CSTNode, call: cst.CSTNode) -> bool:
    """Whether the result of a call is assigned to a name that its loop never reads, nor what follows it.

    What follows, without a loop around the call, must give the name to something else.
    """
    way = ways_to([call], scope).get(call, ())
    loops = [node for node in way if isinstance(node, (cst.For, cst.While))]
    names = _names_of(call, way)
    if len(loops) > 1 or not names:
        return False
    if not loops:
        line = next((node for node in way if type(node) is cst.SimpleStatementLine), None)
        if line is None:
            return False
        kept = {name for name in names if not _is_replaced(name, line, way)}
        return kept != names and not any(_is_read_in(name, scope) for name in kept)
    return not any(_is_read(name, loops[0], way) for name in names)


@asked_once
def readers(scope: cst.CSTNode, call: cst.CSTNode) -> Collection[cst.CSTNode]:
    """Where a scope reads the values of what a call is assigned to; nothing where it is not assigned to names."""
    names = _names_of(call, ways_to([call], scope).get(call, ()))
    found = (node for node in walk(scope) if type(node) is cst.Name and node.value in names)
    return [node for node in found if _is_value(node, scope)] if names else ()


def _names_of(call: cst.CSTNode, way: tuple[cst.CSTNode, ...]) -> set[str]:
    """The names that the result of a call is assigned to, by what leads to it."""
    assign = next((node for node in way if type(node) is cst.Assign and node.value is call), None)
    return {name for target in assign.targets for name in names_in(target.target)} if assign is not None else set()


def _is_read_in(name: str, scope: cst.CSTNode) -> bool:
    return any(type(node) is cst.Name and node.value == name and _is_value(node, scope) for node in walk_own(scope))


def _is_replaced(name: str, line: cst.CSTNode, way: tuple[cst.CSTNode, ...]) -> bool:
    """Whether a name is assigned again behind a line, and not read between."""
    for behind in _behind(line, way):
        if _reads(name, behind):
            return False
        if any(type(one) is cst.AssignTarget and name in names_in(one.target) for one in walk(behind)):
            return True
    return False


def _is_read(name: str, loop: cst.CSTNode, way: tuple[cst.CSTNode, ...]) -> bool:
    """Whether a name that a loop assigns is read in it, or behind it before it is assigned again."""
    if any(_reads(name, line) for line in _lines(loop)):
        return True
    for line in _behind(loop, way):
        if _reads(name, line):
            return True
        if any(type(one) is cst.AssignTarget and name in names_in(one.target) for one in walk(line)):
            return False
    return False


def _behind(loop: cst.CSTNode, way: tuple[cst.CSTNode, ...]) -> Iterator[cst.CSTNode]:
    """The lines behind a loop, from the inside to the outside."""
    for outer, inner in zip(reversed(way[: way.index(loop)]), reversed(way[: way.index(loop) + 1])):
        body = getattr(outer, "body", ())
        if isinstance(body, tuple) and any(one is inner for one in body):
            position = next(index for index, one in enumerate(body) if one is inner)
            for statement in body[position + 1 :]:
                yield from _lines(statement)


def _lines(statement: cst.CSTNode) -> list[cst.CSTNode]:
    """The simple statements in a statement, in the order of the text, and what its conditions and loops ask."""
    found: list[cst.CSTNode] = []
    for node in walk(statement):
        if type(node) is cst.SimpleStatementLine:
            found.append(node)
        elif isinstance(node, (cst.If, cst.While)):
            found.append(node.test)
        elif isinstance(node, cst.For):
            found.append(node.iter)
        elif isinstance(node, cst.With):
            found.extend(node.items)
    return found[::-1]


def _reads(name: str, line: cst.CSTNode) -> bool:
    return any(type(node) is cst.Name and node.value == name and _is_value(node, line) for node in walk(line))


def _is_value(name: cst.CSTNode, within: cst.CSTNode) -> bool:
    return name not in _no_values(within)


@asked_once
def _no_values(within: cst.CSTNode) -> Collection[cst.CSTNode]:
    """The names that something binds, or of whose values it asks no more than their shape."""
    targets = (node.target for node in walk(within) if isinstance(node, (cst.AssignTarget, cst.Del)))
    return {one for target in targets for one in walk(target)} | only_asked_about(within)
