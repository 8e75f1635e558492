"""Passes over modules that do what an earlier pass did, and need not be run.

Programs give all modules of a model their weights in a loop. Most of them were built like others, and what such a loop
does to two of these is the same.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterator, Sequence
from typing import Final

from bn_lint.static.interpreter.frames import Frame
from bn_lint.static.interpreter.interpreter import Interpreter
from bn_lint.static.interpreter.values import Value
from bn_lint.static.syntax import nodes as cst
from bn_lint.static.syntax.tree import asked_once, children, walk

#: What a module is asked that does not follow from how it was built.
_STATE: Final = frozenset({"training", "requires_grad"})
#: Values that passes may leave in local names. An object would be one for all passes.
_PLAIN: Final = frozenset({bool, int, float, str, type(None)})


class AlikePasses:
    """The passes so far that only depend on how what they are given was built, and that changed nothing older."""

    def __init__(self, interpreter: Interpreter, frame: Frame | None) -> None:
        """Set up.

        Args:
            frame: Whose local names the passes may assign; None if each has names of its own.
        """
        self._interpreter = interpreter
        self._frame = frame
        self._left: dict[Hashable, list[tuple[str, Value]]] = {}

    def run(self, given: Sequence[Value], once: Callable[[], str | None]) -> str | None:
        """Run a pass, or leave what an earlier one left that was given the like. Returns how it ended.

        Args:
            given: What the pass is about.
        """
        key = tuple(map(self._interpreter.keys.of, given))
        if None in key:
            return self._run(None, once)
        left = self._left.get(key)
        if left is None:
            return self._run(key, once)
        if self._frame is not None:
            for name, value in left:
                self._interpreter.store.write(self._frame.cells, name, value)
        return None

    def _run(self, key: Hashable | None, once: Callable[[], str | None]) -> str | None:
        interpreter = self._interpreter
        store = interpreter.store
        mark, before = store.mark(), (interpreter.events.count, len(interpreter.created))
        purity = store.watch()
        try:
            ending = once()
        finally:
            store.unwatch()
        if not purity.pure or before != (interpreter.events.count, len(interpreter.created)):
            self._left.clear()  # what was changed may decide about what follows
        elif key is not None and ending is None:
            cells = None if self._frame is None else self._frame.cells
            left = [(name, of[name]) for of, name in store.since(mark) if of is cells and name in of]
            if all(type(value) in _PLAIN for _, value in left):
                self._left[key] = left
        return ending


@asked_once
def names_that_decide(loop: cst.For) -> tuple[str, ...] | None:
    """The names of a loop's target that decide about what a pass does; None if other passes may decide as well."""
    if any(isinstance(node, (cst.Attribute, cst.Subscript)) for node in walk(loop.target)):
        return None
    targets = [node.value for node in walk(loop.target) if type(node) is cst.Name]
    used = {node.value for node in walk(loop.body) if type(node) is cst.Name}
    if any(type(node) is cst.Attribute and node.attr.value in _STATE for node in walk(loop.body)):
        return None
    if type(loop.body) is not cst.IndentedBlock or not _stands_alone(loop.body.body, set(targets), _assigned(loop)):
        return None
    return tuple(name for name in targets if name in used)


def _assigned(node: cst.CSTNode) -> frozenset[str]:
    """The names that code assigns."""
    return frozenset(
        name.value
        for inner in walk(node)
        if isinstance(inner, (cst.AssignTarget, cst.AnnAssign, cst.AugAssign, cst.For, cst.NamedExpr, cst.AsName))
        for name in _names(inner.name if isinstance(inner, cst.AsName) else inner.target)
    )


def _stands_alone(statements: Collection[cst.CSTNode], known: set[str], assigned: frozenset[str]) -> bool:
    """Whether statements read no name that they, or other passes, assign, unless they have assigned it before.

    `known` has the names that are assigned by then; those that every way through the statements assigns are added.
    """
    for statement in statements:
        if isinstance(statement, cst.SimpleStatementLine):
            if not all(_stands_alone_small(small, known, assigned) for small in statement.body):
                return False
        elif isinstance(statement, cst.If):
            if not _reads_only(statement.test, known, assigned) or not isinstance(statement.body, cst.IndentedBlock):
                return False
            one, other = set(known), set(known)
            orelse = statement.orelse
            rest = () if orelse is None else (orelse,) if isinstance(orelse, cst.If) else (*orelse.body.body,)
            if not _stands_alone(statement.body.body, one, assigned) or not _stands_alone(rest, other, assigned):
                return False
            known |= one & other
        else:
            return False
    return True


def _stands_alone_small(statement: cst.CSTNode, known: set[str], assigned: frozenset[str]) -> bool:
    if isinstance(statement, cst.Pass):
        return True
    if isinstance(statement, cst.Expr):
        return _reads_only(statement.value, known, assigned)
    if isinstance(statement, cst.Assign):
        targets = [one.target for one in statement.targets]
        others = [one for one in targets if not isinstance(one, cst.Name)]
        if not all(_reads_only(one, known, assigned) for one in (statement.value, *others)):
            return False
        known.update(one.value for one in targets if isinstance(one, cst.Name))
        return True
    return False


def _reads_only(expression: cst.CSTNode, known: set[str], assigned: frozenset[str]) -> bool:
    return all(name.value in known or name.value not in assigned for name in _names(expression))


def _names(expression: cst.CSTNode) -> Iterator[cst.Name]:
    """The names in an expression that stand for values: not those of attributes and parameters."""
    pending = [expression]
    while pending:
        node = pending.pop()
        if type(node) is cst.Name:
            yield node
        elif isinstance(node, (cst.Attribute, cst.Arg)):
            pending.append(node.value)
        else:
            pending += children(node)
