"""`nn.Sequential`, `nn.ModuleList`, `nn.ModuleDict`, and wrappers that hold one module."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bn_lint.static.calls import call
from bn_lint.static.iteration import iterate
from bn_lint.static.join import join
from bn_lint.static.run import Run
from bn_lint.static.subscripts import get_item
from bn_lint.static.values import (
    MISSING,
    Alternatives,
    Arguments,
    Builtin,
    Dict,
    Instance,
    LibraryClass,
    List,
    OneOf,
    Spot,
    Unknown,
    UnknownModule,
    Value,
)

Method = Callable[[Run, Instance, Arguments, Spot], Value]


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
        if name == Instance.REST and value:
            first = len(known)
        elif isinstance(name, str) and value is not MISSING and _is_child(container, name, value):
            known.append((name, value))
    rest = container.cells.get(Instance.REST, ())
    if isinstance(rest, Alternatives):
        # What one sample gives is nothing that the next is fed.
        unknown = Unknown("layers", "the branches append different layers")
        rest = (unknown, *(one for sample in rest for one in (sample, unknown)))
    return tuple(known[:first]), rest, tuple(known[first:]) if first is not None else ()


def _is_child(container: Instance, name: str, value: Value) -> bool:
    if isinstance(value, Instance):
        return value.is_module
    if isinstance(value, OneOf):
        return any(isinstance(v, Instance) and v.is_module for v in value.values)
    if isinstance(value, Unknown) and isinstance(container.cls, LibraryClass):
        return container.cls.short_name in _TABLES  # nothing else is written to an attribute of a plain container
    return isinstance(value, UnknownModule) or name.isdigit()


def register_child(run: Run, container: Instance, name: str, module: Value) -> None:
    """Register a module under a name, so that it is a child even if nothing is known of it."""
    from bn_lint.static.assign import register

    if isinstance(module, Unknown):
        module = UnknownModule(module.name, module.why)
    register(run, container, name, module)


def add(run: Run, container: Instance, modules: tuple[Value, ...], rest: tuple[Value, ...] = ()) -> None:
    """Append children under the next numbers."""
    from bn_lint.static.assign import register

    known, more = elements(container)
    if more:
        run.heap.set(container, Instance.REST, (*more, *modules, *rest))
        return
    numbers = [int(name) for name, _ in known if name.isdigit()]
    number = max(numbers, default=-1) + 1
    for module in modules:
        register(run, container, str(number), module)
        number += 1
    if rest:
        run.heap.set(container, Instance.REST, rest)


def _sequential_init(run: Run, self: Instance, arguments: Arguments, spot: Spot) -> None:
    first = arguments.get(0, "args")
    if len(arguments.positional) == 1 and isinstance(first, (Dict, List)):
        _named_init(run, self, arguments, spot)
    else:
        add(run, self, tuple(arguments.positional), arguments.rest or ((Unknown("layers"),) if arguments.more else ()))


def _named_init(run: Run, self: Instance, arguments: Arguments, spot: Spot) -> None:
    source = arguments.get(0, "modules")
    if isinstance(source, Dict):
        for name, module in source.entries():
            if isinstance(name, str):
                register_child(run, self, name, module)
        if source.is_open:
            run.heap.set(self, Instance.REST, (Unknown("layers", "the keys of a dictionary are not all known"),))
    elif source is not None:
        items, rest = iterate(run, source)
        for item in items:
            pair = item.items if isinstance(item, List) else item
            if isinstance(pair, tuple) and len(pair) == 2 and isinstance(pair[0], str):
                register_child(run, self, pair[0], pair[1])
            else:
                rest = (item,)
        if rest:
            run.heap.set(self, Instance.REST, rest)


def _list_init(run: Run, self: Instance, arguments: Arguments, spot: Spot) -> None:
    if arguments.get(0, "modules") is not None:
        add(run, self, *iterate(run, arguments.get(0, "modules")))


def _sequential_forward(run: Run, self: Instance, arguments: Arguments, spot: Spot) -> Value:
    known, rest, last = in_order(self)
    value = _applied(run, [module for _, module in known], arguments.get(0, "input", Unknown("input")), spot)
    if rest:
        value = join((value, _applied(run, rest, value, spot)))
    return _applied(run, [module for _, module in last], value, spot)


def _applied(run: Run, modules: Sequence[Value], value: Value, spot: Spot) -> Value:
    for module in modules:
        if module is not None:
            value = call(run, module, Arguments([value]), spot, None)
    return value


def _append(run: Run, self: Instance, arguments: Arguments, spot: Spot) -> Value:
    add(run, self, (arguments.get(0, "module"),))
    return self


def _extend(run: Run, self: Instance, arguments: Arguments, spot: Spot) -> Value:
    add(run, self, *iterate(run, arguments.get(0, "modules")))
    return self


def _insert(run: Run, self: Instance, arguments: Arguments, spot: Spot) -> None:
    known, rest = elements(self)
    position = arguments.get(0, "index")
    modules = [module for _, module in known]
    if isinstance(position, int) and not rest:
        modules.insert(position, arguments.get(1, "module"))
        for name, _ in known:
            run.heap.remove(self, name)
        add(run, self, tuple(modules))
    else:
        run.heap.set(self, Instance.REST, (*modules, arguments.get(1, "module"), *rest))


def _delete(run: Run, self: Instance, arguments: Arguments, spot: Spot) -> None:
    key = arguments.positional[0]
    if isinstance(key, str):
        run.heap.remove(self, key)
        return
    known, rest = elements(self)
    if not isinstance(key, (int, slice)) or rest:
        run.heap.set(self, Instance.REST, (Unknown("layers", "an unknown layer was deleted"),))
        return
    kept = [module for _, module in known]
    del kept[key]
    for name, _ in known:
        run.heap.remove(self, name)
    add(run, self, tuple(kept))


def _joined(run: Run, self: Instance, arguments: Arguments, spot: Spot) -> Value:
    both = Instance(self.cls, spot)
    known, rest = elements(self)
    add(run, both, tuple(module for _, module in known), rest)
    add(run, both, *iterate(run, arguments.get(0, "other")))
    return both


def _iterate(run: Run, self: Instance, arguments: Arguments, spot: Spot) -> Value:
    known, rest = elements(self)
    return List(tuple(module for _, module in known), rest)


def _iterate_keys(run: Run, self: Instance, arguments: Arguments, spot: Spot) -> Value:
    known, rest = elements(self)
    return List(tuple(name for name, _ in known), (Unknown("key"),) if rest else ())


def _items(run: Run, self: Instance, arguments: Arguments, spot: Spot) -> Value:
    known, rest = elements(self)
    return List(known, tuple((Unknown("key"), module) for module in rest))


def _length(run: Run, self: Instance, arguments: Arguments, spot: Spot) -> Value:
    known, rest = elements(self)
    return Unknown("len", "the number of layers is not known") if rest else len(known)


def _get_item(run: Run, self: Instance, arguments: Arguments, spot: Spot) -> Value:
    key = arguments.positional[0]
    known, rest = elements(self)
    if isinstance(key, str):
        value = self.cells.get(key, MISSING)
        if value is not MISSING:
            return value
        return join(rest) if rest else Unknown(key, f"no child `{key}` is known")
    part = get_item(run, List(tuple(module for _, module in known), rest), key, spot)
    if isinstance(part, List):
        sliced = Instance(self.cls, spot)
        add(run, sliced, part.items, part.rest)
        for child in part.items:
            if isinstance(child, Instance) and child.owner is sliced:
                child.owner = self
        sliced.name = self.name
        return sliced
    return part


def _update(run: Run, self: Instance, arguments: Arguments, spot: Spot) -> None:
    _named_init(run, self, arguments, spot)


def _pop(run: Run, self: Instance, arguments: Arguments, spot: Spot) -> Value:
    value = _get_item(run, self, arguments, spot)
    known, _ = elements(self)
    key = arguments.positional[0]
    if isinstance(key, int) and -len(known) <= key < len(known):
        run.heap.remove(self, known[key][0])
    elif isinstance(key, str):
        run.heap.remove(self, key)
    return value


def _wrapped_init(run: Run, self: Instance, arguments: Arguments, spot: Spot) -> None:
    from bn_lint.static.assign import register

    register(run, self, "module", arguments.get(0, "module"))


def _wrapped_forward(run: Run, self: Instance, arguments: Arguments, spot: Spot) -> Value:
    return call(run, self.cells.get("module", Unknown("module")), arguments, spot, None)


def method(function: Method) -> Builtin:
    """Make a builtin method, called with its instance first."""
    return Builtin(
        function.__name__.strip("_"),
        lambda run, arguments, spot: function(run, arguments.positional[0], arguments.shifted(), spot),
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
