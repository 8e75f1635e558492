"""What the interpreter is started on: a file or a definition, why, and what it is given.

An entry point is a value that knows how to run; `schedule.py` says which there are, and `analyze.py` runs them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum

from bn_lint.facts import Fact, Place
from bn_lint.static.checkpoints import weights_from
from bn_lint.static.interpreter.calls import call
from bn_lint.static.interpreter.imports import (
    execute_guarded,
    execute_program,
    execute_top_level,
    import_module,
    module_at,
)
from bn_lint.static.interpreter.interpreter import Interpreter
from bn_lint.static.interpreter.reads import Read
from bn_lint.static.interpreter.values import (
    Arguments,
    BoundMethod,
    Class,
    Function,
    Instance,
    ModuleScope,
    Unknown,
    Value,
)
from bn_lint.static.syntax import nodes as cst
from bn_lint.static.syntax.places import NodeRef
from bn_lint.static.syntax.source_files import SourceFile
from bn_lint.static.syntax.tree import children
from bn_lint.static.training.symbolic_models import fill, given_models
from bn_lint.static.with_symbols import (
    asked,
    call_forward,
    call_with_symbols,
    given_to_constructor,
    instantiate,
    parameter,
    parameters_of,
    required,
    symbols_for,
)


class Reason(Enum):
    """Why something is run; the order is that in which the reasons come up."""

    MODULE = "it mentions BatchNorm"
    TABLE = "it may put something into tables of other modules"
    FACTORY = "it needs no arguments"
    DEFAULTS = "it needs no arguments, and no code that was run before makes one"
    USER = "it uses a definition with BatchNorm"
    PROGRAM = "it trains or uses models with BatchNorm"
    UNUSED = "no code that was run before calls it or makes one"
    OPTION = "an option may lead to BatchNorm that nothing else reached"
    METHOD = "nothing else reached the BatchNorm in this method"
    OPAQUE = "all visible instances have widths that are opaque numbers"
    COMMAND_LINE = "an option of its command line leads to code that its defaults leave out"
    SYMBOLIC_MODEL = "it trains a model that no visible code passes to it"


class Ending(Enum):
    """How an entry point ended."""

    FINISHED = "it ran to its end"
    BUDGET = "it took too long: what came later is unknown"
    DEFECT = "it ended with an internal error"
    NOT_RUN = "it was not run: the entry points before it took too long already"


@dataclass(frozen=True)
class EntryPoint:
    """Something that is run, and why."""

    definition: SourceFile | Class | Function
    reason: Reason

    @property
    def file(self) -> SourceFile:
        """The file that pays for the steps."""
        return self.definition if isinstance(self.definition, SourceFile) else self.definition.file

    @property
    def node(self) -> cst.CSTNode | None:
        """What stands in the file; None for all of it."""
        return None if isinstance(self.definition, SourceFile) else self.definition.node

    @property
    def manner(self) -> str:
        """How it is run, and why: what tells it from other entry points of the same definition."""
        return f"{type(self).__name__} {self.reason.name} {self.given}"

    @property
    def is_tried(self) -> bool:
        """Whether nothing in view runs it: bn-lint tries it out."""
        return not isinstance(self.definition, SourceFile)

    @property
    def is_top_level(self) -> bool:
        """Whether it is the top level of a file that is run for its own sake, before anything else is."""
        return self.reason in (Reason.MODULE, Reason.TABLE)

    @property
    def defines(self) -> bool:
        """Whether it defines what others read, so that it is run each time."""
        return False

    @property
    def is_apart(self) -> bool:
        """Whether it executes modules of its own, which no other entry point finds."""
        return False

    @property
    def name(self) -> str:
        return "<module>" if isinstance(self.definition, SourceFile) else self.definition.name

    @property
    def place(self) -> Place:
        if isinstance(self.definition, SourceFile):
            return Place(self.file.display, 1, 1, 1, 1)
        return self.file.place(self.definition.node)

    @property
    def given(self) -> str:
        """What it is run with, in words; nothing is said of what needs no arguments."""
        return ""

    def run(self, interpreter: Interpreter) -> None:
        raise NotImplementedError


@dataclass(frozen=True)
class RunModule(EntryPoint):
    """The top level of a file."""

    definition: SourceFile

    @property
    def defines(self) -> bool:
        return True

    def run(self, interpreter: Interpreter) -> None:
        scope = module_at(interpreter, self.definition.path)
        if scope is not None:
            self.execute(interpreter, scope)

    def execute(self, interpreter: Interpreter, scope: ModuleScope) -> None:
        """Run the top level, as that of a program."""
        execute_top_level(interpreter, scope)


@dataclass(frozen=True)
class ImportModule(RunModule):
    """The top level of a file that others import."""

    def execute(self, interpreter: Interpreter, scope: ModuleScope) -> None:
        import_module(interpreter, scope)


@dataclass(frozen=True)
class RunGuarded(EntryPoint):
    """What a file only does as a program, behind a question for `__name__`, once its top level was run."""

    definition: SourceFile

    @property
    def is_top_level(self) -> bool:
        return False

    def run(self, interpreter: Interpreter) -> None:
        scope = module_at(interpreter, self.definition.path)
        if scope is not None:
            execute_guarded(interpreter, scope)


@dataclass(frozen=True)
class RunCommandLine(EntryPoint):
    """A program from the beginning, with values for some of its options; None stands for any value."""

    definition: SourceFile
    options: tuple[tuple[str, str | int | None], ...]

    @property
    def is_apart(self) -> bool:
        return True  # what the other runs have left behind in modules is not what this one finds

    @property
    def given(self) -> str:
        return "with " + " and ".join(
            f"{'any value' if value is None else repr(value)} for the option `{option}`"
            for option, value in self.options
        )

    def run(self, interpreter: Interpreter) -> None:
        interpreter.command_line = {
            name: Unknown(name, "the program fails with the default") if value is None else value
            for name, value in self.options
        }
        try:
            scope = module_at(interpreter, self.definition.path)
            if scope is not None:
                execute_program(interpreter, scope)
        finally:
            interpreter.command_line = {}


@dataclass(frozen=True)
class CallFunction(EntryPoint):
    """A function, with a symbol for each parameter that has no default."""

    definition: Function

    @property
    def given(self) -> str:
        weights = _listed(weights_from(self.definition))
        also = f"perhaps with a symbol for {weights}" if weights else ""
        return " and ".join(filter(None, (_symbols(required(self.definition)), also)))

    def run(self, interpreter: Interpreter) -> None:
        call_with_symbols(interpreter, self.definition)


@dataclass(frozen=True)
class Instantiate(EntryPoint):
    """A class, with a symbol for each parameter of its constructor that has no default."""

    definition: Class

    @property
    def given(self) -> str:
        return _symbols(given_to_constructor(self.definition))

    def run(self, interpreter: Interpreter) -> None:
        instantiate(interpreter, self.definition)


@dataclass(frozen=True)
class SwitchOptions(EntryPoint):
    """A function or a class, with options switched that conditions ask about."""

    definition: Class | Function
    names: frozenset[str]

    @property
    def given(self) -> str:
        switched = sorted(self.names & set(parameters_of(self._function)) if self._function else ())
        return f"with {_listed(switched)} switched" if switched else ""

    @property
    def _function(self) -> Function | None:
        found = self.definition
        function = found.lookup("__init__")[0] if isinstance(found, Class) else found
        return function if isinstance(function, Function) else None

    def run(self, interpreter: Interpreter) -> None:
        function, definition = self._function, self.definition
        if function is None:
            return
        names, defaults = parameters_of(function), function.defaults
        # Who switches an option on passes what it needs besides.
        needed = [n for n in names if n not in defaults or (_stands_for_none(defaults[n]) and n not in self.names)]
        keywords = symbols_for(interpreter, function, needed, definition.name)
        for name in self.names.intersection(names).difference(needed):
            default = defaults[name]
            keywords[name] = not default if isinstance(default, bool) else Unknown(name, f"the option `{name}`")
        call(interpreter, definition, Arguments(keywords=keywords), NodeRef(definition.file, definition.node), None)


def _stands_for_none(default: Value) -> bool:
    """Whether a default says that nothing was given: None, or a number that no size has, such as -1."""
    return default is None or (isinstance(default, int) and default < 0)


@dataclass(frozen=True)
class CallMethod(EntryPoint):
    """A class with symbols, and then one of its methods."""

    definition: Class
    method: str | None

    @property
    def given(self) -> str:
        return f"`{self.method}` is called on its own" if self.method is not None else ""

    def run(self, interpreter: Interpreter) -> None:
        instance = instantiate(interpreter, self.definition)
        method = self.definition.cells.get(self.method)
        if isinstance(instance, Instance) and isinstance(method, Function) and self.method != "__init__":
            arguments = Arguments(keywords={n: parameter(method, n) for n in asked(method)[1:]})
            ref = NodeRef(method.file, method.node)
            given = call(interpreter, BoundMethod(method, instance), arguments, ref, None)
            if isinstance(given, Instance) and given.is_module and not given.called:
                call_forward(interpreter, given, ref)


@dataclass(frozen=True)
class TrainSymbolicModels(EntryPoint):
    """A function, with a model in an unknown mode for each parameter that is one."""

    definition: Function
    models: tuple[str, ...]

    @property
    def given(self) -> str:
        return f"with a model in an unknown mode as {_listed(self.models)}"

    def run(self, interpreter: Interpreter) -> None:
        function = self.definition
        ref = NodeRef(function.file, function.node)
        call(interpreter, function, Arguments(keywords=_given(function)), ref, None)


@dataclass(frozen=True)
class TrainOwnSymbolicModels(EntryPoint):
    """A method of an object whose attributes are models in an unknown mode."""

    definition: Class
    method: Function
    attributes: frozenset[str]

    @property
    def given(self) -> str:
        given = sorted(self.attributes) or given_models(self.method)
        return f"`{self.method.name}` is called, with a model in an unknown mode as {_listed(given)}"

    def run(self, interpreter: Interpreter) -> None:
        cls, method = self.definition, self.method
        init, ref = cls.lookup("__init__")[0], NodeRef(cls.file, cls.node)
        keywords: dict[str, Value] = {}
        if isinstance(init, Function):
            keywords = {name: value for name, value in _given(init).items() if name != "self"}
        trainer = call(interpreter, cls, Arguments(keywords=keywords), ref, None)
        if isinstance(trainer, Instance):
            fill(interpreter, trainer, self.attributes)
        unknowns: list[Value] = [parameter(method, name) for name in required(method)[1:]]
        optional: dict[str, Value] = {name: parameter(method, name) for name in _optional(method)}
        ref = NodeRef(method.file, method.node)
        call(interpreter, BoundMethod(method, trainer), Arguments(unknowns, optional), ref, None)


@dataclass(frozen=True)
class Run:
    """What became of one entry point.

    Attributes:
        imports: Those of the steps that modules took which it was the first to import.
        facts: What it was the first to show.
        read: What it, and the others that it shares remembered calls with, read of the project.
    """

    entry: EntryPoint
    ending: Ending
    steps: int = 0
    imports: int = 0
    facts: tuple[Fact, ...] = ()
    read: Read = field(default_factory=Read)


@dataclass(frozen=True, eq=False)
class PlannedTurn:
    """Entry points of one file that are going to follow each other.

    Attributes:
        definitions: Of which functions and classes there may be entry points: those that nothing has used by then. None
            if these are all of the file, some of which may have to be defined first.
        entry_points: Gives them one by one.
    """

    file: SourceFile
    definitions: Sequence[Class | Function] | None
    entry_points: Callable[[], Iterator[EntryPoint]]

    @property
    def first(self) -> EntryPoint | None:
        """The first of them, as far as can be told now; None if there is none."""
        return next(self.entry_points(), None)


def definitions_in(tree: cst.Module) -> Sequence[cst.ClassDef | cst.FunctionDef]:
    """The functions and classes at the top level of a file."""
    found: list[cst.ClassDef | cst.FunctionDef] = []
    pending: list[cst.CSTNode] = list(tree.body)
    while pending:
        node = pending.pop(0)
        if isinstance(node, (cst.FunctionDef, cst.ClassDef)):
            found.append(node)
        elif type(node) in (cst.If, cst.Try, cst.Else, cst.With, cst.IndentedBlock):
            pending = [*children(node), *pending]
    return found


def _given(function: Function) -> dict[str, Value]:
    """What a trainer is given: also an optimizer, where the default is to have none."""
    return {name: parameter(function, name) for name in (*required(function), *_optional(function))}


def _optional(function: Function) -> list[str]:
    """The parameters whose default is to have none of it, such as no data to validate with."""
    return [name for name, default in function.defaults.items() if default is None]


def _symbols(names: Iterable[str]) -> str:
    listed = _listed(names)
    return f"with symbols for {listed}" if listed else ""


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
