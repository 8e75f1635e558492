"""The files of the analysed project, and which file an import means."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from bn_lint.errors import SourceError
from bn_lint.facts import Place
from bn_lint.source import Source, load
from bn_lint.static.parse import ParseError, parse, positions

if TYPE_CHECKING:
    import libcst as cst

#: Imports that are never looked up in the project, whatever files lie about.
ALWAYS_EXTERNAL = frozenset(sys.stdlib_module_names) | {"torch", "numpy", "typing_extensions"}

_PROJECT_MARKS = (".git", "pyproject.toml", "setup.py", "setup.cfg")


class SourceFile:
    """One file of the project; parsed and positioned when first needed."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.path = source.path
        self.display = source.display

    @cached_property
    def tree(self) -> cst.Module:
        """The syntax tree.

        Raises:
            ParseError: the file is not valid Python.
        """
        return parse(self.source.text)

    @cached_property
    def _positions(self) -> dict[cst.CSTNode, tuple[int, int, int, int]]:
        return positions(self.tree)

    def place(self, node: cst.CSTNode) -> Place:
        """Where a node of this file's tree stands. The first call computes the positions of the whole file."""
        return Place(self.display, *self._positions.get(node, (1, 1, 1, 1)))

    def line_of(self, node: cst.CSTNode) -> int:
        return self._positions.get(node, (1, 1, 1, 1))[0]

    def __repr__(self) -> str:
        return f"SourceFile({self.display})"


class Project:
    """Finds the files that imports refer to."""

    def __init__(self, sources: Iterable[Source]) -> None:
        self.files: dict[Path, SourceFile | None] = {s.path: SourceFile(s) for s in sources}
        self._roots: dict[Path, tuple[Path, ...]] = {}
        self._is_file: dict[Path, bool] = {}

    def file(self, path: Path) -> SourceFile | None:
        """Return the file at a path, reading it for context when it is not among the judged ones."""
        if path not in self.files:
            try:
                self.files[path] = SourceFile(load(path))
            except SourceError:
                self.files[path] = None
        return self.files[path]

    def resolve(self, importer: Path, dotted: str, level: int) -> Path | None:
        """Return the file or namespace folder that an import in `importer` means; None outside the project.

        Args:
            importer: The importing file.
            dotted: The imported module's name, without leading dots.
            level: The number of leading dots.
        """
        if level:
            folder = importer.parent
            for _ in range(level - 1):
                folder = folder.parent
            return self._locate(folder, dotted)
        if dotted.partition(".")[0] in ALWAYS_EXTERNAL:
            return None
        for root in self._search_path(importer):
            found = self._locate(root, dotted)
            if found is not None:
                return found
        return None

    def submodule(self, package: Path, name: str) -> Path | None:
        """Return the file of a module inside a package, given the package's `__init__.py` or folder."""
        folder = package if package.suffix != ".py" else package.parent
        if package.suffix == ".py" and package.name != "__init__.py":
            return None
        return self._locate(folder, name)

    def _search_path(self, importer: Path) -> tuple[Path, ...]:
        folder = importer.parent
        roots = self._roots.get(folder)
        if roots is None:
            roots = self._roots[folder] = tuple(self._candidate_roots(folder))
        return roots

    def _candidate_roots(self, folder: Path) -> Iterable[Path]:
        # A file inside a package is imported from the folder that holds the package; a script finds its neighbours.
        # Folders further up, to the top of the project, serve `python -m tools.train` and `PYTHONPATH=.`.
        top = folder
        while (top / "__init__.py").is_file() and top.parent != top:
            top = top.parent
        yield top
        for up in (top, *list(top.parents)[:6]):
            if up != top:
                yield up
            if (up / "src").is_dir():
                yield up / "src"
            if any((up / mark).exists() for mark in _PROJECT_MARKS):
                break
        if folder != top:
            yield folder

    def _locate(self, root: Path, dotted: str) -> Path | None:
        base = root.joinpath(*dotted.split(".")) if dotted else root
        for candidate in (
            (base / "__init__.py",) if not dotted else (base / "__init__.py", base.with_name(base.name + ".py"))
        ):
            if self._exists(candidate):
                return candidate
        return base if self._holds_python(base) else None

    def _exists(self, path: Path) -> bool:
        known = self._is_file.get(path)
        if known is None:
            known = self._is_file[path] = path in self.files or path.is_file()
        return known

    def _holds_python(self, folder: Path) -> bool:
        known = self._is_file.get(folder)
        if known is None:
            try:
                known = folder.is_dir() and any(p.suffix == ".py" for p in folder.iterdir())
            except OSError:
                known = False
            self._is_file[folder] = known
        return known


__all__ = ["ParseError", "Project", "SourceFile"]
