"""Divides the given files into units that are analyzed apart from each other.

What is found in a file depends on the files it imports and on those that use it, near or far. Files between which no
imports lead are therefore judged alone: in parallel, and again only when their own unit has changed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bn_lint.project.filesystem import RecordingFileSystem
from bn_lint.project.module_finder import ModuleFinder, computed_imports, folders_of_loaded, imports, imports_anything
from bn_lint.project.paths import display_path
from bn_lint.project.source import Source

#: Files that a file may import by a name that is computed.
MAX_BESIDE = 60
_WORD = re.compile(r"[^\W\d]\w*")


@dataclass(frozen=True)
class Unit:
    """Files that are analyzed together.

    Attributes:
        sources: Those that deserve judging.
        context: Other given files, which use what the sources define, or are used by them.
    """

    sources: tuple[Source, ...]
    context: tuple[Source, ...] = ()

    @property
    def files(self) -> tuple[Source, ...]:
        return (*self.sources, *self.context)


@dataclass(frozen=True)
class Neighborhood:
    """The files that are analyzed with one.

    Attributes:
        is_whole: They are all of its unit.
    """

    files: tuple[Path, ...] = ()
    is_whole: bool = False


def divide(sources: Sequence[Source], others: Sequence[Source], filesystem: RecordingFileSystem) -> list[Unit]:
    """Divide the files; the units and their files keep the order in which they are given.

    Args:
        sources: The files that deserve judging.
        others: The other given files.
        filesystem: Files that were not given are read where imports lead through them.
    """
    if len(sources) + len(others) < 2:
        return [Unit((source,)) for source in sources]
    return _units(_graph(sources, others, filesystem), sources, others)


def around(
    path: Path,
    sources: Sequence[Source],
    others: Sequence[Source],
    filesystem: RecordingFileSystem,
    *,
    most: int,
    near: int,
) -> Neighborhood:
    """The files of the unit of one; if they are too much, those that the fewest imports are between.

    Args:
        sources: As for `divide`.
        most: How many characters the sources of a unit may have.
        near: How many the file and those next to it may have instead.
    """
    graph = _graph(sources, others, filesystem)
    for unit in _units(graph, sources, others):
        sizes = {source.path: len(source.text) for source in unit.files}
        if path in sizes:
            is_small = sum(sizes[source.path] for source in unit.sources) <= most
            found = sizes.keys() if is_small else graph.nearest(path, sizes, near - sizes[path])
            return Neighborhood(tuple(each for each in sizes if each in found), is_small)
    return Neighborhood()


def _graph(sources: Sequence[Source], others: Sequence[Source], filesystem: RecordingFileSystem) -> _Graph:
    return _Graph({source.path: source for source in (*sources, *others)}, filesystem)


def _units(graph: _Graph, sources: Sequence[Source], others: Sequence[Source]) -> list[Unit]:
    group = graph.groups([source.path for source in sources])
    members: dict[Path, list[Source]] = {}
    for source in sources:
        members.setdefault(group[source.path], []).append(source)
    units = []
    for leader, own in members.items():
        used = graph.imported_by([path for path, its in group.items() if its == leader])
        context = (other for other in others if other.path in used or group.get(other.path) == leader)
        units.append(Unit(tuple(own), tuple(context)))
    return units


def words_in(text: str) -> set[str]:
    """What may name a submodule in a text."""
    return set(_WORD.findall(text))


class _Graph:
    """Which files import which, directly. It may see imports that never happen, but it misses none."""

    def __init__(self, given: Mapping[Path, Source], filesystem: RecordingFileSystem) -> None:
        self._finder = ModuleFinder(given, filesystem)
        self._filesystem = filesystem
        self._folders: dict[Path, dict[str, Path]] = {}
        self._given_folders = {path.parent for path in given}
        self.importers: dict[Path, list[Path]] = {path: [] for path in given}
        self.imports: dict[Path, set[Path]] = {}
        pending = list(given)
        while pending:
            path = pending.pop()
            source = given.get(path)
            if source is None and path.suffix == ".py":
                source = filesystem.source(path, display_path(path))
            self.imports[path] = self._targets(path, source.text) if source is not None else set()
            for target in self.imports[path]:
                if target not in self.importers:
                    self.importers[target] = []
                    pending.append(target)
                self.importers[target].append(path)

    def groups(self, judged: Sequence[Path]) -> dict[Path, Path]:
        """For each file from which imports lead to a judged one: one file that stands for its group."""
        leader: dict[Path, Path] = {path: path for path in judged}

        def find(path: Path) -> Path:
            while leader[path] != path:
                leader[path] = path = leader[leader[path]]
            return path

        # Only what leads to a judged file connects: that two programs share a logger makes them no unit.
        pending = list(judged)
        while pending:
            target = pending.pop()
            for importer in self.importers[target]:
                if importer not in leader:
                    leader[importer] = importer
                    pending.append(importer)
                leader[find(importer)] = find(target)
        return {path: find(path) for path in leader}

    def imported_by(self, paths: Sequence[Path]) -> set[Path]:
        """What these files import, near or far, themselves included."""
        found: set[Path] = set()
        pending = list(paths)
        while pending:
            path = pending.pop()
            if path not in found:
                found.add(path)
                pending.extend(self.imports.get(path, ()))
        return found

    def nearest(self, path: Path, sizes: Mapping[Path, int], left: int) -> set[Path]:
        """A file, and of those with a size the nearest ones that use it or that it uses, while there is room left."""
        found = {path}
        using, used = {path}, {path}
        above, below = [path], [path]
        while above or below:
            above = sorted({importer for one in above for importer in self.importers[one]} - using)
            below = sorted({target for one in below for target in self.imports.get(one, ())} - used)
            using.update(above)
            used.update(below)
            for each in (*above, *below):
                if each in sizes and each not in found and sizes[each] <= left:
                    found.add(each)
                    left -= sizes[each]
        return found

    def _targets(self, path: Path, text: str) -> set[Path]:
        found: set[Path] = set()
        self._finder.note_sys_path(path, text)
        modules = {self._finder.resolve(path, dotted, level) for dotted, level in imports(text)}
        words = words_in(text) if any(modules) else set()
        for module in modules:
            if module is not None:
                self._reach(module, words, found)
        for package in computed_imports(text):
            module = self._finder.resolve(path, package, 0)
            if module is not None:
                found.update(self._below(module.parent if module.suffix == ".py" else module).values())
        for folder in folders_of_loaded(text):
            # Where the path begins is not known: in a folder above the file, as a rule. What else lies on the machine
            # under such a name is not meant.
            for up in path.parents:
                if up / folder in self._given_folders:
                    found.update(self._below(up / folder).values())
        if imports_anything(text):
            found.update(self._beside(path))
        return found

    def _beside(self, path: Path) -> set[Path]:
        """The modules next to a file or where it looks for modules, and those below, as far as they are few enough."""
        found: set[Path] = set()
        for start in dict.fromkeys((path.parent, *self._finder.added(path))):
            folders = [start]
            while folders:
                modules = {module for folder in folders for module in self._below(folder).values()} - {path}
                if len(found | modules) > MAX_BESIDE:
                    return found
                packages = (one for one in sorted(modules - found) if one.suffix != ".py" or one.name == "__init__.py")
                folders = [one.parent if one.suffix == ".py" else one for one in packages]
                found |= modules
        return found

    def _reach(self, module: Path, words: set[str], found: set[Path]) -> None:
        """Add the file of a module, and what lies below it in folders and files that the text names."""
        if module in found:
            return
        found.add(module)
        if module.suffix != ".py" or module.name == "__init__.py":
            below = self._below(module.parent if module.suffix == ".py" else module)
            for name in below.keys() & words:
                self._reach(below[name], words, found)

    def _below(self, folder: Path) -> dict[str, Path]:
        known = self._folders.get(folder)
        if known is None:
            names = self._filesystem.modules(folder)
            found = {name: self._finder.submodule(folder, name) for name in names}
            known = self._folders[folder] = {name: path for name, path in found.items() if path is not None}
        return known
