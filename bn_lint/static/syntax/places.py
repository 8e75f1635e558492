"""Nodes, and the places that facts name instead of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bn_lint.facts import Place
    from bn_lint.static.syntax import nodes as cst
    from bn_lint.static.syntax.source_files import SourceFile


class NodeRef:
    """A syntax node and the file it is in."""

    # No dataclass: it is made for each expression that the interpreter evaluates.
    __slots__ = ("file", "node")

    def __init__(self, file: SourceFile, node: cst.CSTNode) -> None:
        self.file = file
        self.node = node

    def __eq__(self, other: object) -> bool:
        return type(other) is NodeRef and self.node is other.node and self.file is other.file

    def __hash__(self) -> int:
        return hash(self.node)

    @property
    def place(self) -> Place:
        """The open place of the node."""
        return self.file.open_place(self.node)
