"""Methods of lists, dictionaries, strings and numbers."""

from __future__ import annotations

from collections.abc import Callable

from bn_lint.static.iteration import iterate
from bn_lint.static.join import join
from bn_lint.static.python.concrete import computed
from bn_lint.static.run import Run
from bn_lint.static.truth import equal
from bn_lint.static.values import (
    ITEMS,
    MISSING,
    REST,
    Arguments,
    BoundMethod,
    Builtin,
    Dict,
    List,
    Spot,
    Unknown,
    Value,
    ValueIterator,
)

Method = Callable[[Run, Value, Arguments, Spot], Value]


def plain_attribute(value: Value, name: str) -> Value:
    """Return an attribute of a list, dictionary, string, tuple or number."""
    if isinstance(value, List):
        table = _LIST
    elif isinstance(value, Dict):
        table = _SET if value.is_set and name in _SET else _DICT
    else:
        if isinstance(value, ValueIterator):
            return (
                Builtin(name, lambda run, arguments, spot: _next(run, value)) if name == "__next__" else Unknown(name)
            )
        if isinstance(value, str) and name == "join":
            return BoundMethod(Builtin(name, _join_text), value)
        if isinstance(value, (str, bytes, int, float, tuple, range)) and not isinstance(value, bool):
            return _python_attribute(value, name)
        return Unknown(name)
    method = table.get(name)
    if method is None:
        return Unknown(name, f"the method `{name}` is not evaluated")
    return BoundMethod(_BUILTINS[method], value)


def _python_attribute(value: Value, name: str) -> Value:
    found = getattr(int(value) if isinstance(value, int) else value, name, None)
    if callable(found):
        return computed(name, found)
    return found if isinstance(found, (int, float, str)) else Unknown(name)


def _join_text(run: Run, arguments: Arguments, spot: Spot) -> Value:
    separator, parts = arguments.positional
    items, rest = iterate(run, parts)
    if rest or not all(isinstance(item, str) for item in items):
        return Unknown("text")
    return str(separator.join(items))


# -- lists ------------------------------------------------------------------------------------------------------------


def _append(run: Run, self: List, arguments: Arguments, spot: Spot) -> None:
    _extend_with(run, self, (arguments.get(0, "object"),), ())


def _extend(run: Run, self: List, arguments: Arguments, spot: Spot) -> None:
    _extend_with(run, self, *iterate(run, arguments.get(0, "iterable")))


def _extend_with(run: Run, self: List, items: tuple[Value, ...], rest: tuple[Value, ...]) -> None:
    from bn_lint.static.statements import extend_list

    extend_list(run, self, items, rest)


def _append_left(run: Run, self: List, arguments: Arguments, spot: Spot) -> None:
    run.heap.set(self, ITEMS, (arguments.get(0, "x"), *self.items))


def _pop_left(run: Run, self: List, arguments: Arguments, spot: Spot) -> Value:
    return _pop(run, self, Arguments([0]), spot)


def _insert(run: Run, self: List, arguments: Arguments, spot: Spot) -> None:
    position, value = arguments.positional
    if isinstance(position, int) and (not self.rest or 0 <= position <= len(self.items)):
        items = list(self.items)
        items.insert(position, value)
        run.heap.set(self, ITEMS, tuple(items))
    else:
        run.heap.set(self, REST, (*self.items, value, *self.rest))
        run.heap.set(self, ITEMS, ())


def _pop(run: Run, self: List, arguments: Arguments, spot: Spot) -> Value:
    position = arguments.get(0, "index", -1)
    if isinstance(position, int) and not (self.rest and position < 0):
        items = list(self.items)
        if -len(items) <= position < len(items):
            value = items.pop(position)
            run.heap.set(self, ITEMS, tuple(items))
            return value
    return join((*self.items[-1:], *self.rest)) if self.items or self.rest else Unknown("?", "pop from an empty list")


def _reverse(run: Run, self: List, arguments: Arguments, spot: Spot) -> None:
    if self.rest:
        run.heap.set(self, REST, (*self.rest, *self.items))
        run.heap.set(self, ITEMS, ())
    else:
        run.heap.set(self, ITEMS, tuple(reversed(self.items)))


def _sort(run: Run, self: List, arguments: Arguments, spot: Spot) -> None:
    from bn_lint.static.python.names import sorted_values

    result = sorted_values(run, Arguments([self], arguments.keywords), spot)
    run.heap.set(self, ITEMS, result.items)
    run.heap.set(self, REST, result.rest)


def _remove(run: Run, self: List, arguments: Arguments, spot: Spot) -> None:
    for position, item in enumerate(self.items):
        if equal(item, arguments.positional[0]) is True:
            run.heap.set(self, ITEMS, self.items[:position] + self.items[position + 1 :])
            return
    run.heap.set(self, REST, (*self.rest, *self.items[:1]))


def _index(run: Run, self: List, arguments: Arguments, spot: Spot) -> Value:
    for position, item in enumerate(self.items):
        outcome = equal(item, arguments.positional[0])
        if outcome is True:
            return position
        if outcome is None:
            break
    return Unknown("index")


def _count(run: Run, self: List, arguments: Arguments, spot: Spot) -> Value:
    outcomes = [equal(item, arguments.positional[0]) for item in self.items]
    return Unknown("count") if None in outcomes or self.rest else outcomes.count(True)


def _clear(run: Run, self: List | Dict, arguments: Arguments, spot: Spot) -> None:
    if isinstance(self, List):
        run.heap.set(self, ITEMS, ())
        run.heap.set(self, REST, ())
    else:
        for key in list(self.cells):
            run.heap.remove(self, key)


def _copy(run: Run, self: List | Dict, arguments: Arguments, spot: Spot) -> Value:
    if isinstance(self, List):
        return List(self.items, self.rest)
    copy = Dict(dict(self.cells), is_set=self.is_set)
    copy.factory = self.factory
    return copy


def _change(run: Run, self: List | Dict, arguments: Arguments, spot: Spot) -> Value:
    """Methods that change the container in a way that is not followed: nothing is known of it afterwards."""
    unknown = Unknown("?", "the container was changed in a way that is not followed")
    _clear(run, self, arguments, spot)
    if isinstance(self, List):
        run.heap.set(self, REST, (unknown,))
    else:
        run.heap.set(self, Dict.OPEN, True)
    return unknown


# -- dictionaries -----------------------------------------------------------------------------------------------------


def _is_known_key(key: Value) -> bool:
    from bn_lint.static.keys import is_key

    return is_key(key)


def _get(run: Run, self: Dict, arguments: Arguments, spot: Spot) -> Value:
    key, default = arguments.get(0, "key"), arguments.get(1, "default")
    if not _is_known_key(key):
        return (
            join((*(v for _, v in self.entries()[:4]), default)) if not self.is_open else Unknown("?", "an unknown key")
        )
    value = self.cells.get(key, MISSING)
    if value is not MISSING:
        return value
    return Unknown(str(key), f"whether the key `{key}` is given is not known") if self.is_open else default


def _dict_pop(run: Run, self: Dict, arguments: Arguments, spot: Spot) -> Value:
    value = _get(run, self, arguments, spot)
    key = arguments.get(0, "key")
    if _is_known_key(key) and key in self.cells:
        run.heap.remove(self, key)
    return value


def _set_default(run: Run, self: Dict, arguments: Arguments, spot: Spot) -> Value:
    key, default = arguments.get(0, "key"), arguments.get(1, "default")
    if not _is_known_key(key):
        return Unknown("?", "an unknown key")
    value = self.cells.get(key, MISSING)
    if value is MISSING:
        value = join((default, Unknown("?"))) if self.is_open else default
        run.heap.set(self, key, value)
    return value


def _update(run: Run, self: Dict, arguments: Arguments, spot: Spot) -> None:
    if arguments.positional:
        other = arguments.positional[0]
        if isinstance(other, Dict):
            for key, value in other.cells.items():
                run.heap.set(self, key, value)
        else:
            items, rest = iterate(run, other)
            for item in items:
                if self.is_set and _is_known_key(item):
                    run.heap.set(self, item, None)
                elif isinstance(item, tuple) and len(item) == 2 and _is_known_key(item[0]):
                    run.heap.set(self, item[0], item[1])
                else:
                    rest = (item,)
            if rest:
                run.heap.set(self, Dict.OPEN, True)
    for name, value in arguments.keywords.items():
        run.heap.set(self, name, value)
    if arguments.more:
        run.heap.set(self, Dict.OPEN, True)


def _keys(run: Run, self: Dict, arguments: Arguments, spot: Spot) -> Value:
    return List(tuple(k for k, _ in self.entries()), _rest(self))


def _values(run: Run, self: Dict, arguments: Arguments, spot: Spot) -> Value:
    return List(tuple(v for _, v in self.entries()), _rest(self))


def _items(run: Run, self: Dict, arguments: Arguments, spot: Spot) -> Value:
    return List(tuple((k, v) for k, v in self.entries()), tuple((r, r) for r in _rest(self)))


def _rest(self: Dict) -> tuple[Value, ...]:
    return (Unknown("?", "not all keys are known"),) if self.is_open else ()


def _add(run: Run, self: Dict, arguments: Arguments, spot: Spot) -> None:
    value = arguments.positional[0]
    run.heap.set(self, value if _is_known_key(value) else Dict.OPEN, None)


def _discard(run: Run, self: Dict, arguments: Arguments, spot: Spot) -> None:
    value = arguments.positional[0]
    if _is_known_key(value) and value in self.cells:
        run.heap.remove(self, value)


def _union(run: Run, self: Dict, arguments: Arguments, spot: Spot) -> Value:
    copy = Dict(dict(self.cells), is_set=True)
    for other in arguments.positional:
        _update(run, copy, Arguments([other]), spot)
    return copy


def _next(run: Run, iterator: ValueIterator) -> Value:
    items = iterator.cells[ITEMS]
    if items:
        run.heap.set(iterator, ITEMS, items[1:])
        return items[0]
    rest = iterator.cells[REST]
    return join(rest) if rest else Unknown("?", "the iterator is exhausted")


_LIST: dict[str, Method] = {
    "append": _append,
    "appendleft": _append_left,
    "extend": _extend,
    "insert": _insert,
    "pop": _pop,
    "popleft": _pop_left,
    "reverse": _reverse,
    "sort": _sort,
    "remove": _remove,
    "index": _index,
    "count": _count,
    "clear": _clear,
    "copy": _copy,
    "extendleft": _change,
    "rotate": _change,
}
_DICT: dict[str, Method] = {
    "get": _get,
    "pop": _dict_pop,
    "setdefault": _set_default,
    "update": _update,
    "keys": _keys,
    "values": _values,
    "items": _items,
    "copy": _copy,
    "clear": _clear,
    "popitem": _change,
    "move_to_end": _change,
}
_SET: dict[str, Method] = {
    "add": _add,
    "update": _update,
    "discard": _discard,
    "remove": _discard,
    "union": _union,
    "copy": _copy,
    "pop": _change,
    "difference_update": _change,
    "intersection_update": _change,
    "symmetric_difference_update": _change,
}


def _as_builtin(method: Method) -> Builtin:
    return Builtin(
        method.__name__.strip("_"),
        lambda run, arguments, spot: method(run, arguments.positional[0], arguments.shifted(), spot),
    )


_BUILTINS = {method: _as_builtin(method) for table in (_LIST, _DICT, _SET) for method in table.values()}
