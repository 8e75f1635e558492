"""Evaluating expressions."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

import libcst as cst

from bn_lint.static.attributes import get_attribute
from bn_lint.static.calls import call, make_parameters
from bn_lint.static.frames import Frame
from bn_lint.static.iteration import iterate
from bn_lint.static.join import join
from bn_lint.static.keys import is_key, make_set
from bn_lint.static.operators import BINARY, compare_values, unary
from bn_lint.static.python.names import BUILTINS
from bn_lint.static.run import Imported, Run
from bn_lint.static.subscripts import get_item, slice_of
from bn_lint.static.truth import truth
from bn_lint.static.values import MISSING, Arguments, Dict, Function, List, OneOf, Spot, Unknown, Value

_literals: dict[str, Value] = {}


def evaluate(run: Run, node: cst.BaseExpression, frame: Frame) -> Value:
    """Return the value of an expression; what is not understood is Unknown."""
    evaluator = _EVALUATORS.get(type(node))
    if evaluator is None:
        return Unknown("?", f"{type(node).__name__} expressions are not evaluated")
    return evaluator(run, node, frame)


def _name(run: Run, node: cst.Name, frame: Frame) -> Value:
    name = node.value
    value = frame.cells.get(name, MISSING)
    if value is MISSING:
        value = frame.find(name)
    if type(value) is Imported:
        value = run.resolved(value)
        if name in frame.module.cells and name not in frame.cells:
            frame.module.cells[name] = value
    if value is not MISSING:
        return value
    value = BUILTINS.get(name, MISSING)
    if value is not MISSING:
        return value
    for star in frame.module.stars:
        value = run.module_member(star, name)
        if not isinstance(value, Unknown):
            return value
    unknown = Unknown(name, f"the name `{name}` is not defined in sight")
    return unknown


def _attribute(run: Run, node: cst.Attribute, frame: Frame) -> Value:
    value = evaluate(run, node.value, frame)
    return get_attribute(run, value, node.attr.value, Spot(frame.file, node))


def _literal(run: Run, node: cst.Integer | cst.Float | cst.Imaginary | cst.SimpleString, frame: Frame) -> Value:
    text = node.value
    value = _literals.get(text, MISSING)
    if value is MISSING:
        try:
            value = ast.literal_eval(text)
        except (ValueError, SyntaxError, MemoryError):
            value = Unknown(text)
        _literals[text] = value
    return value


def _concatenated(run: Run, node: cst.ConcatenatedString, frame: Frame) -> Value:
    left, right = evaluate(run, node.left, frame), evaluate(run, node.right, frame)
    return left + right if isinstance(left, str) and isinstance(right, str) else Unknown("string")


def _formatted(run: Run, node: cst.FormattedString, frame: Frame) -> Value:
    return _joined(run, node.parts, frame)


def _joined(run: Run, parts: Any, frame: Frame) -> Value:
    """The text of the parts of an f-string. Each is evaluated, whatever is known of the others: it may call a model."""
    texts: list[str] = []
    is_known = True
    for part in parts:
        if type(part) is cst.FormattedStringText:
            texts.append(part.value)
            continue
        value = evaluate(run, part.expression, frame)
        _joined(run, part.format_spec or (), frame)
        if part.format_spec or part.conversion or not isinstance(value, (str, int, float)):
            is_known = False
        else:
            texts.append(str(int(value) if type(value) is not bool and isinstance(value, int) else value))
    return "".join(texts) if is_known else Unknown("formatted string")


def elements(run: Run, nodes: Any, frame: Frame) -> tuple[tuple[Value, ...], tuple[Value, ...]]:
    """Evaluate the elements of a display; returns the known items and samples of what may follow."""
    items: list[Value] = []
    rest: list[Value] = []
    for element in nodes:
        value = evaluate(run, element.value, frame)
        if type(element) is cst.StarredElement:
            known, more = iterate(run, value)
            (rest if rest else items).extend(known)
            rest.extend(more)
        else:
            (rest if rest else items).append(value)
    return tuple(items), tuple(rest)


def _tuple(run: Run, node: cst.Tuple, frame: Frame) -> Value:
    items, rest = elements(run, node.elements, frame)
    return List(items, rest) if rest else items


def _list(run: Run, node: cst.List, frame: Frame) -> Value:
    return List(*elements(run, node.elements, frame))


def _set(run: Run, node: cst.Set, frame: Frame) -> Value:
    items, rest = elements(run, node.elements, frame)
    return make_set(items, is_open=bool(rest))


def _dict(run: Run, node: cst.Dict, frame: Frame) -> Value:
    result = Dict()
    for element in node.elements:
        value = evaluate(run, element.value, frame)
        if type(element) is cst.StarredDictElement:
            if isinstance(value, Dict):
                result.cells.update(value.cells)
            else:
                result.cells[Dict.OPEN] = True
        elif type(element) is cst.DictElement:
            key = evaluate(run, element.key, frame)
            if is_key(key):
                result.cells[key] = value
            else:
                result.cells[Dict.OPEN] = True
    return result


def _subscript(run: Run, node: cst.Subscript, frame: Frame) -> Value:
    value = evaluate(run, node.value, frame)
    return get_item(run, value, evaluate_index(run, node.slice, frame), Spot(frame.file, node))


def evaluate_index(run: Run, slices: Any, frame: Frame) -> Value:
    """Evaluate what stands between the brackets of a subscript."""
    parts: list[Value] = []
    for element in slices:
        part = element.slice
        if type(part) is cst.Index:
            value = evaluate(run, part.value, frame)
            if part.star is not None:
                parts.extend(iterate(run, value)[0])
                continue
            parts.append(value)
        else:
            bounds = (part.lower, part.upper, part.step)
            parts.append(slice_of(*(None if b is None else evaluate(run, b, frame) for b in bounds)))
    if len(parts) == 1 and not (len(slices) == 1 and slices[0].comma is not cst.MaybeSentinel.DEFAULT):
        return parts[0]
    return tuple(parts)


def _binary(run: Run, node: cst.BinaryOperation, frame: Frame) -> Value:
    left, right = evaluate(run, node.left, frame), evaluate(run, node.right, frame)
    return BINARY[type(node.operator)](run, left, right, Spot(frame.file, node))


def _unary(run: Run, node: cst.UnaryOperation, frame: Frame) -> Value:
    return unary(node.operator, evaluate(run, node.expression, frame))


def _boolean(run: Run, node: cst.BooleanOperation, frame: Frame) -> Value:
    left = evaluate(run, node.left, frame)
    decided = truth(left)
    is_and = type(node.operator) is cst.And
    if decided is None:
        right = _guess(run, node.right, frame)
        if truth(right) is (not is_and):
            return right if not is_and and right is True else (False if is_and else join((left, right)))
        if isinstance(left, OneOf):
            kept = [v for v in left.values if truth(v) is not is_and]
            return join((*kept, right))
        return join((left, right))
    return evaluate(run, node.right, frame) if decided is is_and else left


def _guess(run: Run, node: cst.BaseExpression, frame: Frame) -> Value:
    """Evaluate something that may not run, keeping only its value."""
    outer = run.heap.begin()
    run.uncertain += 1
    try:
        return evaluate(run, node, frame)
    finally:
        run.uncertain -= 1
        run.merge([run.heap.undo(outer)], optional=True)


def _comparison(run: Run, node: cst.Comparison, frame: Frame) -> Value:
    left = evaluate(run, node.left, frame)
    outcome: Value = True
    for target in node.comparisons:
        right = evaluate(run, target.comparator, frame)
        result = compare_values(run, target.operator, left, right)
        if result is False:
            return False
        if result is not True:
            outcome = result
        left = right
    return outcome


def _conditional(run: Run, node: cst.IfExp, frame: Frame) -> Value:
    decided = truth(evaluate(run, node.test, frame))
    run.branches.add((id(node), decided))
    if decided is not None:
        return evaluate(run, node.body if decided else node.orelse, frame)
    values: list[Value] = []

    def alternative(branch: cst.BaseExpression, holds: bool) -> Callable[[], str | None]:
        def execute() -> None:
            from bn_lint.static.narrow import assume

            assume(run, node.test, frame, holds)
            values.append(evaluate(run, branch, frame))

        return execute

    run.branch(frame, alternative(node.body, True), alternative(node.orelse, False))
    return join(values)


def _lambda(run: Run, node: cst.Lambda, frame: Frame) -> Value:
    params, defaults = make_parameters(run, node.params, frame)
    return Function("<lambda>", node, params, defaults, frame, frame.file)


def _call(run: Run, node: cst.Call, frame: Frame) -> Value:
    function = evaluate(run, node.func, frame)
    arguments = evaluate_arguments(run, node.args, frame)
    return call(run, function, arguments, Spot(frame.file, node), frame)


def evaluate_arguments(run: Run, nodes: Any, frame: Frame) -> Arguments:
    """Evaluate the arguments of a call, spreading known `*args` and `**kwargs`."""
    arguments = Arguments()
    for arg in nodes:
        value = evaluate(run, arg.value, frame)
        if not arg.star:
            if arg.keyword is None:
                arguments.positional.append(value)
            else:
                arguments.keywords[arg.keyword.value] = value
        elif arg.star == "*":
            known, more = iterate(run, value)
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


def _comprehension(run: Run, node: Any, frame: Frame) -> tuple[list[Value], list[Value]]:
    """Run a comprehension; returns the known results and samples of what may follow."""
    inner = Frame(frame.module, frame.file, {}, frame, caller=frame.caller, site=frame.site)
    inner.owner, inner.receiver, inner.function = frame.owner, frame.receiver, frame.function
    results: list[Value] = []
    rest: list[Value] = []

    def element() -> Value:
        if type(node) is cst.DictComp:
            return evaluate(run, node.key, inner), evaluate(run, node.value, inner)
        return evaluate(run, node.elt, inner)

    def clause(part: cst.CompFor, certain: bool) -> None:
        from bn_lint.static.assign import assign

        items, more = iterate(run, evaluate(run, part.iter, inner))
        for position, item in enumerate((*items, *more)):
            run.step()
            known = certain and position < len(items)
            assign(run, part.target, item, inner)
            for condition in part.ifs:
                holds = truth(evaluate(run, condition.test, inner))
                if holds is False:
                    break
                known = known and holds is True
            else:
                if part.inner_for_in is not None:
                    clause(part.inner_for_in, known)
                else:
                    (results if known and not rest else rest).append(element())

    clause(node.for_in, True)
    return results, rest


def _list_comprehension(run: Run, node: cst.ListComp | cst.GeneratorExp, frame: Frame) -> Value:
    items, rest = _comprehension(run, node, frame)
    return List(tuple(items), tuple(rest))


def _set_comprehension(run: Run, node: cst.SetComp, frame: Frame) -> Value:
    items, rest = _comprehension(run, node, frame)
    return make_set(tuple(items), is_open=bool(rest))


def _dict_comprehension(run: Run, node: cst.DictComp, frame: Frame) -> Value:
    items, rest = _comprehension(run, node, frame)
    result = Dict(is_open=bool(rest))
    for key, value in items:
        if is_key(key):
            result.cells[key] = value
        else:
            result.cells[Dict.OPEN] = True
    return result


def _walrus(run: Run, node: cst.NamedExpr, frame: Frame) -> Value:
    from bn_lint.static.assign import assign

    value = evaluate(run, node.value, frame)
    assign(run, node.target, value, frame)
    return value


def _yield(run: Run, node: cst.Yield, frame: Frame) -> Value:
    if node.value is None:
        value: Value = None
    elif type(node.value) is cst.From:
        known, more = iterate(run, evaluate(run, node.value.item, frame))
        for item in known:
            _give(run, frame, item)
        frame.yield_rest.extend(more)
        return Unknown("yield from")
    else:
        value = evaluate(run, node.value, frame)  # type: ignore[arg-type]
    _give(run, frame, value)
    return Unknown("sent")


def _give(run: Run, frame: Frame, value: Value) -> None:
    if frame.on_yield is not None:
        body, frame.on_yield = frame.on_yield, None
        body(value)
        return
    if run.uncertain > frame.uncertain or frame.yield_rest or frame.yields is None:
        frame.yield_rest.append(value)
    else:
        frame.yields.append(value)


def _await(run: Run, node: cst.Await, frame: Frame) -> Value:
    return evaluate(run, node.expression, frame)


_EVALUATORS: dict[type, Callable[[Run, Any, Frame], Value]] = {
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
    cst.ListComp: _list_comprehension,
    cst.GeneratorExp: _list_comprehension,
    cst.SetComp: _set_comprehension,
    cst.DictComp: _dict_comprehension,
    cst.NamedExpr: _walrus,
    cst.Yield: _yield,
    cst.Await: _await,
    cst.Ellipsis: lambda run, node, frame: ...,
}
