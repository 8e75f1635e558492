"""`if`, `try` and `match`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from bn_lint.static.interpreter.assign import assign_name
from bn_lint.static.interpreter.conditions import answered, condition_of, supposing
from bn_lint.static.interpreter.dispatch import evaluate, execute_suite
from bn_lint.static.interpreter.frames import Frame
from bn_lint.static.interpreter.interpreter import Interpreter
from bn_lint.static.interpreter.lattice.truth import truth
from bn_lint.static.interpreter.match_patterns import matches
from bn_lint.static.interpreter.narrow import assume, supposes
from bn_lint.static.interpreter.paths import RAISE, fork_paths
from bn_lint.static.interpreter.values import External, Unknown
from bn_lint.static.syntax import nodes as cst


def if_(interpreter: Interpreter, node: cst.If, frame: Frame) -> str | None:
    if _is_type_checking(node.test):
        # What is imported for annotations is looked up as well, unless the program says what to use instead.
        decided: bool | None = node.orelse is None
    else:
        decided = truth(evaluate(interpreter, node.test, frame))
    if decided is not None and interpreter.options:
        interpreter.decided[node] = frame.file
    if decided is None:
        decided = answered(interpreter, node.test, frame)
    interpreter.path.guards += 1
    interpreter.branches.add((id(node), decided))
    try:
        return _branches(interpreter, node, frame, decided)
    finally:
        interpreter.path.guards -= 1


def _branches(interpreter: Interpreter, node: cst.If, frame: Frame, decided: bool | None) -> str | None:
    if decided is True:
        return execute_suite(interpreter, node.body, frame)
    if decided is False:
        return _else(interpreter, node.orelse, frame)

    def then() -> str | None:
        supposed = supposes(interpreter, node.test, frame)
        interpreter.path.supposed += supposed
        try:
            with supposing(interpreter, node.test, frame, True):
                assume(interpreter, node.test, frame, True)
                return execute_suite(interpreter, node.body, frame)
        finally:
            interpreter.path.supposed -= supposed

    def otherwise() -> str | None:
        with supposing(interpreter, node.test, frame, False):
            assume(interpreter, node.test, frame, False)
            return _else(interpreter, node.orelse, frame)

    condition = condition_of(interpreter, node.test, frame)
    return fork_paths(interpreter, frame, then, otherwise, can_give_up=True, condition=condition)


def _is_type_checking(test: cst.BaseExpression) -> bool:
    name = test.attr if type(test) is cst.Attribute else test
    return type(name) is cst.Name and name.value == "TYPE_CHECKING"


def _else(interpreter: Interpreter, node: cst.If | cst.Else | None, frame: Frame) -> str | None:
    if node is None:
        return None
    return if_(interpreter, node, frame) if type(node) is cst.If else execute_suite(interpreter, node.body, frame)


def try_(interpreter: Interpreter, node: cst.Try, frame: Frame) -> str | None:
    # A failing call that the program expects is no mistake.
    with interpreter.collector.quiet(any(_expects_failure(interpreter, handler.type) for handler in node.handlers)):
        completion = execute_suite(interpreter, node.body, frame)
    if completion == RAISE and node.handlers:
        completions: list[str | None] = []

        def handle(handler: cst.ExceptHandler) -> Callable[[], str | None]:
            def execute_handler() -> str | None:
                if handler.name is not None and type(handler.name.name) is cst.Name:
                    assign_name(interpreter, handler.name.name.value, Unknown("exception"), frame)
                completions.append(execute_suite(interpreter, handler.body, frame))
                return completions[-1]

            return execute_handler

        if len(node.handlers) == 1:
            completion = handle(node.handlers[0])()
        else:
            completion = fork_paths(interpreter, frame, *(handle(h) for h in node.handlers))
    elif completion is None and (fallback := _fallback(node, frame)) is not None:
        handler = partial(execute_suite, interpreter, fallback.body, frame)
        completion = fork_paths(interpreter, frame, lambda: None, handler)
    elif completion is None and node.orelse is not None:
        completion = execute_suite(interpreter, node.orelse.body, frame)
    if node.finalbody is not None:
        final = execute_suite(interpreter, node.finalbody.body, frame)
        completion = final or completion
    return completion


def _fallback(node: cst.Try, frame: Frame) -> cst.ExceptHandler | None:
    """The handler that defines what a library out of sight may not be there to give."""
    names = [*_imported_names(node.body)]
    if not any(isinstance(frame.cells.get(name), External) for name in names):
        return None
    for handler in node.handlers:
        kind = handler.type
        if kind is None or (type(kind) is cst.Name and kind.value in ("ImportError", "ModuleNotFoundError")):
            return handler if any(name in _assigned_names(handler.body) for name in names) else None
    return None


def _imported_names(body: cst.BaseSuite) -> Iterator[str]:
    for one in _small_statements(body):
        if isinstance(one, cst.ImportFrom) and not isinstance(one.names, cst.ImportStar):
            for alias in one.names:
                name = alias.asname.name if alias.asname is not None else alias.name
                if isinstance(name, cst.Name):
                    yield name.value


def _assigned_names(body: cst.BaseSuite) -> set[str]:
    targets = (t.target for one in _small_statements(body) if isinstance(one, cst.Assign) for t in one.targets)
    return {target.value for target in targets if isinstance(target, cst.Name)}


def _small_statements(body: cst.BaseSuite) -> Iterator[cst.BaseSmallStatement]:
    for line in body.body:
        if isinstance(line, cst.SimpleStatementLine):
            yield from line.body


def _expects_failure(interpreter: Interpreter, kind: cst.BaseExpression | None) -> bool:
    """Whether an exception handler names what a mistake raises."""
    if type(kind) is cst.Tuple:
        return any(_expects_failure(interpreter, element.value) for element in kind.elements)
    return type(kind) is cst.Name and interpreter.domain.fails_with(kind.value)


def match_(interpreter: Interpreter, node: cst.Match, frame: Frame) -> str | None:
    subject = evaluate(interpreter, node.subject, frame)
    undecided: list[cst.MatchCase] = []
    certain: cst.MatchCase | None = None
    for case in node.cases:
        outcome = matches(interpreter, case, subject, frame)
        if outcome is True:
            certain = case
            break
        if outcome is None:
            undecided.append(case)
    if not undecided:
        if interpreter.options:
            interpreter.decided[node] = frame.file
        return execute_suite(interpreter, certain.body, frame) if certain is not None else None
    bodies = [partial(execute_suite, interpreter, case.body, frame) for case in undecided]
    if certain is not None:
        bodies.append(partial(execute_suite, interpreter, certain.body, frame))
    return fork_paths(interpreter, frame, *bodies, *(() if certain is not None else (lambda: None,)))
