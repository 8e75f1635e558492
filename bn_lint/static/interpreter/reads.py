"""What the entry points read of the project. (ARCHITECTURE.md says what else one of them may find of another.)"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from bn_lint.static.interpreter.values import Class, Function, ModuleScope

if TYPE_CHECKING:
    from pathlib import Path

    from bn_lint.static.syntax import nodes as cst
    from bn_lint.static.syntax.source_files import SourceFile


class Read:
    """What one reader has read: the entry points that share remembered calls, or the top level of a module.

    Attributes:
        definitions: The functions that were entered, and the classes of objects that were made, each with its file.
        modules: The paths of those of which a name was asked, or whose functions were entered.
        others: Readers that have given up calls of functions which this one entered afterward, and so left sooner.

    What entry points read of other things than code, and what they leave for others to read:

    Attributes:
        called: The functions that they called.
        instantiated: The classes that they made objects of.
        asked: Of which functions they asked whether they were called before, and the answers.
        call_sites: The names of functions and classes whose call sites they looked at, wherever these are.
    """

    __slots__ = (
        "asked",
        "call_sites",
        "called",
        "definitions",
        "instantiated",
        "modules",
        "others",
    )

    def __init__(self) -> None:
        self.definitions: dict[cst.CSTNode, SourceFile] = {}
        self.modules: set[Path] = set()
        self.others: set[Read] = set()
        self.called: set[Function] = set()
        self.instantiated: set[Class] = set()
        self.asked: dict[Function, bool] = {}
        self.call_sites: set[str] = set()


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
        #: The modules that were executed, in order, and those that change what is not their own.
        self.executed: list[Path] = []
        self.reached_out: list[Path] = []
        #: Told when there is another one of these.
        self.told: Callable[[], None] = lambda: None
        #: The functions of which calls took too long, and their files.
        self.given_up_in: dict[cst.CSTNode, SourceFile] = {}

    @property
    def by_modules(self) -> Mapping[Path, Read]:
        """What the top levels of modules have read."""
        return self._by_modules

    @property
    def by_all(self) -> Read:
        """What everybody has read."""
        return self._by_all

    def restore(
        self, by_modules: dict[Path, Read], by_all: list[Path], executed: list[Path], reached_out: list[Path]
    ) -> None:
        """Let modules have been executed."""
        self._by_modules = by_modules
        self._by_all.modules = set(by_all)
        self.executed[:], self.reached_out[:] = executed, reached_out

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

    @contextmanager
    def by_entry_point(self) -> Iterator[None]:
        """Meanwhile it is the entry point that reads, even if a module is executed for it."""
        outer, self._reader = self._reader, self.own
        try:
            yield
        finally:
            self._reader = outer

    @contextmanager
    def apart(self) -> Iterator[None]:
        """Of the modules that are executed meanwhile others have no part."""
        by_all, counts = set(self._by_all.modules), [len(self.executed), len(self.reached_out)]
        told, self.told = self.told, lambda: None
        try:
            yield
        finally:
            self._by_all.modules, self.told = by_all, told
            del self.executed[counts[0] :], self.reached_out[counts[1] :]

    def module(self, module: ModuleScope) -> None:
        """A name of a module is asked for."""
        self._reader.modules.add(module.path)

    def function(self, function: Function) -> None:
        """A function is entered, or what stands in it decides."""
        self._reader.definitions[function.node] = function.file
        self._reader.modules.add(function.file.path)

    def cls(self, cls: Class) -> None:
        """An object of a class is made: all methods may matter, also those that nobody calls."""
        for one in cls.mro:
            if isinstance(one, Class):
                self._reader.definitions[one.node] = one.file
                self._reader.modules.add(one.file.path)

    def calls(self, function: Function) -> None:
        """A function is called, whether or not its result is known already."""
        function.called = True
        self.own.called.add(function)

    def makes(self, cls: Class) -> None:
        """An object of a class is made."""
        cls.instantiated = True
        self.own.instantiated.add(cls)
        self.cls(cls)

    def is_called(self, function: Function) -> bool:
        """Whether a function was called before."""
        if function not in self.own.called:
            self.own.asked.setdefault(function, function.called)
        return function.called

    def given_up(self, function: Function) -> None:
        """A call of a function takes too long."""
        self.given_up_in[function.node] = function.file
        self._gave_up.setdefault(function.node, set()).add(self._reader)

    def entered_again(self, function: Function) -> None:
        """A function is entered that took too long before."""
        self._reader.others |= self._gave_up.get(function.node, set())  # nobody, where a turn is shown again

    def reaches_out(self, module: ModuleScope) -> None:
        """The top level of a module has changed what is not its own."""
        self._by_all.modules.add(module.path)
        self.reached_out.append(module.path)
        self.told()

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
