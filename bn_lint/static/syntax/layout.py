"""A file with its layout: where its nodes stand, and how they are written there.

Trees have no layout, so the text is parsed once more, when something in it is reported, if it is not small.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable

from bn_lint.static.syntax.lower import origins
from bn_lint.static.syntax.nodes import CSTNode, Module
from bn_lint.static.syntax.parse import Parser, parse
from bn_lint.static.syntax.positions import Positions


class Layout:
    """The layout of a tree.

    Args:
        tree: What was lowered.
        text: What was parsed for it.
        parse: Parses it once more, or remembers what it gave.

    Attributes:
        lines: The lines of the text, without their ends.
    """

    def __init__(self, tree: Module, text: str, parse: Parser = parse) -> None:
        self._module = parse(text)
        self._origins = origins(tree, self._module)
        self._positions = Positions(self._module)
        self.lines = self._positions.lines

    def position(self, node: CSTNode) -> tuple[int, int, int, int]:
        """Line, column, end line and end column of a node, 1-based. A node of another tree is at the start."""
        origin = self._origins.get(node)
        return (1, 1, 1, 1) if origin is None else self._positions.of(origin)

    def text(self, node: CSTNode) -> str:
        """The text of a node, with the parentheses around it."""
        return self._module.code_for_node(self._origins[node])


class Layouts:
    """The layouts of the files that were asked last: each holds a tree of libcst, which takes megabytes.

    Args:
        most: How many are kept.
    """

    def __init__(self, most: int = 8) -> None:
        self._most = most
        self._kept: OrderedDict[Hashable, Layout] = OrderedDict()

    def of(self, file: Hashable, make: Callable[[], Layout]) -> Layout:
        """The layout of a file, made unless it is kept."""
        found = self._kept.get(file)
        if found is None:
            found = self._kept[file] = make()
            if len(self._kept) > self._most:
                self._kept.popitem(last=False)
        else:
            self._kept.move_to_end(file)
        return found
