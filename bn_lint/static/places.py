"""Places that are worked out when somebody reads them."""

from __future__ import annotations

from bn_lint.facts import Place
from bn_lint.static.values import Spot


class NodePlace(Place):
    """The place of a syntax node.

    Positions of a whole file cost more than its parse, and most places are never read.
    """

    _spot: Spot

    def __init__(self, spot: Spot) -> None:
        object.__setattr__(self, "_spot", spot)

    @property
    def spot(self) -> Spot:
        return self._spot

    @property
    def _place(self) -> Place:
        return self._spot.file.place(self._spot.node)

    @property
    def path(self) -> str:
        return self._spot.file.display

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
            return self._spot.node is other._spot.node
        return isinstance(other, Place) and self._place == other

    def __hash__(self) -> int:
        return hash(self._place)
