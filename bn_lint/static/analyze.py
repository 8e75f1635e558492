"""From sources to facts: runs the entry points of a project, each within its share of steps, and keeps a record."""

from __future__ import annotations

import gc
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import closing, nullcontext
from dataclasses import replace
from pathlib import Path

from bn_lint.debugging import STEPS, switches
from bn_lint.facts import Analysis, BatchNormBuilt, Evidence, Fact, Outdated, Steps, TrainOverride
from bn_lint.forks import CAN_FORK
from bn_lint.project.filesystem import RecordingFileSystem
from bn_lint.project.prefilter import may_show_facts
from bn_lint.project.source import Source
from bn_lint.static.ahead import TurnsAhead
from bn_lint.static.complete import Completer
from bn_lint.static.entry_points import Ending, EntryPoint, PlannedTurn, Run, RunCommandLine
from bn_lint.static.interpreter.budget import BudgetExhausted
from bn_lint.static.interpreter.interpreter import Interpreter
from bn_lint.static.interpreter.limits import EXHAUSTED, HALVINGS, MAX_STEPS, STEPS_PER_FILE, STEPS_PER_UNIT
from bn_lint.static.interpreter.reads import Read
from bn_lint.static.inventory import InventoryKeeper
from bn_lint.static.refused import problem_of
from bn_lint.static.schedule import Schedule
from bn_lint.static.syntactic import syntactic_facts
from bn_lint.static.syntactic.freezing import with_missed_layers
from bn_lint.static.syntactic.inheritance import Inheritance
from bn_lint.static.syntax.places import NodeRef
from bn_lint.static.syntax.shared_trees import Trees
from bn_lint.static.syntax.source_files import Project, SourceFile
from bn_lint.static.torch_model.averages import stale_averages
from bn_lint.static.torch_model.events import EventLog
from bn_lint.static.torch_model.parallel import unsynchronized
from bn_lint.static.torch_model.watchers import events_of
from bn_lint.static.training.checked_calls import CallOfModel, CheckedCalls, calls_of_models
from bn_lint.static.training.domain import TrainingDomain
from bn_lint.static.training.facts_from_calls import facts_from_events
from bn_lint.static.training.facts_from_layers import FactCollector
from bn_lint.static.training.programs import asked
from bn_lint.static.training.symbolic_models import with_likelihood
from bn_lint.static.tried import as_the_program_makes_them
from bn_lint.static.turns.keeper import Keeper
from bn_lint.static.turns.kept import KeptTurns
from bn_lint.static.turns.record import Entry
from bn_lint.static.uncalled import call_roots, call_steps, find_evaluated, try_train
from bn_lint.static.undisturbed import set_aside, undisturbed
from bn_lint.static.unreached import unreached_constructors


def analyze(
    sources: Sequence[Source],
    context: Sequence[Path] = (),
    filesystem: RecordingFileSystem | None = None,
    keep: Callable[[object], None] = lambda state: None,
    *,
    inventory: bool = False,
    shown: Path | None = None,
    trees: Trees | None = None,
    turns: KeptTurns | None = None,
    repeats: bool = True,
    processes: int = 1,
    reported: Callable[[Fact], bool] = lambda fact: False,
    watch: Callable[[Run], None] | None = None,
) -> Analysis:
    """Derive the facts of the given sources; other files of the project are read where the sources import them.

    Args:
        sources: The files to judge.
        context: Given files that do not mention BatchNorm: they may use what nothing else uses, or build layers.
        filesystem: Where other files are looked for; it remembers what was asked.
        keep: Given the state, by whoever wants to say when it is freed: that takes time.
        inventory: Also list the models, the layers in them, and what these are called on.
        shown: With the inventory, the file of which tensors and modules are listed, too.
        trees: Where trees of files are kept.
        turns: Where it is kept what entry points have shown.
        repeats: Let those show the same again that have read nothing that has changed since.
        processes: How many of them may run at a time.
        reported: Whether a rule reports a fact, as far as can be told before the analysis is over.
        watch: Told of each entry point when it is over; what it raises ends the analysis.

    Raises:
        Outdated: what was kept does not suffice, which turns out here or when the facts are completed.
        Exception: whatever defect of the engine a source lays bare, once no single entry point can be blamed.
    """

    def run() -> Analysis:
        analyzer = Analyzer(sources, context, filesystem, watch, inventory=inventory, shown=shown, trees=trees)
        if turns is not None or processes > 1:
            analyzer.keep_turns(turns, repeats=repeats)
        keep(analyzer)
        return analyzer.analyze_ahead(processes, reported) if processes > 1 and CAN_FORK else analyzer.analyze()

    return undisturbed(run)


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
            if may_show_facts(source.text):
                refused, is_read = problem_of(file)
                self.collector.problems += refused
                self.files += [file] if is_read else []
        self.schedule = Schedule(sources, context, self.files, self.project, self.interpreter, self.collector)
        self.watch = watch or (lambda run: None)
        self.keeper = InventoryKeeper(shown) if inventory else None
        if self.keeper is not None:
            self.collector.inputs, self.collector.flows = self.keeper.inputs, self.keeper.flows
            if self.keeper.flows is not None:
                self.keeper.flows.expressions.watch(self.interpreter)
        self.calls = CheckedCalls()
        #: Keeps what turns have shown.
        self.turns: Keeper | None = None
        #: Has the turns that come next run in other processes.
        self.ahead: TurnsAhead | None = None
        #: Whether something was run since memory was freed.
        self._has_run = False
        #: Whose entry points are being run, and of which turn they are, if it was planned.
        self.file: SourceFile | None = None
        self.planned: PlannedTurn | None = None
        self.spent: dict[SourceFile, int] = {}
        self.spent_in_all = 0
        #: How many entry points used up their steps.
        self.exhausted = 0
        #: The entry points so far, in order.
        self.runs: list[Run] = []
        #: Of each `train` of the program whose result is used: its name, and where that is.
        self.results_used: dict[object, tuple[NodeRef, Evidence]] = {}

    def analyze_ahead(self, processes: int, reported: Callable[[Fact], bool]) -> Analysis:
        """The same as `analyze`, with several turns at a time."""
        assert self.turns is not None

        def run(turn: PlannedTurn) -> None:
            self.ahead = self.file = None
            self.schedule.coming = deque([turn])
            for entry in turn.entry_points():
                self._enter(entry)
            self._turn_over()

        self.ahead = TurnsAhead(processes, self.schedule, self.interpreter, self.turns, self._key, run, reported)
        with closing(self.ahead):
            return self.analyze()

    def analyze(self) -> Analysis:
        told, turns = self._told, self.turns
        self.schedule.restored = turns.restore(self.schedule.interpreted) if turns is not None else None
        is_restored = are_modules_run = self.schedule.restored is not None
        if is_restored:
            set_aside()
        for entry in self.schedule.entry_points():
            if is_restored and entry.is_top_level:
                self._restore(entry)
                continue
            if not (are_modules_run or entry.is_top_level):
                are_modules_run = True
                self._modules_are_run(entry, told)
            self._enter(entry)
        self._turn_over()
        return self._result(self._unreached())

    def _restore(self, entry: EntryPoint) -> None:
        """The top level of a file is not run: modules are as it has left them."""
        assert self.turns is not None
        steps, imports = self.turns.effort(entry.file)
        self.file, self.spent[entry.file] = entry.file, steps
        self.spent_in_all += steps
        self._ended(Run(entry, Ending.FINISHED, steps, imports))

    def _modules_are_run(self, following: EntryPoint, told: tuple[int, ...]) -> None:
        """The top levels of the files have been run, and something else follows."""
        if self.turns is None or following.file is self.file or self.schedule.programs or told != self._told:
            return
        if all(run.ending is Ending.FINISHED for run in self.runs) and self.calls.is_empty:
            self._free()
            self.turns.modules_are_run({str(run.entry.file.path): (run.steps, run.imports) for run in self.runs})

    def keep_turns(self, kept: KeptTurns | None, *, repeats: bool) -> None:
        """Keep what turns show, and let those show it again that would show the same."""
        given = [file.source for file in map(self.project.file, (*self.sources, *self.context)) if file is not None]
        self.turns = Keeper(kept, self.interpreter, self.collector, given, repeats=repeats)
        self.schedule.surveyed = self.turns.by_file.survey

    def _enter(self, entry: EntryPoint) -> None:
        """Run one entry point within its share of steps and on a state of its own."""
        file = entry.file
        spent = self.spent.get(file, 0)
        if spent > STEPS_PER_FILE or self.spent_in_all > STEPS_PER_UNIT:
            self.collector.incomplete(file, "not everything in it was checked: it takes too long to evaluate")
            if self.turns is not None:
                self.turns.given_up()
                self.turns = None
            self._ended(Run(entry, Ending.NOT_RUN))
            return
        planned = self.schedule.planned
        if file is not self.file or planned is not self.planned:
            self.file, self.planned = file, planned
            self._free()
            if self.ahead is not None:
                self.ahead.prepare()
            if self.turns is not None:
                self.turns.begin(self._key(entry), file, planned.definitions if planned else None)
        before = len(self.collector.notes.facts)
        kept, self.schedule.asked = None, None
        if self.turns is not None:
            kept = self.turns.next(self._key(entry), is_run=entry.defines)
        if kept is not None and (kept.share != self._share if kept.share else kept.steps > self._share):
            raise Outdated("another share of steps than before")
        steps, imports, ending, read = self._repeat(kept) if kept is not None else self._run_alone(entry)
        self.spent[file] = spent + steps
        self.spent_in_all += steps
        self.exhausted += ending is Ending.BUDGET
        self._ended(Run(entry, ending, steps, imports, tuple(self.collector.notes.facts[before:]), read))

    def _key(self, entry: EntryPoint) -> str:
        assert self.turns is not None
        return self.turns.key(entry.file, entry.node, entry.manner)

    def _repeat(self, kept: Entry) -> tuple[int, int, Ending, Read]:
        assert self.turns is not None
        self.turns.repeat(kept)
        self.schedule.asked = kept.asked
        self.calls.add(kept.calls)
        return kept.steps, kept.imports, Ending.BUDGET if kept.share else Ending.FINISHED, self.interpreter.reads.own

    def _run_alone(self, entry: EntryPoint) -> tuple[int, int, Ending, Read]:
        """Run an entry point on a state of its own; its steps, those of imports, how it ended, and what it read."""
        told = self._told
        self._has_run = True
        if self.turns is not None:
            self.turns.entry_begins()
        self.interpreter.start()
        self.interpreter.budget.give(self._share)
        with self.interpreter.apart() if entry.is_apart else nullcontext():
            ending = self._run(entry)
        self.collector.settle(is_tried=entry.is_tried)
        events, budget, calls = events_of(self.interpreter), self.interpreter.budget, list[CallOfModel]()
        if not (isinstance(entry, RunCommandLine) and self.interpreter.fails):  # no user gives such options
            calls = self._take(events)
        if self.interpreter.options and not entry.is_tried:
            self.schedule.asked = asked(self.interpreter)
        if self.turns is not None:
            is_whole = ending is not Ending.DEFECT and told == self._told
            program = None if entry.defines else self.schedule.asked
            made = Entry(self._key(entry), budget.steps, budget.imports, calls=calls, asked=program)
            made.share = self._share if ending is Ending.BUDGET else 0
            self.turns.note(made, is_whole=is_whole, defines=entry.defines, is_apart=entry.is_apart)
        return budget.steps, budget.imports, ending, self.interpreter.reads.own

    @property
    def _share(self) -> int:
        """The steps of the next entry point."""
        return MAX_STEPS >> min(self.exhausted // EXHAUSTED, HALVINGS)

    @property
    def _told(self) -> tuple[int, ...]:
        """How much was told besides facts: who tells something is run each time."""
        collector = self.collector
        return len(collector.problems), len(collector.tracebacks), len(collector.reveals), len(self.results_used)

    def _take(self, events: EventLog) -> list[CallOfModel]:
        """Take in what an entry point did with models; returns the calls of these."""
        self.collector.programmed(facts_from_events(events, self.collector))
        calls = calls_of_models(events.calls)
        self.calls.add(calls)
        self.results_used.update(events.results_used)
        if not events.is_cut_short:  # what is missing may be what was not run
            self.collector.programmed(stale_averages(events))
        self.collector.programmed(unsynchronized(events, filter(None, self.project.files.values())))
        return calls

    def _turn_over(self) -> None:
        self.collector.turn_over()
        if self.turns is not None:
            self.turns.end()

    def _free(self) -> None:
        """Forget the models that the entry points of one file have built: those of another one build others."""
        self._turn_over()
        self.collector.begin_turn()
        self.interpreter.start()
        self.interpreter.branches.clear()
        self.interpreter.reads.begin()
        self.interpreter.forget()
        if self._has_run:
            # Modules and their owners refer to each other. What lives on, as trees do, is walked through twice at most.
            gc.collect(1)
        self._has_run = False

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
            call_steps(self.interpreter)
            call_roots(self.interpreter, entry.file)
            try_train(self.interpreter, entry.file)
            find_evaluated(self.interpreter)
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
            if self.turns is None:
                facts.extend(syntactic_facts(file, elsewhere))
            else:
                facts.extend(self.turns.by_file.facts(file, elsewhere, syntactic_facts))
        facts = list(with_missed_layers(facts, self.files))
        if any("load_state_dict" in file.source.text for file in self.project.files.values() if file is not None):
            facts = [replace(fact, loads_weights=True) if type(fact) is BatchNormBuilt else fact for fact in facts]
        facts = list(with_likelihood(facts, self.project))
        facts = list(as_the_program_makes_them(facts))
        overrides = [fact for fact in facts if type(fact) is TrainOverride]
        used = {ref.file.place(ref.node): shown for ref, shown in self.results_used.values()} if overrides else {}
        facts = [replace(fact, used=used.get(fact.place)) if type(fact) is TrainOverride else fact for fact in facts]
        given = set(filter(None, map(self.project.files.get, (*self.sources, *self.context))))
        coverage = self.collector.coverage(unreached, given)
        coverage.calls = self.calls.within(given, self.project)
        if self.keeper is not None:
            coverage.inventory = self.keeper.inventory(given, facts, coverage)
        if STEPS in switches():
            runs = [run for run in self.runs if run.ending is not Ending.NOT_RUN]
            coverage.steps = [Steps(run.entry.place, run.entry.name, run.steps) for run in runs]
        collector, files = self.collector, list(filter(None, self.project.files.values()))
        complete = Completer(files, collector.drafts, None if self.turns is None else self.turns.by_file)
        reveals = [complete(one) for one in collector.reveals]

        def keep() -> None:
            if self.turns is not None:
                self.turns.keep(complete.used)

        refused = frozenset(file.display for file in files if not file.is_valid)
        return Analysis(facts, collector.all_problems, coverage, refused, complete, keep, collector.tracebacks, reveals)
