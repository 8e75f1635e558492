"""`match` statements: literal, class-free and capture patterns."""

from __future__ import annotations

from bn_lint.static.interpreter.assign import assign_name
from bn_lint.static.interpreter.dispatch import evaluate
from bn_lint.static.interpreter.frames import Frame
from bn_lint.static.interpreter.interpreter import Interpreter
from bn_lint.static.interpreter.lattice.equality import equal
from bn_lint.static.interpreter.lattice.truth import truth
from bn_lint.static.interpreter.values import Value
from bn_lint.static.syntax import nodes as cst


def matches(interpreter: Interpreter, case: cst.MatchCase, subject: Value, frame: Frame) -> bool | None:
    """Return whether a case is taken: True, False, or None when that is not known."""
    outcome = _pattern(interpreter, case.pattern, subject, frame)
    if outcome is False or case.guard is None:
        return outcome
    guard = truth(evaluate(interpreter, case.guard, frame))
    if guard is False:
        return False
    return outcome if guard is True else None


def _pattern(interpreter: Interpreter, pattern: cst.MatchPattern, subject: Value, frame: Frame) -> bool | None:
    if isinstance(pattern, cst.MatchValue):
        return equal(evaluate(interpreter, pattern.value, frame), subject)
    if isinstance(pattern, cst.MatchSingleton):
        return equal(evaluate(interpreter, pattern.value, frame), subject)
    if isinstance(pattern, cst.MatchOr):
        outcomes = [_pattern(interpreter, element.pattern, subject, frame) for element in pattern.patterns]
        return True if True in outcomes else (None if None in outcomes else False)
    if isinstance(pattern, cst.MatchAs):
        outcome = True if pattern.pattern is None else _pattern(interpreter, pattern.pattern, subject, frame)
        if outcome is not False and pattern.name is not None:
            assign_name(interpreter, pattern.name.value, subject, frame)
        return outcome
    return None
