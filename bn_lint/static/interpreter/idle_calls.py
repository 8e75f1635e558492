"""Calls that need not be run again: nobody uses what they give, and calls like them have left nothing behind.

A program gives the modules of each of its models their first weights, in functions that walk through all of them. Such
a function does the same with a module wherever it meets one of its class.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, Final

from bn_lint.static.interpreter.budget import progress
from bn_lint.static.interpreter.store import watch
from bn_lint.static.interpreter.values import (
    Arguments,
    BoundMethod,
    Class,
    Instance,
    LibraryClass,
    Raised,
    Unknown,
    Value,
    is_module,
)

if TYPE_CHECKING:
    from bn_lint.static.interpreter.interpreter import Interpreter

#: What stands for a module in the key of a call.
_MODULE: Final = "module"
_Classes = set["Class | LibraryClass"]


class IdleCalls:
    """Functions that were given modules, nothing came of it, and the classes of all modules they met."""

    def __init__(self) -> None:
        #: Calls by function, and what it is given besides modules: those that occurred once, and no more.
        self._met: set[Hashable] = set()
        #: Those that were watched, and the classes with which nothing came of them; None if something did.
        self._watched: dict[Hashable, _Classes | None] = {}
        #: Whether such a call is running: those within it are part of it.
        self._is_inside = False

    def forget(self) -> None:
        """Drop all that is kept."""
        self._met.clear()
        self._watched.clear()

    def run(
        self, interpreter: Interpreter, function: object, arguments: Arguments, compute: Callable[[], Value]
    ) -> Value:
        """Run a call of which nobody uses what it gives, unless nothing comes of such a call.

        Args:
            function: What is called.
        """
        if self._is_inside or interpreter.events.depth or interpreter.collector.is_quiet:
            return compute()
        key = _key(interpreter, arguments)
        if key is None:
            return compute()
        key = (function, key)
        classes = self._watched.get(key, _Classes())
        if classes is None:
            return compute()
        self._is_inside = True
        try:
            if key not in self._met:  # most are not repeated
                self._met.add(key)
                return compute()
            given = _classes_in(arguments)
            if given <= classes:
                return Unknown("?", "nobody uses what it gives")
            value, is_idle = _watch(interpreter, compute)
            self._watched[key] = classes | given if is_idle else None
            return value
        finally:
            self._is_inside = False


def _key(interpreter: Interpreter, arguments: Arguments) -> Hashable | None:
    """What a call is given besides modules; None if that is not known, or if there are none."""
    if arguments.more or not any(map(is_module, arguments.values())):
        return None
    keys = [_key_of(interpreter, one) for one in arguments.values()]
    return None if None in keys else (*keys, len(arguments.positional), *arguments.keywords)


def _key_of(interpreter: Interpreter, value: Value) -> Hashable | None:
    if is_module(value):
        return _MODULE
    if isinstance(value, BoundMethod) and is_module(value.receiver):
        return _MODULE, value.function
    return interpreter.keys.of(value)


def _classes_in(arguments: Arguments) -> _Classes:
    owners = [one.receiver if isinstance(one, BoundMethod) else one for one in arguments.values()]
    modules = {id(one): one for one in owners if isinstance(one, Instance) and one.is_module}
    return {part.cls for module in modules.values() for part in module.possible_descendants()}


def _watch(interpreter: Interpreter, compute: Callable[[], Value]) -> tuple[Value, bool]:
    """Compute a value; whether nothing else came of it."""
    store, purity = interpreter.store, watch()
    before = _left_behind(interpreter)
    store.purity.append(purity)
    try:
        value = compute()
    finally:
        store.purity.pop()
    return value, purity.pure and type(value) is not Raised and _left_behind(interpreter) == before


def _left_behind(interpreter: Interpreter) -> tuple[object, ...]:
    """What would be otherwise by now if the call had done anything."""
    return (*progress(interpreter), interpreter.events.size, interpreter.collector.noted, interpreter.fails)


__all__ = ["IdleCalls"]
