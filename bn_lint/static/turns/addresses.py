"""Where the nodes of a project are, by names that outlive edits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from bn_lint.facts import Place
from bn_lint.static.interpreter.hooks import Collector
from bn_lint.static.interpreter.values import Class, Function
from bn_lint.static.syntax import nodes as cst
from bn_lint.static.syntax.places import NodeRef
from bn_lint.static.syntax.source_files import Project, SourceFile
from bn_lint.static.turns.outline import Outline


class ProjectAddresses:
    """The addresses of the nodes of one analysis."""

    def __init__(self, project: Project, collector: Collector) -> None:
        self._project = project
        self._collector = collector
        self._outlines: dict[SourceFile, Outline] = {}
        self._by_display: dict[str, SourceFile] = {}
        self._definitions: dict[cst.CSTNode, Class | Function] = {}
        self._count = -1

    def outline(self, file: SourceFile) -> Outline:
        if file not in self._outlines:
            self._outlines[file] = Outline(file.tree)
        return self._outlines[file]

    def address(self, ref: NodeRef) -> tuple[str, str, int]:
        return (str(ref.file.path), *self.outline(ref.file).address(ref.node))

    def ref(self, file: str, definition: str, number: int) -> NodeRef:
        found = self._project.file(Path(file))
        if found is None:
            raise KeyError(file)
        return NodeRef(found, self.outline(found).node(definition, number))

    def of_place(self, place: Place) -> NodeRef:
        if place.path not in self._by_display:
            self._by_display = {file.display: file for file in filter(None, self._project.files.values())}
        file = self._by_display[place.path]
        return NodeRef(file, file.node_at(place))

    def has(self, file: SourceFile, node: cst.CSTNode) -> bool:
        """Whether a node is a definition of a file that was parsed."""
        return file.is_read and self.outline(file).name(node) is not None

    def name(self, file: SourceFile, node: cst.CSTNode) -> str | None:
        """The definition that a node is, or is in, as a lambda is; None for a class that a call has made."""
        outline = self.outline(file)
        name = outline.name(node)
        return outline.definition_around(node) if name is None else name

    def names(self, nodes: Mapping[cst.CSTNode, SourceFile]) -> dict[str, list[str]]:
        """The definitions that some nodes are, by file; each node with its file."""
        found: dict[str, set[str]] = {}
        for node, file in nodes.items():
            if (name := self.name(file, node)) is not None:
                found.setdefault(str(file.path), set()).add(name)
        return {path: sorted(names) for path, names in found.items()}

    def definition(self, node: cst.CSTNode) -> Class | Function | None:
        """The function or class that a node defines, on the top level of a module, or in a class there."""
        count = len(self._collector.functions) + len(self._collector.classes)
        if count != self._count:
            self._count = count
            self._definitions = {one.node: one for one in self._every()}
        return self._definitions.get(node)

    def _every(self) -> Iterator[Class | Function]:
        yield from self._collector.functions
        for cls in self._collector.classes:
            yield cls
            yield from (value for value in cls.cells.values() if isinstance(value, Function))
