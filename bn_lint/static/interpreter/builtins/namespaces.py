"""Objects that are nothing but names with values: the options of a command line, and `types.SimpleNamespace`."""

from __future__ import annotations

from bn_lint.static.interpreter.interpreter import Interpreter
from bn_lint.static.interpreter.values import Arguments, Builtin, Dict, Instance, LibraryClass, Property, Unknown, Value
from bn_lint.static.syntax.places import NodeRef


def namespace_class(name: str) -> LibraryClass:
    """Return a class of such objects."""
    return LibraryClass(name, (), (), {"__init__": Builtin("__init__", _init), "__dict__": _ENTRIES})


def _init(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> None:
    arguments.receiver.cells.update(arguments.keywords)


def _entries(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
    """`vars(options)`: a dictionary of the same cells, so what is written to one is read from the other.

    Code out of view may have put more names there.
    """
    owner = arguments.positional[0]
    if not isinstance(owner, Instance):
        return Unknown("__dict__")
    interpreter.store.set(owner, Dict.OPEN, True)
    entries = Dict(owner.cells)
    entries.born = owner.born
    return entries


_ENTRIES = Property(Builtin("__dict__", _entries))
