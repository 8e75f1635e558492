"""Modules of the project, and names imported from them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bn_lint.static.interpreter.values.cells import Mutable

if TYPE_CHECKING:
    from pathlib import Path

    from bn_lint.static.interpreter.hooks import Log
    from bn_lint.static.syntax.source_files import SourceFile


class ModuleScope(Mutable):
    """A module of the project. Its top level runs when a name of it is first needed."""

    __slots__ = ("file", "has_more", "is_program", "log", "name", "path", "stars", "state")

    FRESH: Final = 0
    RUNNING: Final = 1
    DONE: Final = 2

    def __init__(self, name: str, path: Path, file: SourceFile | None) -> None:
        super().__init__({})
        self.name = name
        self.path = path
        self.file = file
        self.state = ModuleScope.FRESH
        #: Modules of the project of which everything was imported.
        self.stars: list[ModuleScope] = []
        #: Whether everything was imported of a module out of sight.
        self.has_more = False
        #: Whether it was started, rather than imported.
        self.is_program = False
        #: What happened at its top level when it was imported.
        self.log: Log | None = None

    def __repr__(self) -> str:
        return f"<module {self.name}>"


class Imported:
    """A name imported from a module of the project, looked up when it is used (imports may be circular)."""

    __slots__ = ("looking", "module", "name")

    def __init__(self, module: ModuleScope, name: str) -> None:
        self.module = module
        self.name = name
        self.looking = False
