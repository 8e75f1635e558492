"""Built-in functions about objects, their classes and their attributes."""

from __future__ import annotations

from bn_lint.static.interpreter.assign import delete_attribute, set_attribute
from bn_lint.static.interpreter.attributes import get_attribute
from bn_lint.static.interpreter.builtins.isinstances import is_instance, is_subclass, type_of
from bn_lint.static.interpreter.builtins.table import builtin
from bn_lint.static.interpreter.computed_names import any_member, evaluate_text
from bn_lint.static.interpreter.interpreter import Interpreter
from bn_lint.static.interpreter.lattice.join import join
from bn_lint.static.interpreter.values import (
    ABSENT,
    REST,
    Arguments,
    BoundMethod,
    Builtin,
    Class,
    Dict,
    External,
    Function,
    Instance,
    LibraryClass,
    List,
    ModuleScope,
    Partial,
    Super,
    Unknown,
    Value,
    is_module,
)
from bn_lint.static.syntax.places import NodeRef


@builtin("isinstance")
def _isinstance(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
    outcome = is_instance(interpreter, arguments.positional[0], arguments.positional[1])
    return Unknown("isinstance") if outcome is None else outcome


@builtin("issubclass")
def _issubclass(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
    outcome = is_subclass(interpreter, arguments.positional[0], arguments.positional[1])
    return Unknown("issubclass") if outcome is None else outcome


@builtin("type")
def _type(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
    return type_of(arguments.positional[0])


@builtin("callable")
def _callable(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
    value = arguments.positional[0]
    if isinstance(value, (Function, Builtin, Class, LibraryClass, BoundMethod, Partial)):
        return True
    return False if value is None or isinstance(value, (int, float, str, tuple, List, Dict)) else Unknown("callable")


@builtin("getattr")
def _getattr(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
    owner, name = arguments.positional[0], arguments.get(1, "name")
    if not isinstance(name, str):
        if isinstance(owner, External):
            return interpreter.domain.any_member(owner.dotted)
        if isinstance(owner, ModuleScope):
            return any_member(interpreter, owner)
        if isinstance(owner, Instance) and not owner.is_module:  # `for name in names: getattr(self, name).eval()`
            modules = [value for value in owner.cells.values() if is_module(value)]
            return join(modules) if modules else Unknown("?", "an attribute with an unknown name")
        return Unknown("?", "an attribute with an unknown name")
    if len(arguments.positional) > 2 and has_attribute(interpreter, owner, name) is False:
        return arguments.positional[2]
    value = get_attribute(interpreter, owner, name, ref)
    return value


@builtin("vars")
def _vars(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
    if not arguments.positional:
        return Unknown("?", "the names of a scope are not evaluated")
    return get_attribute(interpreter, arguments.positional[0], "__dict__", ref)


@builtin("eval")
def _eval(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
    if interpreter.frame is None:
        return Unknown("eval")
    return evaluate_text(interpreter, arguments.get(0, "expression"), ref, interpreter.frame)


@builtin("hasattr")
def _hasattr(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
    owner, name = arguments.positional[0], arguments.get(1, "name")
    outcome = has_attribute(interpreter, owner, name) if isinstance(name, str) else None
    return Unknown("hasattr") if outcome is None else outcome


def has_attribute(interpreter: Interpreter, owner: Value, name: str) -> bool | None:
    """Return `hasattr(owner, name)`, as far as it is known."""
    if isinstance(owner, Instance):
        if owner.cells.get(name, ABSENT) is not ABSENT or owner.cls.lookup(name)[0] is not ABSENT:
            return True
        if isinstance(owner.cls, LibraryClass):
            return None if name in ("weight", "bias") else False
        return None if owner.cls.has_unknown_base or owner.cls.lookup("__getattr__")[1] is not None else False
    if isinstance(owner, Class):
        if owner.lookup(name)[0] is not ABSENT:
            return True
        return None if owner.has_unknown_base else False
    if isinstance(owner, External):
        return interpreter.domain.has_member(owner.dotted, name)
    if isinstance(owner, ModuleScope):
        if owner.cells.get(name, ABSENT) is not ABSENT:
            return True
        return None if owner.state == ModuleScope.FRESH or owner.stars or "__getattr__" in owner.cells else False
    if isinstance(owner, Function):
        return True if name in owner.attributes else None
    if isinstance(owner, (int, float, str)) or owner is None:
        return hasattr(owner, name)
    if isinstance(owner, (tuple, List)):
        return hasattr([], name) or name == "__len__"
    if isinstance(owner, Dict):
        return hasattr({}, name)
    return None


@builtin("setattr", takes_more=True)
def _setattr(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> None:
    owner, name, value = (
        arguments.positional if not arguments.more else (arguments.get(0, "obj"), Unknown("name"), Unknown("value"))
    )
    if isinstance(name, str):
        set_attribute(interpreter, owner, name, value, ref)
    elif isinstance(owner, Instance) and owner.is_module:
        interpreter.store.set(owner, REST, (*(REST.of(owner) or ()), value))
    elif isinstance(owner, Instance):
        _forget_numbers(interpreter, owner)


@builtin("delattr")
def _delattr(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> None:
    owner, name = arguments.positional[0], arguments.get(1, "name")
    if isinstance(name, str):
        delete_attribute(interpreter, owner, name)
    elif isinstance(owner, Instance) and owner.is_module:
        for attribute, value in list(owner.cells.items()):
            if is_module(value):
                interpreter.store.set(owner, attribute, Unknown(str(attribute), "perhaps deleted"))


def _forget_numbers(interpreter: Interpreter, settings: Instance) -> None:
    """Any number of an object may be another one, now that an attribute was set whose name nobody knows.

    So settings are read from files. What is no number, such as a list of layers, is rarely replaced.
    """
    attributes: dict[object, Value] = {}
    for cls in reversed(settings.cls.mro):
        attributes.update(cls.cells if isinstance(cls, Class) else {})
    for name, value in {**attributes, **settings.cells}.items():
        if isinstance(name, str) and type(value) in (int, float):
            interpreter.store.set(settings, name, join([value, Unknown(name, "a setting of any name was replaced")]))


@builtin("super")
def _super(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
    frame = interpreter.frame
    if arguments.positional:
        after = arguments.positional[0]
        receiver = arguments.get(1, "obj")
        return Super(after, receiver)
    while frame is not None and frame.owner is None:
        frame = frame.parent
    if frame is None or frame.owner is None:
        return Unknown("super")
    return Super(frame.owner, frame.receiver)
