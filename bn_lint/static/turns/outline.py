"""The definitions of a file, and names for its nodes that outlive an edit somewhere else in it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import cached_property

from bn_lint.static.syntax import nodes as cst
from bn_lint.static.syntax.tree import children

#: The name of the top level.
TOP = ""
Definition = (cst.FunctionDef, cst.ClassDef)


class Outline:
    """A tree, divided into its definitions: functions, methods and classes, also those within others.

    A node belongs to the innermost definition around it, and has a number there.

    Attributes:
        definitions: By their names, `ResNet.forward`; of those with the same name, each after the first has its number
            behind it.
    """

    def __init__(self, tree: cst.Module) -> None:
        self.definitions: dict[str, cst.CSTNode] = {TOP: tree}
        self._names: dict[cst.CSTNode, str] = {tree: TOP}
        self._own: dict[str, list[cst.CSTNode]] = {}
        count: Counter[str] = Counter()
        pending: list[tuple[cst.CSTNode, str]] = [(tree, TOP)]
        while pending:
            outer, prefix = pending.pop()
            inner: list[tuple[cst.CSTNode, str]] = []
            for node in children(outer):
                if isinstance(node, Definition):
                    name = f"{prefix}{node.name.value}"
                    count[name] += 1
                    if count[name] > 1:
                        name = f"{name}#{count[name]}"
                    self.definitions[name] = node
                    self._names[node] = name
                    inner.append((node, f"{name}."))
                elif not isinstance(node, cst.BaseExpression):
                    inner.append((node, prefix))
            pending += reversed(inner)

    def name(self, definition: cst.CSTNode) -> str | None:
        """The name of a definition; None for what is none."""
        return self._names.get(definition)

    def own(self, name: str) -> list[cst.CSTNode]:
        """The nodes that belong to a definition, itself first, in an order that their code decides.

        Raises:
            KeyError: there is no definition of this name.
        """
        if name not in self._own:
            self._own[name] = list(_own(self.definitions[name]))
        return self._own[name]

    def address(self, node: cst.CSTNode) -> tuple[str, int]:
        """The definition that a node belongs to, and its number there.

        Raises:
            KeyError: it is no node of this tree.
        """
        name = self._names.get(node)
        return self._every[node] if name is None else (name, 0)

    @cached_property
    def _every(self) -> dict[cst.CSTNode, tuple[str, int]]:
        return {one: (name, number) for name in self.definitions for number, one in enumerate(self.own(name))}

    def definition_around(self, node: cst.CSTNode) -> str | None:
        """The definition that a node belongs to; None if it is no node of this tree."""
        return self._every[node][0] if node in self._every else None

    def node(self, name: str, number: int) -> cst.CSTNode:
        """The node at an address.

        Raises:
            KeyError, IndexError: there is none.
        """
        if number < 0:
            raise IndexError(number)
        return self.own(name)[number] if number else self.definitions[name]


def _own(definition: cst.CSTNode) -> Iterator[cst.CSTNode]:
    yield definition
    pending = children(definition)
    while pending:
        node = pending.pop()
        if not isinstance(node, Definition):
            yield node
            pending += children(node)
