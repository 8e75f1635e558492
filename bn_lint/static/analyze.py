"""From sources to facts: which code of a project is run, with what, and in which order.

Modules run first, then functions and classes that need no arguments, then everything that nobody has called by then,
the last definition first, so that callers come before what they call. A class that the project instantiates somewhere
is judged by these instances alone; only one that nobody instantiates is judged with symbolic arguments.
"""

from __future__ import annotations

import gc
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import libcst as cst

from bn_lint.debugging import STEPS, switches
from bn_lint.facts import Analysis, BatchNormBuilt, Place, Problem, Steps
from bn_lint.project.filesystem import RecordingFileSystem
from bn_lint.project.module_finder import imports
from bn_lint.project.prefilter import is_interpreted, is_program, is_surveyed, is_zoo_name, uses_zoo
from bn_lint.project.source import Source
from bn_lint.static.interpreter.budget import BudgetExhausted
from bn_lint.static.interpreter.calls import call
from bn_lint.static.interpreter.deep_stack import with_deep_stack
from bn_lint.static.interpreter.frames import Frame
from bn_lint.static.interpreter.imports import execute_module, module_at
from bn_lint.static.interpreter.interpreter import Interpreter
from bn_lint.static.interpreter.values import ABSENT, Arguments, BoundMethod, Class, Function, Instance, Unknown, Value
from bn_lint.static.options import hidden_behind
from bn_lint.static.relevance import relevant_definitions, unlike_first
from bn_lint.static.syntactic import syntactic_facts
from bn_lint.static.syntactic.freezing import with_missed_layers
from bn_lint.static.syntax.places import NodeRef
from bn_lint.static.syntax.source_files import ParseError, Project, SourceFile
from bn_lint.static.syntax.tree import forget_answers, walk
from bn_lint.static.torch_model.averages import stale_averages
from bn_lint.static.torch_model.batchnorm import batchnorm_class
from bn_lint.static.torch_model.parallel import unsynchronized
from bn_lint.static.torch_model.watchers import events_of
from bn_lint.static.training.domain import TrainingDomain
from bn_lint.static.training.facts_from_layers import FactCollector
from bn_lint.static.training.purpose import facts_from_events
from bn_lint.static.training.symbolic_models import (
    asked_attributes,
    fill,
    given_models,
    kept_models,
    outer_methods,
    symbolic_model,
    trains_symbolic_models,
)

#: Steps that all entry points of one file may take together.
STEPS_PER_FILE = 500_000
#: Model zoos define hundreds of factories over the same classes. After this many in a row that take no branch and lead
#: to no BatchNorm call that was not seen before, the remaining ones of the file are not called.
IDLE_FACTORIES = 3
#: The same, as long as none of the file showed any BatchNorm.
BLANK_FACTORIES = 2
#: The names that a `from ... import` statement brings.
_IMPORTED = re.compile(r"^\s*from\s+[\w.]+\s+import\s+(\([^)]*\)|[^\n]*)", re.MULTILINE)
#: Names that are called, with the dot before them; decorators are not meant.
_CALLED = re.compile(r"^[ \t]*@[^\n]*|(\.\s*)?\b(\w+)\s*\(", re.MULTILINE)
#: Files that are searched for a mention of BatchNorm, from one program.
_MOST_IMPORTED = 200


def analyze(
    sources: Sequence[Source], context: Sequence[Path] = (), filesystem: RecordingFileSystem | None = None
) -> Analysis:
    """Derive the facts of the given sources; other files of the project are read where the sources import them.

    Args:
        sources: The files to judge.
        context: Given files that do not mention BatchNorm; they are searched for uses of the classes that nobody else
            instantiates, and what is built in them counts.
        filesystem: Where other files are looked for; it remembers what was asked.

    Raises:
        Exception: whatever defect of the engine a source lays bare, once no single entry point can be blamed.
    """
    # Syntax trees are large and live to the end; collecting garbage would walk through them again and again.
    collecting = gc.isenabled()
    gc.disable()
    try:
        return with_deep_stack(lambda: _Analyzer(sources, context, filesystem).analyze())
    finally:
        forget_answers()
        if collecting:
            gc.enable()


class _Analyzer:
    def __init__(
        self, sources: Sequence[Source], context: Sequence[Path] = (), filesystem: RecordingFileSystem | None = None
    ) -> None:
        self.context = context
        self.collector = FactCollector()
        self.project = Project(sources, filesystem)
        self.interpreter = Interpreter(self.project, TrainingDomain(), self.collector)
        self.sources = sources
        self.files: list[SourceFile] = []
        self.spent: dict[SourceFile, int] = {}
        #: The entry points so far, with the steps that each took.
        self.taken: list[tuple[SourceFile | Class | Function, int]] = []
        #: Factories that would show nothing new.
        self.skipped: set[cst.CSTNode] = set()

    def analyze(self) -> Analysis:
        for source in self.sources:
            file = self.project.files[source.path]
            assert file is not None
            if is_interpreted(source.text) or is_surveyed(source.text):
                self._admit(file)
        interpreted = [file for file in self.files if is_interpreted(file.source.text)]
        for file in interpreted:
            self._enter(file, self._run_module, file)
        judged, relevant = set(interpreted), relevant_definitions(interpreted)
        functions = [f for f in self.collector.functions if f.file in judged and f.node in relevant]
        classes = [c for c in self.collector.classes if c.file in judged and c.node in relevant and c.is_module]
        for file in interpreted:
            self._call_factories([f for f in functions if f.file is file and not _required(f)])
        for cls in classes:
            if not cls.instantiated and not _required_by_constructor(cls):
                self._enter(cls.file, self._instantiate, cls)
        self._find_users(
            {c.name for c in classes if not c.instantiated}
            | {f.name for f in functions if not f.called and f.node not in self.skipped}
        )
        self._run_programs({c.name for c in classes} | {f.name for f in functions}, judged)
        # What is left needs arguments that nobody passes; the last definition first, since callers follow callees.
        left: dict[cst.CSTNode, Class | Function] = {c.node: c for c in classes if not c.instantiated}
        left.update((f.node, f) for f in functions if not f.called and f.node not in self.skipped)
        for file in reversed(interpreted):
            for node in reversed(list(_definitions(file.tree))):
                found = left.get(node)
                if isinstance(found, Class) and not found.instantiated:
                    self._enter(file, self._instantiate, found)
                elif isinstance(found, Function) and not found.called:
                    self._enter(file, self._call, found)
        self._switch_options()
        self._settle_opaque()
        if interpreted:
            with self.collector.modes_only():
                self._run_with_strangers()
        unreached = self._unreached()
        return self._result(unreached)

    def _find_users(self, wanted: set[str]) -> None:
        """Run the definitions, in files that do not mention BatchNorm, that use classes and functions that do."""
        if not wanted:
            return
        known = {file for file in self.files if is_interpreted(file.source.text)}
        paths = [*(s.path for s in self.sources), *self.context]
        for file in filter(None, map(self.project.file, dict.fromkeys(paths))):
            used = set() if file in known else _used(wanted, file.source.text)
            if used and self._parses(file):
                users = relevant_definitions([file], used.__contains__)
                self._enter(file, self._run_module, file)
                functions = [f for f in self.collector.functions if f.node in users and not _required(f)]
                self._call_factories(functions)
                for cls in [c for c in self.collector.classes if c.node in users and c.is_module]:
                    if not cls.instantiated:
                        self._enter(file, self._instantiate, cls)

    def _run_programs(self, models: set[str], known: set[SourceFile]) -> None:
        """Run the files that do not mention BatchNorm, but that train or use models that have it."""
        for source in self.sources:
            file = self.project.files[source.path]
            if file is None or file in known or not is_program(source.text):
                continue
            used = _used(models, source.text)
            # A script may get its model from any function of the package that it imports.
            indirect = self._is_script(source) and self._reaches_batchnorm(file)
            if not (used or indirect or uses_zoo(source.text)) or not self._parses(file):
                continue
            self._enter(file, self._run_module, file)
            users = relevant_definitions([file], lambda name: name in used or is_zoo_name(name))  # noqa: B023
            functions = [f for f in self.collector.functions if f.file is file]
            self._call_factories([f for f in functions if not _required(f) and (indirect or f.node in users)])
            for function in reversed(functions):
                if (indirect or function.node in users) and not function.called and function.node not in self.skipped:
                    self._enter(file, self._call, function)

    def _run_with_strangers(self) -> None:
        """Run what trains models that it is given, where nobody in sight gives it one."""
        for source in self.sources:
            file = self.project.files[source.path]
            if file is None or not trains_symbolic_models(source.text) or not self._parses(file):
                continue
            known = {f.node for f in self.collector.functions} | {c.node for c in self.collector.classes}
            if not known.intersection(_definitions(file.tree)):
                self._enter(file, self._run_module, file)
            for function in [f for f in self.collector.functions if f.file is file]:
                names = given_models(function)
                if names and function.node not in self.collector.models_called:
                    self._enter(file, self._call_with_strangers, function, names)
            for cls in [c for c in self.collector.classes if c.file is file and not c.is_module]:
                attributes = asked_attributes(cls)
                for method in outer_methods(cls) if attributes else ():
                    if method.node not in self.collector.models_called:
                        self._enter(file, self._call_method_with_strangers, cls, method, attributes)

    def _call_with_strangers(self, function: Function, names: list[str]) -> None:
        ref = NodeRef(function.file, function.node)
        keywords = _given(function)
        keywords.update({name: symbolic_model(self.interpreter, ref) for name in names})
        call(self.interpreter, function, Arguments(keywords=keywords), ref, None)

    def _call_method_with_strangers(self, cls: Class, method: Function, attributes: frozenset[str]) -> None:
        init, ref = cls.lookup("__init__")[0], NodeRef(cls.file, cls.node)
        keywords: dict[str, Value] = {}
        if isinstance(init, Function):
            keywords = {name: value for name, value in _given(init).items() if name != "self"}
            keywords.update({name: symbolic_model(self.interpreter, ref) for name in kept_models(init, attributes)})
        trainer = call(self.interpreter, cls, Arguments(keywords=keywords), ref, None)
        if isinstance(trainer, Instance):
            fill(self.interpreter, trainer, attributes, ref)
        unknowns: list[Value] = [_parameter(method, name) for name in _required(method)[1:]]
        call(
            self.interpreter, BoundMethod(method, trainer), Arguments(unknowns), NodeRef(method.file, method.node), None
        )

    def _reaches_batchnorm(self, file: SourceFile) -> bool:
        """Whether imports lead from a file to one that mentions BatchNorm."""
        seen = {file.path}
        pending = [file]
        while pending and len(seen) < _MOST_IMPORTED:
            importer = pending.pop(0)
            text = importer.source.text
            names = set(re.findall(r"\w+", " ".join(_IMPORTED.findall(text))))
            for dotted, level in imports(text):
                module = self.project.resolve(importer.path, dotted, level)
                paths = [] if module is None else [module, *(self.project.submodule(module, name) for name in names)]
                for path in paths:
                    if path is None or path in seen or path.suffix != ".py":
                        continue
                    seen.add(path)
                    target = self.project.file(path)
                    if target is not None and is_interpreted(target.source.text):
                        return True
                    if target is not None:
                        pending.append(target)
        return False

    def _is_script(self, source: Source) -> bool:
        ask = self.project.filesystem
        return "__main__" in source.text or not ask.is_file(source.path.parent / "__init__.py")

    def _parses(self, file: SourceFile) -> bool:
        try:
            file.tree  # noqa: B018 - parses
        except ParseError:
            return False
        return True

    def _call_factories(self, functions: list[Function]) -> None:
        """Call the functions of one file that need no arguments, until they stop showing new code."""
        idle, before = 0, len(self.collector.facts)
        for function in unlike_first(functions):
            if function.called:
                continue
            if idle >= (IDLE_FACTORIES if len(self.collector.facts) > before else BLANK_FACTORIES):
                self.skipped.update(self._with_callees(function))
                continue
            seen = len(self.collector.facts), len(self.interpreter.branches)
            self._enter(function.file, self._call, function)
            now = len(self.collector.facts), len(self.interpreter.branches)
            # Branches of a model without BatchNorm are of no interest.
            idle = idle + 1 if now == seen or now[0] == before else 0

    def _with_callees(self, function: Function) -> Iterator[cst.CSTNode]:
        """A function and those of its module that it names: they are not left over, only not called again."""
        yield function.node
        for node in walk(function.node.body):
            named = function.scope.module.cells.get(node.value) if type(node) is cst.Name else None
            if isinstance(named, Function):
                yield named.node

    # -- entry points -----------------------------------------------------------------------------------------------

    def _admit(self, file: SourceFile) -> None:
        try:
            file.tree  # noqa: B018 - parses
        except ParseError as error:
            place = Place(file.display, error.line, error.column, error.line, error.column)
            self.collector.problems.append(Problem("BN902", error.message, place))
        else:
            self.files.append(file)

    def _enter(
        self,
        file: SourceFile,
        interpreter: Callable[..., object],
        entry: SourceFile | Class | Function,
        *details: object,
    ) -> None:
        """Run one entry point, which is a file or a definition, within its share of steps and on a state of its own."""
        spent = self.spent.get(file, 0)
        if spent > STEPS_PER_FILE:
            self.collector.incomplete(file, "not everything in it was judged: it takes too long to evaluate")
            return
        self.interpreter.start()
        try:
            interpreter(entry, *details)
            self._call_steps()
            self._call_roots(file)
            if self.interpreter.budget.gave_up:
                raise BudgetExhausted
        except BudgetExhausted:
            self.collector.incomplete(
                file, "not everything in it was judged: one definition takes too long to evaluate"
            )
        except Exception as error:  # the engine is large: a defect of it costs one entry point of one file
            if self.interpreter.strict:
                raise
            self.collector.defect(file, error)
        self.collector.settle()
        events = events_of(self.interpreter)
        self.collector.programmed(facts_from_events(events, self.collector.last_calls))
        if not events.is_cut_short:  # what is missing may be what was not run
            self.collector.programmed(stale_averages(events))
        self.collector.programmed(unsynchronized(events, filter(None, self.project.files.values())))
        self.spent[file] = spent + self.interpreter.budget.steps
        self.taken.append((entry, self.interpreter.budget.steps))

    def _run_module(self, file: SourceFile) -> None:
        scope = module_at(self.interpreter, file.path)
        if scope is not None:
            execute_module(self.interpreter, scope)

    def _call(self, function: Function) -> None:
        arguments = Arguments(keywords={name: _parameter(function, name) for name in _required(function)})
        call(self.interpreter, function, arguments, NodeRef(function.file, function.node), None)

    def _instantiate(self, cls: Class) -> Value:
        init = cls.lookup("__init__")[0]
        keywords = {n: _parameter(init, n) for n in _required_by_constructor(cls)} if isinstance(init, Function) else {}
        return call(self.interpreter, cls, Arguments(keywords=keywords), NodeRef(cls.file, cls.node), None)

    def _call_steps(self) -> None:
        """Call the functions within functions that nobody called: steps of a framework.

        In which order, how often, and whether at all, it alone knows: each finds the modes that the program has left.
        """
        steps = [function for function in events_of(self.interpreter).nested if not function.called]
        for function in steps:
            self.interpreter.events.loops.append(self.interpreter.events.now())
            outer = self.interpreter.store.fork()
            try:
                self._call(function)
            finally:
                self.interpreter.store.rollback(outer)
                self.interpreter.events.loops.pop()

    def _call_roots(self, file: SourceFile) -> None:
        """Call the modules that the entry point built but did not call."""
        created = list(self.interpreter.created)
        for instance in created:
            if instance.owner is None and not instance.called:
                self._call_forward(instance)
        # Modules that no forward reached, such as children of a container that the program iterates in its own way.
        tried: dict[Value, int] = {}
        for instance in created:
            if not instance.called and isinstance(instance.cls, Class) and tried.get(instance.cls, 0) < 3:
                tried[instance.cls] = tried.get(instance.cls, 0) + 1
                self._call_forward(instance)
        for instance in created:
            if not instance.called or not isinstance(instance.cls, Class) or tried.get(instance.cls, 0) >= 3:
                continue
            if any(self._is_idle(child) for _, child in instance.children()):
                tried[instance.cls] = tried.get(instance.cls, 0) + 1
                self._call_other_methods(instance)

    def _is_idle(self, child: Value) -> bool:
        return isinstance(child, Instance) and not child.called and batchnorm_class(child) is not None

    def _call_forward(self, instance: Instance) -> None:
        forward = instance.cls.lookup("forward")[0]
        if isinstance(forward, Function):
            required = _required(forward)[1:]
            arguments = Arguments(
                [Unknown(name, f"the caller of `{instance.cls.name}` decides `{name}`") for name in required]
            )
        elif forward is not ABSENT:
            arguments = Arguments([Unknown("input", "nothing before it is known")])
        else:
            if isinstance(instance.cls, Class):
                self._call_other_methods(instance)
            return
        ref = instance.built or NodeRef(self.files[0], self.files[0].tree)
        call(self.interpreter, instance, arguments, ref, None)

    def _call_other_methods(self, instance: Instance) -> None:
        for name, method in list(instance.cls.cells.items()) if isinstance(instance.cls, Class) else ():
            if isinstance(method, Function) and not name.startswith("__") and not method.called:
                unknowns: list[Value] = [
                    Unknown(n, f"the caller of `{name}` decides `{n}`") for n in _required(method)[1:]
                ]
                ref = instance.built or NodeRef(method.file, method.node)
                call(self.interpreter, BoundMethod(method, instance), Arguments(unknowns), ref, None)

    # -- what was not reached ---------------------------------------------------------------------------------------

    def _switch_options(self) -> None:
        """Run definitions again with options switched, to reach the BatchNorm that is off by default."""
        definitions: dict[cst.CSTNode, Class | Function] = {c.node: c for c in self.collector.classes}
        definitions.update((f.node, f) for f in self.collector.functions)
        for file in self.files:
            targets: set[cst.CSTNode] = set(self._missed(file))
            hidden = hidden_behind(file.tree, targets) if targets else {}
            for node, (definition, method, names) in hidden.items():
                found = definitions.get(definition)
                if found is not None and node not in self.collector.sites:
                    self._enter(file, self._run_switched, found, names)
                if isinstance(found, Class) and node not in self.collector.sites:
                    # All instances in sight switch the option that a default leaves as it is, or none calls the method.
                    with self.collector.calls_only(targets):
                        self._enter(file, self._run_method, found, method)

    def _run_switched(self, definition: Class | Function, names: frozenset[str]) -> None:
        function = definition.lookup("__init__")[0] if isinstance(definition, Class) else definition
        if not isinstance(function, Function):
            return
        params = [n for n in (*function.params.positional, *function.params.keyword_only) if n != "self"]
        keywords: dict[str, Value] = {}
        for name in params:
            default = function.defaults.get(name, ABSENT)
            if default is ABSENT or (default is None and name not in names):
                # Who switches an option on passes what it needs besides.
                keywords[name] = _parameter(function, name)
            elif name in names:
                keywords[name] = not default if isinstance(default, bool) else Unknown(name, f"the option `{name}`")
        call(
            self.interpreter, definition, Arguments(keywords=keywords), NodeRef(definition.file, definition.node), None
        )

    def _run_method(self, cls: Class, name: str | None) -> None:
        instance = self._instantiate(cls)
        method = cls.cells.get(name)
        if isinstance(instance, Instance) and isinstance(method, Function) and name != "__init__":
            arguments = Arguments(keywords={n: _parameter(method, n) for n in _required(method)[1:]})
            given = call(
                self.interpreter, BoundMethod(method, instance), arguments, NodeRef(method.file, method.node), None
            )
            if isinstance(given, Instance) and given.is_module and not given.called:
                self._call_forward(given)

    def _settle_opaque(self) -> None:
        """Judge with symbols the layers that all instances in sight leave open, for their widths are opaque numbers."""
        open_sites = {node for node, site in self.collector.sites.items() if site.judged and not site.settled}
        definitions: dict[cst.CSTNode, Class | Function] = {c.node: c for c in self.collector.classes if c.is_module}
        definitions.update((f.node, f) for f in self.collector.functions)
        for file in self.files if open_sites else ():
            for node in _definitions(file.tree):
                found = definitions.get(node)
                nodes = open_sites.intersection(walk(node)) if found is not None else set()
                if not nodes:
                    continue
                with self.collector.calls_only(nodes):
                    if isinstance(found, Class):
                        self._enter(file, self._instantiate, found)
                    elif isinstance(found, Function):
                        self._enter(file, self._call, found)

    def _missed(self, file: SourceFile) -> list[cst.Call]:
        if "BatchNorm" not in file.source.text:
            return []
        known = self.collector.sites.keys() | self.collector.missing_sites
        return [node for node in _batchnorm_calls(file.tree) if node not in known]

    def _unreached(self) -> list[NodeRef]:
        """Evaluate, on their own, the BatchNorm constructor calls that no entry point reached."""
        from bn_lint.static.interpreter.expressions import evaluate

        unreached = []
        for file in self.files:
            scope = module_at(self.interpreter, file.path)
            if scope is None:
                continue
            for node in self._missed(file):
                self.interpreter.start()
                try:
                    evaluate(self.interpreter, node, Frame(scope, file, {}))
                except BudgetExhausted:
                    continue
                if self.collector.sites.pop(node, None) is not None:
                    unreached.append(NodeRef(file, node))
        self.collector.settle()
        return unreached

    def _result(self, unreached: list[NodeRef]) -> Analysis:
        facts = self.collector.believed()
        for file in self.files:
            facts.extend(syntactic_facts(file.tree, file.place, file.source.text))
        facts = list(with_missed_layers(facts, self.files))
        if any("load_state_dict" in file.source.text for file in self.project.files.values() if file is not None):
            facts = [replace(fact, loads_weights=True) if type(fact) is BatchNormBuilt else fact for fact in facts]
        given = {*self.files, *filter(None, map(self.project.files.get, self.context))}
        coverage = self.collector.coverage(unreached, given)
        if STEPS in switches():
            coverage.steps = [_steps(entry, steps) for entry, steps in self.taken]
        collector = self.collector
        return Analysis(facts, collector.problems, coverage, collector.tracebacks, collector.reveals)


def _steps(entry: SourceFile | Class | Function, steps: int) -> Steps:
    if isinstance(entry, SourceFile):
        return Steps(Place(entry.display, 1, 1, 1, 1), "<module>", steps)
    return Steps(entry.file.place(entry.node), entry.name, steps)


def _required(function: Function) -> list[str]:
    params = function.params
    return [n for n in (*params.positional, *params.keyword_only) if n not in function.defaults]


def _required_by_constructor(cls: Class) -> list[str]:
    init = cls.lookup("__init__")[0]
    return _required(init)[1:] if isinstance(init, Function) else []


def _given(function: Function) -> dict[str, Value]:
    """What a trainer is given: also an optimizer, where the default is to have none."""
    names = [*_required(function), *(name for name, default in function.defaults.items() if default is None)]
    return {name: _parameter(function, name) for name in names}


def _parameter(function: Function, name: str) -> Unknown:
    return Unknown(name, f"no value is visible for the parameter `{name}` of `{function.name}`", free=True)


def _used(wanted: set[str], text: str) -> set[str]:
    """The names that a text imports and calls, or calls as attributes."""
    called = {(dot, name) for dot, name in _CALLED.findall(text) if name in wanted}
    if not called:
        return set()
    imported = set(re.findall(r"\w+", " ".join(_IMPORTED.findall(text))))
    return {name for dot, name in called if dot or name in imported}


def _definitions(tree: cst.Module) -> Sequence[cst.CSTNode]:
    found: list[cst.CSTNode] = []
    pending: list[cst.CSTNode] = list(tree.body)
    while pending:
        node = pending.pop(0)
        if type(node) in (cst.FunctionDef, cst.ClassDef):
            found.append(node)
        elif type(node) in (cst.If, cst.Try, cst.Else, cst.With, cst.IndentedBlock):
            pending = [*node.children, *pending]
    return found


def _batchnorm_calls(tree: cst.Module) -> list[cst.Call]:
    found = []
    for node in walk(tree):
        if type(node) is cst.Call:
            name = node.func.attr.value if type(node.func) is cst.Attribute else getattr(node.func, "value", "")
            if isinstance(name, str) and "atch" in name and "orm" in name:
                found.append(node)
    return found
