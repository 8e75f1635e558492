"""The state of the interpreter."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from bn_lint.debugging import STRICT, switches
from bn_lint.static.interpreter.budget import Budget
from bn_lint.static.interpreter.dispatch import EVALUATORS, Evaluator
from bn_lint.static.interpreter.frames import Frame
from bn_lint.static.interpreter.idle_calls import IdleCalls
from bn_lint.static.interpreter.lattice.keys import Keys
from bn_lint.static.interpreter.limits import MAX_TABLE
from bn_lint.static.interpreter.paths import PathCondition
from bn_lint.static.interpreter.reads import Reads
from bn_lint.static.interpreter.store import Store
from bn_lint.static.interpreter.summaries import CallSummaries
from bn_lint.static.interpreter.values import Class, Dict, Function, Instance, ModuleScope, Value
from bn_lint.static.syntax.parse import ParseError
from bn_lint.static.syntax.places import NodeRef
from bn_lint.static.syntax.source_files import Project, SourceFile

if TYPE_CHECKING:
    from bn_lint.static.interpreter.builtins.argparse import Option
    from bn_lint.static.interpreter.hooks import Collector, Domain
    from bn_lint.static.syntax import nodes as cst


class Begun:
    """What an entry point has noted so far, for another one that goes on with it: see `Interpreter.start`."""

    def __init__(self, interpreter: Interpreter) -> None:
        self.events = interpreter.events
        self.options = interpreter.options
        self.decided = interpreter.decided
        self.looked_up = interpreter.looked_up
        self.fails = interpreter.fails
        self.created = interpreter.created
        self.created_at = interpreter.created_at

    @property
    def has_only_events(self) -> bool:
        """Whether there is nothing but what stands in the log."""
        others = (self.options, self.decided, self.looked_up, self.fails, self.created, self.created_at)
        return not any(others)


class Interpreter:
    """What the functions of this package work on.

    The first attributes last as long as the project is analyzed; those of `start` as long as one entry point.
    """

    def __init__(self, project: Project, domain: Domain, collector: Collector) -> None:
        # The tables of `dispatch.py`, without which nothing runs; these modules import this one.
        from bn_lint.static.interpreter import expressions, statements  # noqa: F401

        #: Who wants to see the values of expressions puts functions of its own here.
        self.evaluators: Mapping[type, Evaluator] = EVALUATORS
        self.project = project
        self.domain = domain
        self.collector = collector
        self.store = Store()
        self.keys = Keys()
        self.summaries = CallSummaries(self.store, collector, self._copied)
        self.idle_calls = IdleCalls()
        self.store.outside.forgets += (self.summaries.forget, self.idle_calls.forget)
        self.modules: dict[Path, ModuleScope] = {}
        self.reads = Reads()
        self.unparsed: dict[Path, ParseError] = {}
        #: How often calls of a function were aborted, and whether its calls may lead to what the domain is about.
        self.aborted: Counter[cst.CSTNode] = Counter()
        self.concerned: dict[cst.CSTNode, bool] = {}
        #: How many functions and classes are defined on the top level of modules by now, and which, by their names.
        self.top_level: tuple[int, dict[str, list[Value]]] = 0, {}
        #: How many modules there were when those that fill tables were last executed.
        self.searched = 0
        #: How many modules had been executed when their tables were looked for, and these, by their identities, with
        #: the modules that hold each.
        self.tables: tuple[int, dict[int, tuple[Dict, list[ModuleScope]]]] = -1, {}
        #: The names that are being looked for in modules of which everything was imported.
        self.looking: set[tuple[ModuleScope, str]] = set()
        #: The classes that metaclasses of the program are making.
        self.classes_made: list[Class] = []
        #: Generator functions that were decorated as context managers.
        self.generators: set[cst.CSTNode] = set()
        #: Literals, by their text.
        self.literals: dict[str, Value] = {}
        #: The branches taken so far: the node with the condition, and how it came out.
        self.branches: set[tuple[int, bool | None]] = set()
        #: What the program that runs is given in place of the defaults of its options.
        self.command_line: dict[str, Value] = {}
        #: The module that does what it only does as a program: it is one as long as the entry point.
        self.program: ModuleScope | None = None
        #: What the top levels of files have noted, for what these only do as programs.
        self.begun: dict[Path, Begun] = {}
        #: Let errors in the engine's own functions through, for tests.
        self.strict = STRICT in switches()
        self.start()

    def _copied(self, count: int) -> None:
        self.budget.copied(count)

    def forget(self) -> None:
        """Remember no calls any more."""
        for memory in (self.summaries, self.idle_calls, self.keys, self.store.outside):
            memory.forget()

    def start(self) -> None:
        """Begin an entry point: its steps count from here, and what the one before has changed in modules is undone."""
        if self.store.start():
            self.store.outside.changed()  # calls may have read what is undone
        if self.program is not None:
            self.program.is_program, self.program = False, None
        self.budget = Budget(self)
        self.path = PathCondition()
        self.events = self.domain.new_log()
        #: The functions that are running, and the frame whose code is being executed.
        self.stack: list[Function] = []
        self.frame: Frame | None = None
        #: The options that the program reads from its command line, and the conditions that were decided since. Then
        #: the tables in which something was looked up by a text, and by which.
        self.options: dict[str, Option] = {}
        self.decided: dict[cst.If | cst.Match, SourceFile] = {}
        self.looked_up: dict[tuple[str, int], Dict] = {}
        #: Whether a call surely raised an error, wherever that may be caught.
        self.fails = False
        #: The modules that were made, and where. (`built` is the place of the first one that was made like this.)
        self.created: list[Instance] = []
        self.created_at: dict[int, NodeRef] = {}

    def set_aside(self) -> Begun:
        """What this entry point has noted so far, for another one that goes on with it."""
        begun = Begun(self)
        self.events = self.domain.new_log()
        self.options, self.decided, self.looked_up, self.fails = {}, {}, {}, False
        self.created, self.created_at = [], {}
        return begun

    def go_on_with(self, begun: Begun) -> None:
        """Go on with what another entry point has noted."""
        self.events, self.options, self.decided = begun.events, begun.options, begun.decided
        self.looked_up, self.fails = begun.looked_up, begun.fails
        self.created, self.created_at = begun.created, begun.created_at

    @contextmanager
    def apart(self) -> Iterator[None]:
        """Meanwhile no module has been executed, and nobody finds later what is executed and defined."""
        functions, classes = self.collector.functions, self.collector.classes
        kept, counts = (self.modules, self.top_level, self.searched, self.tables), (len(functions), len(classes))
        self.modules, self.top_level, self.searched, self.tables = {}, (0, {}), 0, (-1, {})
        try:
            with self.reads.apart():
                yield
        finally:
            self.modules, self.top_level, self.searched, self.tables = kept
            del functions[counts[0] :], classes[counts[1] :]

    def note_look_up(self, table: Dict, key: Value) -> None:
        """Note that a program with options has found something in a table: another option may give another thing."""
        if type(key) is str and not table.is_namespace and len(table.cells) <= MAX_TABLE:
            self.looked_up[key, id(table)] = table


__all__ = ["Interpreter"]
