"""Objects of classes that inherit from `dict`: registries, and configurations whose entries are attributes."""

from __future__ import annotations

from bn_lint.static.interpreter.builtins.methods import plain_attribute, update
from bn_lint.static.interpreter.interpreter import Interpreter
from bn_lint.static.interpreter.values import ABSENT, Arguments, Builtin, Class, Dict, Instance, Unknown, Value
from bn_lint.static.syntax.places import NodeRef

#: The built-in classes, as the engine names them.
_CLASSES = frozenset({"dict", "collections.OrderedDict"})


def make_entries(cls: Class) -> Dict | None:
    """Return what a new object of a class holds as a dictionary; None if it is none."""
    bases = (base for one in cls.mro if type(one) is Class for base in one.bases)
    if not any(type(base) is Builtin and base.name in _CLASSES for base in bases):
        return None
    # What is set as an attribute may become an entry, which is not followed.
    return Dict(is_open=cls.lookup("__setattr__")[0] is not ABSENT)


def dict_attribute(instance: Instance, name: str) -> Value:
    """Return what such an object has as an attribute that its class does not define; ABSENT if it has none."""
    entries = instance.entries
    if entries is None:
        return ABSENT
    if instance.cells.get("__dict__") is instance:  # after `self.__dict__ = self`
        found = entries.cells.get(name, ABSENT)
        if found is not ABSENT:
            return found
    return dict_method(entries, name)


def dict_method(entries: Dict, name: str) -> Value:
    """Return a method that `dict` has, or ABSENT."""
    from bn_lint.static.interpreter.subscripts import get_item, set_item

    def initialize(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
        update(interpreter, entries, arguments, ref)
        return None

    def read(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
        return get_item(interpreter, entries, arguments.get(0, "key", Unknown("key")), ref)

    def write(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
        unknown = Unknown("?", "an argument that is not known")
        set_item(interpreter, entries, arguments.get(0, "key", unknown), arguments.get(1, "value", unknown))
        return None

    own = {"__init__": initialize, "__getitem__": read, "__setitem__": write}.get(name)
    if own is not None:
        return Builtin(name, own)
    return plain_attribute(entries, name) if hasattr(dict, name) and not name.startswith("__") else ABSENT
