"""What the entry points read of the project. (ARCHITECTURE.md says what else one of them may find of another.)"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from bn_lint.static.interpreter.values import Class, Function, ModuleScope

if TYPE_CHECKING:
    from pathlib import Path

    from bn_lint.static.syntax import nodes as cst


class Read:
    """What one reader has read: the entry points that share remembered calls, or the top level of a module.

    Attributes:
        definitions: The functions that were entered, and the classes of objects that were made.
        modules: The paths of those of which a name was asked, or whose functions were entered.
        others: Readers that have given up calls of functions which this one entered afterward, and so left sooner.
    """

    __slots__ = ("definitions", "modules", "others")

    def __init__(self) -> None:
        self.definitions: set[cst.CSTNode] = set()
        self.modules: set[Path] = set()
        self.others: set[Read] = set()


class Reads:
    """Who has read what.

    What a module holds depends on what its top level has read, and so does whoever reads the module. Some modules also
    change objects of others as they are executed, as those do that enter a model into a table: everybody reads these.
    """

    def __init__(self) -> None:
        self._by_modules: dict[Path, Read] = {}
        self._by_all = Read()
        self._gave_up: dict[cst.CSTNode, set[Read]] = {}
        self._reader = self.own = Read()

    def begin(self) -> None:
        """From here on, entry points do not share remembered calls with those before."""
        self._reader = self.own = Read()

    @contextmanager
    def by(self, module: ModuleScope) -> Iterator[None]:
        """Meanwhile it is the top level of a module that reads."""
        self._reader.modules.add(module.path)
        outer, self._reader = self._reader, self._by_modules.setdefault(module.path, Read())
        try:
            yield
        finally:
            self._reader = outer

    def module(self, module: ModuleScope) -> None:
        """A name of a module is asked for."""
        self._reader.modules.add(module.path)

    def function(self, function: Function) -> None:
        """A function is entered, or what stands in it decides."""
        self._reader.definitions.add(function.node)
        self._reader.modules.add(function.file.path)

    def cls(self, cls: Class) -> None:
        """An object of a class is made: all methods may matter, also those that nobody calls."""
        for one in cls.mro:
            if isinstance(one, Class):
                self._reader.definitions.add(one.node)
                self._reader.modules.add(one.file.path)

    def given_up(self, function: Function) -> None:
        """A call of a function takes too long."""
        self._gave_up.setdefault(function.node, set()).add(self._reader)

    def entered_again(self, function: Function) -> None:
        """A function is entered that took too long before."""
        self._reader.others |= self._gave_up[function.node]

    def reaches_out(self, module: ModuleScope) -> None:
        """The top level of a module has changed what is not its own."""
        self._by_all.modules.add(module.path)

    def all_of(self, read: Read) -> Read:
        """What a reader depends on, by way of what it has read."""
        found = Read()
        pending = [read, self._by_all]
        while pending:
            one = pending.pop()
            if one not in found.others:
                found.others.add(one)
                found.definitions |= one.definitions
                found.modules |= one.modules
                pending += [*one.others, *filter(None, map(self._by_modules.get, one.modules))]
        return found
