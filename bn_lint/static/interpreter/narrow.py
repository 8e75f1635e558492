"""What a branch may assume: `x is None`, `isinstance(x, C)` and plain truth, about names and attributes."""

from __future__ import annotations

from bn_lint.static.interpreter.builtins.isinstances import is_instance
from bn_lint.static.interpreter.dispatch import evaluate
from bn_lint.static.interpreter.frames import Frame
from bn_lint.static.interpreter.interpreter import Interpreter
from bn_lint.static.interpreter.lattice.join import join
from bn_lint.static.interpreter.lattice.truth import truth
from bn_lint.static.interpreter.values import ABSENT, Class, Instance, LibraryClass, Union, Unknown, Value
from bn_lint.static.syntax import nodes as cst


def assume(interpreter: Interpreter, test: cst.BaseExpression, frame: Frame, holds: bool) -> None:
    """Keep, of the alternatives that a name or attribute may be, those for which the test may come out so."""
    if type(test) is cst.UnaryOperation and type(test.operator) is cst.Not:
        assume(interpreter, test.expression, frame, not holds)
    elif type(test) is cst.BooleanOperation and (type(test.operator) is cst.And) is holds:
        assume(interpreter, test.left, frame, holds)
        assume(interpreter, test.right, frame, holds)
    elif type(test) is cst.Comparison and len(test.comparisons) == 1:
        operator, other = test.comparisons[0].operator, test.comparisons[0].comparator
        if (
            type(other) is cst.Name
            and other.value == "None"
            and type(operator) in (cst.Is, cst.IsNot, cst.Equal, cst.NotEqual)
        ):
            is_none = (type(operator) in (cst.Is, cst.Equal)) is holds
            _keep(interpreter, test.left, frame, lambda value: (value is None) is is_none)
    elif (
        type(test) is cst.Call
        and type(test.func) is cst.Name
        and test.func.value == "isinstance"
        and len(test.args) == 2
    ):
        kind = evaluate(interpreter, test.args[1].value, frame)
        _keep(
            interpreter,
            test.args[0].value,
            frame,
            lambda value: is_instance(interpreter, value, kind) is not (not holds),
        )
    elif type(test) in (cst.Name, cst.Attribute):
        _keep(interpreter, test, frame, lambda value: truth(value) is not (not holds))


def supposes(interpreter: Interpreter, test: cst.BaseExpression, frame: Frame) -> bool:
    """Whether a condition asks of which class a module is, and nothing is known of it: `isinstance(x, nn.Conv2d)`."""
    if type(test) is cst.BooleanOperation:
        return supposes(interpreter, test.left, frame) or supposes(interpreter, test.right, frame)
    if type(test) is not cst.Call or type(test.func) is not cst.Name or test.func.value != "isinstance":
        return False
    if len(test.args) != 2 or type(test.args[0].value) not in (cst.Name, cst.Attribute):
        return False  # what has effects is not evaluated twice
    asked = evaluate(interpreter, test.args[0].value, frame)
    if not any(type(one) is Unknown for one in (asked.values if isinstance(asked, Union) else (asked,))):
        return False
    kind = evaluate(interpreter, test.args[1].value, frame)
    kinds = kind if isinstance(kind, tuple) else (kind,)
    return any(isinstance(one, (Class, LibraryClass)) and one.is_module for one in kinds)


def _keep(interpreter: Interpreter, target: cst.BaseExpression, frame: Frame, fits: object) -> None:
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
    value: Value = cells.get(name, ABSENT)
    if isinstance(value, Union):
        kept = [v for v in value.values if fits(v)]  # type: ignore[operator]
        if kept and len(kept) < len(value.values):
            write = interpreter.store.write if cells is frame.cells else interpreter.store.set_in
            write(cells, name, join(kept))
