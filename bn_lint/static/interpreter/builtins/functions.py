"""Python's built-in functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from bn_lint.facts import dims
from bn_lint.facts.dims import Expression, TracedInt, structural_symbol
from bn_lint.static.interpreter.assign import set_attribute
from bn_lint.static.interpreter.attributes import get_attribute
from bn_lint.static.interpreter.builtins.concrete import computed, evaluated
from bn_lint.static.interpreter.builtins.isinstances import is_instance, is_subclass, type_of
from bn_lint.static.interpreter.builtins.methods import _next, _update
from bn_lint.static.interpreter.calls import call
from bn_lint.static.interpreter.frames import ModuleScope
from bn_lint.static.interpreter.interpreter import Interpreter
from bn_lint.static.interpreter.iteration import iterate, next_method
from bn_lint.static.interpreter.join import join
from bn_lint.static.interpreter.keys import make_set
from bn_lint.static.interpreter.operators import BINARY, number_of
from bn_lint.static.interpreter.truth import truth
from bn_lint.static.interpreter.values import (
    ABSENT,
    ITEMS,
    REST,
    Arguments,
    BoundMethod,
    Builtin,
    Class,
    ClassMethod,
    Dict,
    External,
    Function,
    Instance,
    LibraryClass,
    List,
    Partial,
    Property,
    Slice,
    StaticMethod,
    Super,
    Tensor,
    Union,
    Unknown,
    UnknownInt,
    Value,
    ValueIterator,
)
from bn_lint.static.syntax.places import NodeRef

Implementation = TypeVar("Implementation", bound=Callable[[Interpreter, Arguments, NodeRef], Value])

_PURE: tuple[Callable[..., Any], ...] = (bin, bytes, chr, complex, divmod, format, hex, oct, ord)
_EXCEPTIONS = (
    "object BaseException Exception AssertionError AttributeError FileNotFoundError ImportError IndexError KeyError "
    "KeyboardInterrupt ModuleNotFoundError NotImplementedError OSError RuntimeError StopIteration TypeError ValueError "
    "Warning DeprecationWarning UserWarning"
)

BUILTINS: dict[str, Value] = {function.__name__: computed(function.__name__, function) for function in _PURE}
BUILTINS.update((name, External(name)) for name in _EXCEPTIONS.split())
BUILTINS.update(
    {"True": True, "False": False, "None": None, "Ellipsis": ..., "NotImplemented": External("NotImplemented")}
)
BUILTINS.update(dict.fromkeys(("exit", "quit"), External("sys.exit")))
BUILTINS.update({"__name__": "__main__", "__file__": Unknown("__file__"), "__doc__": None, "__debug__": True})


def builtin(name: str) -> Callable[[Implementation], Implementation]:
    def register(function: Implementation) -> Implementation:
        BUILTINS[name] = Builtin(name, function)
        return function

    return register


def _silent(name: str) -> None:
    BUILTINS[name] = Builtin(name, lambda interpreter, arguments, ref: None)


_silent("print")


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


@builtin("range")
def _range(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
    bounds = arguments.positional
    known = [int(b) for b in bounds if isinstance(b, int)]
    if bounds and not arguments.more and len(known) == len(bounds):
        return range(*known)
    unknown = next((b for b in bounds if isinstance(b, Unknown)), None)
    return List((), (UnknownInt("i", unknown.why if unknown is not None else "the length of a range is not known"),))


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
    return evaluated("int", int, *arguments.positional) if isinstance(value, (int, float, str)) else Unknown("int")


@builtin("round")
def _round(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
    value = arguments.positional[0]
    if isinstance(value, Unknown):
        value = value.number
    if isinstance(value, Expression):
        if all(isinstance(c, int) for c in value.terms.values()):
            return value
        return Expression.of(structural_symbol(f"round({value})", ("round", value), free=value.is_free))
    return value if isinstance(value, TracedInt) else evaluated("round", round, *arguments.positional)


@builtin("float")
def _float(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
    value = arguments.get(0, "x", 0.0)
    return value if isinstance(value, (Unknown, Expression)) else evaluated("float", float, value)


@builtin("abs")
def _abs(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
    value = arguments.positional[0]
    return value if isinstance(value, (Unknown, Expression, Tensor, TracedInt)) else evaluated("abs", abs, value)


@builtin("pow")
def _pow(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
    import libcst as cst

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


@builtin("dict")
def make_dict(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Dict:
    result = Dict()
    _update(interpreter, result, arguments, ref)
    return result


@builtin("zip")
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
    import libcst as cst

    items, rest = iterate(interpreter, arguments.positional[0])
    if rest:
        tensors = [v for v in (*items, *rest) if isinstance(v, Tensor)]
        return join(tensors) if tensors else Unknown("sum", "the sum of a list of unknown length")
    total = arguments.get(1, "start", 0)
    for item in items:
        total = item if isinstance(item, Tensor) and total == 0 else BINARY[cst.Add](interpreter, total, item, ref)
    return total


def _extreme(name: str, choose: Callable[..., Any]) -> None:
    @builtin(name)
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
    return _next(interpreter, value)


@builtin("isinstance")
def _isinstance(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
    outcome = is_instance(interpreter, arguments.positional[0], arguments.positional[1])
    return Unknown("isinstance") if outcome is None else outcome


@builtin("issubclass")
def _issubclass(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
    outcome = is_subclass(interpreter, arguments.positional[0], arguments.positional[1])
    return Unknown("issubclass") if outcome is None else outcome


@builtin("type")
def _type(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
    return type_of(arguments.positional[0])


@builtin("callable")
def _callable(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
    value = arguments.positional[0]
    if isinstance(value, (Function, Builtin, Class, LibraryClass, BoundMethod, Partial)):
        return True
    return False if value is None or isinstance(value, (int, float, str, tuple, List, Dict)) else Unknown("callable")


@builtin("getattr")
def _getattr(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
    owner, name = arguments.positional[0], arguments.get(1, "name")
    if not isinstance(name, str):
        if isinstance(owner, External):
            return interpreter.domain.any_member(owner.dotted)
        return Unknown("?", "an attribute with an unknown name")
    if len(arguments.positional) > 2 and has_attribute(interpreter, owner, name) is False:
        return arguments.positional[2]
    value = get_attribute(interpreter, owner, name, ref)
    return value


@builtin("hasattr")
def _hasattr(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
    owner, name = arguments.positional[0], arguments.get(1, "name")
    outcome = has_attribute(interpreter, owner, name) if isinstance(name, str) else None
    return Unknown("hasattr") if outcome is None else outcome


def has_attribute(interpreter: Interpreter, owner: Value, name: str) -> bool | None:
    """Return `hasattr(owner, name)`, as far as it is known."""
    if isinstance(owner, Instance):
        if owner.cells.get(name, ABSENT) is not ABSENT or owner.cls.lookup(name)[0] is not ABSENT:
            return True
        if isinstance(owner.cls, LibraryClass):
            return None if name in ("weight", "bias") else False
        return None if owner.cls.has_unknown_base or owner.cls.lookup("__getattr__")[1] is not None else False
    if isinstance(owner, Class):
        if owner.lookup(name)[0] is not ABSENT:
            return True
        return None if owner.has_unknown_base else False
    if isinstance(owner, External):
        return interpreter.domain.has_member(owner.dotted, name)
    if isinstance(owner, ModuleScope):
        if owner.cells.get(name, ABSENT) is not ABSENT:
            return True
        return None if owner.state == ModuleScope.FRESH or owner.stars or "__getattr__" in owner.cells else False
    if isinstance(owner, Function):
        return True if name in owner.attributes else None
    if isinstance(owner, (int, float, str)) or owner is None:
        return hasattr(owner, name)
    if isinstance(owner, (tuple, List)):
        return hasattr([], name) or name == "__len__"
    if isinstance(owner, Dict):
        return hasattr({}, name)
    return None


@builtin("setattr")
def _setattr(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> None:
    owner, name, value = arguments.positional
    if isinstance(name, str):
        set_attribute(interpreter, owner, name, value, ref)
    elif isinstance(owner, Instance) and owner.is_module:
        interpreter.store.set(owner, REST, (*(REST.of(owner) or ()), value))


@builtin("super")
def _super(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
    frame = interpreter.frame
    if arguments.positional:
        after = arguments.positional[0]
        receiver = arguments.get(1, "obj")
        return Super(after, receiver)
    while frame is not None and frame.owner is None:
        frame = frame.parent
    if frame is None or frame.owner is None:
        return Unknown("super")
    return Super(frame.owner, frame.receiver)


@builtin("reveal")
def _reveal(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
    """Show a value in the specifications of the engine."""
    value = arguments.get(0, "value")
    interpreter.collector.revealed(ref, value)
    return value


BUILTINS["property"] = Builtin("property", lambda interpreter, arguments, ref: Property(arguments.get(0, "fget")))
BUILTINS["staticmethod"] = Builtin(
    "staticmethod", lambda interpreter, arguments, ref: StaticMethod(arguments.positional[0])
)
BUILTINS["classmethod"] = Builtin(
    "classmethod", lambda interpreter, arguments, ref: ClassMethod(arguments.positional[0])
)
BUILTINS["hash"] = BUILTINS["id"] = BUILTINS["vars"] = BUILTINS["dir"] = Unknown("?", "identity is not evaluated")
BUILTINS["locals"] = Builtin(
    "locals", lambda interpreter, arguments, ref: Dict(dict(interpreter.frame.cells)) if interpreter.frame else Dict()
)
BUILTINS["globals"] = Builtin(
    "globals",
    lambda interpreter, arguments, ref: (
        Dict(dict(interpreter.frame.module.cells), is_open=True) if interpreter.frame else Dict()
    ),
)


@builtin("slice")
def make_slice(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Slice:
    if len(arguments.positional) == 1:
        return Slice(None, arguments.positional[0])
    return Slice(*arguments.positional)


__all__ = ["BUILTINS", "has_attribute", "make_dict", "make_slice", "sorted_values"]
