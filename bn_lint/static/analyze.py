"""From sources to facts: runs the entry points of a project, each within its share of steps, and keeps a record."""

from __future__ import annotations

import gc
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

from bn_lint.debugging import STEPS, switches
from bn_lint.facts import Analysis, BatchNormBuilt, Evidence, Fact, Place, Problem, Steps, TrainOverride
from bn_lint.project.filesystem import RecordingFileSystem
from bn_lint.project.prefilter import is_interpreted, is_surveyed
from bn_lint.project.source import Source
from bn_lint.static.complete import Completer
from bn_lint.static.entry_points import (
    Ending,
    EntryPoint,
    RunCommandLine,
    call_forward,
    call_other_methods,
    call_with_symbols,
)
from bn_lint.static.interpreter.budget import BudgetExhausted
from bn_lint.static.interpreter.deep_stack import with_deep_stack
from bn_lint.static.interpreter.interpreter import Interpreter
from bn_lint.static.interpreter.limits import STEPS_PER_FILE, STEPS_PER_UNIT
from bn_lint.static.interpreter.reads import Read
from bn_lint.static.interpreter.values import Class, Instance, Value
from bn_lint.static.inventory import InventoryKeeper
from bn_lint.static.schedule import Schedule
from bn_lint.static.syntactic import syntactic_facts
from bn_lint.static.syntactic.freezing import with_missed_layers
from bn_lint.static.syntactic.inheritance import Inheritance
from bn_lint.static.syntax.parse import TooLarge
from bn_lint.static.syntax.places import NodeRef
from bn_lint.static.syntax.shared_trees import Trees
from bn_lint.static.syntax.source_files import ParseError, Project, SourceFile
from bn_lint.static.syntax.tree import forget_answers
from bn_lint.static.torch_model.averages import stale_averages
from bn_lint.static.torch_model.batchnorm import batchnorm_class
from bn_lint.static.torch_model.events import EventLog
from bn_lint.static.torch_model.parallel import unsynchronized
from bn_lint.static.torch_model.watchers import events_of
from bn_lint.static.training.checked_calls import CheckedCalls
from bn_lint.static.training.domain import TrainingDomain
from bn_lint.static.training.facts_from_calls import facts_from_events
from bn_lint.static.training.facts_from_layers import FactCollector
from bn_lint.static.training.symbolic_models import with_likelihood
from bn_lint.static.unreached import unreached_constructors

_Result = TypeVar("_Result")

#: Of a class whose instances are never called, so many are called.
_MOST_INSTANCES = 3


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


def analyze(
    sources: Sequence[Source],
    context: Sequence[Path] = (),
    filesystem: RecordingFileSystem | None = None,
    keep: Callable[[object], None] = lambda state: None,
    *,
    inventory: bool = False,
    shown: Path | None = None,
    trees: Trees | None = None,
) -> Analysis:
    """Derive the facts of the given sources; other files of the project are read where the sources import them.

    Args:
        sources: The files to judge.
        context: Given files that do not mention BatchNorm; they are searched for uses of the classes that are
            instantiated nowhere else, and what is built in them counts.
        filesystem: Where other files are looked for; it remembers what was asked.
        keep: Given the state, by whoever wants to say when it is freed: that takes time.
        inventory: Also list the models, the layers in them, and what these are called on.
        shown: With the inventory, the file of which tensors and modules are listed, too.
        trees: Where trees of files are kept.

    Raises:
        Exception: whatever defect of the engine a source lays bare, once no single entry point can be blamed.
    """

    def run() -> Analysis:
        analyzer = Analyzer(sources, context, filesystem, inventory=inventory, shown=shown, trees=trees)
        keep(analyzer)
        return analyzer.analyze()

    return undisturbed(run)


def undisturbed(analysis: Callable[[], _Result]) -> _Result:
    """Run an analysis on a deep stack and without garbage collection, and forget what it held on to."""
    # Syntax trees are large and live to the end; collecting garbage would walk through them again and again.
    collecting = gc.isenabled()
    gc.disable()
    try:
        return with_deep_stack(analysis)
    finally:
        forget_answers()
        if collecting:
            gc.enable()


class Analyzer:
    """One analysis: its files, what was found in them, and how."""

    def __init__(
        self,
        sources: Sequence[Source],
        context: Sequence[Path] = (),
        filesystem: RecordingFileSystem | None = None,
        watch: Callable[[Run], None] | None = None,
        *,
        inventory: bool = False,
        shown: Path | None = None,
        trees: Trees | None = None,
    ) -> None:
        """Read the sources.

        Args:
            inventory: Also list the models, the layers in them, and what these are called on.
            shown: With the inventory, the file of which tensors and modules are listed, too.
            trees: Where trees of files are kept.
            watch: Told of each entry point when it is over, and before the state that it left is given up.
        """
        self.collector = FactCollector()
        self.project = Project(sources, filesystem, trees)
        self.interpreter = Interpreter(self.project, TrainingDomain(), self.collector)
        self.sources = [source.path for source in sources]
        self.context = context
        self.files: list[SourceFile] = []
        for source in sources:
            file = self.project.files[source.path]
            assert file is not None
            if is_interpreted(source.text) or is_surveyed(source.text):
                self._admit(file)
        self.schedule = Schedule(sources, context, self.files, self.project, self.interpreter, self.collector)
        self.watch = watch or (lambda run: None)
        self.keeper = InventoryKeeper(shown) if inventory else None
        if self.keeper is not None:
            self.collector.inputs, self.collector.flows = self.keeper.inputs, self.keeper.flows
            if self.keeper.flows is not None:
                self.keeper.flows.expressions.watch(self.interpreter)
        self.calls = CheckedCalls()
        #: Whose entry points are being run.
        self.file: SourceFile | None = None
        self.spent: dict[SourceFile, int] = {}
        self.spent_in_all = 0
        #: The entry points so far, in order.
        self.runs: list[Run] = []
        #: Of each `train` of the program whose result is used: its name, and where that is.
        self.results_used: dict[object, tuple[NodeRef, Evidence]] = {}

    def analyze(self) -> Analysis:
        for entry in self.schedule.entry_points():
            self._enter(entry)
        return self._result(self._unreached())

    def _admit(self, file: SourceFile) -> None:
        try:
            reading = file.reading
        except TooLarge as error:
            place = Place(file.display, 1, 1, 1, 1)
            self.collector.problems.append(Problem("BN903", f"it was not checked: {error.message}", place))
            return
        except ParseError as error:
            self.collector.problems.append(_syntax_error(file, error))
            return
        self.files.append(file)
        if reading.error is not None:
            left_out = tuple(_left_out(file, first, last) for first, last in reading.left_out)
            self.collector.problems.append(_syntax_error(file, reading.error, left_out))

    def _enter(self, entry: EntryPoint) -> None:
        """Run one entry point within its share of steps and on a state of its own."""
        file = entry.file
        spent = self.spent.get(file, 0)
        if spent > STEPS_PER_FILE or self.spent_in_all > STEPS_PER_UNIT:
            self.collector.incomplete(file, "not everything in it was checked: it takes too long to evaluate")
            self._ended(Run(entry, Ending.NOT_RUN))
            return
        if file is not self.file:
            self.file = file
            self._free()
        before = len(self.collector.notes.facts)
        self.interpreter.start()
        ending = self._run(entry)
        self.collector.settle()
        events = events_of(self.interpreter)
        if not (isinstance(entry, RunCommandLine) and self.interpreter.fails):  # no user gives such options
            self._take(events)
        self.spent[file] = spent + self.interpreter.budget.steps
        self.spent_in_all += self.interpreter.budget.steps
        new, budget = tuple(self.collector.notes.facts[before:]), self.interpreter.budget
        self._ended(Run(entry, ending, budget.steps, budget.imports, new, self.interpreter.reads.own))

    def _take(self, events: EventLog) -> None:
        self.collector.programmed(facts_from_events(events, self.collector))
        self.calls.add(events.calls)
        self.results_used.update(events.results_used)
        if not events.is_cut_short:  # what is missing may be what was not run
            self.collector.programmed(stale_averages(events))
        self.collector.programmed(unsynchronized(events, filter(None, self.project.files.values())))

    def _free(self) -> None:
        """Forget the models that the entry points of one file have built: those of another one build others."""
        self.interpreter.start()
        self.interpreter.reads.begin()
        self.interpreter.summaries.forget()
        self.collector.turn_over()
        # Modules and their owners refer to each other. What lives on, as trees do, is walked through twice at most.
        gc.collect(1)

    def _ended(self, run: Run) -> None:
        self.runs.append(run)
        if self.keeper is not None and run.ending is not Ending.NOT_RUN:
            self._list_models(self.keeper, run.entry)
        self.watch(run)

    def _list_models(self, keeper: InventoryKeeper, entry: EntryPoint) -> None:
        try:
            keeper.note(self.interpreter, None if isinstance(entry.definition, SourceFile) else entry.name)
        except MemoryError:
            raise
        except Exception as error:  # it costs a table these models, and no finding
            if self.interpreter.strict:
                raise
            self.collector.defect(entry.file, error)

    def _run(self, entry: EntryPoint) -> Ending:
        try:
            entry.run(self.interpreter)
            self._call_steps()
            self._call_roots(entry.file)
            if self.interpreter.budget.gave_up:
                raise BudgetExhausted
        except BudgetExhausted:
            self.collector.incomplete(
                entry.file, "not everything in it was checked: one definition takes too long to evaluate"
            )
            return Ending.BUDGET
        except MemoryError:
            raise  # what follows would not have more of it
        except Exception as error:  # the engine is large: a defect of it costs one entry point of one file
            if self.interpreter.strict:
                raise
            self.collector.defect(entry.file, error)
            return Ending.DEFECT
        return Ending.FINISHED

    def _call_steps(self) -> None:
        """Call the unused functions within functions: steps of a framework.

        In which order, how often, and whether at all, it alone knows: each finds the modes that the program has left.
        """
        steps = [function for function in events_of(self.interpreter).nested if not function.called]
        for function in steps:
            self.interpreter.events.loops.append(self.interpreter.events.now())
            outer = self.interpreter.store.fork()
            try:
                call_with_symbols(self.interpreter, function)
            finally:
                self.interpreter.store.rollback(outer)
                self.interpreter.events.loops.pop()

    def _call_roots(self, file: SourceFile) -> None:
        """Call the modules that the entry point built but did not call."""
        created = list(self.interpreter.created)
        nowhere = NodeRef(file, file.tree)
        for instance in created:
            if instance.owner is None and not instance.called:
                call_forward(self.interpreter, instance, nowhere)
        # Modules that no forward reached, such as children of a container that the program iterates in its own way.
        tried: dict[Value, int] = {}
        for instance in created:
            if not instance.called and isinstance(instance.cls, Class) and tried.get(instance.cls, 0) < _MOST_INSTANCES:
                tried[instance.cls] = tried.get(instance.cls, 0) + 1
                call_forward(self.interpreter, instance, nowhere)
        for instance in created:
            if not instance.called or not isinstance(instance.cls, Class):
                continue
            if tried.get(instance.cls, 0) >= _MOST_INSTANCES:
                continue
            if any(_is_idle(child) for _, child in instance.children()):
                tried[instance.cls] = tried.get(instance.cls, 0) + 1
                call_other_methods(self.interpreter, instance)

    def _unreached(self) -> list[NodeRef]:
        refs = [ref for file in self.files for ref in unreached_constructors(self.interpreter, self.schedule, file)]
        self.collector.settle()
        for ref in refs:
            self.collector.notes.sites.pop(ref.node, None)
        return refs

    def _result(self, unreached: list[NodeRef]) -> Analysis:
        facts = self.collector.believed()
        inheritance = Inheritance(self.project)
        for file in self.files:
            elsewhere = inheritance.seen_from(file.path)
            facts.extend(syntactic_facts(file, elsewhere))
        facts = list(with_missed_layers(facts, self.files))
        if any("load_state_dict" in file.source.text for file in self.project.files.values() if file is not None):
            facts = [replace(fact, loads_weights=True) if type(fact) is BatchNormBuilt else fact for fact in facts]
        facts = list(with_likelihood(facts, self.project))
        overrides = [fact for fact in facts if type(fact) is TrainOverride]
        used = {ref.file.place(ref.node): shown for ref, shown in self.results_used.values()} if overrides else {}
        facts = [replace(fact, used=used.get(fact.place)) if type(fact) is TrainOverride else fact for fact in facts]
        given = set(filter(None, map(self.project.files.get, (*self.sources, *self.context))))
        coverage = self.collector.coverage(unreached, given)
        coverage.calls = self.calls.within(given, self.project)
        if self.keeper is not None:
            coverage.inventory = self.keeper.inventory(given, facts, coverage)
        if STEPS in switches():
            coverage.steps = [_steps(run) for run in self.runs if run.ending is not Ending.NOT_RUN]
        collector = self.collector
        complete = Completer(filter(None, self.project.files.values()), collector.drafts)
        reveals = [complete(one) for one in collector.reveals]
        refused = frozenset(file.display for file in filter(None, self.project.files.values()) if not file.is_valid)
        return Analysis(facts, collector.problems, coverage, refused, complete, collector.tracebacks, reveals)


def _syntax_error(file: SourceFile, error: ParseError, left_out: tuple[Evidence, ...] | None = None) -> Problem:
    place = Place(file.display, error.line, error.column, error.line, error.column)
    return Problem("BN902", error.message, place, left_out=left_out)


def _left_out(file: SourceFile, first: int, last: int) -> Evidence:
    lines = (
        f"these {last - first + 1} lines, and what they use, are" if last > first else "this line, and what it uses, is"
    )
    return Evidence(f"{lines} not checked", Place(file.display, first, 1, first, 1))


def _steps(run: Run) -> Steps:
    return Steps(run.entry.place, run.entry.name, run.steps)


def _is_idle(child: Value) -> bool:
    return isinstance(child, Instance) and not child.called and batchnorm_class(child) is not None
