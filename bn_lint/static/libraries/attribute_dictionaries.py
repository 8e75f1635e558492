"""Dictionaries whose entries are attributes, too; dictionaries in them become such, as well."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bn_lint.libraries import LIBRARIES
from bn_lint.static.interpreter.builtins.methods import update
from bn_lint.static.interpreter.values import ENTRIES, Arguments, Builtin, Dict, Instance, LibraryClass, Value
from bn_lint.static.syntax.places import NodeRef

if TYPE_CHECKING:
    from bn_lint.static.interpreter.interpreter import Interpreter


def _initialize(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> None:
    _fill(interpreter, arguments.receiver, arguments.shifted(), ref, ())


def _fill(
    interpreter: Interpreter, made: Instance, arguments: Arguments, ref: NodeRef, around: tuple[Value, ...]
) -> None:
    """Put entries into a new object; `around` are the dictionaries that hold the one that they come from."""
    entries = Dict()
    ENTRIES.put(made, entries)
    made.cells["__dict__"] = made  # its attributes are its entries
    update(interpreter, entries, arguments, ref)
    library = next(one for one in made.cls.mro if isinstance(one, LibraryClass))
    for name, value in list(entries.entries()):
        if isinstance(value, Dict) and not value.is_set and not any(value is one for one in around):
            inner = Instance(library, ref)
            _fill(interpreter, inner, Arguments([value]), ref, (*around, value))
            interpreter.store.set(entries, name, inner)


_METHODS: dict[str, Value] = {"__init__": Builtin("__init__", _initialize)}
ATTRIBUTE_DICTIONARIES: dict[str, Value] = {
    name: LibraryClass(name, (), (), dict(_METHODS)) for one in LIBRARIES for name in one.attribute_dictionaries
}
