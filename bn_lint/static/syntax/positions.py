"""Where the nodes of a syntax tree stand in its text."""

from __future__ import annotations

from bisect import bisect_right

import libcst as cst
from libcst._nodes.internal import CodegenState

from bn_lint.project.edits import NEWLINE

#: A stretch of a text is a number: where it starts, so many bits higher, and where it ends. Pairs take more than twice
#: the memory, and files of a large package have millions of nodes.
_HALF = 32
_MASK = (1 << _HALF) - 1


class Positions:
    """The text of a tree, and where each node stands in it.

    libcst's `PositionProvider` gives the same positions in five times the time: it counts lines at each token, makes
    objects for each node, and `MetadataWrapper.resolve` visits the whole tree once more for no visitor. Here offsets
    are noted while libcst writes the text, and lines are counted for the nodes that somebody asks about.

    Attributes:
        lines: The lines of the text, without their ends.
    """

    def __init__(self, module: cst.Module) -> None:
        writer = _Writer(module.default_indent, module.default_newline)
        module._codegen(writer)
        text = "".join(writer.tokens)
        self.lines = NEWLINE.split(text)
        self._extents = writer.extents
        self._line_starts = [0, *(match.end() for match in NEWLINE.finditer(text))]

    def of(self, node: cst.CSTNode) -> tuple[int, int, int, int]:
        """Line, column, end line and end column of a node, 1-based. A node of another tree is at the start."""
        extent = self._extents.get(node, 0)
        return (*self._at(extent >> _HALF), *self._at(extent & _MASK))

    def _at(self, offset: int) -> tuple[int, int]:
        line = bisect_right(self._line_starts, offset)
        return line, offset - self._line_starts[line - 1] + 1


class _Writer(CodegenState):
    """Writes a tree, and notes from where to where each node goes, without the layout around it."""

    def __init__(self, default_indent: str, default_newline: str) -> None:
        super().__init__(default_indent, default_newline)
        self.offset = 0
        self.extents: dict[cst.CSTNode, int] = {}
        self._starts: list[int] = []

    def add_indent_tokens(self) -> None:
        for token in self.indent_tokens:
            self.add_token(token)

    def add_token(self, value: str) -> None:
        self.tokens.append(value)
        self.offset += len(value)

    def pop_trailing_newline(self) -> None:
        """Keep it: the tree as a whole ends behind it."""

    def before_codegen(self, node: cst.CSTNode) -> None:
        self._starts.append(self.offset)

    def after_codegen(self, node: cst.CSTNode) -> None:
        self.extents.setdefault(node, self._starts.pop() << _HALF | self.offset)

    def record_syntactic_position(  # type: ignore[override]
        self, node: cst.CSTNode, *, start_node: cst.CSTNode | None = None, end_node: cst.CSTNode | None = None
    ) -> _WithoutLayout:
        return _WithoutLayout(self, node, start_node, end_node)


class _WithoutLayout:
    """The part of a node's text that is not the layout around it."""

    __slots__ = ("_end_node", "_node", "_start", "_start_node", "_writer")

    def __init__(
        self, writer: _Writer, node: cst.CSTNode, start_node: cst.CSTNode | None, end_node: cst.CSTNode | None
    ) -> None:
        self._writer = writer
        self._node = node
        self._start_node = start_node
        self._end_node = end_node

    def __enter__(self) -> None:
        self._start = self._writer.offset

    def __exit__(self, *_: object) -> None:
        extents = self._writer.extents
        start = self._start if self._start_node is None else extents[self._start_node] >> _HALF
        end = self._writer.offset if self._end_node is None else extents[self._end_node] & _MASK
        extents[self._node] = start << _HALF | end
