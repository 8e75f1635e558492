"""What a branch may assume: `x is None`, `isinstance(x, C)` and plain truth, about names and attributes."""

from __future__ import annotations

import libcst as cst

from bn_lint.static.frames import Frame
from bn_lint.static.join import join
from bn_lint.static.python.isinstances import is_instance
from bn_lint.static.run import Run
from bn_lint.static.truth import truth
from bn_lint.static.values import MISSING, Instance, OneOf, Value


def assume(run: Run, test: cst.BaseExpression, frame: Frame, holds: bool) -> None:
    """Keep, of the alternatives that a name or attribute may be, those for which the test may come out so."""
    if type(test) is cst.UnaryOperation and type(test.operator) is cst.Not:
        assume(run, test.expression, frame, not holds)
    elif type(test) is cst.BooleanOperation and (type(test.operator) is cst.And) is holds:
        assume(run, test.left, frame, holds)
        assume(run, test.right, frame, holds)
    elif type(test) is cst.Comparison and len(test.comparisons) == 1:
        operator, other = test.comparisons[0].operator, test.comparisons[0].comparator
        if (
            type(other) is cst.Name
            and other.value == "None"
            and type(operator) in (cst.Is, cst.IsNot, cst.Equal, cst.NotEqual)
        ):
            is_none = (type(operator) in (cst.Is, cst.Equal)) is holds
            _keep(run, test.left, frame, lambda value: (value is None) is is_none)
    elif (
        type(test) is cst.Call
        and type(test.func) is cst.Name
        and test.func.value == "isinstance"
        and len(test.args) == 2
    ):
        from bn_lint.static.expressions import evaluate

        kind = evaluate(run, test.args[1].value, frame)
        _keep(run, test.args[0].value, frame, lambda value: is_instance(run, value, kind) is not (not holds))
    elif type(test) in (cst.Name, cst.Attribute):
        _keep(run, test, frame, lambda value: truth(value) is not (not holds))


def _keep(run: Run, target: cst.BaseExpression, frame: Frame, fits: object) -> None:
    if type(target) is cst.Name:
        cells = frame.cells
        name = target.value
    elif type(target) is cst.Attribute and type(target.value) is cst.Name:
        owner = frame.cells.get(target.value.value)
        if not isinstance(owner, Instance):
            return
        cells, name = owner.cells, target.attr.value
    else:
        return
    value: Value = cells.get(name, MISSING)
    if isinstance(value, OneOf):
        kept = [v for v in value.values if fits(v)]  # type: ignore[operator]
        if kept and len(kept) < len(value.values):
            run.heap.write(cells, name, join(kept))
