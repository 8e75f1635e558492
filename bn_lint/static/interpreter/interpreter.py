"""One run of the abstract interpreter: its state, its limits, and what it found out."""

from __future__ import annotations

import math
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bn_lint.debugging import STRICT, UNTIMED, switches
from bn_lint.static.interpreter.budget import ReachableSet, costliest, overdue
from bn_lint.static.interpreter.clone import clone, clone_with
from bn_lint.static.interpreter.frames import Frame, ModuleScope
from bn_lint.static.interpreter.join import join, join_samples
from bn_lint.static.interpreter.store import Store, StoreDelta, watch
from bn_lint.static.interpreter.values import ABSENT, ITEMS, REST, Dict, Function, Instance, List, Unknown, Value
from bn_lint.static.syntax.parse import ParseError
from bn_lint.static.syntax.source_files import Project

if TYPE_CHECKING:
    from bn_lint.static.interpreter.hooks import Collector, Domain

#: How a block of statements ended; None is the normal end.
RETURN, RAISE, BREAK, CONTINUE = "return", "raise", "break", "continue"
Completion = "str | None"


#: What may change while a remembered call holds it, or holds such things.
_HOLDERS = frozenset({tuple, List, Dict, Instance})


class BudgetExhausted(Exception):
    """An entry point took more steps than it is given.

    Attributes:
        call: The call that is given up for it; None when all of the entry point is.
        lost: What was changed since it began, on branches that were undone.
    """

    def __init__(self, call: Frame | None = None) -> None:
        super().__init__()
        self.call = call
        self.lost: list[StoreDelta] = []


class Interpreter:
    """The state of the interpreter that outlives single calls."""

    #: Statements and calls that one entry point may execute.
    STEPS = 120_000
    #: Each time that so many steps were taken, a call that took half of them is given up if no model was used in it.
    #: When all are used up, it may have taken them in several calls; so many more are given to what follows.
    PATIENCE = 40_000
    #: Steps of a call of a function that was given up before; half of it the next time, and so on.
    RETRY = 2_000
    RETRIES = 4
    #: Seconds of computing time after which an entry point is given up, should its steps be unusually long ones.
    SECONDS = 6.0
    #: Nested calls of functions of the program.
    DEPTH = 60
    #: The same function within itself: with known arguments, and with unknown ones, which may never reach an end.
    RECURSION = 8
    BLIND_RECURSION = 2

    def __init__(self, project: Project, domain: Domain, collector: Collector) -> None:
        self.project = project
        self.domain = domain
        self.collector = collector
        self.events = domain.new_log()
        self.store = Store()
        self.modules: dict[Path, ModuleScope] = {}
        self.unparsed: dict[Path, ParseError] = {}
        self.stack: list[Function] = []
        self.created: list[Instance] = []
        self.steps = 0
        self.limit = self.STEPS
        #: When stock is taken next, and when something must happen: then, or when a bound is reached before.
        self.patience = self.check = self.PATIENCE
        on = switches()
        self.seconds = math.inf if UNTIMED in on else self.SECONDS
        self.deadline = 0.0
        #: The steps that functions took in calls that are over.
        self.cost: defaultdict[object, int] = defaultdict(int)
        #: How often calls of a function were given up.
        self.given_up: Counter[object] = Counter()
        #: Whether calls of these functions may lead to what the domain is about.
        self._concerned: dict[object, bool] = {}
        #: How many functions and classes are defined on the top level of modules by now, and which, by their names.
        self.top_level: tuple[int, dict[str, list[Value]]] = 0, {}
        #: Whether the code that runs now is only one of several alternatives.
        self.uncertain = 0
        #: The undecided branches that surround what is executed now: when each began, and which side it is.
        self.ways: list[tuple[int, int]] = []
        #: The frame whose code is being executed.
        self.frame: Frame | None = None
        #: Whether one of several branches was given up, and whether one is running that can be.
        self.gave_up = self._can_give_up = False
        #: Whether something is computed that must not take more than its own number of steps.
        self._is_within = 0
        #: How many `if` branches surround the code that runs now.
        self.guards = 0
        #: Generator functions that were decorated as context managers.
        self.generators: set[object] = set()
        #: The branches taken so far: the node with the condition, and how it came out.
        self.branches: set[tuple[int, bool | None]] = set()
        #: Let errors in the engine's own functions through, for tests.
        self.strict = STRICT in on
        self._templates: dict[Hashable, object] = {}
        self._recursive: dict[Function, dict[Hashable, Value]] = {}
        self._memo: dict[Hashable, tuple[Value, list[Instance]]] = {}

    # -- limits ---------------------------------------------------------------------------------------------------

    def step(self) -> None:
        """Count one statement or call.

        Raises:
            BudgetExhausted: the entry point has had its share.
        """
        self.steps += 1
        if self.steps > self.check or (self.steps & 511 == 0 and time.process_time() > self.deadline):
            self._take_stock()

    def _take_stock(self) -> None:
        """Give up a call that takes too long, or all of the entry point."""
        if self._is_within:
            raise BudgetExhausted
        if self.steps > self.check:
            call, is_over = overdue(self), self.steps > self.limit
            if call is None and self.steps > min(self.patience, self.limit):
                call = costliest(self, self.PATIENCE if is_over else self.PATIENCE // 2, with_earlier=is_over)
                self.patience = self.steps + self.PATIENCE
            if is_over and call is not None and self.limit == self.STEPS:
                self.limit += self.PATIENCE
            self._set_check()
            if call is not None:
                raise BudgetExhausted(call)
            if self.steps <= self.limit:
                return
        self.events.cut_short()
        raise BudgetExhausted

    def _set_check(self) -> None:
        self.check = min(self.patience, self.limit)
        frame = self.frame
        while frame is not None:
            if frame.bound is not None:
                self.check = min(self.check, frame.bound)
            frame = frame.caller

    def bounded(self, frame: Frame, compute: Callable[[], Value]) -> Value:
        """Run a call of a function that took too long before within few steps: fewer each time.

        Raises:
            BudgetExhausted: it took too long too often.
        """
        assert frame.function is not None
        before = self.given_up[frame.function.node]
        steps = self.RETRY
        if self._is_concerned(frame.function, frame):
            steps = self.PATIENCE // 2
        elif before > self.RETRIES:
            raise BudgetExhausted(frame)
        frame.bound = self.steps + (steps >> min(before, self.RETRIES))
        self.check = min(self.check, frame.bound)
        try:
            return compute()
        finally:
            frame.bound = None
            self._set_check()

    def _is_concerned(self, function: Function, frame: Frame) -> bool:
        """Whether calls of a function may make or use what the domain is about, judged by the first of them."""
        known = self._concerned.get(function.node)
        if known is None:
            known = self._concerned[function.node] = ReachableSet(self, function, frame.cells.values()).is_concerned
        return known

    def within(self, steps: int, compute: Callable[[], Value]) -> Value:
        """Compute something that must not take more than a number of steps; Unknown when it would."""
        check, frame, depth = self.check, self.frame, len(self.stack)
        self.check = min(check, self.steps + steps) if self._is_within else self.steps + steps
        self._is_within += 1
        try:
            return compute()
        except BudgetExhausted:
            if self.check == check or self.steps <= self.check:
                self.events.cut_short()
                raise  # the entry point itself is over
            self.frame = frame
            del self.stack[depth:]
            return Unknown("?", "it takes too long to evaluate")
        finally:
            self._is_within -= 1
            self.check = check

    def start(self) -> None:
        """Begin an entry point: its steps and its time count from here."""
        self.steps = 0
        self.limit = self.STEPS
        self.patience = self.check = self.PATIENCE
        self.store.start()
        self.cost.clear()
        self.deadline = time.process_time() + self.seconds
        self.gave_up = self._can_give_up = False
        self._is_within = 0
        self.created.clear()
        self.stack.clear()
        self.uncertain = self.guards = 0
        self.ways = []
        self.frame = None
        self.events = self.domain.new_log()

    # -- modules --------------------------------------------------------------------------------------------------

    def module_at(self, path: Path) -> ModuleScope | None:
        """Return the module in a file (or the package in a folder), not yet executed."""
        scope = self.modules.get(path)
        if scope is None:
            # Notebooks, scripts without a suffix and standard input are files too.
            is_file = path.suffix == ".py" or path in self.project.files
            file = self.project.file(path) if is_file else None
            if file is None and is_file:
                return None
            name = path.parent.name if path.name == "__init__.py" else path.stem
            scope = self.modules[path] = ModuleScope(name, path, file)
        return scope

    def execute_module(self, scope: ModuleScope) -> None:
        """Run the top level of a module, once. A file that does not parse leaves an empty module."""
        if scope.state != ModuleScope.FRESH:
            return
        scope.state = ModuleScope.RUNNING
        if scope.file is not None:
            from bn_lint.static.interpreter.statements import execute_body

            outer = self.store.fork()
            # A module is nobody's callee: what it writes is not the importer's doing.
            purity, self.store.purity = self.store.purity, []
            stack, self.stack = self.stack, []
            uncertain, self.uncertain = self.uncertain, 0
            frame, self.frame = self.frame, Frame(scope, scope.file, scope.cells)
            events = self.events
            if frame is not None:
                self.events = (
                    self.domain.new_log()
                )  # what an imported module does is no part of the program that imports it
            try:
                execute_body(self, scope.file.tree.body, self.frame)
            except ParseError as error:
                self.unparsed[scope.path] = error
            finally:
                self.store.resume(outer)
                self.store.purity = purity
                self.stack = stack
                self.uncertain = uncertain
                self.frame, self.events = frame, events
        scope.state = ModuleScope.DONE

    def module_member(self, scope: ModuleScope, name: str) -> Value:
        """Return a name of a module: a global, or a submodule of a package."""
        self.execute_module(scope)
        value = scope.cells.get(name, ABSENT)
        if isinstance(value, Imported) and value.module is scope and value.name == name:
            value = ABSENT  # `from . import name` in a package: the submodule
        if value is ABSENT:
            path = self.project.submodule(scope.path, name)
            found = self.module_at(path) if path is not None else None
            if found is not None:
                return found
            for star in scope.stars:
                value = (
                    self.module_member(star, name)
                    if star.state != ModuleScope.RUNNING or name in star.cells
                    else ABSENT
                )
                if value is not ABSENT and not isinstance(value, Unknown):
                    return value
            return Unknown(name, f"`{scope.name}` has no visible `{name}`")
        return self.resolved(value)

    def resolved(self, value: Value) -> Value:
        """Follow a name that was imported but not yet looked up."""
        hops = 0
        while isinstance(value, Imported) and hops < 20:
            if value.looking:
                return Unknown(value.name, f"`{value.name}` is imported in a circle")
            lookup = value
            lookup.looking = True
            try:
                value = self.module_member(lookup.module, lookup.name)
            finally:
                lookup.looking = False
            hops += 1
        return value

    # -- alternatives ---------------------------------------------------------------------------------------------

    def fork_paths(
        self, frame: Frame, *alternatives: Callable[[], str | None], can_give_up: bool = False
    ) -> str | None:
        """Execute each alternative on the present state, then merge what they changed.

        An alternative that raises never happened. One that returns, breaks or continues has its changes merged where it
        arrives; the code after the branch belongs to the others. With `can_give_up`, the outermost branch of a program
        that uses up the budget costs only itself, once.
        """
        live: list[StoreDelta] = []
        ended: list[str] = []
        serial = self.events.now()
        for side, alternative in enumerate(alternatives):
            is_last = alternative is alternatives[-1]
            expendable = can_give_up and not (
                is_last or self._can_give_up or self.gave_up or self._is_within or self.events.depth
            )
            outer, mark, running, depth = self.store.fork(), len(frame.pending), self.frame, len(self.stack)
            self.uncertain += 1
            self.ways.append((serial, side))
            completion, within = None, self._can_give_up
            # Branches within one that can be given up are not given up by themselves.
            self._can_give_up = within or expendable
            try:
                completion = alternative()
            except BudgetExhausted as exhausted:
                exhausted.lost += [*live, self.store.rollback(outer)]
                if not expendable or not self.events.count or exhausted.call is not None:
                    raise
                self.store.fork()
                del frame.pending[mark:], self.stack[depth:]
                self.frame = running
                self._give_up()
            except BaseException:
                self.store.rollback(outer)
                raise
            finally:
                self._can_give_up = within
                self.uncertain -= 1
                self.ways.pop()
            changes = self.store.rollback(outer)
            if completion is None:
                live.append(changes)
            else:
                ended.append(completion)
                if completion != RAISE:
                    frame.pending.append((completion, changes))
        if not live:
            return next((c for c in ended if c != RAISE), RAISE)
        self.merge(live)
        return None

    def _give_up(self) -> None:
        """Go on after a branch that used up the budget: what it has left behind is not known, modes least of all."""
        self.gave_up = True
        self.limit = self.steps + self.STEPS
        self.patience = self.check = self.steps + self.PATIENCE
        self.deadline = time.process_time() + self.seconds
        for module in self.created:
            if module.is_module:
                self.domain.forget(self, module)

    def merge(self, alternatives: list[StoreDelta], *, optional: bool = False) -> None:
        """Write the join of several sets of changes; with `optional`, none of them may have happened."""
        keys = {key: entry for changes in alternatives for key, entry in changes.items()}
        sequences: set[int] = set()
        for key, (cells, name, _) in keys.items():
            now = cells.get(name, ABSENT)
            values = [changes[key][2] if key in changes else now for changes in alternatives]
            if optional:
                values.append(now)
            if name in (ITEMS, REST) and ITEMS in cells:
                if id(cells) not in sequences:
                    sequences.add(id(cells))
                    self._merge_sequence(cells, alternatives, optional=optional)
                continue
            value = join(values) if name != Instance.REST else join_samples(values) if values else ABSENT
            if value is not ABSENT:
                self.store.write(cells, name, value)
            elif name in cells:
                self.store.write(cells, name, Unknown(str(name), "deleted on one branch"))

    def _merge_sequence(self, cells: dict[Any, Value], alternatives: list[StoreDelta], *, optional: bool) -> None:
        """Merge the two cells of a list, which belong together."""
        items_key, rest_key = (id(cells), ITEMS), (id(cells), REST)
        versions = [
            List(
                changes[items_key][2] if items_key in changes else cells[ITEMS],
                changes[rest_key][2] if rest_key in changes else cells[REST],
            )
            for changes in alternatives
        ]
        if optional:
            versions.append(List(cells[ITEMS], cells[REST]))
        merged = join(versions)
        for name in (ITEMS, REST):
            self.store.write(cells, name, merged.cells[name])

    def join_at(self, frame: Frame, completion: str, since: int) -> None:
        """Merge the changes of branches that ended in `completion` since a mark in `frame.pending`."""
        keep = []
        for kind, changes in frame.pending[since:]:
            if kind == completion:
                own = {k: e for k, e in changes.items() if completion != RETURN or e[0] is not frame.cells}  # type: ignore[attr-defined]
                self.merge([own], optional=True)
            else:
                keep.append((kind, changes))
        frame.pending[since:] = keep

    def template_of(self, key: Hashable) -> object:
        """Return the object that stands for everything built with this key."""
        return self._templates.setdefault(key, object())

    def remember_while_running(self, function: Function, key: Hashable, compute: Callable[[], Value]) -> Value:
        """Return what a recursive call gave before, within the outermost call of the function."""
        results = self._recursive.setdefault(function, {})
        if key not in results:
            results[key] = compute()
        return clone(results[key])

    def forget(self, function: Function) -> None:
        """Drop what `remember_while_running` kept, once the function no longer runs."""
        if self._recursive and function in self._recursive and function not in self.stack:
            del self._recursive[function]

    # -- memoised calls -------------------------------------------------------------------------------------------

    def memoize(self, key: Hashable | None, compute: Callable[[], Value], given: Iterable[Value] = ()) -> Value:
        """Return what the same computation gave before, when it changed nothing that is older than itself.

        `given` are the values it works on. What it gave may hold them, so it is forgotten once one of them changes.
        """
        if key is None:
            return compute()
        if self.collector.is_quiet:
            key = ("quiet", key)  # what was not noted then is noted later
        hit = self._memo.get(key)
        if hit is not None and not (isinstance(hit[0], Instance) and hit[0].template is None):
            return clone_with(hit[0], hit[1], _modules_in(given) if hit[1] else ())
        purity = watch()
        self.store.purity.append(purity)
        try:
            value = compute()
        finally:
            self.store.purity.pop()
        if purity.pure:
            # A module is kept as it is: should the program change it, its template is gone and so is this memory.
            modules = _modules_in(given)
            kept = value if isinstance(value, Instance) else clone_with(value, modules, modules)
            self._memo[key] = (kept, modules)
            if isinstance(value, Instance):
                value.remembered = [*(value.remembered or ()), (self._memo, key)]
            for one in given:
                self._forget_with(one, key)
        return value

    def _forget_with(self, value: Value, key: Hashable) -> None:
        """Arrange that the memory under a key is dropped when the value changes."""
        kind = type(value)
        if kind is tuple:
            parts = value
        elif kind is List or kind is Dict or (kind is Instance and not value.is_module):
            if value.remembered is None:
                value.remembered = []
            value.remembered.append((self._memo, key))
            parts = value.items if kind is List else tuple(value.cells.values())
        else:
            return
        for part in parts:
            if type(part) in _HOLDERS:
                self._forget_with(part, key)


def _modules_in(given: Iterable[Value]) -> list[Instance]:
    """The modules among arguments, in an order that only depends on what `key_of` compares."""
    found: list[Instance] = []
    for one in given:
        if isinstance(one, Instance) and one.is_module:
            found.append(one)
        elif isinstance(one, (List, tuple)):
            found.extend(_modules_in(one.items if isinstance(one, List) else one))
    return found


class Imported:
    """A name imported from a module of the project, looked up when it is used (imports may be circular)."""

    __slots__ = ("looking", "module", "name")

    def __init__(self, module: ModuleScope, name: str) -> None:
        self.module = module
        self.name = name
        self.looking = False


__all__ = ["BREAK", "CONTINUE", "RAISE", "RETURN", "BudgetExhausted", "Imported", "Interpreter"]
