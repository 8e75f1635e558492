"""The files of the analyzed project."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from bn_lint.facts import Place
from bn_lint.project.filesystem import RecordingFileSystem
from bn_lint.project.module_finder import ModuleFinder
from bn_lint.project.paths import display_path
from bn_lint.project.prefilter import may_show_facts
from bn_lint.project.source import Source
from bn_lint.static.syntax.layout import Layout, Layouts
from bn_lint.static.syntax.lenient import Reading
from bn_lint.static.syntax.parse import ParseError, Parser, parse, remembering
from bn_lint.static.syntax.shared_trees import Trees, read_kept, read_shared
from bn_lint.static.syntax.surroundings import Surroundings, surroundings

if TYPE_CHECKING:
    from bn_lint.static.syntax import nodes as cst


class SourceFile:
    """One file of the project; parsed and positioned when first needed."""

    def __init__(
        self,
        source: Source,
        parse: Parser = parse,
        *,
        is_context: bool = False,
        noted: Callable[[Path], None] = lambda path: None,
        trees: Trees | None = None,
        layouts: Layouts | None = None,
    ) -> None:
        """Set up.

        Args:
            parse: What a judged file is parsed with.
            is_context: It is not judged, so that other analyses are likely to read the same text.
            noted: Told when the code of the file is wanted.
            trees: Where its tree may be, and is put.
            layouts: Where its layout is, if it was asked not long ago.
        """
        self.source = source
        self._noted = noted
        self._parse = parse
        self.is_context = is_context
        self._trees = trees
        self._layouts = layouts or Layouts()
        self.path = source.path
        self.display = source.display
        #: Not known to be anything else than Python: no fix changes what a person has to put right first.
        self.is_valid = True
        #: The nodes that places stand for, by their numbers, and the other way round.
        self._nodes: list[cst.CSTNode] = []
        self._numbers: dict[cst.CSTNode, int] = {}

    @cached_property
    def _read(self) -> Reading | ParseError:
        self._noted(self.path)
        try:
            text, trees = self.source.text, self._trees
            if self.is_context:
                reading = read_shared(text, trees)
            else:
                reading = read_kept(text, trees, self._parse, is_judged=may_show_facts(text))
        except ParseError as error:
            return error
        self.is_valid = reading.error is None
        return reading

    @property
    def is_read(self) -> bool:
        """Whether the code of the file was looked at, and is Python."""
        return isinstance(self.__dict__.get("_read"), Reading)

    @property
    def parses(self) -> bool:
        """Whether so much of the file is Python that there is a tree."""
        return isinstance(self._read, Reading)

    @property
    def reading(self) -> Reading:
        """What could be read of the file.

        Raises:
            ParseError: too little of it is Python.
        """
        if isinstance(self._read, ParseError):
            raise self._read
        return self._read

    @cached_property
    def tree(self) -> cst.Module:
        """The syntax tree.

        Raises:
            ParseError: too little of the file is Python.
        """
        return self.reading.tree

    @property
    def _layout(self) -> Layout:
        return self._layouts.of(self, lambda: Layout(self.tree, self.reading.text, self._parse))

    @property
    def lines(self) -> list[str]:
        """The lines of the tree's text, without their ends."""
        return self._layout.lines

    def text(self, node: cst.CSTNode) -> str:
        """The text of an expression, as it is written in the file. The first call parses a large file once more."""
        return self._layout.text(node)

    @cached_property
    def surroundings(self) -> dict[cst.CSTNode, Surroundings]:
        """What surrounds each node of the tree, in the order of the text. The first call looks at the whole file."""
        return surroundings(self.tree)

    def open_place(self, node: cst.CSTNode) -> Place:
        """A place that stands for a node until `closed` works out its position."""
        number = self._numbers.get(node)
        if number is None:
            number = self._numbers[node] = len(self._nodes)
            self._nodes.append(node)
        return Place.at_number(self.display, number)

    def node_at(self, place: Place) -> cst.CSTNode:
        """The node that an open place of this file stands for."""
        assert place.number is not None, "a closed place stands for itself"
        return self._nodes[place.number]

    def closed(self, place: Place) -> Place:
        """An open place of this file with its position."""
        return self.place(self.node_at(place)) if place.is_open else place

    def place(self, node: cst.CSTNode) -> Place:
        """Where a node of this file's tree stands. The first call parses a large file once more."""
        return Place(self.display, *self._layout.position(node))

    def __repr__(self) -> str:
        return f"SourceFile({self.display})"


class Project(ModuleFinder):
    """The judged files, and those that they import."""

    def __init__(
        self, sources: Sequence[Source], filesystem: RecordingFileSystem | None = None, trees: Trees | None = None
    ) -> None:
        filesystem = filesystem or RecordingFileSystem()
        self._noted = filesystem.parsed.add
        self._trees = trees
        self._layouts = Layouts()
        parse = remembering()
        self.files: dict[Path, SourceFile | None] = {
            source.path: SourceFile(source, parse, noted=self._noted, trees=trees, layouts=self._layouts)
            for source in sources
        }
        super().__init__(self.files, filesystem)
        for source in sources:
            self.note_sys_path(source.path, source.text)

    def file(self, path: Path) -> SourceFile | None:
        """Return the file at a path, reading it for context when it is not among the judged ones."""
        if path not in self.files:
            source = self.filesystem.source(path, display_path(path))
            self.files[path] = None if source is None else self._context(source)
            if source is not None:
                self.note_sys_path(path, source.text)
        return self.files[path]

    def _context(self, source: Source) -> SourceFile:
        return SourceFile(source, is_context=True, noted=self._noted, trees=self._trees, layouts=self._layouts)


__all__ = ["ParseError", "Project", "SourceFile"]
