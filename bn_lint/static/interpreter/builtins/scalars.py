"""Built-in functions that give a number or a text."""

from __future__ import annotations

from bn_lint.facts import dims
from bn_lint.facts.dims import Expression, TracedInt, structural_symbol
from bn_lint.static.interpreter.builtins.concrete import evaluated
from bn_lint.static.interpreter.builtins.table import builtin
from bn_lint.static.interpreter.interpreter import Interpreter
from bn_lint.static.interpreter.lattice.truth import truth
from bn_lint.static.interpreter.operators import BINARY, number_of
from bn_lint.static.interpreter.values import Arguments, Tensor, Unknown, Value
from bn_lint.static.syntax.places import NodeRef


@builtin("int")
def _int(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
    if not arguments.positional:
        return 0
    value = arguments.positional[0]
    if isinstance(value, (Unknown, Expression)):
        number = number_of(value)
        return dims.truncate(number)
    if isinstance(value, TracedInt):
        return value
    return (
        evaluated(interpreter, "int", int, *arguments.positional)
        if isinstance(value, (int, float, str))
        else Unknown("int")
    )


@builtin("round")
def _round(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
    value = arguments.positional[0]
    if isinstance(value, Unknown):
        value = value.number
    if isinstance(value, Expression):
        if all(isinstance(c, int) for c in value.terms.values()):
            return value
        return Expression.of(structural_symbol(f"round({value})", ("round", value), free=value.is_free))
    return value if isinstance(value, TracedInt) else evaluated(interpreter, "round", round, *arguments.positional)


@builtin("float")
def _float(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
    value = arguments.get(0, "x", 0.0)
    return value if isinstance(value, (Unknown, Expression)) else evaluated(interpreter, "float", float, value)


@builtin("abs")
def _abs(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
    value = arguments.positional[0]
    return (
        value
        if isinstance(value, (Unknown, Expression, Tensor, TracedInt))
        else evaluated(interpreter, "abs", abs, value)
    )


@builtin("pow")
def _pow(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
    from bn_lint.static.syntax import nodes as cst

    return BINARY[cst.Power](interpreter, arguments.positional[0], arguments.positional[1], ref)


@builtin("str")
def _str(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
    value = arguments.get(0, "object", "")
    if isinstance(value, int) and not isinstance(value, bool):
        return str(int(value))
    return str(value) if isinstance(value, (str, bool, float)) or value is None else Unknown("text")


@builtin("bool")
def _bool(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
    decided = truth(arguments.get(0, "x", False))
    return Unknown("bool") if decided is None else decided


@builtin("repr")
def _repr(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
    return Unknown("text")
