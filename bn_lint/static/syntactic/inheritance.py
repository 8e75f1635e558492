"""Which classes are `nn.Module`s by what other files of the project define."""

from __future__ import annotations

from pathlib import Path

from bn_lint.static.syntactic.classes import Classes, Elsewhere
from bn_lint.static.syntax.import_table import ImportTable
from bn_lint.static.syntax.source_files import ParseError, Project


class Inheritance:
    """Follows the bases of classes through the files of a project."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._classes: dict[Path, Classes | None] = {}
        self._pending: set[tuple[Path, str]] = set()

    def seen_from(self, importer: Path) -> Elsewhere:
        """What tells of the names that a file imports whether they are modules."""
        return lambda origin: self._follow(importer, origin)

    def _follow(self, importer: Path, origin: str) -> bool | None:
        dotted = origin.lstrip(".")
        module, _, name = dotted.rpartition(".")
        path = self._project.resolve(importer, module, len(origin) - len(dotted))
        if path is None or path.suffix != ".py" or (path, name) in self._pending:
            return None
        classes = self._classes_in(path)
        if classes is None:
            return None
        self._pending.add((path, name))
        try:
            return classes.exported(name, self.seen_from(path))
        finally:
            self._pending.discard((path, name))

    def _classes_in(self, path: Path) -> Classes | None:
        if path not in self._classes:
            file = self._project.file(path)
            try:
                self._classes[path] = None if file is None else Classes(file.tree, ImportTable.of(file.tree))
            except ParseError:
                self._classes[path] = None
        return self._classes[path]
