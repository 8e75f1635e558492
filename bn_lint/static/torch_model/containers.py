"""`nn.Sequential`, `nn.ModuleList`, `nn.ModuleDict`, and wrappers that hold one module."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bn_lint.static.interpreter.calls import call
from bn_lint.static.interpreter.interpreter import Interpreter
from bn_lint.static.interpreter.iteration import iterate
from bn_lint.static.interpreter.lattice.join import join
from bn_lint.static.interpreter.subscripts import get_item
from bn_lint.static.interpreter.values import (
    ABSENT,
    REST,
    Alternatives,
    Arguments,
    Builtin,
    Dict,
    Instance,
    LibraryClass,
    List,
    Scattered,
    Slice,
    Union,
    Unknown,
    UnknownModule,
    Value,
)
from bn_lint.static.syntax.places import NodeRef
from bn_lint.static.torch_model.watchers import given_too_much

Method = Callable[[Interpreter, Instance, Arguments, NodeRef], Value]


Children = tuple[tuple[str, Value], ...]


def elements(container: Instance) -> tuple[Children, tuple[Value, ...]]:
    """Return the children of a container by name, and samples of those that may follow."""
    known, rest, last = in_order(container)
    return known, (*rest, *(module for _, module in last))


def in_order(container: Instance) -> tuple[Children, tuple[Value, ...], Children]:
    """Return the first children of a container, samples of those that may follow, and those registered after them."""
    known: list[tuple[str, Value]] = []
    first: int | None = None
    for name, value in container.cells.items():
        if name == REST and value:
            first = len(known)
        elif type(value) is Instance:
            if value.is_module and isinstance(name, str):
                known.append((name, value))
        elif isinstance(name, str) and value is not ABSENT and _is_child(container, name, value):
            known.append((name, value))
    rest = REST.of(container) or ()
    last = tuple(known[first:]) if first is not None else ()
    if isinstance(rest, Scattered):
        rest, last = Alternatives((*rest, *(module for _, module in last))), ()
    if isinstance(rest, Alternatives):
        # What one sample gives is nothing that the next is fed.
        unknown = Unknown("layers", "it is not known which layer follows")
        rest = (unknown, *(one for sample in rest for one in (sample, unknown)))
    return tuple(known[:first]), rest, last


def _is_child(container: Instance, name: str, value: Value) -> bool:
    if isinstance(value, Instance):
        return value.is_module
    if isinstance(value, Union):
        return any(isinstance(v, Instance) and v.is_module for v in value.values)
    if isinstance(value, Unknown) and isinstance(container.cls, LibraryClass):
        return container.cls.short_name in _TABLES  # nothing else is written to an attribute of a plain container
    return isinstance(value, UnknownModule) or name.isdigit()


def register_child(interpreter: Interpreter, container: Instance, name: str, module: Value) -> None:
    """Register a module under a name, so that it is a child even if nothing is known of it."""
    from bn_lint.static.interpreter.assign import register

    if isinstance(module, Unknown):
        module = UnknownModule(module.name, module.why)
    register(interpreter, container, name, module)


def register_unnamed(interpreter: Interpreter, container: Instance, module: Value) -> None:
    """Register a module under a name that is not known, behind those that are registered."""
    _, _, last = in_order(container)
    samples = REST.of(container) or ()
    if last or isinstance(samples, Scattered):
        interpreter.store.set(container, REST, Scattered((*samples, module)))
    else:
        interpreter.store.set(container, REST, type(samples)((*samples, module)))


def add(
    interpreter: Interpreter, container: Instance, modules: tuple[Value, ...], rest: tuple[Value, ...] = ()
) -> None:
    """Append children under the next numbers."""
    from bn_lint.static.interpreter.assign import register

    known, more = elements(container)
    if more:
        interpreter.store.set(container, REST, (*more, *modules, *rest))
        return
    numbers = [int(name) for name, _ in known if name.isdigit()]
    number = max(numbers, default=-1) + 1
    for module in modules:
        register(interpreter, container, str(number), module)
        number += 1
    if rest:
        interpreter.store.set(container, REST, rest)


def _sequential_init(interpreter: Interpreter, self: Instance, arguments: Arguments, ref: NodeRef) -> None:
    first = arguments.get(0, "args")
    if len(arguments.positional) == 1 and isinstance(first, (Dict, List)):
        _named_init(interpreter, self, arguments, ref)
    else:
        add(
            interpreter,
            self,
            tuple(arguments.positional),
            arguments.rest or ((Unknown("layers"),) if arguments.more else ()),
        )


def _named_init(interpreter: Interpreter, self: Instance, arguments: Arguments, ref: NodeRef) -> None:
    source = arguments.get(0, "modules")
    if isinstance(source, Dict):
        if source.is_open:
            others = Unknown("layers", "the keys of a dictionary are not all known")
            interpreter.store.set(self, REST, Scattered((others,)))
        for name, module in source.entries():
            if isinstance(name, str):
                register_child(interpreter, self, name, module)
            else:
                register_unnamed(interpreter, self, module)
    elif source is not None:
        items, rest = iterate(interpreter, source)
        for number, item in enumerate((*items, *rest)):
            pair = item.items if isinstance(item, List) else item
            if not isinstance(pair, tuple) or len(pair) != 2:
                register_unnamed(interpreter, self, Unknown("layer"))
            elif isinstance(pair[0], str) and number < len(items):
                register_child(interpreter, self, pair[0], pair[1])
            else:
                register_unnamed(interpreter, self, pair[1])


def _list_init(interpreter: Interpreter, self: Instance, arguments: Arguments, ref: NodeRef) -> None:
    if arguments.get(0, "modules") is not None:
        add(interpreter, self, *iterate(interpreter, arguments.get(0, "modules")))


def _sequential_forward(interpreter: Interpreter, self: Instance, arguments: Arguments, ref: NodeRef) -> Value:
    if given_too_much(interpreter, arguments, 1):
        return Unknown("?", f"`{self.cls.name}` raises: it takes one argument")
    known, rest, last = in_order(self)
    value = _applied(interpreter, [module for _, module in known], arguments.get(0, "input", Unknown("input")), ref)
    if rest:
        value = join((value, _applied(interpreter, rest, value, ref)))
    return _applied(interpreter, [module for _, module in last], value, ref)


def _applied(interpreter: Interpreter, modules: Sequence[Value], value: Value, ref: NodeRef) -> Value:
    for module in modules:
        if module is not None:
            value = call(interpreter, module, Arguments([value]), ref, None)
    return value


def _append(interpreter: Interpreter, self: Instance, arguments: Arguments, ref: NodeRef) -> Value:
    add(interpreter, self, (arguments.get(0, "module"),))
    return self


def _extend(interpreter: Interpreter, self: Instance, arguments: Arguments, ref: NodeRef) -> Value:
    add(interpreter, self, *iterate(interpreter, arguments.get(0, "modules")))
    return self


def _insert(interpreter: Interpreter, self: Instance, arguments: Arguments, ref: NodeRef) -> None:
    known, rest = elements(self)
    position = arguments.get(0, "index")
    modules = [module for _, module in known]
    if isinstance(position, int) and not rest:
        modules.insert(position, arguments.get(1, "module"))
        for name, _ in known:
            interpreter.store.remove(self, name)
        add(interpreter, self, tuple(modules))
    else:
        interpreter.store.set(self, REST, (*modules, arguments.get(1, "module"), *rest))


def _delete(interpreter: Interpreter, self: Instance, arguments: Arguments, ref: NodeRef) -> None:
    key = arguments.positional[0]
    if isinstance(key, str):
        interpreter.store.remove(self, key)
        return
    known, rest = elements(self)
    position = key.concrete if isinstance(key, Slice) else key if isinstance(key, int) else None
    if position is None or rest:
        interpreter.store.set(self, REST, (Unknown("layers", "an unknown layer was deleted"),))
        return
    kept = [module for _, module in known]
    del kept[position]
    for name, _ in known:
        interpreter.store.remove(self, name)
    add(interpreter, self, tuple(kept))


def _joined(interpreter: Interpreter, self: Instance, arguments: Arguments, ref: NodeRef) -> Value:
    both = Instance(self.cls, ref)
    known, rest = elements(self)
    add(interpreter, both, tuple(module for _, module in known), rest)
    add(interpreter, both, *iterate(interpreter, arguments.get(0, "other")))
    return both


def _iterate(interpreter: Interpreter, self: Instance, arguments: Arguments, ref: NodeRef) -> Value:
    known, rest = elements(self)
    return List(tuple(module for _, module in known), rest)


def _iterate_keys(interpreter: Interpreter, self: Instance, arguments: Arguments, ref: NodeRef) -> Value:
    known, rest = elements(self)
    return List(tuple(name for name, _ in known), (Unknown("key"),) if rest else ())


def _items(interpreter: Interpreter, self: Instance, arguments: Arguments, ref: NodeRef) -> Value:
    known, rest = elements(self)
    return List(known, tuple((Unknown("key"), module) for module in rest))


def _length(interpreter: Interpreter, self: Instance, arguments: Arguments, ref: NodeRef) -> Value:
    known, rest = elements(self)
    return Unknown("len", "the number of layers is not known") if rest else len(known)


def _get_item(interpreter: Interpreter, self: Instance, arguments: Arguments, ref: NodeRef) -> Value:
    key = arguments.positional[0]
    known, rest = elements(self)
    if isinstance(key, str):
        value = self.cells.get(key, ABSENT)
        if value is not ABSENT:
            return value
        return join(rest) if rest else Unknown(key, f"no child `{key}` is known")
    part = get_item(interpreter, List(tuple(module for _, module in known), rest), key, ref)
    if isinstance(part, List):
        sliced = Instance(self.cls, ref)
        add(interpreter, sliced, part.items, part.rest)
        for child in part.items:
            if isinstance(child, Instance) and child.owner is sliced:
                child.owner = self
        sliced.name = self.name
        return sliced
    return part


def _update(interpreter: Interpreter, self: Instance, arguments: Arguments, ref: NodeRef) -> None:
    _named_init(interpreter, self, arguments, ref)


def _pop(interpreter: Interpreter, self: Instance, arguments: Arguments, ref: NodeRef) -> Value:
    value = _get_item(interpreter, self, arguments, ref)
    known, _ = elements(self)
    key = arguments.positional[0]
    if isinstance(key, int) and -len(known) <= key < len(known):
        interpreter.store.remove(self, known[key][0])
    elif isinstance(key, str):
        interpreter.store.remove(self, key)
    return value


def _wrapped_init(interpreter: Interpreter, self: Instance, arguments: Arguments, ref: NodeRef) -> None:
    from bn_lint.static.interpreter.assign import register

    register(interpreter, self, "module", arguments.get(0, "module"))


def _wrapped_forward(interpreter: Interpreter, self: Instance, arguments: Arguments, ref: NodeRef) -> Value:
    return call(interpreter, self.cells.get("module", Unknown("module")), arguments, ref, None)


def method(function: Method) -> Builtin:
    """Make a builtin method, called with its instance first."""
    return Builtin(
        function.__name__.strip("_"),
        lambda interpreter, arguments, ref: function(interpreter, arguments.receiver, arguments.shifted(), ref),
    )


_SHARED: dict[str, Method] = {"__len__": _length, "__getitem__": _get_item, "pop": _pop, "__delitem__": _delete}
_ORDERED: dict[str, Method] = {**_SHARED, "__iter__": _iterate, "append": _append, "extend": _extend, "insert": _insert,
                               "__iadd__": _extend, "__add__": _joined}  # fmt: skip
_TABLES: dict[str, dict[str, Method]] = {
    "Sequential": {**_ORDERED, "__init__": _sequential_init, "forward": _sequential_forward},
    "ModuleList": {**_ORDERED, "__init__": _list_init},
    "ParameterList": {**_ORDERED, "__init__": _list_init},
    "ModuleDict": {
        **_SHARED,
        "__init__": _named_init,
        "__iter__": _iterate_keys,
        "keys": _iterate_keys,
        "values": _iterate,
        "items": _items,
        "update": _update,
    },
    "ParameterDict": {**_SHARED, "__init__": _named_init, "keys": _iterate_keys, "values": _iterate, "items": _items},
    "DataParallel": {"__init__": _wrapped_init, "forward": _wrapped_forward},
}
CONTAINER_METHODS: dict[str, dict[str, Value]] = {
    name: {key: method(function) for key, function in table.items()} for name, table in _TABLES.items()
}
