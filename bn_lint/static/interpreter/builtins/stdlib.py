"""The parts of the standard library that model code uses."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Hashable, Mapping

from bn_lint.facts import dims
from bn_lint.facts.dims import Expression, structural_symbol
from bn_lint.static.interpreter.builtins.concrete import complete, computed, evaluated
from bn_lint.static.interpreter.builtins.namespaces import namespace_class
from bn_lint.static.interpreter.builtins.sequences import make_dict, make_slice
from bn_lint.static.interpreter.calls import call
from bn_lint.static.interpreter.interpreter import Interpreter
from bn_lint.static.interpreter.iteration import iterate
from bn_lint.static.interpreter.lattice.copying import clone
from bn_lint.static.interpreter.lattice.join import join
from bn_lint.static.interpreter.lattice.size import limited
from bn_lint.static.interpreter.limits import MAX_ITEMS
from bn_lint.static.interpreter.objects import make_dataclass
from bn_lint.static.interpreter.operators import BINARY, number_of
from bn_lint.static.interpreter.subscripts import get_item
from bn_lint.static.interpreter.values import (
    ABSENT,
    Arguments,
    Builtin,
    Class,
    Dict,
    External,
    Field,
    Function,
    Instance,
    LibraryClass,
    List,
    Partial,
    Property,
    Union,
    Unknown,
    Value,
)
from bn_lint.static.syntax import nodes as cst
from bn_lint.static.syntax.places import NodeRef

STDLIB: dict[str, Value] = {}


def library(
    *names: str,
    takes_more: bool = False,
) -> Callable[[Callable[[Interpreter, Arguments, NodeRef], Value]], Callable[[Interpreter, Arguments, NodeRef], Value]]:
    def register(
        function: Callable[[Interpreter, Arguments, NodeRef], Value],
    ) -> Callable[[Interpreter, Arguments, NodeRef], Value]:
        for name in names:
            STDLIB[name] = Builtin(name, function) if takes_more else complete(name, function)
        return function

    return register


def _symbolic_math(name: str, function: Callable[..., float]) -> None:
    """A function of one number: computed when it is known, one symbol for the computation when it is symbolic."""

    def implementation(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
        value = arguments.positional[0]
        number = number_of(value)
        if isinstance(number, Expression):
            if name in ("floor", "ceil", "trunc") and all(isinstance(c, int) for c in number.terms.values()):
                return number
            if name in ("floor", "trunc"):
                return dims.truncate(number)
            symbol = structural_symbol(f"{name}({number})", (name, number), free=number.is_free)
            return Expression.of(symbol)
        return evaluated(interpreter, name, function, *arguments.positional)

    for module in ("math", "numpy"):
        STDLIB[f"{module}.{name}"] = complete(name, implementation)


for _name in ("floor", "ceil", "trunc", "sqrt", "log2", "log", "exp", "log10"):
    _symbolic_math(_name, getattr(math, _name))
for _name in (
    "gcd",
    "lcm",
    "pow",
    "prod",
    "isclose",
    "fabs",
    "sin",
    "cos",
    "tan",
    "hypot",
    "fmod",
    "copysign",
    "isfinite",
    "isnan",
):
    STDLIB[f"math.{_name}"] = computed(_name, getattr(math, _name))
STDLIB.update({"math.pi": math.pi, "math.e": math.e, "math.inf": math.inf, "numpy.pi": math.pi})
STDLIB["numpy.prod"] = STDLIB["math.prod"]
for _name in ("compile", "match", "fullmatch", "search", "split", "sub", "findall", "escape"):
    STDLIB[f"re.{_name}"] = computed(_name, getattr(re, _name))
STDLIB.update({f"re.{flag}": int(getattr(re, flag)) for flag in ("I", "IGNORECASE", "M", "S", "X", "VERBOSE")})
STDLIB["collections.OrderedDict"] = Builtin("collections.OrderedDict", make_dict)
STDLIB["typing.OrderedDict"] = STDLIB["collections.OrderedDict"]
for _name in ("types.SimpleNamespace", "argparse.Namespace"):
    STDLIB[_name] = namespace_class(_name)
STDLIB["typing.cast"] = complete("cast", lambda interpreter, arguments, ref: arguments.get(1, "val"))
STDLIB["warnings.warn"] = Builtin("warn", lambda interpreter, arguments, ref: None)
for _name in ("Sequence", "Iterable", "Mapping", "Callable"):
    STDLIB[f"typing.{_name}"] = External(f"collections.abc.{_name}")


@library("functools.partial")
def _partial(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
    function = arguments.positional[0]
    keywords = dict(arguments.keywords)
    positional = tuple(arguments.positional[1:])
    if isinstance(function, Partial):
        positional = function.positional + positional
        keywords = {**dict(function.keywords), **keywords}
        function = function.function
    return Partial(function, positional, tuple(keywords.items()), ref)


@library("functools.wraps", "functools.update_wrapper", takes_more=True)
def _wraps(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
    return Builtin("wraps", lambda interpreter, arguments, ref: arguments.positional[0])


@library("functools.lru_cache", "functools.cache", takes_more=True)
def _cache(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
    if arguments.positional and isinstance(arguments.positional[0], Function):
        return arguments.positional[0]
    return Builtin("cache", lambda interpreter, arguments, ref: arguments.positional[0])


@library("functools.cached_property")
def _cached_property(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
    return Property(arguments.get(0, "fget"))


@library("functools.reduce")
def _reduce(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
    function = arguments.positional[0]
    items, rest = iterate(interpreter, arguments.positional[1])
    if rest:
        return Unknown("?", "reducing a list of unknown length")
    values = [*arguments.positional[2:3], *items]
    if not values:
        return Unknown("?", "reducing an empty list")
    total = values[0]
    for value in values[1:]:
        total = call(interpreter, function, Arguments([total, value]), ref, None)
    return total


@library("itertools.chain", takes_more=True)
def _chain(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
    items: list[Value] = []
    rest: list[Value] = []
    for value in arguments.positional:
        known, more = iterate(interpreter, value)
        (rest if rest else items).extend(known)
        rest.extend(more)
    if arguments.more:
        for sample in arguments.rest or (Unknown("?"),):
            rest.extend(part for parts in iterate(interpreter, sample) for part in parts)
    interpreter.budget.charge(len(items) + len(rest))
    return limited(List(tuple(items), tuple(rest)))


@library("itertools.chain.from_iterable")
def _chain_from(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
    items, rest = iterate(interpreter, arguments.positional[0])
    return _chain(interpreter, Arguments([*items, *rest]), ref)


@library("itertools.repeat")
def _repeat(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
    times = arguments.get(1, "times")
    if isinstance(times, int) and times <= MAX_ITEMS:
        return List((arguments.positional[0],) * int(times))
    return List((), (arguments.positional[0],))


@library("itertools.accumulate")
def _accumulate(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
    items, rest = iterate(interpreter, arguments.positional[0])
    totals: list[Value] = []
    for item in items:
        totals.append(BINARY[cst.Add](interpreter, totals[-1], item, ref) if totals else item)
    return List(tuple(totals), (Unknown("?"),) if rest else ())


@library("itertools.product")
def _product(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
    import itertools

    columns = [iterate(interpreter, v) for v in arguments.positional]
    if any(rest for _, rest in columns) or arguments.keywords or math.prod(len(c[0]) for c in columns) > MAX_ITEMS:
        return Unknown("?", "a product of unknown size")
    return List(tuple(itertools.product(*(items for items, _ in columns))))


@library("itertools.islice")
def _islice(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
    items, rest = iterate(interpreter, arguments.positional[0])
    bounds = make_slice(interpreter, arguments.shifted(), ref).concrete
    if rest or bounds is None:
        return List((), (*items, *rest))
    return List(items[bounds])


@library("itertools.tee")
def _tee(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
    items, rest = iterate(interpreter, arguments.positional[0])
    return (List(items, rest), List(items, rest))


@library("itertools.pairwise")
def _pairwise(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
    items, rest = iterate(interpreter, arguments.positional[0])
    pairs = tuple((items[i], items[i + 1]) for i in range(len(items) - 1))
    return List(pairs, ((join((*items[-1:], *rest)),) * 2,) if rest else ())


@library("collections.namedtuple")
def _namedtuple(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
    name, fields = arguments.get(0, "typename"), arguments.get(1, "field_names")
    given = fields.replace(",", " ").split() if isinstance(fields, str) else iterate(interpreter, fields)[0]
    names = [field for field in given if isinstance(field, str)]
    if interpreter.frame is None or len(names) != len(given):
        return Unknown("namedtuple")
    defaults = (
        iterate(interpreter, arguments.keywords["defaults"])[0]
        if arguments.keywords.get("defaults") is not None
        else ()
    )
    padded = (ABSENT,) * (len(names) - len(defaults)) + tuple(defaults)
    empty = cst.ClassDef(cst.Name("_"), cst.IndentedBlock(()))
    cls = Class(str(name), empty, (), interpreter.frame, interpreter.frame.file)
    cls.kind = "namedtuple"
    cls.fields = tuple(zip(names, padded))
    return cls


@library("collections.defaultdict", takes_more=True)
def _defaultdict(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
    factory = arguments.get(0, "default_factory")
    made = make_dict(interpreter, arguments.shifted(), ref)
    if factory is not None:
        made.factory = factory
    return made


@library("collections.deque")
def _deque(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
    if arguments.get(1, "maxlen") is not None:
        return List((), (Unknown("?", "which elements a `deque` still has is not followed"),))
    return List(*iterate(interpreter, arguments.positional[0])) if arguments.positional else List()


@library("copy.deepcopy")
def _deepcopy(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
    return _deep_copy(interpreter, arguments.get(0, "x"))


def _deep_copy(interpreter: Interpreter, value: Value) -> Value:
    if isinstance(value, Union):
        return Union(tuple([_deep_copy(interpreter, one) for one in value.values]))
    if type(value) is Unknown:
        twin = value.twin()
        stand_in = clone(value.stand_in) if value.stand_in is not None else None
        twin.stand_in = stand_in if isinstance(stand_in, Instance) else None
        return twin
    if isinstance(value, Instance) and not value.is_module:
        return _instance_with(value, {name: clone(part) for name, part in value.cells.items()})
    copy = clone(value)
    if isinstance(copy, Instance):
        copy.owner = None
        interpreter.created.append(copy)
        if isinstance(value, Instance):
            interpreter.events.module_copied(value, copy)
    return copy


@library("copy.copy")
def _copy(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
    return _shallow_copy(arguments.get(0, "x"))


def _shallow_copy(value: Value) -> Value:
    if isinstance(value, Union):
        return Union(tuple(map(_shallow_copy, value.values)))
    if isinstance(value, Instance):
        return _instance_with(value, value.cells)
    if isinstance(value, List):
        return List(value.items, value.rest)
    return Dict(dict(value.cells), is_set=value.is_set) if isinstance(value, Dict) else value


def _instance_with(value: Instance, cells: Mapping[Hashable, Value]) -> Instance:
    copy = Instance(value.cls, value.built)
    copy.cells.update(cells)
    return copy


@library("dataclasses.dataclass", takes_more=True)
def _dataclass(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
    def decorate(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
        cls = arguments.positional[0]
        if isinstance(cls, Class):
            make_dataclass(cls, list(cls.annotated))
        return cls

    if arguments.positional:
        return decorate(interpreter, arguments, ref)
    return Builtin("dataclass", decorate)


@library("dataclasses.field")
def _field(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
    return Field(arguments.keywords.get("default", ABSENT), arguments.keywords.get("default_factory"))


@library("dataclasses.replace")
def _replace(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
    original = arguments.positional[0]
    if not isinstance(original, Instance):
        return Unknown("replace")
    copy = Instance(original.cls, original.built)
    copy.cells.update(original.cells)
    copy.cells.update(arguments.keywords)
    return copy


@library("dataclasses.asdict")
def _asdict(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
    original = arguments.positional[0]
    if not isinstance(original, Instance) or not isinstance(original.cls, Class):
        return Unknown("asdict")
    return Dict({name: original.cells.get(name, Unknown(name)) for name, _ in original.cls.fields})


@library("inspect.isfunction")
def _isfunction(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
    value = arguments.positional[0]
    return Unknown("isfunction") if isinstance(value, (Unknown, External, Union)) else isinstance(value, Function)


@library("inspect.isclass")
def _isclass(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
    value = arguments.positional[0]
    return (
        Unknown("isclass")
        if isinstance(value, (Unknown, External, Union))
        else isinstance(value, (Class, LibraryClass))
    )


def _operator(name: str, node: type) -> None:
    STDLIB[f"operator.{name}"] = complete(
        name,
        lambda interpreter, arguments, ref: BINARY[node](
            interpreter, arguments.positional[0], arguments.positional[1], ref
        ),
    )


for _name, _node in (
    ("add", cst.Add),
    ("sub", cst.Subtract),
    ("mul", cst.Multiply),
    ("floordiv", cst.FloorDivide),
    ("truediv", cst.Divide),
):
    _operator(_name, _node)


@library("operator.itemgetter")
def _itemgetter(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
    keys = list(arguments.positional)

    def get(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
        values = tuple(get_item(interpreter, arguments.positional[0], key, ref) for key in keys)
        return values[0] if len(values) == 1 else values

    return Builtin("itemgetter", get)
