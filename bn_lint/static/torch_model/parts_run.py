"""Which parts of a model a method may run: `model.encode(images)` does not run the decoder."""

from __future__ import annotations

from bn_lint.facts.dims import Expression
from bn_lint.libraries import LIBRARIES
from bn_lint.static.interpreter.signatures import bind
from bn_lint.static.interpreter.values import (
    CONSTANTS,
    REST,
    Arguments,
    BoundMethod,
    Function,
    Instance,
    LibraryClass,
    List,
    Property,
    Tensor,
    Value,
    alternatives,
)
from bn_lint.static.syntax import nodes as cst
from bn_lint.static.syntax.live import NOTHING, Given, asked_names, live
from bn_lint.static.syntax.tree import asked_once

#: How the names of classes begin of which each model takes one input.
_TAKE_ONE = tuple(f"{library.name}." for library in LIBRARIES if library.takes_one)
#: Stands for any attribute.
_ANY = "*"
#: Values that conditions ask for.
_DECIDING = frozenset({bool, int, str, type(None)})
#: What an attribute may hold besides parts.
_NUMBERS = (*CONSTANTS, Expression, Tensor)


def layers_run(layers: list[Instance], model: Instance, method: Value, arguments: Arguments | None) -> list[Instance]:
    """Those of the layers of a model that a method of it may run; all, where its code does not show which.

    Args:
        arguments: What it is given, if that is known: `net(images, classify=False)`.
    """
    own = model.cells.get("forward")
    if own is not None and method is model.cls.lookup("forward")[0]:
        if not isinstance(own, BoundMethod) or own.receiver is not model:
            return layers
        method = own.function
    if not isinstance(method, Function):
        if model.cls.name.startswith(_TAKE_ONE) and arguments is not None and len(arguments.values()) > 1:
            return []  # Python raises, or it is a detector, the BatchNorm of which learns nothing
        idle = _idle_in_wrapper(model, arguments)
        return [layer for layer in layers if id(layer) not in idle]
    parts = _parts_run(model, method, given=_constants(model, method, arguments))
    return layers if parts is None else [layer for layer in layers if id(layer) in parts]


def _constants(model: Instance, method: Function, arguments: Arguments | None) -> Given:
    """The parameters of a method that decide what runs, of those of which it is known what a call gives them."""
    if arguments is None or arguments.more:
        return NOTHING
    asked = asked_names(method.node)
    bound = bind(method, Arguments([model, *arguments.positional], arguments.keywords)) if asked else {}
    return frozenset((name, value) for name, value in bound.items() if name in asked and type(value) in _DECIDING)


def _parts_run(
    model: Instance, method: Value, seen: set[int] | None = None, *, given: Given = NOTHING
) -> set[int] | None:
    """The `id` of each module below a model that a method may run; None where that may be any.

    Args:
        seen: The modules that were looked at before, one of which may be around others and within them.
        given: What the call gives the method.
    """
    seen = set() if seen is None else seen
    if not isinstance(method, Function):
        return None
    found = {id(below) for one in REST.of(model) or () for below in _modules_in(one)}
    asked: set[str] = set()
    called: list[Value] = []
    pending: list[Value] = [method]
    while pending:
        one = pending.pop()
        if isinstance(one, Property):
            one = one.getter
        if not isinstance(one, Function):
            return None
        known = given if one is method else NOTHING
        names = _attributes_of_self(one.node, known)
        if names is None:
            return None
        if _ANY in names:
            called.extend(model.possible_children())
        used = names - _called_parts(one.node, known)
        for name in names - {_ANY} - asked - {"training"}:
            asked.add(name)
            if name not in model.cells:
                pending.append(model.cls.lookup(name)[0])
                continue
            value = model.cells[name]
            if not _is_understood(value):
                return None
            if name not in used and isinstance(value, Instance):
                called.append(value)
                asked.discard(name)  # another method may use it otherwise
            else:
                found.update(id(below) for below in _modules_in(value))
    for part in called:
        found |= _run_by_call(part, seen)
    return found


def _run_by_call(part: Value, seen: set[int]) -> set[int]:
    """The `id` of each module that calling a part of a model may run."""
    if not isinstance(part, Instance) or id(part) in seen:
        return set()
    seen.add(id(part))
    forward = part.cls.lookup("forward")[0]
    if not isinstance(forward, Function):
        return {id(part)}.union(*(_run_by_call(child, seen) for child in part.possible_children()))
    is_replaced = "forward" in part.cells or isinstance(part.cls.lookup("__call__")[0], Function)
    inner = None if is_replaced else _parts_run(part, forward, seen)
    return {id(part), *(map(id, part.possible_descendants()) if inner is None else inner)}


def _idle_in_wrapper(model: Instance, arguments: Arguments | None) -> set[int]:
    """The `id` of each module in what `DataParallel` and its like wrap that the `forward` of that does not run.

    Of several that may be wrapped, and of one that is not known, all is run that one of them may run.
    """
    inner = [one for one in alternatives(model.cells.get("module")) if isinstance(one, Instance) and one.is_module]
    idle: set[int] = set()
    run: set[int] = set()
    for one in inner if isinstance(model.cls, LibraryClass) else ():
        forward = one.cls.lookup("forward")[0]
        given = _constants(one, forward, arguments) if isinstance(forward, Function) else NOTHING
        parts = _parts_run(one, forward, given=given)
        below = {id(part) for part in one.possible_descendants()}
        run |= below if parts is None else parts
        idle |= below
    return idle - run


def _is_understood(value: Value) -> bool:
    """Whether an attribute holds a part or a number, and nothing that may hold parts out of sight."""
    return all(
        (isinstance(one, Instance) and one.is_module)
        or isinstance(one, _NUMBERS)
        or (isinstance(one, List) and all(isinstance(item, _NUMBERS) for item in (*one.items, *one.rest)))
        for one in alternatives(value)
    )


def _modules_in(value: Value) -> list[Instance]:
    modules = (one for one in alternatives(value) if isinstance(one, Instance) and one.is_module)
    return [below for one in modules for below in one.possible_descendants()]


@asked_once
def _called_parts(method: cst.FunctionDef | cst.Lambda, given: Given) -> frozenset[str]:
    """The attributes of itself that a method calls, and does nothing else with: what these run is up to them."""
    first = method.params.params[0].name.value if method.params.params else None
    of_self = [node for node in live(method, given) if type(node) is cst.Attribute and _names(node.value, first)]
    called = {node.func for node in live(method, given) if type(node) is cst.Call}
    return frozenset(node.attr.value for node in of_self) - {node.attr.value for node in of_self if node not in called}


def _looked_up(node: cst.CSTNode) -> cst.Name | None:
    """`self` in `getattr(self, name)`."""
    if type(node) is not cst.Call or not _names(node.func, "getattr") or len(node.args) != 2:
        return None
    owner = node.args[0].value
    return owner if type(owner) is cst.Name else None


def _names(node: cst.CSTNode, name: str | None) -> bool:
    return type(node) is cst.Name and node.value == name


@asked_once
def _attributes_of_self(method: cst.FunctionDef | cst.Lambda, given: Given) -> frozenset[str] | None:
    """The attributes of itself that a method names; None where it may reach others, with `super()` or as a whole."""
    first = method.params.params[0].name if method.params.params else None
    if first is None:
        return None
    names: set[str] = set()
    owners: set[cst.CSTNode] = {first}
    for node in live(method, given):
        if type(node) is cst.Call and (looked_up := _looked_up(node.func)) is not None:
            names.add(_ANY)  # which of its parts `getattr(self, name)(x)` calls may not be known
            owners.add(looked_up)
        if type(node) is cst.Attribute and type(node.value) is cst.Name and node.value.value == first.value:
            names.add(node.attr.value)
            owners.add(node.value)
    for node in live(method, given):
        if type(node) is cst.Name and (node.value == "super" or (node.value == first.value and node not in owners)):
            return None
    return frozenset(names)
