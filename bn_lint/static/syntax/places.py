"""Nodes, and the places that facts name instead of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bn_lint.facts import Place
    from bn_lint.static.syntax import nodes as cst
    from bn_lint.static.syntax.source_files import SourceFile


@dataclass(slots=True, unsafe_hash=True)
class NodeRef:
    """A syntax node and the file it is in."""

    file: SourceFile
    node: cst.CSTNode

    @property
    def place(self) -> Place:
        """The open place of the node."""
        return self.file.open_place(self.node)
