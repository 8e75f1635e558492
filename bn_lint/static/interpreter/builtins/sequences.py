"""Built-in functions that make, read and run through sequences."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bn_lint.facts.dims import Expression, structural_symbol
from bn_lint.static.interpreter.builtins.methods import next_item, update
from bn_lint.static.interpreter.builtins.table import builtin
from bn_lint.static.interpreter.calls import call
from bn_lint.static.interpreter.interpreter import Interpreter
from bn_lint.static.interpreter.iteration import iterate, next_method
from bn_lint.static.interpreter.lattice.join import join
from bn_lint.static.interpreter.lattice.keys import make_set
from bn_lint.static.interpreter.lattice.truth import truth
from bn_lint.static.interpreter.operators import BINARY, number_of
from bn_lint.static.interpreter.values import (
    ABSENT,
    ITEMS,
    REST,
    Arguments,
    BoundMethod,
    Dict,
    Instance,
    List,
    Slice,
    Tensor,
    Union,
    Unknown,
    UnknownInt,
    Value,
    ValueIterator,
)
from bn_lint.static.syntax.places import NodeRef


@builtin("len")
def _len(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
    value = arguments.positional[0]
    if isinstance(value, (str, tuple, range, bytes)):
        return len(value)
    if isinstance(value, Tensor):
        return value.axes[0].size if value.ranked and value.axes and value.axes[0].size is not None else Unknown("len")
    if isinstance(value, Unknown):
        return value.member("len()", ".__len__()")
    if isinstance(value, Instance):
        method, _ = value.cls.lookup("__len__")
        if method is not ABSENT:
            return call(interpreter, BoundMethod(method, value), Arguments(), ref, None)
    if isinstance(value, Union):
        return join(_len(interpreter, Arguments([v]), ref) for v in value.values if v is not None)
    items, rest = iterate(interpreter, value)
    return Unknown("len", "the length of a list is not known") if rest else len(items)


@builtin("range", takes_more=True)
def _range(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
    bounds = arguments.positional
    known = [int(b) for b in bounds if isinstance(b, int)]
    if bounds and not arguments.more and len(known) == len(bounds):
        return range(*known)
    unknown = next((b for b in bounds if isinstance(b, Unknown)), None)
    return List((), (UnknownInt("i", unknown.why if unknown is not None else "the length of a range is not known"),))


@builtin("list")
def _list(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
    return List(*iterate(interpreter, arguments.positional[0])) if arguments.positional else List()


@builtin("tuple")
def _tuple(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
    if not arguments.positional:
        return ()
    items, rest = iterate(interpreter, arguments.positional[0])
    return List(items, rest) if rest else items


@builtin("set")
@builtin("frozenset")
def _set(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
    items, rest = iterate(interpreter, arguments.positional[0]) if arguments.positional else ((), ())
    return make_set(items, is_open=bool(rest))


@builtin("dict", takes_more=True)
def make_dict(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Dict:
    result = Dict()
    update(interpreter, result, arguments, ref)
    return result


@builtin("slice")
def make_slice(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Slice:
    if len(arguments.positional) == 1:
        return Slice(None, arguments.positional[0])
    return Slice(*arguments.positional)


@builtin("zip", takes_more=True)
def _zip(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
    columns = [iterate(interpreter, v) for v in arguments.positional]
    if arguments.more:
        return List((), (Unknown("?"),))
    open_ = [column for column in columns if column[1]]
    shortest = min((len(items) for items, rest in columns if not rest), default=None)
    if not open_:
        return List(tuple(zip(*(items for items, _ in columns))))
    known = min(len(items) for items, _ in columns)
    items = tuple(zip(*(items[:known] for items, _ in columns)))
    if shortest is not None and known == shortest:
        return List(items)
    sample = tuple(join((*items[known:], *rest)) for items, rest in columns)
    return List(items, (sample,))


@builtin("enumerate")
def _enumerate(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
    items, rest = iterate(interpreter, arguments.positional[0])
    start = arguments.get(1, "start", 0)
    if not isinstance(start, int):
        return List((), tuple((UnknownInt("i"), v) for v in (*items, *rest)))
    pairs = tuple((start + i, v) for i, v in enumerate(items))
    return List(pairs, tuple((UnknownInt("i", "a position in a list of unknown length"), v) for v in rest))


@builtin("reversed")
def _reversed(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
    items, rest = iterate(interpreter, arguments.positional[0])
    return List((), (*rest, *items)) if rest else List(tuple(reversed(items)))


@builtin("sorted")
def sorted_values(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> List:
    """Sort what is known; otherwise the order is unknown."""
    items, rest = iterate(interpreter, arguments.positional[0])
    key = arguments.keywords.get("key")
    keys = [call(interpreter, key, Arguments([v]), ref, None) for v in items] if key is not None else list(items)
    reverse = truth(arguments.keywords.get("reverse", False))
    if rest or reverse is None or not all(isinstance(k, (int, float, str, tuple)) for k in keys):
        return List((), (*items, *rest))
    comparable: list[Any] = keys  # or Python raises a TypeError
    try:
        order = sorted(range(len(items)), key=comparable.__getitem__, reverse=reverse)
    except TypeError:
        return List((), items)
    return List(tuple(items[i] for i in order))


@builtin("map")
def _map(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
    function = arguments.positional[0]
    rows, rest = iterate(interpreter, _zip(interpreter, Arguments(arguments.positional[1:]), ref))
    results = tuple(
        call(interpreter, function, Arguments(list(row)), ref, None) for row in rows if isinstance(row, tuple)
    )
    more = tuple(call(interpreter, function, Arguments(list(row)), ref, None) for row in rest if isinstance(row, tuple))
    return List(results, more)


@builtin("filter")
def _filter(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
    function, values = arguments.positional
    items, rest = iterate(interpreter, values)
    kept: list[Value] = []
    for item in items:
        decided = truth(item if function is None else call(interpreter, function, Arguments([item]), ref, None))
        if decided is None or rest:
            rest = (*rest, item)
        elif decided:
            kept.append(item)
    return List(tuple(kept), rest)


@builtin("sum")
def _sum(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
    from bn_lint.static.syntax import nodes as cst

    items, rest = iterate(interpreter, arguments.positional[0])
    if rest:
        tensors = [v for v in (*items, *rest) if isinstance(v, Tensor)]
        return join(tensors) if tensors else Unknown("sum", "the sum of a list of unknown length")
    total = arguments.get(1, "start", 0)
    for item in items:
        total = item if isinstance(item, Tensor) and total == 0 else BINARY[cst.Add](interpreter, total, item, ref)
    return total


def _extreme(name: str, choose: Callable[..., Any]) -> None:
    @builtin(name, takes_more=True)
    def extreme(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
        items, rest = (
            iterate(interpreter, arguments.positional[0])
            if len(arguments.positional) == 1
            else (tuple(arguments.positional), ())
        )
        if arguments.more:
            return Unknown(name, f"not all that `{name}` is given is known")
        if rest or not items:
            return arguments.keywords.get("default", Unknown(name)) if not items and not rest else Unknown(name)
        key = arguments.keywords.get("key")
        if key is not None:
            keys = [call(interpreter, key, Arguments([v]), ref, None) for v in items]
            known = all(isinstance(k, (int, float)) for k in keys)
            return choose(zip(keys, range(len(items)), items), key=lambda row: row[0])[2] if known else Unknown(name)
        if all(isinstance(v, (int, float)) for v in items) or all(isinstance(v, str) for v in items):
            best: Value = choose(items)
            return best
        numbers = [number_of(v) for v in items]
        if None in numbers:
            return Unknown(name)
        text = ", ".join(map(str, numbers))
        free = all(n.is_free for n in numbers if isinstance(n, Expression))
        return Expression.of(structural_symbol(f"{name}({text})", (name, frozenset(numbers)), free=free))


_extreme("max", max)


_extreme("min", min)


def _quantifier(name: str, decisive: bool) -> None:
    @builtin(name)
    def quantify(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
        items, rest = iterate(interpreter, arguments.positional[0])
        outcomes = [truth(v) for v in items]
        if decisive in outcomes:
            return decisive
        return Unknown(name) if rest or None in outcomes else not decisive


_quantifier("all", False)


_quantifier("any", True)


@builtin("iter")
def _iter(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
    value = arguments.positional[0]
    if isinstance(value, (ValueIterator, Unknown)) or next_method(value) is not None:
        return value
    return ValueIterator(*iterate(interpreter, value))


@builtin("next")
def _next_value(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
    value = arguments.positional[0]
    if isinstance(value, List):
        # A generator expression is kept as the list of what it gives.
        return value.items[0] if value.items else (join(value.rest) if value.rest else arguments.get(1, "default"))
    method = next_method(value)
    if method is not None:
        return call(interpreter, method, Arguments(), ref, interpreter.frame)
    if not isinstance(value, ValueIterator):
        return Unknown("next")
    if not value.cells[ITEMS] and not value.cells[REST] and len(arguments.positional) > 1:
        return arguments.positional[1]
    return next_item(interpreter, value)
