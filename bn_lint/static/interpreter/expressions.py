"""Evaluating expressions."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

from bn_lint.static.interpreter.assign import assign
from bn_lint.static.interpreter.attributes import get_attribute, is_missing
from bn_lint.static.interpreter.builtins.functions import BUILTINS
from bn_lint.static.interpreter.calls import call
from bn_lint.static.interpreter.comprehensions import dict_comprehension, list_comprehension, set_comprehension
from bn_lint.static.interpreter.conditions import answered, condition_of, supposing
from bn_lint.static.interpreter.dispatch import EVALUATORS, evaluate
from bn_lint.static.interpreter.frames import Frame
from bn_lint.static.interpreter.imports import resolved, star_member
from bn_lint.static.interpreter.interpreter import Interpreter
from bn_lint.static.interpreter.iteration import iterate
from bn_lint.static.interpreter.lattice.join import join, put_over
from bn_lint.static.interpreter.lattice.keys import is_key, make_set
from bn_lint.static.interpreter.lattice.size import limited, very_many
from bn_lint.static.interpreter.lattice.truth import truth
from bn_lint.static.interpreter.limits import MAX_LENGTH, MAX_READ_ELEMENTS
from bn_lint.static.interpreter.missing_attributes import is_nowhere_set
from bn_lint.static.interpreter.narrow import assume
from bn_lint.static.interpreter.operators import BINARY, compare_values, unary
from bn_lint.static.interpreter.paths import fork_paths, merge
from bn_lint.static.interpreter.signatures import make_parameters, rejects
from bn_lint.static.interpreter.subscripts import evaluate_index, get_item
from bn_lint.static.interpreter.values import (
    ABSENT,
    Arguments,
    BoundMethod,
    Class,
    Dict,
    Doubt,
    Function,
    Imported,
    Instance,
    List,
    Refused,
    Union,
    Unknown,
    Value,
)
from bn_lint.static.syntax import nodes as cst
from bn_lint.static.syntax.places import NodeRef


def _name(interpreter: Interpreter, node: cst.Name, frame: Frame) -> Value:
    name = node.value
    value = frame.cells.get(name, ABSENT)
    is_local = value is not ABSENT
    if not is_local:
        value = frame.find(name)
    if type(value) is Imported:
        # It is not looked up again, so all that use the module depend on where it comes from.
        with interpreter.reads.by(frame.module):
            value = resolved(interpreter, value)
        if name in frame.module.cells and name not in frame.cells:
            frame.module.cells[name] = value
    if not is_local and interpreter.store.purity and frame.module.cells.get(name, ABSENT) is value:
        interpreter.store.reads(frame.module.cells, name, value)
    if value is not ABSENT:
        return value
    if name == "__name__":
        return "__main__" if frame.module.is_program else frame.module.name
    value = BUILTINS.get(name, ABSENT)
    if value is not ABSENT:
        return value
    value = star_member(interpreter, frame.module, name)
    if value is ABSENT:
        return Unknown(name, f"the name `{name}` is not defined in visible code")
    return value


def _attribute(interpreter: Interpreter, node: cst.Attribute, frame: Frame) -> Value:
    value = evaluate(interpreter, node.value, frame)
    found = get_attribute(interpreter, value, node.attr.value, NodeRef(frame.file, node))
    if isinstance(value, Instance) and value.is_module and is_missing(value, found):
        is_own = value is frame.running.receiver
        if is_own and is_nowhere_set(interpreter.domain, value, node.attr.value):
            interpreter.domain.refused(interpreter)
    return found


def _literal(
    interpreter: Interpreter, node: cst.Integer | cst.Float | cst.Imaginary | cst.SimpleString, frame: Frame
) -> Value:
    text = node.value
    value = interpreter.literals.get(text, ABSENT)
    if value is ABSENT:
        try:
            value = limited(ast.literal_eval(text))
        except (ValueError, SyntaxError, MemoryError):
            value = Unknown(text)
        interpreter.literals[text] = value
    return value


def _concatenated(interpreter: Interpreter, node: cst.ConcatenatedString, frame: Frame) -> Value:
    left, right = evaluate(interpreter, node.left, frame), evaluate(interpreter, node.right, frame)
    return limited(left + right) if isinstance(left, str) and isinstance(right, str) else Unknown("string")


def _formatted(interpreter: Interpreter, node: cst.FormattedString, frame: Frame) -> Value:
    return _joined(interpreter, node.parts, frame)


def _joined(interpreter: Interpreter, parts: Any, frame: Frame) -> Value:
    """The text of the parts of an f-string. Each is evaluated, whatever is known of the others: it may call a model."""
    texts: list[str] = []
    is_known = True
    for part in parts:
        if type(part) is cst.FormattedStringText:
            texts.append(part.value)
            continue
        value = evaluate(interpreter, part.expression, frame)
        _joined(interpreter, part.format_spec or (), frame)
        if part.format_spec or part.conversion or not isinstance(value, (str, int, float)):
            is_known = False
        else:
            texts.append(str(int(value) if type(value) is not bool and isinstance(value, int) else value))
    return limited("".join(texts)) if is_known else Unknown("formatted string")


def elements(interpreter: Interpreter, nodes: Any, frame: Frame) -> tuple[tuple[Value, ...], tuple[Value, ...]]:
    """Evaluate the elements of a display; returns the known items and samples of what may follow."""
    items: list[Value] = []
    rest: list[Value] = []
    for element in nodes:
        value = evaluate(interpreter, element.value, frame)
        if type(element) is cst.StarredElement:
            known, more = iterate(interpreter, value)
            (rest if rest else items).extend(known)
            rest.extend(more)
        else:
            (rest if rest else items).append(value)
    interpreter.budget.charge(len(items) + len(rest))
    return (tuple(items), tuple(rest)) if len(items) + len(rest) <= MAX_LENGTH else ((), very_many())


def _tuple(interpreter: Interpreter, node: cst.Tuple, frame: Frame) -> Value:
    items, rest = elements(interpreter, node.elements, frame)
    return List(items, rest) if rest else items


def _list(interpreter: Interpreter, node: cst.List, frame: Frame) -> Value:
    return List(*elements(interpreter, node.elements, frame))


def _set(interpreter: Interpreter, node: cst.Set, frame: Frame) -> Value:
    items, rest = elements(interpreter, node.elements, frame)
    return make_set(items, is_open=bool(rest))


def _dict(interpreter: Interpreter, node: cst.Dict, frame: Frame) -> Value:
    result = Dict()
    for element in node.elements:
        value = evaluate(interpreter, element.value, frame)
        if type(element) is cst.StarredDictElement:
            if isinstance(value, Dict):
                result.cells.update(put_over(result, value))
            else:
                result.cells[Dict.OPEN] = True
        elif type(element) is cst.DictElement:
            key = evaluate(interpreter, element.key, frame)
            if is_key(key):
                result.cells[key] = value
                result.cells.pop(Doubt(key), None)
            else:
                result.cells[Dict.OPEN] = True
    return result


def _subscript(interpreter: Interpreter, node: cst.Subscript, frame: Frame) -> Value:
    value = evaluate(interpreter, node.value, frame)
    return get_item(interpreter, value, evaluate_index(interpreter, node.slice, frame), NodeRef(frame.file, node))


def _binary(interpreter: Interpreter, node: cst.BinaryOperation, frame: Frame) -> Value:
    left, right = evaluate(interpreter, node.left, frame), evaluate(interpreter, node.right, frame)
    return BINARY[type(node.operator)](interpreter, left, right, NodeRef(frame.file, node))


def _unary(interpreter: Interpreter, node: cst.UnaryOperation, frame: Frame) -> Value:
    return unary(node.operator, evaluate(interpreter, node.expression, frame))


def _boolean(interpreter: Interpreter, node: cst.BooleanOperation, frame: Frame) -> Value:
    left = evaluate(interpreter, node.left, frame)
    decided = truth(left)
    is_and = type(node.operator) is cst.And
    if decided is None:
        right = _guess(interpreter, node.right, frame)
        if truth(right) is (not is_and):
            return right if not is_and and right is True else (False if is_and else join((left, right)))
        if isinstance(left, Union):
            kept = [v for v in left.values if truth(v) is not is_and]
            return join((*kept, right))
        return join((left, right))
    return evaluate(interpreter, node.right, frame) if decided is is_and else left


def _guess(interpreter: Interpreter, node: cst.BaseExpression, frame: Frame) -> Value:
    """Evaluate something that may not run, keeping only its value."""
    outer = interpreter.store.fork()
    interpreter.path.uncertain += 1
    try:
        return evaluate(interpreter, node, frame)
    finally:
        interpreter.path.uncertain -= 1
        merge(interpreter, [interpreter.store.rollback(outer)], optional=True)


def _comparison(interpreter: Interpreter, node: cst.Comparison, frame: Frame) -> Value:
    left = evaluate(interpreter, node.left, frame)
    outcome: Value = True
    for target in node.comparisons:
        right = evaluate(interpreter, target.comparator, frame)
        result = compare_values(interpreter, target.operator, left, right)
        if result is False:
            return False
        if result is not True:
            outcome = result
        left = right
    return outcome


def _conditional(interpreter: Interpreter, node: cst.IfExp, frame: Frame) -> Value:
    decided = truth(evaluate(interpreter, node.test, frame))
    if decided is None:
        decided = answered(interpreter, node.test, frame)
    interpreter.branches.add((id(node), decided))
    if decided is not None:
        return evaluate(interpreter, node.body if decided else node.orelse, frame)
    values: list[Value] = []

    def alternative(branch: cst.BaseExpression, holds: bool) -> Callable[[], str | None]:
        def execute() -> None:
            with supposing(interpreter, node.test, frame, holds):
                assume(interpreter, node.test, frame, holds)
                values.append(evaluate(interpreter, branch, frame))

        return execute

    sides = alternative(node.body, True), alternative(node.orelse, False)
    fork_paths(interpreter, frame, *sides, condition=condition_of(interpreter, node.test, frame))
    return join(values)


def _lambda(interpreter: Interpreter, node: cst.Lambda, frame: Frame) -> Value:
    params, defaults = make_parameters(interpreter, node.params, frame)
    return Function("<lambda>", node, params, defaults, frame, frame.file)


def _call(interpreter: Interpreter, node: cst.Call, frame: Frame) -> Value:
    function = evaluate(interpreter, node.func, frame)
    arguments = evaluate_arguments(interpreter, node.args, frame)
    if type(function) in (Class, Function, BoundMethod) and rejects(function, arguments):
        return Refused("?", "the call does not fit what is called: Python raises TypeError")
    return call(interpreter, function, arguments, NodeRef(frame.file, node), frame)


def evaluate_arguments(interpreter: Interpreter, nodes: Any, frame: Frame) -> Arguments:
    """Evaluate the arguments of a call, spreading known `*args` and `**kwargs`."""
    arguments = Arguments()
    for arg in nodes:
        value = evaluate(interpreter, arg.value, frame)
        if not arg.star:
            if arg.keyword is not None:
                arguments.keywords[arg.keyword.value] = value
            elif arguments.rest:
                arguments.rest += (value,)  # nobody knows which parameter gets it
            else:
                arguments.positional.append(value)
        elif arg.star == "*":
            known, more = iterate(interpreter, value)
            if arguments.rest:
                arguments.rest += known
            else:
                arguments.positional.extend(known)
            if more:
                arguments.more = True
                arguments.rest += more
        elif isinstance(value, Dict):
            for key, entry in value.entries():
                if isinstance(key, str):
                    arguments.keywords[key] = entry
            arguments.more = arguments.more or value.is_open
        else:
            arguments.more = True
    return arguments


def _walrus(interpreter: Interpreter, node: cst.NamedExpr, frame: Frame) -> Value:
    value = evaluate(interpreter, node.value, frame)
    assign(interpreter, node.target, value, frame)
    return value


def _yield(interpreter: Interpreter, node: cst.Yield, frame: Frame) -> Value:
    if node.value is None:
        value: Value = None
    elif type(node.value) is cst.From:
        known, more = iterate(interpreter, evaluate(interpreter, node.value.item, frame))
        for item in known:
            _give(interpreter, frame, item)
        frame.yield_rest.extend(more)
        return Unknown("yield from")
    else:
        value = evaluate(interpreter, node.value, frame)  # type: ignore[arg-type]
    _give(interpreter, frame, value)
    return Unknown("sent")


def _give(interpreter: Interpreter, frame: Frame, value: Value) -> None:
    if frame.on_yield is not None:
        body, frame.on_yield = frame.on_yield, None
        body(value)
        return
    if interpreter.path.uncertain > frame.uncertain or frame.yield_rest or frame.yields is None:
        frame.yield_rest.append(value)
        if len(frame.yield_rest) > MAX_READ_ELEMENTS:  # it may never end
            frame.yield_rest[:] = [join(frame.yield_rest)]
    else:
        frame.yields.append(value)


def _await(interpreter: Interpreter, node: cst.Await, frame: Frame) -> Value:
    return evaluate(interpreter, node.expression, frame)


EVALUATORS |= {
    cst.Name: _name,
    cst.Attribute: _attribute,
    cst.Integer: _literal,
    cst.Float: _literal,
    cst.Imaginary: _literal,
    cst.SimpleString: _literal,
    cst.ConcatenatedString: _concatenated,
    cst.FormattedString: _formatted,
    cst.Tuple: _tuple,
    cst.List: _list,
    cst.Set: _set,
    cst.Dict: _dict,
    cst.Subscript: _subscript,
    cst.BinaryOperation: _binary,
    cst.UnaryOperation: _unary,
    cst.BooleanOperation: _boolean,
    cst.Comparison: _comparison,
    cst.IfExp: _conditional,
    cst.Lambda: _lambda,
    cst.Call: _call,
    cst.ListComp: list_comprehension,
    cst.GeneratorExp: list_comprehension,
    cst.SetComp: set_comprehension,
    cst.DictComp: dict_comprehension,
    cst.NamedExpr: _walrus,
    cst.Yield: _yield,
    cst.Await: _await,
    cst.Ellipsis: lambda interpreter, node, frame: ...,
}
