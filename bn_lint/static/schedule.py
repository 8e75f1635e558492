"""Which entry points there are, in which order, and why.

Modules run first, then functions and classes that need no arguments, then everything that is still unused,
the last definition first, and functions behind those that name them, so that callers come before what they call. A
class that the project instantiates somewhere is judged by these instances alone; only an unused one is judged with
symbolic arguments.

Each phase is a generator: whether there is a next entry point depends on what the one before has reached.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from functools import cache, partial
from itertools import groupby
from pathlib import Path

from bn_lint.project.prefilter import is_interpreted, is_program, is_zoo_name, uses_zoo
from bn_lint.project.source import Source
from bn_lint.static.command_lines import command_lines
from bn_lint.static.entry_points import (
    CallFunction,
    CallMethod,
    EntryPoint,
    ImportModule,
    Instantiate,
    PlannedTurn,
    Reason,
    RunCommandLine,
    RunGuarded,
    RunModule,
    SwitchOptions,
    TrainOwnSymbolicModels,
    TrainSymbolicModels,
    definitions_in,
)
from bn_lint.static.imported_models import ImportedModels, used_names
from bn_lint.static.interpreter.imports import guarded
from bn_lint.static.interpreter.interpreter import Interpreter
from bn_lint.static.interpreter.limits import BLANK_FACTORIES, IDLE_FACTORIES
from bn_lint.static.interpreter.registries import registering
from bn_lint.static.interpreter.values import Class, Function, ModuleScope
from bn_lint.static.options import hidden_behind
from bn_lint.static.relevance import callers_first, relevant_definitions, unlike_first
from bn_lint.static.syntactic.survey import Surveyor, batchnorm_calls, names_batchnorm, survey
from bn_lint.static.syntax import nodes as cst
from bn_lint.static.syntax.source_files import Project, SourceFile
from bn_lint.static.syntax.tree import walk
from bn_lint.static.training.facts_from_layers import FactCollector
from bn_lint.static.training.programs import Program
from bn_lint.static.training.symbolic_models import (
    asked_attributes,
    given_models,
    inner_methods,
    last_heir,
    outer_methods,
    self_training_methods,
    switches_modes,
    trains_symbolic_models,
)
from bn_lint.static.unused import not_instantiated, not_used, with_callees
from bn_lint.static.with_symbols import required


class Schedule:
    """The entry points of one analysis, each found when those before it have run."""

    def __init__(
        self,
        sources: Sequence[Source],
        context: Sequence[Path],
        files: Sequence[SourceFile],
        project: Project,
        interpreter: Interpreter,
        collector: FactCollector,
    ) -> None:
        """Set up.

        Args:
            sources: The files to judge.
            context: Given files that do not mention BatchNorm.
            files: Those of the files to judge that were parsed.
        """
        #: Looks at a file, unless that was done before.
        self.surveyed: Surveyor = cache(survey)
        self.sources = sources
        self.context = context
        self.files = files
        self.project = project
        self.interpreter = interpreter
        self.collector = collector
        self.notes = collector.notes
        self.interpreted = [file for file in files if is_interpreted(file.source.text)]
        self.imported = ImportedModels(project, any_interpreted=bool(self.interpreted))
        #: Definitions that have to do with BatchNorm, of the interpreted files.
        self.relevant: set[cst.CSTNode] = set()
        #: Factories that would show nothing new.
        self.skipped: set[cst.CSTNode] = set()
        #: The files that were run as programs to the end, and programs with options.
        self.started: set[SourceFile] = set()
        self.programs: list[tuple[SourceFile, Program]] = []
        #: What the entry point that was run last asks of a command line: it is told by whoever runs them.
        self.asked: Program | None = None
        #: The files that put something into tables of others, where modules were put back.
        self.restored: list[SourceFile] | None = None
        #: The turns of this phase from the current one on, where it is known of which file each is.
        self.coming: deque[PlannedTurn] = deque()

    def entry_points(self) -> Iterator[EntryPoint]:
        """All entry points; each must be run before the next one is asked for."""
        for file in self.interpreted:
            yield RunModule(file, Reason.MODULE)
            self._note_program(file)
        yield from self._tables()
        yield from self._turn_by_turn(
            PlannedTurn(file, [], partial(self._guarded, file, Reason.MODULE)) for file in self.interpreted
        )
        judged, self.relevant = set(self.interpreted), relevant_definitions(self.interpreted, self.surveyed)
        functions = [f for f in self.collector.functions if f.file in judged and f.node in self.relevant]
        classes = [c for c in self.collector.classes if c.file in judged and c.node in self.relevant and c.is_module]
        free = [f for f in functions if not required(f)]
        yield from self._turn_by_turn(
            PlannedTurn(file, own, partial(self._factories, own, Reason.FACTORY))
            for file in self.interpreted
            for own in [[f for f in free if f.file is file]]
        )
        # What is made of others comes behind them.
        yield from self._turn_by_turn(
            PlannedTurn(file, own, partial(not_instantiated, own))
            for file, those in groupby(reversed(classes), lambda cls: cls.file)
            for own in [list(those)]
        )
        yield from self._users(
            judged,
            {c.name for c in classes if not c.instantiated}
            | {f.name for f in functions if not f.called and f.node not in self.skipped},
        )
        yield from self._programs({c.name for c in classes} | {f.name for f in functions}, judged)
        yield from self._unused(functions, classes)
        yield from self._options()
        yield from self._opaque()
        with self.collector.modes_only():
            yield from self._holders()
            yield from self._symbolic_models()
        yield from self._turn_by_turn(
            PlannedTurn(file, [], partial(self._with_options, file, program)) for file, program in self.programs
        )

    def _tables(self) -> Iterator[EntryPoint]:
        """The other given modules that put something into tables of others, if there are any so far that do."""
        reads = self.interpreter.reads
        given = {*(source.path for source in self.sources), *self.context}.difference(reads.executed)
        if self.restored is not None:
            yield from (ImportModule(file, Reason.TABLE) for file in self.restored)
        elif reads.reached_out and given:
            for scope in registering(self.interpreter, given):
                if scope.file is not None:
                    yield ImportModule(scope.file, Reason.TABLE)
                if scope.state == ModuleScope.FRESH:
                    return  # the unit has had its steps

    def _turn_by_turn(self, turns: Iterable[PlannedTurn]) -> Iterator[EntryPoint]:
        self.coming = deque(turns)
        while self.coming:
            yield from self.coming[0].entry_points()
            self.coming.popleft()

    @property
    def planned(self) -> PlannedTurn | None:
        """The current turn, if it was planned."""
        return self.coming[0] if self.coming else None

    def _module(self, file: SourceFile, reason: Reason) -> Iterator[EntryPoint]:
        """A file as a program."""
        yield RunModule(file, reason)
        self._note_program(file)
        yield from self._guarded(file, reason)

    def _guarded(self, file: SourceFile, reason: Reason) -> Iterator[EntryPoint]:
        if file not in self.started and guarded(file):
            yield RunGuarded(file, reason)
            self.started.add(file)  # not before: a turn may only be asked for its first entry point
            self._note_program(file)

    def _note_program(self, file: SourceFile) -> None:
        """If a program with options has run, it may be run with others later."""
        if self.asked is not None and self._is_program(file):
            self.programs.append((file, self.asked))

    def _is_program(self, file: SourceFile) -> bool:
        """Whether a file trains or uses models, or starts what does."""
        return is_program(file.source.text) or self.imported.starts_program(file)

    def _with_options(self, file: SourceFile, program: Program) -> Iterator[EntryPoint]:
        """A program again, with options that decide about modes, data, or the model."""
        names = {node.name.value for node in self.relevant if isinstance(node, (cst.ClassDef, cst.FunctionDef))}
        for options in command_lines(file, program, names, lambda: self.asked):
            with self.collector.programs_only():
                yield RunCommandLine(file, Reason.COMMAND_LINE, options)

    def _factories(self, functions: Sequence[Function], reason: Reason) -> Iterator[EntryPoint]:
        """The functions of one file that need no arguments, until they stop showing new code."""
        idle, is_blank = 0, True
        for function in unlike_first(functions):
            if function.called:
                continue
            if idle >= (BLANK_FACTORIES if is_blank else IDLE_FACTORIES):
                self.skipped.update(with_callees(function))
                continue
            seen, turn = self._shown, self.notes.turn
            yield CallFunction(function, reason)
            now = self._shown
            if self.notes.turn != turn:
                seen = 0, 0
            is_blank = is_blank and now[0] == seen[0]
            # Branches of a model without BatchNorm are of no interest.
            idle = idle + 1 if now == seen or is_blank else 0

    @property
    def _shown(self) -> tuple[int, int]:
        """How many facts the turn has shown, and how many branches it has taken."""
        return self.notes.novel, len(self.interpreter.branches) + self.notes.branches

    def _users(self, known: set[SourceFile], wanted: set[str]) -> Iterator[EntryPoint]:
        """The definitions, in files that do not mention BatchNorm, that use classes and functions that do."""
        if not wanted:
            return
        paths = [*(s.path for s in self.sources), *self.context]
        found = (
            (file, used)
            for file in filter(None, map(self.project.file, dict.fromkeys(paths)))
            if file not in known and (used := used_names(wanted, file.source.text)) and file.parses
        )
        yield from self._turn_by_turn(PlannedTurn(file, None, partial(self._user, file, used)) for file, used in found)

    def _user(self, file: SourceFile, used: set[str]) -> Iterator[EntryPoint]:
        yield from self._module(file, Reason.USER)
        users = relevant_definitions([file], self.surveyed, used.__contains__)
        functions = [f for f in self.collector.functions if f.node in users and not required(f)]
        yield from self._factories(functions, Reason.USER)
        for cls in [c for c in self.collector.classes if c.node in users and c.is_module]:
            if not cls.instantiated:
                yield Instantiate(cls, Reason.USER)

    def _programs(self, models: set[str], known: set[SourceFile]) -> Iterator[EntryPoint]:
        """The files that do not mention BatchNorm, but that train or use models that have it."""
        paths = [*(s.path for s in self.sources), *self.context]
        turns: list[PlannedTurn] = []
        for file in filter(None, map(self.project.file, dict.fromkeys(paths))):
            source = file.source
            if file in known or not self._is_program(file):
                continue
            used = used_names(models, source.text)
            # A script may get its model from any function of the package that it imports.
            indirect = self.imported.is_script(source) and self.imported.reaches_models(file)
            if (used or indirect or uses_zoo(source.text)) and file.parses:
                turns.append(PlannedTurn(file, None, partial(self._program, file, used, indirect=indirect)))
        yield from self._turn_by_turn(turns)

    def _program(self, file: SourceFile, used: set[str], *, indirect: bool) -> Iterator[EntryPoint]:
        yield from self._module(file, Reason.PROGRAM)
        users = relevant_definitions([file], self.surveyed, lambda name: name in used or is_zoo_name(name))
        functions = [f for f in self.collector.functions if f.file is file]
        yield from self._factories(
            [f for f in functions if not required(f) and (indirect or f.node in users)], Reason.PROGRAM
        )
        for function in callers_first(functions[::-1]):
            if (indirect or function.node in users) and not function.called and function.node not in self.skipped:
                yield CallFunction(function, Reason.PROGRAM)

    def _unused(self, functions: Sequence[Function], classes: Sequence[Class]) -> Iterator[EntryPoint]:
        """What needs arguments and is unused; the last definition first, since callers mostly follow callees."""
        left: dict[cst.CSTNode, Class | Function] = {c.node: c for c in classes if not c.instantiated}
        left.update((f.node, f) for f in functions if not f.called and f.node not in self.skipped)
        yield from self._turn_by_turn(
            PlannedTurn(file, [left[node] for node in nodes], partial(not_used, nodes, left))
            for file in reversed(self.interpreted)
            for nodes in [[node for node in reversed(definitions_in(file.tree)) if node in left]]
        )

    def _options(self) -> Iterator[EntryPoint]:
        """Definitions again, with options switched, to reach the BatchNorm that is off by default."""
        definitions: dict[cst.CSTNode, Class | Function] = {c.node: c for c in self.collector.classes}
        definitions.update((f.node, f) for f in self.collector.functions)
        for file in self.files:
            targets: set[cst.CSTNode] = set(self.missed(file))
            hidden = hidden_behind(file.tree, targets) if targets else {}
            for node, (definition, method, names) in hidden.items():
                found = definitions.get(definition)
                if found is not None and node not in self.notes.sites:
                    yield SwitchOptions(found, Reason.OPTION, names)
                if isinstance(found, Class) and node not in self.notes.sites:
                    # All visible instances switch the option that a default leaves as it is, or none calls the method.
                    with self.collector.calls_only(targets):
                        yield CallMethod(found, Reason.METHOD, method)

    def _opaque(self) -> Iterator[EntryPoint]:
        """What builds layers that all visible instances leave open, for their widths are opaque numbers."""
        open_sites = {node for node, site in self.notes.sites.items() if site.judged and not site.settled}
        definitions: dict[cst.CSTNode, Class | Function] = {c.node: c for c in self.collector.classes if c.is_module}
        definitions.update((f.node, f) for f in self.collector.functions)
        building = {self.notes.sites[node].ref.file for node in open_sites}
        for file in filter(building.__contains__, self.files):
            for node in definitions_in(file.tree):
                found = definitions.get(node)
                nodes = open_sites.intersection(walk(node)) if found is not None else set()
                if not nodes:
                    continue
                with self.collector.calls_only(nodes):
                    if isinstance(found, Class):
                        yield Instantiate(found, Reason.OPAQUE)
                    elif isinstance(found, Function):
                        yield CallFunction(found, Reason.OPAQUE)

    def _holders(self) -> Iterator[EntryPoint]:
        """Objects that hold a model and that nobody in view makes: each method, right behind the constructor.

        Not of classes with methods that switch modes, which may have been called before, nor of those that others
        inherit from, in view or out of it.
        """
        given = {source.path for source in self.sources}
        extended = {base for cls in self.collector.classes for base in cls.bases}
        holders: dict[SourceFile, list[Class]] = {}
        for cls in self.collector.classes:
            idle = not (cls.is_module or cls.instantiated or cls.has_unknown_base or cls in extended)
            if idle and cls.file.path in given and not switches_modes(cls):
                holders.setdefault(cls.file, []).append(cls)
        names = {node.name.value for node in self.relevant if isinstance(node, (cst.ClassDef, cst.FunctionDef))}
        for file, classes in holders.items():
            users = relevant_definitions([file], self.surveyed, lambda name: name in names or is_zoo_name(name))
            for cls in classes:
                if cls.node in users:
                    for method in outer_methods(cls):
                        yield CallMethod(cls, Reason.UNUSED, method.name)

    def _symbolic_models(self) -> Iterator[EntryPoint]:
        """What trains models that it is given, where no visible code passes one."""
        trainers = [source for source in self.sources if trains_symbolic_models(source.text)]
        if not trainers or not self._is_likely():
            return
        files = [file for file in (self.project.files[source.path] for source in trainers) if file is not None]
        files = [file for file in files if file.parses]
        for file in files:
            yield from self._defining(file)
        # What is called needs no run of its own, so files that hand models to these come first.
        handing = self._handing_models_to(files)
        for file in handing:
            yield from self._defining(file)
        for file in (*handing, *files):
            for function in callers_first([f for f in self.collector.functions if f.file is file][::-1]):
                names = given_models(function)
                if names and function.node not in self.notes.models_called:
                    yield TrainSymbolicModels(function, Reason.SYMBOLIC_MODEL, tuple(names))
            for cls in [c for c in self.collector.classes if c.file is file]:
                attributes = frozenset[str]() if cls.is_module else asked_attributes(cls)
                for method in self_training_methods(cls) if cls.is_module else outer_methods(cls):
                    if not cls.is_module and not attributes and not given_models(method):
                        continue
                    if method.node not in self.notes.models_called:
                        made = last_heir(cls, self.collector.classes) if cls.is_module else cls
                        yield TrainOwnSymbolicModels(made, Reason.SYMBOLIC_MODEL, method, attributes)
                # Who calls the others may not have been run: it makes the models itself, of what nobody sees.
                for method in inner_methods(cls) if not cls.is_module else ():
                    if not method.called:
                        yield TrainOwnSymbolicModels(cls, Reason.SYMBOLIC_MODEL, method, attributes)

    def _defining(self, file: SourceFile) -> Iterator[EntryPoint]:
        """The top level of a file, unless it has run."""
        known = {f.node for f in self.collector.functions} | {c.node for c in self.collector.classes}
        if not known.intersection(definitions_in(file.tree)):
            yield RunModule(file, Reason.SYMBOLIC_MODEL)
            if guarded(file):
                yield RunGuarded(file, Reason.SYMBOLIC_MODEL)

    def _handing_models_to(self, trainers: Sequence[SourceFile]) -> list[SourceFile]:
        """The files that import functions which train or evaluate what they are given, and call them."""
        names = {f.name for f in self.collector.functions if f.file in trainers and given_models(f)}
        files = (self.project.files[source.path] for source in self.sources)
        others = (file for file in files if file is not None and file not in trainers)
        return [file for file in others if used_names(names, file.source.text) and file.parses]

    def missed(self, file: SourceFile) -> list[cst.Call]:
        """The calls in a file that build BatchNorm, by their names, and that no entry point reached."""
        layers, sites, missing = self.surveyed(file).layers, self.notes.sites, self.notes.missing
        if not missing and layers == sum(
            s.ref.file is file and type(n) is cst.Call and names_batchnorm(n) for n, s in sites.items()
        ):
            return []
        return [node for node in batchnorm_calls(file.tree) if node not in sites and node not in missing]

    def _is_likely(self) -> bool:
        """Whether models of the project have BatchNorm, so that those which come from elsewhere may have it as well."""
        files = [file for file in (self.project.files[source.path] for source in self.sources) if file is not None]
        return bool(self.interpreted) or any(map(self.imported.reaches_models, files))
