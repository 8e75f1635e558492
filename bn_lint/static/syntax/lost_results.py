"""Results that nobody reads: their name is given to something else before."""

from __future__ import annotations

from collections.abc import Iterator

from bn_lint.static.syntax import nodes as cst
from bn_lint.static.syntax.flow import names_in
from bn_lint.static.syntax.tree import asked_once, walk, ways_to


@asked_once
def is_lost(scope: cst.CSTNode, call: cst.CSTNode) -> bool:
    """Whether the result of a call in a loop is assigned to a name that the loop never reads, nor what follows it."""
    way = ways_to([call], scope).get(call, ())
    loops = [node for node in way if isinstance(node, (cst.For, cst.While))]
    assign = next((node for node in way if type(node) is cst.Assign and node.value is call), None)
    if len(loops) != 1 or assign is None:
        return False
    names = {name for target in assign.targets for name in names_in(target.target)}
    return bool(names) and not any(_is_read(name, loops[0], way) for name in names)


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
    targets = (node.target for node in walk(line) if isinstance(node, (cst.AssignTarget, cst.Del)))
    bound = {one for target in targets for one in walk(target)}
    return any(type(node) is cst.Name and node.value == name and node not in bound for node in walk(line))
