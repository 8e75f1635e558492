"""Nodes and where they stand: places that are worked out when somebody reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from bn_lint.facts import Place

if TYPE_CHECKING:
    import libcst as cst

    from bn_lint.static.syntax.source_files import SourceFile


class NodeRef(NamedTuple):
    """A syntax node and the file it is in; it becomes a `Place` only when something is reported there."""

    file: SourceFile
    node: cst.CSTNode


class NodePlace(Place):
    """The place of a syntax node.

    Positions of a whole file cost more than its parse, and most places are never read.
    """

    _ref: NodeRef

    def __init__(self, ref: NodeRef) -> None:
        object.__setattr__(self, "_ref", ref)

    @property
    def ref(self) -> NodeRef:
        return self._ref

    @property
    def _place(self) -> Place:
        return self._ref.file.place(self._ref.node)

    @property
    def path(self) -> str:
        return self._ref.file.display

    @property
    def line(self) -> int:
        return self._place.line

    @property
    def column(self) -> int:
        return self._place.column

    @property
    def end_line(self) -> int:
        return self._place.end_line

    @property
    def end_column(self) -> int:
        return self._place.end_column

    def __eq__(self, other: object) -> bool:
        if isinstance(other, NodePlace):
            return self._ref.node is other._ref.node
        return isinstance(other, Place) and self._place == other

    def __hash__(self) -> int:
        return hash(self._place)
