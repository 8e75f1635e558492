"""Which file an import means."""

from __future__ import annotations

import sys
from collections.abc import Container, Iterable
from pathlib import Path

from bn_lint.surroundings import Surroundings

#: Imports that are never looked up in the project, whatever files lie about.
ALWAYS_EXTERNAL = frozenset(sys.stdlib_module_names) | {"torch", "numpy", "typing_extensions"}

_PROJECT_MARKS = (".git", "pyproject.toml", "setup.py", "setup.cfg")


class ModuleFinder:
    """Finds the files that imports refer to."""

    def __init__(self, given: Container[Path], surroundings: Surroundings) -> None:
        """Set up.

        Args:
            given: Files that exist, whatever the disk says.
        """
        self._given = given
        self.surroundings = surroundings
        self._roots: dict[Path, tuple[Path, ...]] = {}
        self._is_file: dict[Path, bool] = {}

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
        ask = self.surroundings
        top = folder
        while ask.is_file(top / "__init__.py") and top.parent != top:
            top = top.parent
        yield top
        for up in (top, *list(top.parents)[:6]):
            if up != top:
                yield up
            if ask.is_directory(up / "src"):
                yield up / "src"
            if any(ask.exists(up / mark) for mark in _PROJECT_MARKS):
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
        return base if self.surroundings.holds_python(base) else None

    def _exists(self, path: Path) -> bool:
        known = self._is_file.get(path)
        if known is None:
            known = self._is_file[path] = path in self._given or self.surroundings.is_file(path)
        return known
