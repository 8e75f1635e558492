"""Operators on abstract values. What is concrete in Python is simply computed."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable
from fractions import Fraction
from typing import Any, Final

from bn_lint.facts import dims
from bn_lint.facts.comparison import Comparison, half_line
from bn_lint.facts.dims import Expression, TracedInt, structural_symbol
from bn_lint.static.interpreter.calls import call
from bn_lint.static.interpreter.first_and_last_pass import is_in_first_pass
from bn_lint.static.interpreter.interpreter import Interpreter
from bn_lint.static.interpreter.lattice.equality import equal, identical
from bn_lint.static.interpreter.lattice.join import join, put_over
from bn_lint.static.interpreter.lattice.keys import is_key
from bn_lint.static.interpreter.lattice.size import is_large, length_of, limited
from bn_lint.static.interpreter.lattice.truth import truth
from bn_lint.static.interpreter.limits import MAX_ITEMS, MAX_LENGTH, MAX_POWER
from bn_lint.static.interpreter.values import (
    ABSENT,
    REST,
    Arguments,
    BoundMethod,
    Builtin,
    Class,
    Dict,
    External,
    Instance,
    LibraryClass,
    List,
    Tensor,
    Union,
    Unknown,
    UnknownInt,
    Value,
    alternatives,
)
from bn_lint.static.syntax import nodes as cst
from bn_lint.static.syntax.places import NodeRef
from bn_lint.static.syntax.python_2 import is_of_python_2

#: `"%*d"` and `"%5000d"`: text of any length.
_WIDE = re.compile(r"%[^%a-zA-Z]*(?:\*|\d{4})")

Operation = Callable[[Interpreter, Value, Value, NodeRef], Value]


def number_of(value: Value) -> Any:
    """The value as a number that arithmetic understands, or None."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, (int, Expression)):
        return value
    if isinstance(value, BoundMethod) and isinstance(value.receiver, Unknown) and isinstance(value.function, Builtin):
        # `config.expand` of an unknown object is a number as likely as a method of a tensor.
        return value.receiver.member(("attr", value.function.name), f".{value.function.name}").number
    return value.number if isinstance(value, Unknown) else None


def _binary(name: str, concrete: Callable[[Any, Any], Any], symbolic: Callable[[Any, Any], Any] | None) -> Operation:
    def operate(interpreter: Interpreter, a: Value, b: Value, ref: NodeRef) -> Value:
        return limited(any_size(interpreter, a, b, ref))

    def any_size(interpreter: Interpreter, a: Value, b: Value, ref: NodeRef) -> Value:
        if name in ("pow", "lshift") and isinstance(a, (int, float)) and isinstance(b, int) and abs(b) > MAX_POWER:
            return Unknown("?", "a very large power")
        for one in (a, b):
            if isinstance(one, Unknown) and (result := one.operand()) is not None:
                return result
        if isinstance(a, (TracedInt, Expression)) or isinstance(b, (TracedInt, Expression)):
            x, y = number_of(a), number_of(b)
            if symbolic is not None and x is not None and y is not None and not _is_real(x, y):
                return _settle(symbolic(x, y), a, b, concrete)
        if isinstance(a, Union) or isinstance(b, Union):
            return _over_alternatives(interpreter, a, b, ref, operate)
        if isinstance(a, Tensor) or isinstance(b, Tensor):
            return interpreter.domain.operate(interpreter, name, a, b, ref)
        if isinstance(a, Unknown) or isinstance(b, Unknown):
            x, y = number_of(a), number_of(b)
            if symbolic is None or x is None or y is None:
                return _tainted(a, b)
            number: Value = symbolic(x, y)
            return number
        if isinstance(a, Instance) or isinstance(b, Instance):
            return _overloaded(interpreter, name, a, b, ref)
        if isinstance(a, (List, tuple)):
            interpreter.budget.charge(length_of(a) + length_of(b))
            return _sequence(name, a, b)
        if isinstance(b, (List, tuple)) and name == "mul":
            interpreter.budget.charge(length_of(b))
            return _sequence(name, b, a)
        if isinstance(a, Dict) and isinstance(b, Dict):
            return _dictionaries(name, a, b)
        if name == "or" and isinstance(a, (Class, LibraryClass, External)):
            return Unknown("type", "a union of types")
        if name not in ("mul", "mod") and (_is_number_and_text(a, b) or _is_number_and_text(b, a)):
            interpreter.domain.refused(interpreter)
        return _compute(concrete, a, b)

    return operate


def _settle(result: Value, a: Value, b: Value, concrete: Callable[[Any, Any], Any]) -> Value:
    """Turn an exact fraction back into what Python gives."""
    if isinstance(result, Fraction):
        return _real(result)
    if isinstance(a, int) and isinstance(b, int) and (concrete is operator.truediv or not isinstance(result, int)):
        return _compute(concrete, int(a), int(b))
    if isinstance(a, float) or isinstance(b, float):
        return _real(result) if isinstance(result, int) else result
    return result


def _real(number: Fraction | int) -> Value:
    try:
        return float(number)
    except OverflowError:
        return Unknown("?", "a very large number")


def _is_real(a: Any, b: Any) -> bool:
    """Whether this is floating-point arithmetic on known numbers, where no origin is kept."""
    return (
        (isinstance(a, float) or isinstance(b, float))
        and not isinstance(a, Expression)
        and not isinstance(b, Expression)
    )


def _is_number_and_text(a: Value, b: Value) -> bool:
    return isinstance(a, (int, float, Expression)) and isinstance(b, str)


def _compute(concrete: Callable[[Any, Any], Any], a: Any, b: Any) -> Value:
    plain = (bool, int, float, str, bytes, complex)
    if concrete is operator.mod and isinstance(a, (str, bytes)):
        if _WIDE.search(a if isinstance(a, str) else a.decode("latin-1")) is not None:
            return Unknown("?", "a very long string")
        if isinstance(b, tuple) and all(isinstance(one, plain) for one in b):
            return Unknown("?", "a very long string") if is_large(b) else _formatted(a, b)
    if not isinstance(a, plain) or not isinstance(b, plain):
        return Unknown("?", f"an operator on {type(a).__name__} and {type(b).__name__} is not evaluated")
    if concrete is operator.mul and isinstance(a, (str, bytes, int)) and isinstance(b, (str, bytes, int)):
        is_text = not isinstance(a, int) or not isinstance(b, int)
        if is_text and _length(a) * _length(b) > MAX_LENGTH:
            return Unknown("?", "a very long string")
    try:
        result: Value = concrete(a, b)
        return result
    except (ArithmeticError, TypeError, ValueError):
        return Unknown("?", "an operator that Python refuses")


def _formatted(text: str | bytes, values: tuple[Any, ...]) -> Value:
    try:
        result: Value = text % values
        return result
    except (TypeError, ValueError):
        return Unknown("?", "a format that Python refuses")


def _length(value: int | str | bytes) -> int:
    return value if isinstance(value, int) else len(value)


def _tainted(a: Value, b: Value) -> Unknown:
    source = a if isinstance(a, Unknown) else b
    return Unknown("?", source.why if isinstance(source, Unknown) else "")


def _over_alternatives(interpreter: Interpreter, a: Value, b: Value, ref: NodeRef, operate: Operation) -> Value:
    return join(operate(interpreter, x, y, ref) for x in alternatives(a) for y in alternatives(b))


def _overloaded(interpreter: Interpreter, name: str, a: Value, b: Value, ref: NodeRef) -> Value:
    for receiver, other, method in ((a, b, f"__{name}__"), (b, a, f"__r{name}__")):
        if isinstance(receiver, Instance):
            found, _ = receiver.cls.lookup(method)
            if found is not ABSENT:
                return call(interpreter, BoundMethod(found, receiver), Arguments([other]), ref, None)
    return Unknown("?", f"`{name}` on an object")


def _sequence(name: str, a: List | tuple[Value, ...], b: Value) -> Value:
    items, rest = (a.items, a.rest) if isinstance(a, List) else (a, ())
    make: Callable[..., Value] = (
        List if isinstance(a, List) else lambda items, rest=(): List(items, rest) if rest else items
    )
    if name == "add" and isinstance(b, (List, tuple)):
        more, more_rest = (b.items, b.rest) if isinstance(b, List) else (b, ())
        if rest:
            return make(items, (*rest, *more, *more_rest))
        return make(items + more, more_rest)
    if name == "mul" and isinstance(b, int) and not isinstance(b, bool):
        if len(items) * b > MAX_LENGTH:
            return Unknown("?", "a very long sequence")
        return make(items * int(b), rest)
    if name == "mul" and isinstance(b, (Unknown, Expression)):
        return List((), items)
    return Unknown("?", f"`{name}` on a sequence")


def _dictionaries(name: str, a: Dict, b: Dict) -> Value:
    if name == "or":
        return Dict({**a.cells, **dict(put_over(a, b))}, is_set=a.is_set)
    if a.is_open or b.is_open or not a.is_set:
        return Unknown("?", f"`{name}` on dictionaries")
    keep = {"and": lambda k: k in b.cells, "sub": lambda k: k not in b.cells}.get(name)
    return Dict({k: None for k in a.cells if keep(k)}, is_set=True) if keep else Unknown("?", f"`{name}` on sets")


def _modulo(a: Any, b: Any) -> Any:
    if isinstance(a, int) and isinstance(b, int):
        return operator.mod(int(a), int(b)) if b else Unknown("?")
    if isinstance(dims.divide(a, b), int):
        return 0
    key = ("%", a, b)
    return Expression.of(structural_symbol(f"{a} % {b}", key, free=False))


def _power(a: Any, b: Any) -> Any:
    if isinstance(a, int) and isinstance(b, int):
        return int(a) ** int(b)
    if isinstance(b, int) and 0 <= b <= 4:
        result: Any = 1
        for _ in range(b):
            result = dims.multiply(result, a)
        return result
    return Expression.of(structural_symbol(f"{a} ** {b}", ("**", a, b), free=False))


_TRUE_DIVISION = _binary("truediv", operator.truediv, dims.divide)


def _divide(interpreter: Interpreter, a: Value, b: Value, ref: NodeRef) -> Value:
    """`a / b`. Of whole numbers, that is a whole one in code that Python 2 runs.

    Where Python 3 may run it, too, a division with a rest is more likely meant for that.
    """
    result = _TRUE_DIVISION(interpreter, a, b, ref)
    if isinstance(a, float) or isinstance(b, float) or not isinstance(result, (float, Expression)):
        return result
    has_rest = isinstance(result, float) and not result.is_integer()
    if not is_of_python_2(ref.file, interpreter.project) or (has_rest and not ref.file.reading.is_python_2):
        return result
    return BINARY[cst.FloorDivide](interpreter, a, b, ref)


BINARY: Final[dict[type, Operation]] = {
    cst.Add: _binary("add", operator.add, dims.add),
    cst.Subtract: _binary("sub", operator.sub, dims.subtract),
    cst.Multiply: _binary("mul", operator.mul, dims.multiply),
    cst.Divide: _divide,
    cst.FloorDivide: _binary("floordiv", operator.floordiv, dims.floor_divide),
    cst.Modulo: _binary("mod", operator.mod, _modulo),
    cst.Power: _binary("pow", operator.pow, _power),
    cst.LeftShift: _binary("lshift", operator.lshift, None),
    cst.RightShift: _binary("rshift", operator.rshift, None),
    cst.BitAnd: _binary("and", operator.and_, None),
    cst.BitOr: _binary("or", operator.or_, None),
    cst.BitXor: _binary("xor", operator.xor, None),
    cst.MatrixMultiply: _binary("matmul", operator.matmul, None),
}

AUGMENTED: Final[dict[type, type]] = {
    cst.AddAssign: cst.Add,
    cst.SubtractAssign: cst.Subtract,
    cst.MultiplyAssign: cst.Multiply,
    cst.DivideAssign: cst.Divide,
    cst.FloorDivideAssign: cst.FloorDivide,
    cst.ModuloAssign: cst.Modulo,
    cst.PowerAssign: cst.Power,
    cst.LeftShiftAssign: cst.LeftShift,
    cst.RightShiftAssign: cst.RightShift,
    cst.BitAndAssign: cst.BitAnd,
    cst.BitOrAssign: cst.BitOr,
    cst.BitXorAssign: cst.BitXor,
    cst.MatrixMultiplyAssign: cst.MatrixMultiply,
}


def unary(node: cst.BaseUnaryOp, value: Value) -> Value:
    if type(node) is cst.Not:
        decided = truth(value)
        return Unknown("not") if decided is None else not decided
    if isinstance(value, Tensor):
        return value
    if type(node) is cst.Plus:
        return value
    if type(node) is cst.Minus:
        if isinstance(value, (TracedInt, Expression, Unknown)):
            return dims.multiply(number_of(value), -1)
        return -value if isinstance(value, (int, float)) else Unknown("?", "a negated unknown")
    return ~int(value) if isinstance(value, int) else Unknown("?")


def compare_values(interpreter: Interpreter, node: cst.BaseCompOp, a: Value, b: Value) -> Value:
    """Return the outcome of one comparison: True, False, a mask tensor, or Unknown."""
    interpreter.budget.charge(length_of(a) + length_of(b), one_by_one=True)
    if isinstance(a, Instance) and a.is_module and isinstance(b, (Instance, Dict, List, tuple)):
        interpreter.store.disturb()  # it matters which of several modules it is that were built alike
    if type(node) in (cst.Is, cst.IsNot):
        result = identical(a, b)
    elif type(node) in (cst.In, cst.NotIn):
        result = contains(b, a)
    elif isinstance(a, Tensor) or isinstance(b, Tensor):
        return a if isinstance(a, Tensor) else b
    elif type(node) in (cst.Equal, cst.NotEqual):
        result = equal(a, b)
    else:
        result = False if _is_first_behind(interpreter, node, a, b) else _ordered(node, a, b)
    if result is None:
        return Unknown("comparison", "a comparison of unknown values")
    return result is not (type(node) in (cst.IsNot, cst.NotIn, cst.NotEqual))


def contains(container: Value, item: Value) -> bool | None:
    """Return `item in container`, as far as it is known."""
    if isinstance(container, str) and isinstance(item, str):
        return item in container
    if isinstance(container, range) and isinstance(item, int):
        return item in container
    if isinstance(container, Instance) and container.entries is not None:
        own = container.cls.lookup("__contains__")[0] is not ABSENT
        return None if own else contains(container.entries, item)
    if isinstance(container, Dict):
        if isinstance(item, Expression) or not is_key(item):
            return False if not container.entries() and not container.is_open else None
        if container.cells.get(item, ABSENT) is not ABSENT:
            return None if container.may_lack(item) else True
        return None if container.is_open else False
    if isinstance(container, (List, tuple)) or (isinstance(container, range) and len(container) <= MAX_ITEMS):
        if is_large(container, item):
            return None
        items = container.items if isinstance(container, List) else tuple(container)
        results = [equal(item, other) for other in items]
        if True in results:
            return True
        return None if None in results or (isinstance(container, List) and container.rest) else False
    if isinstance(container, Instance) and container.is_module and isinstance(item, str):
        return True if container.cells.get(item, ABSENT) is not ABSENT else (None if REST in container.cells else False)
    return None


_ORDER: Final[dict[type, Callable[[Any, Any], bool]]] = {
    cst.LessThan: operator.lt,
    cst.LessThanEqual: operator.le,
    cst.GreaterThan: operator.gt,
    cst.GreaterThanEqual: operator.ge,
}


def _is_first_behind(interpreter: Interpreter, node: cst.BaseCompOp, a: Value, b: Value) -> bool:
    """Whether it is asked if zero is more than an unknown number: `epoch > warmup` in the first pass.

    What a program counts from zero it compares with numbers that are not negative.
    """
    first, other = (a, b) if type(node) is cst.GreaterThan else (b, a)
    if type(node) not in (cst.GreaterThan, cst.LessThan) or not isinstance(other, Unknown):
        return False
    if isinstance(first, UnknownInt) and not first.least and is_in_first_pass(interpreter, first):
        interpreter.store.disturb()  # the next pass has the same value, and another answer
        return True
    return isinstance(first, int) and first == 0


def _ordered(node: cst.BaseCompOp, a: Value, b: Value) -> bool | None:
    if isinstance(a, Union) or isinstance(b, Union):
        return None
    compare = _ORDER[type(node)]
    if isinstance(a, (Expression, Unknown)) or isinstance(b, (Expression, Unknown)):
        x, y = number_of(a), number_of(b)
        if x is None or y is None:
            return None
        difference = dims.subtract(x, y)
        if not isinstance(difference, Expression):
            return compare(difference, 0)
        counted = half_line(difference)
        if counted is not None:
            end, direction = counted
            decided = compare(end, 0)
            return decided if decided is compare(direction, 0) else None
        if difference.is_free and len({c > 0 for c in difference.terms.values()}) == 1:
            return compare(next(iter(difference.terms.values())), 0)
        return None
    try:
        return bool(compare(a, b))
    except TypeError:
        return None


__all__ = ["AUGMENTED", "BINARY", "Comparison", "compare_values", "contains", "number_of", "unary"]
