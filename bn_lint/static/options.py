"""Code behind an option that is off by default: which parameters have to be switched to reach it."""

from __future__ import annotations

from typing import NamedTuple

from bn_lint.static.syntax import nodes as cst
from bn_lint.static.syntax.tree import children, walk


class Hidden(NamedTuple):
    """Where a node stands: its top-level definition, the method of it, and the names in the conditions around it."""

    definition: cst.ClassDef | cst.FunctionDef
    method: str | None
    names: frozenset[str]


def hidden_behind(tree: cst.Module, targets: set[cst.CSTNode]) -> dict[cst.CSTNode, Hidden]:
    """Return, for nodes inside top-level functions and classes, the names that the `if`s around them ask about."""
    found: dict[cst.CSTNode, Hidden] = {}

    def search(
        node: cst.CSTNode,
        definition: cst.ClassDef | cst.FunctionDef | None,
        method: str | None,
        names: frozenset[str],
    ) -> None:
        if node in targets and definition is not None:
            found[node] = Hidden(definition, method, names)
        if definition is None and isinstance(node, (cst.ClassDef, cst.FunctionDef)):
            definition = node
        elif method is None and isinstance(node, cst.FunctionDef) and isinstance(definition, cst.ClassDef):
            method = node.name.value
        if isinstance(node, (cst.If, cst.IfExp)):
            names |= _names(node.test)
        for child in children(node):
            search(child, definition, method, names)

    search(tree, None, None, frozenset())
    return found


def _names(test: cst.BaseExpression) -> frozenset[str]:
    return frozenset(node.value for node in walk(test) if isinstance(node, cst.Name))
