"""Reading and writing `container[key]`."""

from __future__ import annotations

from functools import partial
from typing import Any

from bn_lint.facts.dims import Expression
from bn_lint.static.interpreter.calls import call
from bn_lint.static.interpreter.computed_names import any_entry, any_factory
from bn_lint.static.interpreter.dispatch import evaluate
from bn_lint.static.interpreter.frames import Frame
from bn_lint.static.interpreter.imports import module_at, module_named
from bn_lint.static.interpreter.interpreter import Interpreter
from bn_lint.static.interpreter.iteration import distinct, iterate
from bn_lint.static.interpreter.lattice.join import join
from bn_lint.static.interpreter.lattice.keys import is_key
from bn_lint.static.interpreter.lattice.size import length_of, very_many
from bn_lint.static.interpreter.limits import MAX_LENGTH, MAX_READ_ELEMENTS, MAX_READ_ENTRIES, MAX_REPLACED_ENTRIES
from bn_lint.static.interpreter.paths import fork_paths
from bn_lint.static.interpreter.registries import execute_imported
from bn_lint.static.interpreter.values import (
    ABSENT,
    ITEMS,
    REST,
    Arguments,
    BoundMethod,
    Class,
    Dict,
    External,
    Instance,
    LibraryClass,
    List,
    Slice,
    Tensor,
    Union,
    Unknown,
    Value,
    text_of,
)
from bn_lint.static.syntax import nodes as cst
from bn_lint.static.syntax.places import NodeRef


def evaluate_index(interpreter: Interpreter, slices: Any, frame: Frame) -> Value:
    """Evaluate what stands between the brackets of a subscript."""
    parts: list[Value] = []
    for element in slices:
        part = element.slice
        if type(part) is cst.Index:
            value = evaluate(interpreter, part.value, frame)
            if part.star is not None:
                parts.extend(iterate(interpreter, value)[0])
                continue
            parts.append(value)
        else:
            bounds = (part.lower, part.upper, part.step)
            parts.append(Slice(*(None if b is None else evaluate(interpreter, b, frame) for b in bounds)))
    if len(parts) == 1 and not (len(slices) == 1 and slices[0].comma):
        return parts[0]
    return tuple(parts)


def get_item(interpreter: Interpreter, container: Value, key: Value, ref: NodeRef) -> Value:
    """Return `container[key]`."""
    if isinstance(container, (tuple, List, str, range)):
        return _sequence_item(container, key)
    if isinstance(container, Dict):
        return _dict_item(interpreter, container, key, ref)
    if isinstance(container, Instance):
        return _instance_item(interpreter, container, key, ref)
    if isinstance(container, Union):
        return join(get_item(interpreter, v, key, ref) for v in container.values if v is not None)
    if isinstance(container, Unknown):
        known = interpreter.domain.item(interpreter, container, key, ref)
        return _unknown_item(container, key) if known is ABSENT else known
    if isinstance(container, Class) and container.kind == "enum" and isinstance(key, str):
        return container.cells.get(key, Unknown(key))
    if isinstance(container, External) and container.dotted == "sys.modules" and isinstance(key, str):
        own = module_at(interpreter, ref.file.path)
        if own is not None and key in ("__main__", own.name):  # what `__name__` gives
            return own
        return module_named(interpreter, ref.file.path, key, 0)
    if isinstance(container, External) and container.dotted.endswith(".__dict__"):
        library = container.dotted.removesuffix(".__dict__")
        return (
            interpreter.domain.member(library, key) if isinstance(key, str) else interpreter.domain.any_member(library)
        )
    if isinstance(container, External) and container.dotted == "sys.argv":
        return Unknown("argument", "the user gives the arguments of the program")
    if isinstance(container, (Class, LibraryClass, External)):
        return container  # a generic type: `List[int]`
    found = interpreter.domain.item(interpreter, container, key, ref)
    return Unknown("?", f"subscripts of {type(container).__name__} are not evaluated") if found is ABSENT else found


def _unknown_item(container: Unknown, key: Value) -> Value:
    if isinstance(key, (str, int)):
        # The numbers of a list are related: in [(1, 32), (32, 64)] what one pair gives is what the next one takes.
        return container.member(("item", key), f"[{key!r}]", free=not isinstance(key, int))
    if isinstance(key, Slice) and container.name.endswith(("shape", "size()")):
        return Unknown("?", container.why)
    if isinstance(key, (Unknown, Expression)):
        position = key.number if isinstance(key, Unknown) else key
        return container.member(("item", position), f"[{position}]", free=False)
    return Unknown("?", container.why)


def _sequence_item(container: tuple[Value, ...] | List | str | range, key: Value) -> Value:
    items = container.items if isinstance(container, List) else container
    rest = container.rest if isinstance(container, List) else ()
    if isinstance(key, Slice):
        bounds = key.concrete
        if bounds is None:
            return List((), tuple(items)[:8] + rest) if not isinstance(items, str) else Unknown("text")
        if isinstance(container, List) and rest:
            start = bounds.start or 0
            if bounds.stop is None and bounds.step is None and 0 <= start <= len(items):
                return List(container.items[start:], rest)
            return List((), (*items[:8], *rest))
        return List(container.items[bounds]) if isinstance(container, List) else container[bounds]
    if isinstance(key, int):
        position = int(key)
        if rest and not 0 <= position < len(items):
            if len(rest) > MAX_READ_ELEMENTS:
                return Unknown("?", "an unknown element")
            return distinct(_any_of((*items[-1:], *rest) if position < 0 else rest), position)
        try:
            return items[position]
        except IndexError:
            return Unknown("?", "an index out of range")
    if (
        isinstance(key, (Unknown, Expression, Union))
        and len(items) + len(rest) <= MAX_READ_ELEMENTS
        and not isinstance(items, (str, range))
    ):
        found = _any_of((*items, *rest))
        # What stands for all elements may be one at one index, and another at another.
        return distinct(found, key.number if isinstance(key, Unknown) else key) if rest else found
    return Unknown("?", "an unknown element")


def _any_of(elements: tuple[Value, ...]) -> Value:
    """One of the elements of a sequence. If some of them are unknown, it is none of the others in particular."""
    unknown = next((one for one in elements if isinstance(one, Unknown)), None)
    if unknown is not None and any(isinstance(one, Instance) for one in elements):
        return Unknown("?", unknown.why)
    return join(elements) if elements else Unknown("?", "an unknown element")


def _dict_item(interpreter: Interpreter, container: Dict, key: Value, ref: NodeRef) -> Value:
    if isinstance(key, Union):
        return join(_dict_item(interpreter, container, k, ref) for k in key.values)
    if not container.is_open and container.factory is ABSENT and not (is_key(key) and key in container.cells):
        execute_imported(interpreter, container)  # a registry may be filled by modules that nobody has asked for a name
    if not isinstance(key, (Unknown, Expression, List, Dict, Tensor)):
        try:
            value = container.cells.get(key, ABSENT)
        except TypeError:
            value = ABSENT
        if value is not ABSENT:
            if interpreter.options:
                interpreter.note_look_up(container, key)
            return value
        if container.factory is not ABSENT and not container.is_open:
            value = call(interpreter, container.factory, Arguments(), ref, None)
            interpreter.store.set(container, key, value)
            return value
        # Of what is out of sight, the value is not known; a default that names nothing in a module is never used.
        if not isinstance(key, External) and not container.is_namespace:
            return Unknown(text_of(key), f"no key `{text_of(key)}` is known")
    values = [v for _, v in container.entries()]
    is_table = not container.is_open and not container.is_namespace
    if values and is_table and len(values) <= MAX_READ_ENTRIES and container.factory is ABSENT:
        return join(values)
    found = any_factory(interpreter, values) if container.is_namespace else any_entry(interpreter, values)
    return Unknown("?", "a dictionary read with an unknown key") if found is ABSENT else found


def _instance_item(interpreter: Interpreter, container: Instance, key: Value, ref: NodeRef) -> Value:
    method, _ = container.cls.lookup("__getitem__")
    if method is not ABSENT:
        return call(interpreter, BoundMethod(method, container), Arguments([key]), ref, None)
    if container.entries is not None:
        return _dict_item(interpreter, container.entries, key, ref)
    if container.fields is not None:
        return _sequence_item(tuple(container.cells[name] for name in container.fields), key)
    return Unknown("?", f"subscripts of a {container.cls.name} are not evaluated")


def set_item(interpreter: Interpreter, container: Value, key: Value, value: Value) -> None:
    """Execute `container[key] = value`."""
    if isinstance(container, List):
        interpreter.budget.charge(length_of(container))
        items = container.items
        if isinstance(key, int) and -len(items) <= key < len(items):
            position = int(key) % len(items)
            interpreter.store.set(container, ITEMS, (*items[:position], value, *items[position + 1 :]))
        elif isinstance(key, Slice) and (bounds := key.concrete) is not None:
            changed = list(items)
            new, more = iterate(interpreter, value)
            try:
                if more:
                    raise ValueError("it is not known how many elements are put there")
                changed[bounds] = new
            except ValueError:
                changed = []
                interpreter.store.set(container, REST, (Unknown("?", "a slice was assigned"),))
            if len(changed) > MAX_LENGTH:
                changed = []
                interpreter.store.set(container, REST, very_many())
            interpreter.store.set(container, ITEMS, tuple(changed))
        elif len(items) <= MAX_REPLACED_ENTRIES:
            interpreter.store.set(container, ITEMS, tuple(join((item, value)) for item in items))
        else:
            interpreter.store.set(container, ITEMS, ())
            interpreter.store.set(container, REST, (Unknown("?", "an element of a long list was replaced"),))
    elif isinstance(container, Dict):
        if is_key(key):
            interpreter.store.set(container, key, value)
        else:
            # Each entry may be the one. Those of a large table are forgotten.
            entries = tuple(container.entries())
            for known, old in entries:
                if len(entries) <= MAX_REPLACED_ENTRIES:
                    interpreter.store.set(container, known, join((old, value)))
                else:
                    interpreter.store.remove(container, known)
            interpreter.store.set(container, Dict.OPEN, True)
    elif isinstance(container, Instance):
        _set_instance_item(interpreter, container, key, value)
    elif isinstance(container, Union):
        # None takes no items, so it is not meant; of several others, one is.
        meant = [one for one in container.values if one is not None]
        if len(meant) == 1:
            set_item(interpreter, meant[0], key, value)
        elif interpreter.frame is not None:
            fork_paths(
                interpreter, interpreter.frame, *(partial(set_item, interpreter, one, key, value) for one in meant)
            )


def _set_instance_item(interpreter: Interpreter, container: Instance, key: Value, value: Value) -> None:
    from bn_lint.static.interpreter.assign import register

    method, _ = container.cls.lookup("__setitem__")
    if method is not ABSENT and container.built is not None and not container.is_module:
        call(interpreter, BoundMethod(method, container), Arguments([key, value]), container.built, None)
    elif container.entries is not None:
        set_item(interpreter, container.entries, key, value)
    elif container.is_module:
        if isinstance(key, int) and key < 0:
            key = sum(1 for _ in container.children()) + key
        if isinstance(key, (int, str)):
            register(interpreter, container, str(key), value)
        else:
            interpreter.store.set(container, REST, (Unknown("?", "a module was replaced by an unknown index"),))
