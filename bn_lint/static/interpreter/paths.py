"""Undecided branches: each is executed, and what they changed is joined."""

from __future__ import annotations

from collections.abc import Callable, Container, Hashable, Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

from bn_lint.static.interpreter.budget import BudgetExhausted
from bn_lint.static.interpreter.lattice.join import join, join_lists, join_samples
from bn_lint.static.interpreter.values import ABSENT, ITEMS, REST, Dict, Instance, List, Union, Unknown, Value, birth

if TYPE_CHECKING:
    from bn_lint.static.interpreter.frames import Frame
    from bn_lint.static.interpreter.interpreter import Interpreter
    from bn_lint.static.interpreter.store import StoreDelta
    from bn_lint.static.syntax import nodes as cst

#: How a block of statements ended; None is the normal end.
RETURN, RAISE, BREAK, CONTINUE = "return", "raise", "break", "continue"


class Condition(NamedTuple):
    """What a test asks (see `conditions.py`), and the answer with which it holds."""

    question: Hashable
    answer: bool
    is_of_program: bool
    """Whether the program that runs decides it, and no caller that nobody knows."""


class Written(NamedTuple):
    """A cell that a branch left different things in: what both sides together make of it, and either alone."""

    cells: dict[Any, Value]
    key: Any
    joined: Value
    values: dict[bool, Value]


class Answer(NamedTuple):
    """What is supposed on a side of a branch; `born` is when that began, as for objects."""

    question: Hashable
    holds: bool
    born: int
    restored: list[Written]
    """The cells that were given what an earlier branch left in them with this answer."""


#: For each question, the cells that depend on its answer.
Sides = dict[Hashable, dict[tuple[int, Any], Written]]
#: Of how many cells it is kept what they depend on.
_MAX_WRITTEN = 500


class Passes:
    """The passes of a `for` loop that runs (see `first_and_last_pass.py`).

    Attributes:
        names: What the loop assigns in each pass.
        number: Of the pass that runs.
        asked: The questions whether a pass was the last one, as keys in their order.
    """

    def __init__(self, loop: cst.For, frame: Frame, names: frozenset[str]) -> None:
        self.loop = loop
        self.frame = frame
        self.names = names
        self.number = 0
        self.asked: dict[Hashable, None] = {}


class PathCondition:
    """What must be so for the code that runs now to run.

    Attributes:
        ways: The undecided branches that surround it: when each began, and which side of it this is.
        answers: What is supposed on these sides.
        sides: What earlier branches have written, but for local names, which each frame has for itself.
        passes: The `for` loops that surround it, the innermost last.
        uncertain: How many undecided conditions there are; more than `ways`, for operators such as `and` are some.
        guards: How many `if` statements surround it, decided or not.
        supposed: How many of the undecided conditions suppose the class of a module that is not known.
    """

    def __init__(self) -> None:
        self.ways: list[tuple[Hashable, int]] = []
        self.answers: list[Answer] = []
        self.sides: Sides = {}
        self.passes: list[Passes] = []
        self.uncertain = 0
        self.guards = 0
        self.supposed = 0

    @property
    def chosen(self) -> tuple[tuple[Hashable, int], ...]:
        """The sides of the surrounding branches, and the answers that are supposed there."""
        return (*self.ways, *((one.question, one.holds) for one in self.answers))


def excludes(some: Iterable[tuple[Hashable, int]], others: Iterable[tuple[Hashable, int]]) -> bool:
    """Whether two things happened on different sides of one branch, or with different answers."""
    sides = dict(some)
    return any(sides.get(branch, side) != side for branch, side in others)


def suppose(interpreter: Interpreter, frame: Frame, question: Hashable, holds: bool) -> None:
    """From here on the answer is known, and so is what earlier branches have left with the same answer."""
    path = interpreter.path
    answer = Answer(question, holds, birth(), [])
    path.answers.append(answer)
    for sides in (frame.sides, path.sides):
        noted = sides.get(question, {})
        interpreter.budget.charge(len(noted), one_by_one=True)
        for written in noted.values():
            if written.cells.get(written.key, ABSENT) is written.joined:
                interpreter.budget.step()  # it is written, and joined with the other side again
                interpreter.store.restore(written.cells, written.key, written.values[holds])
                answer.restored.append(written)


def suppose_no_more(interpreter: Interpreter, since: int) -> None:
    """The side is left on which more than the first answers were known: what they decide is again either.

    So what both sides leave is what was there before, and depends on the same answer.
    """
    answers = interpreter.path.answers
    while len(answers) > since:
        answer = answers.pop()
        for written in answer.restored:
            if written.cells.get(written.key, ABSENT) is written.values[answer.holds]:
                interpreter.store.restore(written.cells, written.key, written.joined)


def fork_paths(
    interpreter: Interpreter,
    frame: Frame,
    *alternatives: Callable[[], str | None],
    can_give_up: bool = False,
    condition: Condition | None = None,
) -> str | None:
    """Execute each alternative on the present state, then merge what they changed.

    An alternative that raises never happened. One that returns, breaks or continues has its changes merged where it
    arrives; the code after the branch belongs to the others. With `can_give_up`, the outermost branch of a program
    that uses up the budget costs only itself, once. Of two alternatives, `condition` tells when the first is taken.
    """
    live: list[StoreDelta] = []
    taken = 0
    ended: list[str] = []
    serial, budget, path, born = interpreter.events.now(), interpreter.budget, interpreter.path, birth()
    for side, alternative in enumerate(alternatives):
        is_last = alternative is alternatives[-1]
        expendable = can_give_up and not (
            is_last or budget.can_give_up or budget.gave_up or budget.is_within or interpreter.events.depth
        )
        outer, mark = interpreter.store.fork(), len(frame.pending)
        running, depth = interpreter.frame, len(interpreter.stack)
        began = interpreter.events.now()
        path.uncertain += 1
        path.ways.append((serial, side))
        completion, within = None, budget.can_give_up
        # Branches within one that can be given up are not given up by themselves.
        budget.can_give_up = within or expendable
        try:
            completion = alternative()
        except BudgetExhausted as exhausted:
            exhausted.lost += [*live, interpreter.store.rollback(outer)]
            if not expendable or not interpreter.events.count or exhausted.call is not None:
                raise
            interpreter.store.fork()
            del frame.pending[mark:], interpreter.stack[depth:]
            interpreter.frame = running
            budget.give_up_branch()
        except BaseException:
            interpreter.store.rollback(outer)
            raise
        finally:
            budget.can_give_up = within
            path.uncertain -= 1
            path.ways.pop()
        changes = interpreter.store.rollback(outer)
        if completion == RAISE and not frame.running.has_left:
            interpreter.events.never_happened(began)
        if completion is None:
            live.append(changes)
            taken = side
        else:
            ended.append(completion)
            if completion != RAISE:
                frame.pending.append((completion, changes, born))
    if not live:
        return next((c for c in ended if c != RAISE), RAISE)
    if condition is None or len(live) != 2:
        merge(interpreter, live, since=born)
        if condition is not None:  # the other side has left: what follows runs with one answer
            suppose(interpreter, frame, condition.question, condition.answer is (taken == 0))
        return None
    ends = _ends(live, interpreter, frame)
    merge(interpreter, live, since=born)
    for place, (cells, key, sides) in ends.items():
        if any(cells[key] is side for side in sides):
            continue  # one stands for both; that it is there again would tell nothing
        values = dict(zip((condition.answer, not condition.answer), sides))
        is_local = cells is frame.cells
        if not is_local and condition.is_of_program:
            interpreter.store.disturb()  # a copy of the object would not know what depends on the answer
        noted = (frame.sides if is_local else path.sides).setdefault(condition.question, {})
        before = noted.get(place)
        if before is not None and all(before.values[answer] is value for answer, value in values.items()):
            interpreter.store.merge(cells, key, before.joined)  # nothing new: it stays the same value
        elif len(noted) < _MAX_WRITTEN:
            noted[place] = Written(cells, key, cells[key], values)
    return None


def _ends(
    live: list[StoreDelta], interpreter: Interpreter, frame: Frame
) -> dict[tuple[int, Any], tuple[dict[Any, Value], Any, list[Value]]]:
    """What each of two sides leaves in the local names, and in the cells of objects, that either has written.

    Lists are left out: they are two cells that belong together.
    """
    found = {}
    for place, (cells, key, _) in {**live[0], **live[1]}.items():
        if key in (ITEMS, REST) or not (cells is frame.cells or interpreter.store.is_of_object(cells)):
            continue
        ends = [side[place][2] if place in side else cells.get(key, ABSENT) for side in live]
        if ABSENT not in ends and ends[0] is not ends[1]:
            found[place] = cells, key, ends
    return found


def merge(
    interpreter: Interpreter,
    alternatives: list[StoreDelta],
    *,
    optional: bool = False,
    since: int | None = None,
    arrived: Container[tuple[int, Any]] = (),
) -> None:
    """Write the join of several sets of changes; with `optional`, none of them may have happened.

    What was made since they began is there for those alone that have written it, and for those whose changes have
    `arrived` before.
    """
    keys = {key: entry for changes in alternatives for key, entry in changes.items()}
    sequences: set[int] = set()
    contents: dict[int, dict[int, dict[Any, Value]]] = {}
    for key, (cells, name, _) in keys.items():
        is_own = since is not None and interpreter.store.is_younger(cells, since)
        sides = [changes for changes in alternatives if key in changes] if is_own else alternatives
        now = cells.get(name, ABSENT)
        values = [changes[key][2] if key in changes else now for changes in sides]
        may_stay = optional and (not is_own or key in arrived)
        if may_stay:
            values.append(now)
        others = [value for value in values if value is not values[0]]
        may_lack = bool(others) and any(value is ABSENT for value in values)
        if may_lack:
            inherited = interpreter.store.inherited(cells, name)
            values = [inherited if value is ABSENT else value for value in values]
        if others and not contents and (name == REST or any(isinstance(value, (List, Dict)) for value in others)):
            contents = {id(changes): _by_cells(changes) for changes in alternatives}
        if any(isinstance(value, (List, Dict)) for value in others):
            # Their contents are taken, which each side has changed as well.
            values = [
                _as_left(value, contents[id(changes)]) if changes else value
                for value, changes in zip(values, (*sides, None))
            ]
        if name in (ITEMS, REST) and ITEMS in cells:
            if id(cells) not in sequences:
                sequences.add(id(cells))
                _merge_sequence(interpreter, cells, sides, optional=may_stay)
            continue
        if not others:
            value = values[0]
        elif name != REST:
            value = join(values)
        else:
            written = [contents[id(changes)].get(id(cells), {}) for changes in sides]
            value = join_samples(values, apart=_are_apart(written))
        if value is not ABSENT:
            interpreter.store.merge(cells, name, value)
            if may_lack:
                interpreter.store.may_lack(cells, name)
        elif name in cells:
            interpreter.store.merge(cells, name, Unknown(str(name), "deleted on one branch"))


def _are_apart(sides: list[dict[Any, Value]]) -> bool:
    """Whether a side gives a module children by name, and none of those that another side gives it."""
    given = [{name for name, value in side.items() if _may_be_child(name, value)} for side in sides]
    more = [names for names in given if REST in names]
    return any(names and names.isdisjoint(one) for one in more for names in given)


def _may_be_child(name: object, value: Value) -> bool:
    return name == REST or (isinstance(name, str) and isinstance(value, (Instance, Union)))


def _by_cells(changes: StoreDelta) -> dict[int, dict[Any, Value]]:
    """What one side has written, by the object that holds it."""
    found: dict[int, dict[Any, Value]] = {}
    for (number, name), (_, _, now) in changes.items():
        found.setdefault(number, {})[name] = now
    return found


def _as_left(value: Value, written: dict[int, dict[Any, Value]]) -> Value:
    """A list or dictionary as one side has left it: at present its content is that before the branch."""
    cells = written.get(id(value.cells)) if isinstance(value, (List, Dict)) else None
    if cells is None:
        return value
    assert isinstance(value, (List, Dict))
    left = List() if isinstance(value, List) else Dict(is_set=value.is_set, is_open=value.is_open)
    left.cells.update(value.cells)
    left.cells.update(cells)
    if isinstance(value, Dict) and isinstance(left, Dict):
        left.factory, left.is_namespace = value.factory, value.is_namespace
        for name in [name for name, one in left.cells.items() if one is ABSENT]:
            del left.cells[name]
    return left


def _merge_sequence(
    interpreter: Interpreter, cells: dict[Any, Value], alternatives: list[StoreDelta], *, optional: bool
) -> None:
    """Merge the two cells of a list, which belong together."""
    versions: list[List] = []
    for changes in (*alternatives, {}) if optional else alternatives:
        version = List()
        for name in (ITEMS, REST):
            key = (id(cells), name)
            version.cells[name] = changes[key][2] if key in changes else cells[name]
        versions.append(version)
    merged = join_lists(versions)
    for name in (ITEMS, REST):
        interpreter.store.merge(cells, name, merged.cells[name])


def join_at(interpreter: Interpreter, frame: Frame, completion: str, since: int) -> None:
    """Merge the changes of branches that ended in `completion` since a mark in `frame.pending`."""
    keep = []
    arrived: set[tuple[int, Any]] = set()
    for kind, changes, born in frame.pending[since:]:
        if kind == completion:
            own = {k: e for k, e in changes.items() if completion != RETURN or e[0] is not frame.cells}  # type: ignore[attr-defined]
            merge(interpreter, [own], optional=True, since=born, arrived=arrived)
            arrived.update(own)
        else:
            keep.append((kind, changes, born))
    frame.pending[since:] = keep
