"""How long the interpreter follows one entry point, and which call is aborted when something takes too long."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, NoReturn, cast

from bn_lint.native import interpreted
from bn_lint.static.interpreter.frames import Frame
from bn_lint.static.interpreter.havoc import ReachableSet
from bn_lint.static.interpreter.limits import (
    BUSY_STEPS,
    ELEMENTS_PER_STEP,
    LATER_LOOP_STEPS,
    LATER_STEPS,
    LOOP_STEPS,
    MAX_COPIES,
    MAX_STEPS,
    PATIENCE,
    RETRIES,
    RETRY_STEPS,
)
from bn_lint.static.interpreter.values import ABSENT, Function, Unknown, UnknownInt, Value

if TYPE_CHECKING:
    from bn_lint.static.interpreter.interpreter import Interpreter
    from bn_lint.static.interpreter.store import StoreDelta
    from bn_lint.static.syntax import nodes as cst


@interpreted
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


class Budget:
    """The steps of one entry point."""

    def __init__(self, interpreter: Interpreter) -> None:
        self._interpreter = interpreter
        self.steps = self._copies = 0
        #: Those of modules that were imported meanwhile: whichever entry point comes first takes them.
        self.imports = 0
        #: What the entry point is given, what it may take by now, and after how many steps stock is taken.
        self.share = self.limit = MAX_STEPS
        self.portion = PATIENCE
        #: When stock is taken next, and when something must happen: then, or when a bound is reached before.
        self.patience = self.check = PATIENCE
        #: The steps that functions took in calls that are over.
        self.cost: defaultdict[cst.CSTNode, int] = defaultdict(int)
        #: The steps of loops in which no module was made and nothing happened to models.
        self.idle: defaultdict[cst.CSTNode, int] = defaultdict(int)
        #: The steps of all of them outside of models, and up to where they are counted: loops lie in loops.
        self.idled = self.idled_until = 0
        #: The steps of loops in which models were called.
        self.busy: defaultdict[cst.CSTNode, int] = defaultdict(int)
        #: Whether one of several branches was given up, and whether one is running that can be.
        self.gave_up = self.can_give_up = False
        #: How many computations are running that must not take more than a number of steps of their own.
        self.is_within = 0

    @property
    def is_scarce(self) -> bool:
        """Whether so much was spent that loops which repeat themselves must do with less."""
        return self.steps > self.portion

    def give(self, steps: int) -> None:
        """Give the entry point, which begins, fewer steps than others."""
        self.share = self.limit = steps
        self.portion = self.patience = self.check = steps * PATIENCE // MAX_STEPS

    def idle_until_now(self, since: int) -> None:
        """Count the steps of a loop since a mark, but for those that a loop in it has counted."""
        self.idled += self.steps - max(since, self.idled_until)
        self.idled_until = self.steps

    def has_toiled(self, loop: cst.CSTNode, *, makes_modules: bool = False) -> bool:
        """Whether a loop in which models are called has taken its share."""
        return self.is_scarce and self.busy[loop] > BUSY_STEPS * (1 + makes_modules) // (self.steps // self.portion)

    def step(self) -> None:
        """Count one statement or call.

        Raises:
            BudgetExhausted: the entry point has had its share.
        """
        self.steps += 1
        if self.steps > self.check:
            self._take_stock()

    def charge(self, elements: int, *, one_by_one: bool = False) -> None:
        """Count work that is more than a step: so many elements are copied, or looked at one by one.

        The next step notices when it was too much.
        """
        self.steps += max(0, elements) * (10 if one_by_one else 1) // ELEMENTS_PER_STEP

    def copied(self, count: int) -> None:
        """Count objects that were copied with the result of a call: a tree of modules has twice as many a level up.

        Raises:
            BudgetExhausted: the entry point has copied too many.
        """
        self._copies += count
        if self._copies > MAX_COPIES:
            self.give_up()

    def _take_stock(self) -> None:
        """Give up a call that takes too long, or all of the entry point."""
        if self.is_within:
            raise BudgetExhausted
        call, is_over = overdue(self._interpreter), self.steps > self.limit
        if call is None and self.steps > min(self.patience, self.limit):
            least = self.portion if is_over else self.portion // 2
            call = costliest(self._interpreter, least, with_earlier=is_over)
            self.patience = self.steps + self.portion
        if is_over and call is not None and self.limit == self.share:
            self.limit += self.portion
        self._set_check()
        if call is not None:
            raise BudgetExhausted(call)
        if self.steps > self.limit:
            self.give_up()

    def give_up(self) -> NoReturn:
        """Give up the entry point.

        Raises:
            BudgetExhausted: always.
        """
        self._interpreter.events.cut_short()
        raise BudgetExhausted

    def _set_check(self) -> None:
        self.check = min(self.patience, self.limit)
        frame = self._interpreter.frame
        while frame is not None:
            if frame.bound is not None:
                self.check = min(self.check, frame.bound)
            frame = frame.caller

    def is_bounded(self, function: Function, frame: Frame) -> bool:
        """Whether a call of a function gets few steps.

        One took too long before, or they have taken a share together and have nothing to do with BatchNorm: a plot of
        each of hundreds of results, say.
        """
        if function.node in self._interpreter.aborted:
            return True
        return self._has_had_its_share(function) and not self._is_concerned(function, frame)

    def _has_had_its_share(self, function: Function) -> bool:
        return self.is_scarce and self.cost[function.node] > self.portion // 2

    def bounded(self, frame: Frame, compute: Callable[[], Value]) -> Value:
        """Run a call of a function that takes too long within few steps: fewer each time.

        Raises:
            BudgetExhausted: it took too long too often.
        """
        assert frame.function is not None
        before = self._interpreter.aborted[frame.function.node]
        steps = LATER_STEPS if self._has_had_its_share(frame.function) else RETRY_STEPS
        if self._is_concerned(frame.function, frame):
            steps = self.portion // 2
        elif before > RETRIES:
            raise BudgetExhausted(frame)
        frame.bound = self.steps + (steps >> min(before, RETRIES))
        self.check = min(self.check, frame.bound)
        try:
            return compute()
        finally:
            frame.bound = None
            self._set_check()

    def _is_concerned(self, function: Function, frame: Frame) -> bool:
        """Whether calls of a function may make or use what the domain is about, judged by the first of them."""
        concerned = self._interpreter.concerned
        known = concerned.get(function.node)
        if known is None:
            # How many steps the call gets depends on how many the entry point has left. What a module holds, whose top
            # level the call may be in, depends on that only where the call is given up, which notes what it reaches.
            with self._interpreter.reads.by_entry_point():
                reach = ReachableSet(self._interpreter, function, frame.cells.values())
            known = concerned[function.node] = reach.is_concerned
        return known

    def within(self, steps: int, compute: Callable[[], Value]) -> Value:
        """Compute something that must not take more than a number of steps; ABSENT when it would."""
        interpreter, check = self._interpreter, self.check
        frame, depth = interpreter.frame, len(interpreter.stack)
        self.check = min(check, self.steps + steps) if self.is_within else self.steps + steps
        self.is_within += 1
        try:
            return compute()
        except BudgetExhausted:
            if self.check == check or self.steps <= self.check:
                interpreter.events.cut_short()
                raise  # the entry point itself is over
            interpreter.frame = frame
            del interpreter.stack[depth:]
            return ABSENT
        finally:
            self.is_within -= 1
            self.check = check

    def give_up_branch(self) -> None:
        """Go on after a branch that used up the budget: what it has left behind is not known, modes least of all."""
        self.gave_up = True
        self.limit = self.steps + self.share
        self.patience = self.check = self.steps + self.portion
        for module in self._interpreter.created:
            if module.is_module:
                self._interpreter.domain.forget(self._interpreter, module)


class Standstill:
    """Notices when a loop takes long in which no module is made and nothing happens to models.

    Earlier runs of the loop count: one over the iterations of a solver is short, and is run with every batch. Those of
    one over modules do not, which are others in each run.
    """

    def __init__(self, interpreter: Interpreter, loop: cst.CSTNode, *, over_modules: bool = False) -> None:
        self._interpreter = interpreter
        self._idle = defaultdict(int) if over_modules else interpreter.budget.idle
        self._loop = loop
        self._counted = interpreter.budget.steps
        self._progress = progress(interpreter)

    def __bool__(self) -> bool:
        """Whether it is so by now; asked once for each pass."""
        interpreter, idle = self._interpreter, self._idle
        if progress(interpreter) != self._progress:
            return False
        budget = interpreter.budget
        idle[self._loop] += budget.steps - self._counted
        # What a model has left to run over would be any of its stages, and what it gives of any width.
        is_short = False
        if not interpreter.events.depth:
            budget.idle_until_now(self._counted)
            is_short = budget.is_scarce or budget.idled > LOOP_STEPS
        self._counted = budget.steps
        return idle[self._loop] > (LATER_LOOP_STEPS if is_short else LOOP_STEPS)


class Toil:
    """Notices when a loop has called models long enough, counting its earlier runs.

    A nested loop runs again with each pass of the outer one: with each subject, fold or setting.
    """

    def __init__(self, interpreter: Interpreter, loop: cst.CSTNode) -> None:
        self._interpreter = interpreter
        self._loop = loop
        self._counted = interpreter.budget.steps
        self._created, self._events = progress(interpreter)

    def is_over(self) -> bool:
        """Whether there is to be no other pass than one for all that are left; asked once for each pass."""
        interpreter = self._interpreter
        created, events = progress(interpreter)
        if events == self._events:
            return False
        budget = interpreter.budget
        budget.busy[self._loop] += budget.steps - self._counted
        self._counted, self._events = budget.steps, events
        return budget.has_toiled(self._loop, makes_modules=created > self._created)


def unknown_like(items: Sequence[Value]) -> Value:
    """What stands for elements that a loop has left to run over."""
    if not all(type(one) is int for one in items):
        return Unknown("?", "an element that a long loop runs over")
    least = min(cast("Sequence[int]", items))
    return UnknownInt("i", "it is counted in a long loop", least=least if least >= 0 else None)


def costliest(interpreter: Interpreter, least: int, *, with_earlier: bool) -> Frame | None:
    """Return the call that is to be given up: it took at least so many steps, or earlier calls of its function did.

    Only calls count that no module was made in since they began. It is the outermost whose code has nothing to do with
    BatchNorm, or else the innermost that is no method of a module; of functions that call themselves it is the first
    call, for such a call is rarely the only one. All that took so many steps will get few, wherever they are called.
    """
    found: Frame | None = None
    inner: set[cst.CSTNode] = set()
    for frame in _idle_calls(interpreter):
        function = frame.function
        if function is None or frame.on_yield is not None or not frame.is_running:
            continue
        if interpreter.budget.steps - frame.began + with_earlier * interpreter.budget.cost[function.node] >= least:
            is_first = (found is None or function.node in inner) and not frame.is_of_module
            if is_first or not ReachableSet(interpreter, function, frame.cells.values()).is_concerned:
                found = frame
                interpreter.aborted[function.node] += 1
                interpreter.reads.given_up(function)
        inner.add(function.node)
    return found


def overdue(interpreter: Interpreter) -> Frame | None:
    """Return the outermost call that has reached its bound. One in which models were made or used is bound no more."""
    idle = list(_idle_calls(interpreter))
    found: Frame | None = None
    frame = interpreter.frame
    while frame is not None:
        if frame.bound is not None and interpreter.budget.steps > frame.bound:
            if frame in idle:
                found = frame
            else:
                frame.bound = None
        frame = frame.caller
    if found is not None and found.function is not None:
        interpreter.aborted[found.function.node] += 1
        interpreter.reads.given_up(found.function)
    return found


def progress(interpreter: Interpreter) -> tuple[int, int]:
    """How many modules were made, and how much happened to models: what took steps and no more was about data."""
    return len(interpreter.created), interpreter.events.count


def _idle_calls(interpreter: Interpreter) -> Iterator[Frame]:
    """The running calls, from the innermost on, since which no module was made, and nothing happened to models."""
    frame, since = interpreter.frame, progress(interpreter)
    while frame is not None and (frame.began_created, frame.began_events) == since:
        yield frame
        frame = frame.caller
