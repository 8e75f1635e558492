"""The ways out of a function."""

from __future__ import annotations

from collections.abc import Sequence

from bn_lint.static.syntax import nodes as cst


class Exits:
    """Reads the body of a function for how it ends.

    Attributes:
        returns_value: Whether every way out returns a value; None when no way out returns at all.
        ending: The last statement, when running past it is the only way out without a value.
    """

    def __init__(self, function: cst.FunctionDef) -> None:
        self._values = 0
        self._empty = 0
        self._is_generator = False
        falls_through = self._body(function.body.body)
        self.returns_value: bool | None
        if self._is_generator or not (self._values or self._empty or falls_through):
            self.returns_value = None
        else:
            self.returns_value = not (self._empty or falls_through)
        self.ending: cst.CSTNode | None = None
        if falls_through and not self._empty and not isinstance(function.body, cst.SimpleStatementSuite):
            self.ending = function.body.body[-1]

    def _body(self, body: Sequence[cst.CSTNode]) -> bool:
        """Count the returns; True when control may run past the end."""
        return all(self._statement(statement) for statement in body)

    def _statement(self, statement: cst.CSTNode) -> bool:
        match statement:
            case cst.SimpleStatementLine(body=body) | cst.SimpleStatementSuite(body=body):
                return self._body(body)
            case cst.Return(value=value):
                if value is None or (isinstance(value, cst.Name) and value.value == "None"):
                    self._empty += 1
                else:
                    self._values += 1
                return False
            case cst.Raise():
                return False
            case cst.Expr(value=cst.Yield()):
                self._is_generator = True
            case cst.If(body=body, orelse=orelse):
                first = self._body(body.body)
                return (True if orelse is None else self._statement(orelse)) or first
            case cst.Else(body=body) | cst.Finally(body=body) | cst.With(body=body):
                return self._body(body.body)
            case cst.While(body=body, test=test):
                self._body(body.body)
                return not (isinstance(test, cst.Name) and test.value == "True")
            case cst.For(body=body):
                self._body(body.body)
            case cst.Try() | cst.TryStar():
                return self._try(statement)
            case cst.Match(cases=cases):
                falls = [self._body(case.body.body) for case in cases]
                return any(falls) or not _is_exhaustive(cases)
        return True

    def _try(self, attempt: cst.Try | cst.TryStar) -> bool:
        falls = self._body(attempt.body.body)
        if falls and attempt.orelse is not None:
            falls = self._statement(attempt.orelse)
        for handler in attempt.handlers:
            falls = self._body(handler.body.body) or falls
        return falls and (attempt.finalbody is None or self._statement(attempt.finalbody))


def _is_exhaustive(cases: Sequence[cst.MatchCase]) -> bool:
    last = cases[-1] if cases else None
    return (
        last is not None
        and last.guard is None
        and isinstance(last.pattern, cst.MatchAs)
        and last.pattern.pattern is None
    )
