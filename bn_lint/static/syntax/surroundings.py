"""The functions, comprehensions and loops around each node of a file."""

from __future__ import annotations

from typing import NamedTuple

from bn_lint.static.syntax import nodes as cst
from bn_lint.static.syntax.tree import children

_SCOPES = frozenset(
    {cst.FunctionDef, cst.Lambda, cst.ClassDef, cst.ListComp, cst.SetComp, cst.DictComp, cst.GeneratorExp}
)
_LOOPS = frozenset({cst.For, cst.While})


class Surroundings(NamedTuple):
    """What surrounds a node: functions and comprehensions, and within the innermost of them the loops."""

    scopes: tuple[cst.CSTNode, ...] = ()
    loops: tuple[cst.CSTNode, ...] = ()
    #: Where the node comes in the text.
    order: int = 0


def surroundings(root: cst.Module) -> dict[cst.CSTNode, Surroundings]:
    """What surrounds each node, in the order of the text."""
    found: dict[cst.CSTNode, Surroundings] = {}
    pending: list[tuple[cst.CSTNode, tuple[cst.CSTNode, ...], tuple[cst.CSTNode, ...]]] = [(root, (), ())]
    while pending:
        node, scopes, loops = pending.pop()
        found[node] = Surroundings(scopes, loops, len(found))
        kind = type(node)
        if kind in _SCOPES:
            scopes, loops = (*scopes, node), ()
        elif kind in _LOOPS:
            loops = (*loops, node)
        pending += [(child, scopes, loops) for child in reversed(children(node))]
    return found
