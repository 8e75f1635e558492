"""Calls that need not be run again: nobody uses what they give, and calls like them have left nothing behind.

A constructor gives the modules of the new model their first weights, in functions that walk through all of them. Such a
function does the same with a module wherever it meets one of its class, with the same switches. Behind a constructor
that is not so: what is done to a model there depends on its mode, and on what the program has done before.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, Final

from bn_lint.static.interpreter.budget import progress
from bn_lint.static.interpreter.values import (
    Arguments,
    BoundMethod,
    Class,
    Instance,
    Raised,
    Unknown,
    Value,
    is_module,
)

if TYPE_CHECKING:
    from bn_lint.static.interpreter.frames import Frame
    from bn_lint.static.interpreter.interpreter import Interpreter

#: What stands for a module in the key of a call.
_MODULE: Final = "module"
#: Values that attributes have to choose between ways, and not as sizes.
_SWITCHES: Final = frozenset({bool, str, type(None)})
#: What may decide what a function does with modules: their classes, and the attributes of those of the program.
_Traits = set[object]


class IdleCalls:
    """Functions that were given modules, nothing came of it, and the traits of all modules they met."""

    def __init__(self) -> None:
        #: Calls by function, and what it is given besides modules: those that occurred once, and no more.
        self._met: set[Hashable] = set()
        #: Those that were watched, and the traits with which nothing came of them; None if something did.
        self._watched: dict[Hashable, _Traits | None] = {}
        #: Whether such a call is running: those within it are part of it.
        self._is_inside = False

    def forget(self) -> None:
        """Drop all that is kept."""
        self._met.clear()
        self._watched.clear()

    def run(
        self,
        interpreter: Interpreter,
        function: object,
        arguments: Arguments,
        frame: Frame | None,
        compute: Callable[[], Value],
    ) -> Value:
        """Run a call of which nobody uses what it gives, unless nothing comes of such a call.

        Args:
            function: What is called.
            frame: That of the caller.
        """
        if self._is_inside or frame is None or not _is_constructor(frame) or interpreter.collector.is_quiet:
            return compute()
        key = _key(interpreter, arguments)
        if key is None:
            return compute()
        interpreter.store.outside.settle()
        key = (function, key)
        traits = self._watched.get(key, _Traits())
        if traits is None:
            return compute()
        self._is_inside = True
        try:
            if key not in self._met:  # most are not repeated
                self._met.add(key)
                return compute()
            given = _traits_of(arguments)
            if given <= traits:
                return Unknown("?", "nobody uses what it gives")
            value, is_idle = _watch(interpreter, compute)
            self._watched[key] = traits | given if is_idle else None
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


def _is_constructor(frame: Frame) -> bool:
    return frame.function is not None and frame.function.name == "__init__" and frame.is_of_module


def _traits_of(arguments: Arguments) -> _Traits:
    owners = [one.receiver if isinstance(one, BoundMethod) else one for one in arguments.values()]
    modules = {id(one): one for one in owners if isinstance(one, Instance) and one.is_module}
    traits = _Traits()
    for module in modules.values():
        for part in module.possible_descendants():
            traits.add(part.cls)
            if isinstance(part.cls, Class):
                traits.update((part.cls, name, _trait(value)) for name, value in part.cells.items())
    return traits


def _trait(value: Value) -> object:
    if type(value) in _SWITCHES:
        return value
    return value.cls if isinstance(value, Instance) else type(value)


def _watch(interpreter: Interpreter, compute: Callable[[], Value]) -> tuple[Value, bool]:
    """Compute a value; whether nothing else came of it."""
    before = _left_behind(interpreter)
    purity = interpreter.store.watch()
    try:
        value = compute()
    finally:
        interpreter.store.unwatch()
    is_idle = purity.pure and type(value) is not Raised and _left_behind(interpreter) == before
    if is_idle:
        interpreter.store.outside.read(purity, None)
    return value, is_idle


def _left_behind(interpreter: Interpreter) -> tuple[object, ...]:
    """What would be otherwise by now if the call had done anything."""
    return (*progress(interpreter), interpreter.events.size, interpreter.collector.noted, interpreter.fails)


__all__ = ["IdleCalls"]
