"""Reading attributes."""

from __future__ import annotations

from typing import Final

from bn_lint.facts.dims import Expression
from bn_lint.static.interpreter.builtins.concrete import foreign_attribute
from bn_lint.static.interpreter.builtins.methods import plain_attribute
from bn_lint.static.interpreter.builtins.table import BUILTINS
from bn_lint.static.interpreter.calls import call
from bn_lint.static.interpreter.dictionaries import dict_attribute, dict_method
from bn_lint.static.interpreter.imports import module_member
from bn_lint.static.interpreter.interpreter import Interpreter
from bn_lint.static.interpreter.iteration import iterate
from bn_lint.static.interpreter.lattice.join import join
from bn_lint.static.interpreter.objects import fill_fields, record_method
from bn_lint.static.interpreter.values import (
    ABSENT,
    Arguments,
    BoundMethod,
    Builtin,
    Class,
    ClassMethod,
    Dict,
    DomainValue,
    External,
    Function,
    Ghost,
    Instance,
    LibraryClass,
    List,
    ModuleScope,
    Partial,
    Property,
    Slice,
    StaticMethod,
    Super,
    Union,
    Unknown,
    Value,
    ValueIterator,
    lookup_in,
)
from bn_lint.static.syntax.places import NodeRef
from bn_lint.static.syntax.tree import looked_through


class _Missing(DomainValue):
    """The attributes that were read where nothing was set: the same one is the same unknown value each time."""

    __slots__ = ("read",)

    def __init__(self) -> None:
        self.read: dict[str, Unknown] = {}


#: Methods that every object has, and the functions that do the same.
_SETTING: Final = {"__setattr__": "setattr", "__delattr__": "delattr"}
_MISSING: Final[Ghost[_Missing]] = Ghost("missing")


def get_attribute(interpreter: Interpreter, value: Value, name: str, ref: NodeRef) -> Value:
    """Return `value.name`."""
    if isinstance(value, Instance):
        return _instance_attribute(interpreter, value, name, ref)
    if isinstance(value, External):
        return interpreter.domain.member(value.dotted, name)
    if isinstance(value, ModuleScope):
        member = module_member(interpreter, value, name)
        interpreter.store.reads(value.cells, name, member)
        return member
    if isinstance(value, Unknown):
        found = interpreter.domain.attribute_of_unknown(value, name)
        return value.member(("attr", name), f".{name}") if found is ABSENT else found
    if isinstance(value, Class):
        return _class_attribute(interpreter, value, name)
    if isinstance(value, Super):
        return _super_attribute(interpreter, value, name, ref)
    if isinstance(value, Union):
        return _attribute_of_alternatives(interpreter, value, name, ref)
    if isinstance(value, Function):
        if name in value.attributes:
            interpreter.store.reads(value.attributes, name, value.attributes[name])
            return value.attributes[name]
        if name == "__module__":
            return interpreter.project.dotted(value.file.path)
        return value.name if name in ("__name__", "__qualname__") else Unknown(name)
    if isinstance(value, LibraryClass):
        return _library_class_attribute(value, name)
    if isinstance(value, Partial):
        return {"func": value.function, "args": value.positional, "keywords": Dict(dict(value.keywords))}.get(
            name, Unknown(name)
        )
    if isinstance(value, Property):
        return _property_attribute(value, name)
    if isinstance(value, BoundMethod):
        if name == "__self__":
            return value.receiver
        return get_attribute(interpreter, value.function, name, ref) if name == "__name__" else Unknown(name)
    if isinstance(value, (List, Dict, ValueIterator, str, bytes, tuple, int, float, Expression, range, Slice)):
        return plain_attribute(value, name)
    found = interpreter.domain.attribute(interpreter, value, name, ref)
    if found is not ABSENT:
        return found
    return foreign_attribute(value, name)


def _property_attribute(value: Property, name: str) -> Value:
    """`@width.setter` and similar: functions that return a changed property."""
    if name == "setter":
        return Builtin(name, lambda interpreter, arguments, ref: Property(value.getter, arguments.positional[0]))
    if name == "deleter":
        return Builtin(name, lambda interpreter, arguments, ref: value)
    return value.getter if name == "fget" else Unknown(name)


def _instance_attribute(interpreter: Interpreter, instance: Instance, name: str, ref: NodeRef) -> Value:
    value = instance.cells.get(name, ABSENT)
    if value is not ABSENT:
        if isinstance(value, (List, Dict)) or (type(value) is Instance and value.is_record):
            interpreter.store.reads_container(value)
        return value
    found, owner = instance.cls.lookup(name)
    if found is not ABSENT:
        if interpreter.store.purity:
            _reads(interpreter, instance.cls, name, found)
        return _bind(interpreter, found, instance, ref)
    if name == "__class__":
        return instance.cls
    if name in _SETTING:
        return BoundMethod(BUILTINS[_SETTING[name]], instance)
    if name in ("_replace", "_asdict", "_fields"):
        method = record_method(interpreter, instance, name)
        if method is not ABSENT:
            return method
    value = dict_attribute(instance, name)
    if value is not ABSENT:
        return value
    value = interpreter.domain.attribute_of_object(interpreter, instance, name)
    if value is not ABSENT:
        return value
    if name == "__dict__" and not instance.is_module:
        known = {key: value for key, value in instance.cells.items() if isinstance(key, str) and value is not ABSENT}
        return Dict(known, is_open=True)
    if name == "__dict__":
        is_own = interpreter.frame is not None and interpreter.frame.receiver is instance
        if instance.is_module and not is_own and ref.node not in looked_through(ref.file.tree):
            interpreter.domain.forget(interpreter, instance)  # `new.__dict__.update(old.__dict__)`: its mode, too
        return Unknown("__dict__")
    method, owner = instance.cls.lookup("__getattr__")
    if isinstance(owner, Class) and not (isinstance(method, Function) and method in interpreter.stack):
        return call(interpreter, BoundMethod(method, instance), Arguments([name]), ref, None)
    # What a base class out of sight sets is that of a library.
    foreign = instance.is_module or (isinstance(instance.cls, Class) and instance.cls.has_unknown_base)
    why = f"`{instance.cls.name}.{name}` is not set in visible code"
    unknown = Unknown(f"{_known_as(instance)}.{name}", why, foreign=foreign)
    missing = _MISSING.of(instance)
    if missing is None:
        missing = _Missing()
        _MISSING.put(instance, missing)
    return missing.read.setdefault(name, unknown)


def _attribute_of_alternatives(interpreter: Interpreter, value: Union, name: str, ref: NodeRef) -> Value:
    """The attribute of any of several values. Those that have no such attribute are not what is meant here."""
    owners = [one for one in value.values if one is not None]
    found = [get_attribute(interpreter, one, name, ref) for one in owners]
    having = [one for one, owner in zip(found, owners) if not is_missing(owner, one)]
    return join(having or found)


def is_missing(owner: Value, found: Value) -> bool:
    missing = _MISSING.of(owner) if isinstance(owner, Instance) else None
    return missing is not None and any(found is one for one in missing.read.values())


def _known_as(instance: Instance) -> str:
    return instance.name or "self"


def _reads(interpreter: Interpreter, cls: Class | LibraryClass | External, name: str, found: Value) -> None:
    """An attribute is found in a class, or in one that it inherits from: those before it may get one of that name."""
    for one in cls.mro if isinstance(cls, Class) else ():
        if type(one) is Class:
            interpreter.store.reads(one.cells, name, found)
            if name in one.cells:
                break


def _bind(interpreter: Interpreter, found: Value, instance: Instance, ref: NodeRef) -> Value:
    if isinstance(found, (Function, Builtin)):
        return BoundMethod(found, instance)
    if isinstance(found, Property):
        return call(interpreter, found.getter, Arguments([instance]), ref, None)
    if isinstance(found, ClassMethod):
        return BoundMethod(found.function, instance.cls)
    if isinstance(found, StaticMethod):
        return found.function
    if isinstance(found, Partial):
        return found
    return found


def _class_attribute(interpreter: Interpreter, cls: Class, name: str) -> Value:
    found, _ = cls.lookup(name)
    if found is not ABSENT:
        if interpreter.store.purity:
            _reads(interpreter, cls, name, found)
        if isinstance(found, ClassMethod):
            return BoundMethod(found.function, cls)
        return found.function if isinstance(found, StaticMethod) else found
    if name in ("__name__", "__qualname__"):
        return cls.name
    if name == "__module__":
        return interpreter.project.dotted(cls.file.path)
    if name in ("_fields", "__match_args__") and cls.fields:
        return tuple(field for field, _ in cls.fields)
    if name == "_make" and cls.kind == "namedtuple":

        def make(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
            return call(
                interpreter, cls, Arguments(list(iterate(interpreter, arguments.get(0, "iterable"))[0])), ref, None
            )

        return Builtin("_make", make)
    if name == "__members__" and cls.kind == "enum":
        return Dict({k: v for k, v in cls.cells.items() if isinstance(v, Instance) and v.cls is cls})
    found = interpreter.domain.attribute_of_class(interpreter, cls, name)
    return (
        Unknown(f"{cls.name}.{name}", f"`{cls.name}.{name}` is not set in visible code") if found is ABSENT else found
    )


def _library_class_attribute(cls: LibraryClass, name: str) -> Value:
    found, _ = cls.lookup(name)
    if found is not ABSENT:
        return found.function if isinstance(found, StaticMethod) else found
    return cls.short_name if name in ("__name__", "__qualname__") else Unknown(f"{cls.short_name}.{name}")


def _dataclass_constructor(instance: Instance, cls: Class) -> Builtin:
    """What `super().__init__` is in a class that inherits from a dataclass."""

    def fill(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> None:
        fill_fields(interpreter, instance, cls, arguments, ref, interpreter.frame)

    return Builtin("__init__", fill)


def _new_class(made: Class, after: Value) -> Value:
    """What `super().__new__` is in the metaclass of a class: that of the next, or what gives the class; or ABSENT."""
    mro = made.metaclass.mro if made.metaclass is not None else ()
    if not any(one is after for one in mro):
        return ABSENT
    start = next(number for number, one in enumerate(mro, 1) if one is after)
    found, _ = lookup_in(mro[start:], "__new__")
    return found if isinstance(found, Function) else Builtin("__new__", lambda interpreter, arguments, ref: made)


def _super_attribute(interpreter: Interpreter, value: Super, name: str, ref: NodeRef) -> Value:
    receiver = value.receiver
    if name == "__new__" and interpreter.classes_made:
        found = _new_class(interpreter.classes_made[-1], value.after)
        if found is not ABSENT:
            return found
    cls = receiver.cls if isinstance(receiver, Instance) else receiver
    if not isinstance(cls, (Class, LibraryClass)):
        return Unknown(name)
    mro = cls.mro
    start = next((i + 1 for i, c in enumerate(mro) if c is value.after), 0)
    found, _ = lookup_in(mro[start:], name)
    if found is ABSENT:
        if isinstance(receiver, Instance) and receiver.entries is not None:
            found = dict_method(receiver.entries, name)
            if found is not ABSENT:
                return found
        if name in _SETTING and isinstance(receiver, Instance):
            return BoundMethod(BUILTINS[_SETTING[name]], receiver)
        if name == "__init__":
            made = next((one for one in mro[start:] if isinstance(one, Class) and one.kind == "dataclass"), None)
            if made is not None and isinstance(receiver, Instance):
                return _dataclass_constructor(receiver, made)
            return Builtin("__init__", lambda interpreter, arguments, ref: None)
        return Unknown(name, f"`super().{name}` is outside the project")
    if isinstance(receiver, Instance):
        return _bind(interpreter, found, receiver, ref)
    if isinstance(found, ClassMethod):
        return BoundMethod(found.function, receiver)
    return found
