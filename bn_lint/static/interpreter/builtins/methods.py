"""Methods of lists, dictionaries, strings and numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from bn_lint.static.interpreter.builtins.concrete import computed
from bn_lint.static.interpreter.interpreter import Interpreter
from bn_lint.static.interpreter.iteration import iterate
from bn_lint.static.interpreter.lattice.equality import equal
from bn_lint.static.interpreter.lattice.join import join, put_over
from bn_lint.static.interpreter.lattice.keys import is_key
from bn_lint.static.interpreter.lattice.size import length_of, very_many
from bn_lint.static.interpreter.limits import MAX_LENGTH, MAX_READ_ENTRIES
from bn_lint.static.interpreter.values import (
    ABSENT,
    ITEMS,
    REST,
    Arguments,
    BoundMethod,
    Builtin,
    Dict,
    List,
    Unknown,
    Value,
    ValueIterator,
    text_of,
)
from bn_lint.static.syntax.places import NodeRef

Container = TypeVar("Container", List, Dict)
Method = Callable[[Interpreter, Container, Arguments, NodeRef], Value]


def plain_attribute(value: Value, name: str) -> Value:
    """Return an attribute of a list, dictionary, string, tuple or number."""
    if isinstance(value, List):
        table = _LIST
    elif isinstance(value, Dict):
        table = _SET if value.is_set and name in _SET else _DICT
    else:
        if isinstance(value, ValueIterator):
            # Python 2 calls it `next`, and so did the iterators of data loaders for years.
            return (
                Builtin(name, lambda interpreter, arguments, ref: next_item(interpreter, value))
                if name in ("__next__", "next")
                else Unknown(name)
            )
        if isinstance(value, str) and name == "join":
            return BoundMethod(Builtin(name, _join_text), value)
        if isinstance(value, (str, bytes, int, float, tuple, range)) and not isinstance(value, bool):
            return _python_attribute(value, name)
        return Unknown(name)
    method = table.get(name)
    if method is None:
        return Unknown(name, f"the method `{name}` is not evaluated")
    return BoundMethod(method, value)


def _python_attribute(value: Value, name: str) -> Value:
    found = getattr(int(value) if isinstance(value, int) else value, name, None)
    if callable(found):
        return computed(name, found) if not name.startswith("__") else Unknown(name)
    return found if isinstance(found, (int, float, str)) else Unknown(name)


def _join_text(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
    separator, parts = arguments.positional
    items, rest = iterate(interpreter, parts)
    texts = [item for item in items if isinstance(item, str)]
    if rest or len(texts) != len(items) or not isinstance(separator, str):
        return Unknown("text")
    interpreter.budget.charge(len(texts), one_by_one=True)
    if sum(map(len, texts)) + len(separator) * len(texts) > MAX_LENGTH:
        return Unknown("text", "a very long string")
    return separator.join(texts)


# -- lists ------------------------------------------------------------------------------------------------------------


def _append(interpreter: Interpreter, self: List, arguments: Arguments, ref: NodeRef) -> None:
    extend_list(interpreter, self, (arguments.get(0, "object"),), ())


def _extend(interpreter: Interpreter, self: List, arguments: Arguments, ref: NodeRef) -> None:
    extend_list(interpreter, self, *iterate(interpreter, arguments.get(0, "iterable")))


def extend_list(interpreter: Interpreter, target: List, items: tuple[Value, ...], rest: tuple[Value, ...] = ()) -> None:
    """Append to a list, whose own end may already be unknown."""
    interpreter.budget.charge(length_of(target) + len(items))
    if length_of(target) + len(items) + len(rest) > MAX_LENGTH:
        interpreter.store.set(target, ITEMS, ())
        interpreter.store.set(target, REST, very_many())
    elif target.rest:
        interpreter.store.set(target, REST, (*target.rest, *items, *rest))
    else:
        interpreter.store.set(target, ITEMS, target.items + items)
        if rest:
            interpreter.store.set(target, REST, rest)


def _append_left(interpreter: Interpreter, self: List, arguments: Arguments, ref: NodeRef) -> None:
    interpreter.store.set(self, ITEMS, (arguments.get(0, "x"), *self.items))


def _pop_left(interpreter: Interpreter, self: List, arguments: Arguments, ref: NodeRef) -> Value:
    return _pop(interpreter, self, Arguments([0]), ref)


def _insert(interpreter: Interpreter, self: List, arguments: Arguments, ref: NodeRef) -> None:
    position, value = arguments.positional
    if isinstance(position, int) and (not self.rest or 0 <= position <= len(self.items)):
        items = list(self.items)
        items.insert(position, value)
        interpreter.store.set(self, ITEMS, tuple(items))
    else:
        interpreter.store.set(self, REST, (*self.items, value, *self.rest))
        interpreter.store.set(self, ITEMS, ())


def _pop(interpreter: Interpreter, self: List, arguments: Arguments, ref: NodeRef) -> Value:
    position = arguments.get(0, "index", -1)
    if isinstance(position, int) and not (self.rest and position < 0):
        items = list(self.items)
        if -len(items) <= position < len(items):
            value = items.pop(position)
            interpreter.store.set(self, ITEMS, tuple(items))
            return value
    return join((*self.items[-1:], *self.rest)) if self.items or self.rest else Unknown("?", "pop from an empty list")


def _reverse(interpreter: Interpreter, self: List, arguments: Arguments, ref: NodeRef) -> None:
    if self.rest:
        interpreter.store.set(self, REST, (*self.rest, *self.items))
        interpreter.store.set(self, ITEMS, ())
    else:
        interpreter.store.set(self, ITEMS, tuple(reversed(self.items)))


def _sort(interpreter: Interpreter, self: List, arguments: Arguments, ref: NodeRef) -> None:
    from bn_lint.static.interpreter.builtins.sequences import sorted_values

    result = sorted_values(interpreter, Arguments([self], arguments.keywords), ref)
    interpreter.store.set(self, ITEMS, result.items)
    interpreter.store.set(self, REST, result.rest)


def _remove(interpreter: Interpreter, self: List, arguments: Arguments, ref: NodeRef) -> None:
    for position, item in enumerate(self.items):
        if equal(item, arguments.positional[0]) is True:
            interpreter.store.set(self, ITEMS, self.items[:position] + self.items[position + 1 :])
            return
    interpreter.store.set(self, REST, (*self.rest, *self.items[:1]))


def _index(interpreter: Interpreter, self: List, arguments: Arguments, ref: NodeRef) -> Value:
    for position, item in enumerate(self.items):
        outcome = equal(item, arguments.positional[0])
        if outcome is True:
            return position
        if outcome is None:
            break
    return Unknown("index")


def _count(interpreter: Interpreter, self: List, arguments: Arguments, ref: NodeRef) -> Value:
    outcomes = [equal(item, arguments.positional[0]) for item in self.items]
    return Unknown("count") if None in outcomes or self.rest else outcomes.count(True)


def _clear(interpreter: Interpreter, self: List | Dict, arguments: Arguments, ref: NodeRef) -> None:
    if isinstance(self, List):
        interpreter.store.set(self, ITEMS, ())
        interpreter.store.set(self, REST, ())
    else:
        for key in list(self.cells):
            interpreter.store.remove(self, key)


def _copy(interpreter: Interpreter, self: List | Dict, arguments: Arguments, ref: NodeRef) -> Value:
    if isinstance(self, List):
        return List(self.items, self.rest)
    copy = Dict(dict(self.cells), is_set=self.is_set)
    copy.factory = self.factory
    return copy


def _change(interpreter: Interpreter, self: List | Dict, arguments: Arguments, ref: NodeRef) -> Value:
    """Methods that change the container in a way that is not followed: nothing is known of it afterward."""
    unknown = Unknown("?", "the container was changed in a way that is not followed")
    _clear(interpreter, self, arguments, ref)
    if isinstance(self, List):
        interpreter.store.set(self, REST, (unknown,))
    else:
        interpreter.store.set(self, Dict.OPEN, True)
    return unknown


# -- dictionaries -----------------------------------------------------------------------------------------------------


def _is_known_key(key: Value) -> bool:
    return is_key(key)


def _get(interpreter: Interpreter, self: Dict, arguments: Arguments, ref: NodeRef) -> Value:
    key, default = arguments.get(0, "key"), arguments.get(1, "default")
    if not _is_known_key(key):
        if self.is_open or len(self.entries()) > MAX_READ_ENTRIES:
            return Unknown("?", "an unknown key")
        return join((*(v for _, v in self.entries()), default))
    value = self.cells.get(key, ABSENT)
    if value is not ABSENT:
        if interpreter.options:
            interpreter.note_look_up(self, key)
        return join((value, default)) if self.may_lack(key) else value
    if not self.is_open:
        return default
    name = text_of(key)
    return Unknown(name, f"whether the key `{name}` is given is not known")


def _dict_pop(interpreter: Interpreter, self: Dict, arguments: Arguments, ref: NodeRef) -> Value:
    value = _get(interpreter, self, arguments, ref)
    key = arguments.get(0, "key")
    if _is_known_key(key) and key in self.cells:
        interpreter.store.remove(self, key)
    return value


def _set_default(interpreter: Interpreter, self: Dict, arguments: Arguments, ref: NodeRef) -> Value:
    key, default = arguments.get(0, "key"), arguments.get(1, "default")
    if not _is_known_key(key):
        return Unknown("?", "an unknown key")
    value = self.cells.get(key, ABSENT)
    if value is ABSENT:
        value = join((default, Unknown("?"))) if self.is_open else default
        interpreter.store.set(self, key, value)
    elif self.may_lack(key):
        value = join((value, default))
        interpreter.store.set(self, key, value)
    return value


def update(interpreter: Interpreter, self: Dict, arguments: Arguments, ref: NodeRef) -> None:
    if arguments.positional:
        other = arguments.positional[0]
        if isinstance(other, Dict):
            for key, value in list(put_over(self, other)):
                interpreter.store.set(self, key, value)
        else:
            items, rest = iterate(interpreter, other)
            for item in items:
                if self.is_set and _is_known_key(item):
                    interpreter.store.set(self, item, None)
                elif isinstance(item, tuple) and len(item) == 2 and _is_known_key(item[0]):
                    interpreter.store.set(self, item[0], item[1])
                else:
                    rest = (item,)
            if rest:
                interpreter.store.set(self, Dict.OPEN, True)
    for name, value in arguments.keywords.items():
        interpreter.store.set(self, name, value)
    if arguments.more:
        interpreter.store.set(self, Dict.OPEN, True)


def _keys(interpreter: Interpreter, self: Dict, arguments: Arguments, ref: NodeRef) -> Value:
    return List(*iterate(interpreter, self))


def _values(interpreter: Interpreter, self: Dict, arguments: Arguments, ref: NodeRef) -> Value:
    entries, uncertain = self.in_order()
    return List(tuple(v for _, v in entries), (*(v for _, v in uncertain), *_rest(self)))


def _items(interpreter: Interpreter, self: Dict, arguments: Arguments, ref: NodeRef) -> Value:
    entries, uncertain = self.in_order()
    return List(tuple(entries), (*uncertain, *((r, r) for r in _rest(self))))


def _rest(self: Dict) -> tuple[Value, ...]:
    return (Unknown("?", "not all keys are known"),) if self.is_open else ()


def _add(interpreter: Interpreter, self: Dict, arguments: Arguments, ref: NodeRef) -> None:
    value = arguments.positional[0]
    interpreter.store.set(self, value if _is_known_key(value) else Dict.OPEN, None)


def _discard(interpreter: Interpreter, self: Dict, arguments: Arguments, ref: NodeRef) -> None:
    value = arguments.positional[0]
    if _is_known_key(value) and value in self.cells:
        interpreter.store.remove(self, value)


def _union(interpreter: Interpreter, self: Dict, arguments: Arguments, ref: NodeRef) -> Value:
    copy = Dict(dict(self.cells), is_set=True)
    for other in arguments.positional:
        update(interpreter, copy, Arguments([other]), ref)
    return copy


def next_item(interpreter: Interpreter, iterator: ValueIterator) -> Value:
    items = iterator.items
    if items:
        interpreter.store.set(iterator, ITEMS, items[1:])
        return items[0]
    return join(iterator.rest) if iterator.rest else Unknown("?", "the iterator is exhausted")


def _set_item(interpreter: Interpreter, self: List | Dict, arguments: Arguments, ref: NodeRef) -> None:
    from bn_lint.static.interpreter.subscripts import set_item

    set_item(interpreter, self, arguments.get(0, "key"), arguments.get(1, "value"))


_LIST_METHODS: dict[str, Method[List]] = {
    "__setitem__": _set_item,
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
_DICT_METHODS: dict[str, Method[Dict]] = {
    "__setitem__": _set_item,
    "get": _get,
    "pop": _dict_pop,
    "setdefault": _set_default,
    "update": update,
    "keys": _keys,
    "values": _values,
    "items": _items,
    "copy": _copy,
    "clear": _clear,
    "popitem": _change,
    "move_to_end": _change,
}
_SET_METHODS: dict[str, Method[Dict]] = {
    "add": _add,
    "update": update,
    "discard": _discard,
    "remove": _discard,
    "union": _union,
    "copy": _copy,
    "pop": _change,
    "difference_update": _change,
    "intersection_update": _change,
    "symmetric_difference_update": _change,
}


#: Methods that know what to do with arguments behind an unknown star, and those that leave the container as it is.
_TAKES_MORE: frozenset[object] = frozenset({update})
_READING: frozenset[object] = frozenset({_index, _count, _copy, _get, _keys, _values, _items, _union})


def _builtins(kind: type[Container], table: dict[str, Method[Container]]) -> dict[str, Builtin]:
    """The methods as functions that take the container as their first argument."""
    made: dict[Method[Container], Builtin] = {}
    for method in table.values():
        made[method] = _as_builtin(kind, method)
    return {name: made[method] for name, method in table.items()}


def _as_builtin(kind: type[Container], method: Method[Container]) -> Builtin:
    def implementation(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
        self = arguments.positional[0]
        if not isinstance(self, kind):
            raise TypeError(f"a method of a container is called on {self!r}")
        if arguments.more and method not in _TAKES_MORE:
            if method not in _READING:
                _change(interpreter, self, arguments, ref)
            return Unknown("?", "not all arguments of a method are known")
        return method(interpreter, self, arguments.shifted(), ref)

    return Builtin(method.__name__.strip("_"), implementation)


_LIST = _builtins(List, _LIST_METHODS)
_DICT = _builtins(Dict, _DICT_METHODS)
_SET = _builtins(Dict, _SET_METHODS)
