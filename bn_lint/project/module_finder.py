"""Which modules a text imports, and which file an import means."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from os.path import join, normpath
from pathlib import Path

from bn_lint.project.filesystem import RecordingFileSystem

#: Imports that are never looked up in the project, whatever files lie about.
ALWAYS_EXTERNAL = frozenset(sys.stdlib_module_names) | {"torch", "numpy", "typing_extensions"}

_PROJECT_MARKS = (".git", "pyproject.toml", "setup.py", "setup.cfg")
#: What lies at the top of a project that is not installed.
_MARKS_OF_SCRIPTS = ("requirements.txt", "README.md", "LICENSE")
_IMPORT = re.compile(r"import\b(?<!\wimport)")
# No two parts that follow each other begin alike, so it takes time in proportion to the text.
_STATEMENT = re.compile(
    r"""(?:^|[;:])[ \t\f]* (?:
        from (?:[ \t\f]|\\\r?\n)* (?:
            (?P<dots>\.(?:[. \t]*\.)?) (?:[ \t\f]|\\\r?\n)* (?:(?P<inside>\w[\w.]*) (?:[ \t\f]|\\\r?\n)*)?
            | (?P<module>\w[\w.]*) (?:[ \t\f]|\\\r?\n)*
        ) import\b
        | import (?:[ \t\f]|\\\r?\n)+ (?P<modules>(?:\\\r?\n|[^\r\n;\#])+)
    )""",
    re.VERBOSE | re.MULTILINE,
)


#: `sys.path.append(...)` and similar, with the arguments as far as they stand in the line.
_SYS_PATH = re.compile(r"\bsys\.path\s*(?:\.\s*(?:append|insert|extend)\s*\(|\+?=|\[)([^\n]*)")
#: A call that imports a module whose name is written out.
_CALL = re.compile(
    r"""(?<![\w.])(?:(?:importlib\.)?import_module|__import__|(?:(?:importlib\.)?util\.)?spec_from_file_location)
    \s*\(\s*['"](\w[\w.]*)['"]""",
    re.VERBOSE,
)
#: A call that imports a module of a package, by a name that is computed: `import_module(f"trainers.{name}")`.
_COMPUTED = re.compile(
    r"""(?<![\w.])(?:(?:importlib\.)?import_module|__import__)\s*\(\s*[fF]?(['"])(\w+(?:\.\w+)*)\.(?:[{%]|\1\s*\+)"""
)
#: The same, by a name of which nothing is written out: `import_module(args.net)`.
_ANY = re.compile(r"""(?<![\w.])(?:(?:importlib\.)?import_module|__import__)\s*\(\s*[A-Za-z_](?![\w]*['"])""")
#: A call that loads a file as a module.
_LOADERS = ("load_source", "spec_from_file_location", "SourceFileLoader")
_LOADS = re.compile(r"(?<!\w)(?:imp\.load_source|spec_from_file_location|SourceFileLoader)\s*\(")
_FOLDERS = re.compile(r"""['"}][./]*([\w-]+(?:/[\w-]+)*)/(?=['"{])""")
_JOINED = re.compile(r"\b(?:join|Path)\s*\(([^\n]*)")
_FOLDER = re.compile(r"""(['"])((?:\.{1,2}|[\w-]+)(?:/(?:\.{1,2}|[\w-]+))*)/?\1""")


class ModuleFinder:
    """Finds the files that imports refer to."""

    def __init__(self, given: Iterable[Path], filesystem: RecordingFileSystem) -> None:
        """Set up.

        Args:
            given: Files that exist, whatever the disk says.
        """
        self._given = frozenset(map(str, given))
        self.filesystem = filesystem
        self._roots: dict[Path, tuple[Path, ...]] = {}
        self._is_file: dict[str, bool] = {}
        self._is_directory: dict[str, bool] = {}
        self._added: dict[Path, tuple[Path, ...]] = {}

    def note_sys_path(self, importer: Path, text: str) -> None:
        """Look in a file's text for folders that it adds to `sys.path`; `resolve` searches them last.

        A script may leave that to a module next to it: `import _init_paths`.
        """
        added = list(self._meant(importer, names_folders(text)))
        if not self.filesystem.is_file(importer.parent / "__init__.py"):
            for dotted, level in imports(text):
                neighbor = importer.parent / f"{dotted}.py"
                if not level and "." not in dotted and neighbor != importer and self._exists(str(neighbor)):
                    added += self._meant(neighbor, self.filesystem.search_path(neighbor))
        if added:
            self._added[importer] = tuple(dict.fromkeys(added))

    def added(self, importer: Path) -> tuple[Path, ...]:
        """The folders that a file may add to `sys.path`, once its text was looked at."""
        return self._added.get(importer, ())

    def _meant(self, path: Path, named: tuple[str, ...] | None) -> Iterator[Path]:
        """The folders that a file may add to `sys.path`.

        What is added is often computed from `__file__`: any folder above the file may be meant, and any folder that
        the statement names, next to the file or to one of those. If it names none, one that is named where paths are
        joined may be meant.
        """
        if named is None:
            return
        above = list(self._up_to_top(path.parent))
        yield from above
        yield from (Path(normpath(folder / name)) for name in named for folder in above)

    def _up_to_top(self, folder: Path) -> Iterator[Path]:
        for up in (folder, *list(folder.parents)[:6]):
            yield up
            if any(self.filesystem.exists(up / mark) for mark in _PROJECT_MARKS):
                return

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
            return self._locate(folder, dotted) or self._above_python(folder, dotted)
        if dotted.partition(".")[0] in ALWAYS_EXTERNAL or dotted in _known_modules():
            return None
        itself = None
        roots = (*self._search_path(importer), *self._added.get(importer, ()))
        for root in roots:
            found = self._locate(root, dotted)
            if found == importer:
                itself = found  # `from model import Net` in utils/model.py means another module of that name
            elif found is not None:
                return found
        # A folder that holds nothing itself gives way to any module of that name.
        return itself or next(filter(None, (self._above_python(root, dotted) for root in roots)), None)

    def submodule(self, package: Path, name: str) -> Path | None:
        """Return the file of a module inside a package, given the package's `__init__.py` or folder."""
        folder = package if package.suffix != ".py" else package.parent
        if package.suffix == ".py" and package.name != "__init__.py":
            return None
        return self._locate(folder, name) or self._above_python(folder, name)

    def package(self, folder: Path) -> Path | None:
        """Return the `__init__.py` of a folder, if it has one."""
        init = folder / "__init__.py"
        return init if self._exists(str(init)) else None

    def dotted(self, path: Path) -> str:
        """Return the `__name__` that the module in a file has when it is imported."""
        parts = path.relative_to(self._search_path(path)[0]).with_suffix("").parts
        return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)

    def _search_path(self, importer: Path) -> tuple[Path, ...]:
        folder = importer.parent
        roots = self._roots.get(folder)
        if roots is None:
            roots = self._roots[folder] = tuple(self._candidate_roots(folder))
        return roots

    def _candidate_roots(self, folder: Path) -> Iterable[Path]:
        # A file inside a package is imported from the folder that holds the package; a script finds its neighbors.
        # Folders further up, to the top of the project, serve `python -m tools.train` and `PYTHONPATH=.`.
        ask = self.filesystem
        top = folder
        # Nothing is imported from a folder by a name that is none, whatever lies in it: `pytorch-models/__init__.py`.
        while top.name.isidentifier() and ask.is_file(top / "__init__.py") and top.parent != top:
            top = top.parent
        yield top
        inside = [up for up in (folder, *folder.parents) if top in up.parents]
        for up in (top, *list(top.parents)[:6]):
            if up != top:
                yield up
            if ask.is_directory(up / "src"):
                # Of two modules of one name a script means its neighbor, not that of another tree.
                yield from inside[:1]
                yield up / "src"
            if any(ask.exists(up / mark) for mark in _PROJECT_MARKS):
                break
        # A project whose own folder has an `__init__.py` is still where its scripts are started.
        for up in reversed(inside[1:]):
            if any(ask.exists(up / mark) for mark in (*_PROJECT_MARKS, *_MARKS_OF_SCRIPTS)):
                yield up
        yield from inside[:1]

    def _locate(self, root: Path, dotted: str) -> Path | None:
        # As text, and few questions: a file may import thousands of modules, most of which lie nowhere here.
        base = join(root, *filter(None, dotted.split(".")))
        is_folder = self._is_folder(base)
        package = join(base, "__init__.py")
        if package in self._given or (is_folder and self._exists(package)):
            return Path(package)
        if dotted and self._exists(f"{base}.py"):
            return Path(f"{base}.py")
        return Path(base) if is_folder and self.filesystem.holds_python(base) else None

    def _above_python(self, root: Path, dotted: str) -> Path | None:
        """The folder that an import means if it has packages, or folders with modules, and no module itself."""
        base = join(root, *dotted.split("."))
        is_meant = bool(dotted) and self._is_folder(base) and self.filesystem.holds_python_below(base)
        return Path(base) if is_meant else None

    def _is_folder(self, path: str) -> bool:
        known = self._is_directory.get(path)
        if known is None:
            known = self._is_directory[path] = self.filesystem.is_directory(path)
        return known

    def _exists(self, path: str) -> bool:
        known = self._is_file.get(path)
        if known is None:
            known = self._is_file[path] = path in self._given or self.filesystem.is_file(path)
        return known


def names_folders(text: str) -> tuple[str, ...] | None:
    """The folders that a text names where it adds to `sys.path`, or where it joins paths; None where it adds none."""
    if "sys.path" not in text or _SYS_PATH.search(text) is None:
        return None
    named = [name for found in _SYS_PATH.finditer(text) for _, name in _FOLDER.findall(found[1])]
    if not named:
        named = [name for found in _JOINED.finditer(text) for _, name in _FOLDER.findall(found[1])]
    return tuple(named)


def imports(text: str) -> Iterator[tuple[str, int]]:
    """The modules that a text may import: dotted name without leading dots, and the number of leading dots."""
    seen: set[tuple[str, int]] = set()
    calls = any(name in text for name in ("import_module", "__import__", "spec_from_file_location"))
    for found in _CALL.finditer(text) if calls else ():
        if (found[1], 0) not in seen:
            seen.add((found[1], 0))
            yield found[1], 0
    done = 0
    for word in _IMPORT.finditer(text):
        if word.start() < done:
            continue
        start = text.rfind("\n", 0, word.start()) + 1
        while text[max(start - 3, 0) : start].rstrip("\r\n").endswith("\\"):
            start = text.rfind("\n", 0, start - 1) + 1
        end = text.find("\n", word.end())
        while end > 0 and text[end - 2 : end].rstrip("\r").endswith("\\"):
            end = text.find("\n", end + 1)
        done = end + 1 or len(text)
        for found in _STATEMENT.finditer(text, start, done):
            if found["modules"] is None:
                modules = [(found["module"] or found["inside"] or "", (found["dots"] or "").count("."))]
            else:
                whole = found["modules"].replace("\\", " ").split(",")
                modules = [(part.split()[0], 0) for part in whole if part.split()]
                # `import a.b` binds `a`, from which the text may go anywhere.
                modules += [(dotted.partition(".")[0], 0) for dotted, _ in modules]
            for module in modules:
                if module not in seen and re.fullmatch(r"[\w.]*", module[0]):
                    seen.add(module)
                    yield module


def computed_imports(text: str) -> tuple[str, ...]:
    """The packages of which a text may import any module: dotted names."""
    if "import_module" not in text and "__import__" not in text:
        return ()
    return tuple(dict.fromkeys(found[2] for found in _COMPUTED.finditer(text)))


def folders_of_loaded(text: str) -> tuple[str, ...]:
    """The folders of which a text may load any file as a module: `load_source("net", f"{root}/backbones/" + name)`."""
    if not any(word in text for word in _LOADERS) or _LOADS.search(text) is None:
        return ()
    return tuple(dict.fromkeys(_FOLDERS.findall(text)))


def imports_anything(text: str) -> bool:
    """Whether a text imports modules by names of which nothing is written out."""
    return ("import_module" in text or "__import__" in text) and _ANY.search(text) is not None


@cache
def _known_modules() -> frozenset[str]:
    """Modules of libraries that are not looked up either, though their code may lie about as well."""
    from bn_lint.libraries import LIBRARIES

    return frozenset(module for one in LIBRARIES for module in one.known_modules)
