"""Classes of the program, and making objects of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bn_lint.facts.dims import Expression, TracedInt, parameter_symbol
from bn_lint.static.interpreter.interpreter import Interpreter
from bn_lint.static.interpreter.lattice.equality import equal
from bn_lint.static.interpreter.lattice.join import join
from bn_lint.static.interpreter.limits import MAX_ALTERNATIVES
from bn_lint.static.interpreter.values import (
    ABSENT,
    ENTRIES,
    FIELDS,
    Arguments,
    Builtin,
    Class,
    ClassMethod,
    Dict,
    External,
    Field,
    Function,
    Instance,
    LibraryClass,
    Property,
    StaticMethod,
    Tensor,
    Union,
    Unknown,
    Value,
    hold,
)
from bn_lint.static.syntax import nodes as cst
from bn_lint.static.syntax.places import NodeRef
from bn_lint.static.syntax.tree import attributes_written

if TYPE_CHECKING:
    from collections.abc import Hashable

    from bn_lint.static.interpreter.frames import Frame

_ENUMS = ("enum.Enum", "enum.IntEnum", "enum.StrEnum", "enum.Flag", "enum.IntFlag")


def finish_class(interpreter: Interpreter, cls: Class, annotated: list[tuple[str, Value]]) -> None:
    """Recognize enumerations and named tuples once a class body has run."""
    for base in cls.mro[1:]:
        if isinstance(base, Class) and base.kind and not cls.kind:
            cls.kind = base.kind
            cls.fields = base.fields
        elif isinstance(base, External) and base.dotted in _ENUMS:
            cls.kind = "enum"
        elif isinstance(base, External) and base.dotted == "typing.NamedTuple":
            cls.kind = "namedtuple"
    if cls.kind == "namedtuple" and annotated:
        cls.fields = tuple(annotated)
    elif cls.kind == "enum":
        for name, value in list(cls.cells.items()):
            if not name.startswith("_") and not isinstance(value, (Function, Builtin)) and not _is_descriptor(value):
                member = Instance(cls, None)
                member.cells.update(name=name, value=value, _value_=value, _name_=name)
                cls.cells[name] = member


def _is_descriptor(value: Value) -> bool:
    return isinstance(value, (ClassMethod, Property, StaticMethod))


def make_dataclass(cls: Class, annotated: list[tuple[str, Value]]) -> None:
    """Give a class the constructor of a dataclass."""
    cls.kind = "dataclass"
    inherited: dict[str, Value] = {}
    for base in reversed(cls.mro[1:]):
        if isinstance(base, Class) and base.kind == "dataclass":
            inherited.update(base.fields)
    inherited.update(annotated)
    cls.fields = tuple(inherited.items())


def instantiate(
    interpreter: Interpreter, cls: Class | LibraryClass, arguments: Arguments, ref: NodeRef, frame: Frame | None
) -> Value:
    """Return a new object of a class."""
    if isinstance(cls, LibraryClass):
        wrapped = arguments.get(0, cls.wraps) if cls.wraps else None
        if isinstance(wrapped, Union) and len(wrapped.values) <= MAX_ALTERNATIVES:
            each = [arguments.with_first(cls.wraps, one) for one in wrapped.values]
            return join([_instantiate_library(interpreter, cls, one, ref, frame) for one in each])
        return _instantiate_library(interpreter, cls, arguments, ref, frame)
    if cls.kind == "enum":
        return _enum_member(cls, arguments)
    interpreter.reads.makes(cls)
    if not cls.is_module:
        return _construct(interpreter, cls, arguments, ref, frame)
    key = _construction_key(interpreter, cls, arguments)
    instance = interpreter.summaries.memoize(
        key, lambda: _construct_module(interpreter, cls, arguments, ref, frame, key), arguments.values()
    )
    if isinstance(instance, Instance):
        instance.owner = None
        interpreter.created.append(instance)
        interpreter.created_at[id(instance)] = ref
    return instance


def _construction_key(interpreter: Interpreter, cls: Class | LibraryClass, arguments: Arguments) -> Hashable | None:
    key = interpreter.keys.of_call(arguments)
    return None if key is None else ("new", cls, key, interpreter.path.supposed > 0)


def _construct_module(
    interpreter: Interpreter, cls: Class, arguments: Arguments, ref: NodeRef, frame: Frame | None, key: Hashable | None
) -> Value:
    instance = _construct(interpreter, cls, arguments, ref, frame)
    if isinstance(instance, Instance):
        _forget_placeholders(instance, cls)
        interpreter.collector.module_built(interpreter, instance)
        if key is not None:
            # Whatever is built again from the same arguments behaves the same: calls of it can be remembered.
            instance.template = interpreter.summaries.template_of(key)
            for value in instance.cells.values():
                hold(instance, value)
    return instance


def _forget_placeholders(instance: Instance, cls: Class) -> None:
    """Forget tensors that the constructor only put where another method, such as a hook, writes later."""
    held = [name for name, value in instance.cells.items() if isinstance(value, Tensor)]
    if held:
        written = {
            name
            for owner in cls.mro
            if isinstance(owner, Class)
            for method in owner.cells.values()
            if isinstance(method, Function) and method.name != "__init__" and type(method.node) is cst.FunctionDef
            for name in attributes_written(method.node)
        }
        for name in written.intersection(held):
            instance.cells[name] = Tensor(ranked=False, why=f"`{name}` is written by a method of `{cls.name}`")


def _construct(interpreter: Interpreter, cls: Class, arguments: Arguments, ref: NodeRef, frame: Frame | None) -> Value:
    from bn_lint.static.interpreter.builtins.methods import update
    from bn_lint.static.interpreter.calls import call
    from bn_lint.static.interpreter.dictionaries import make_entries

    instance = Instance(cls, ref)
    if cls.is_module:
        interpreter.domain.module_made(instance)
    entries = make_entries(cls) if cls.has_unknown_base else None
    if entries is not None:
        ENTRIES.put(instance, entries)
    init, _ = cls.lookup("__init__")
    if isinstance(init, Function):
        given = _traced(cls, init, arguments) if cls.is_module else arguments
        call(interpreter, init, given.prefixed(instance), ref, frame)
    elif isinstance(init, Builtin):
        init.implementation(interpreter, arguments.prefixed(instance), ref)
    elif cls.fields:
        fill_fields(interpreter, instance, cls, arguments, ref, frame)
    elif entries is not None:
        update(interpreter, entries, arguments, ref)
    elif cls.has_unknown_base:
        for name, value in arguments.keywords.items():
            instance.cells.setdefault(name, value)
    return instance


def _traced(cls: Class, init: Function, arguments: Arguments) -> Arguments:
    """Let known integer arguments of a module remember which parameter of its class they came in by."""
    names = init.params.positional[1:]
    positional = [
        _trace(cls, names[i], value) if i < len(names) else value for i, value in enumerate(arguments.positional)
    ]
    keywords = {name: _trace(cls, name, value) for name, value in arguments.keywords.items()}
    given = {*names[: len(positional)], *keywords}
    for name in (*names, *init.params.keyword_only):
        default = init.defaults.get(name, ABSENT)
        if name not in given and type(default) in (int, TracedInt):
            keywords[name] = _trace(cls, name, default)
    return Arguments(positional, keywords, more=arguments.more, rest=arguments.rest)


def _trace(cls: Class, name: str, value: Value) -> Value:
    if type(value) is not int and type(value) is not TracedInt:
        return value
    return TracedInt(int(value), Expression.of(parameter_symbol(name, NodeRef(cls.file, cls.node))))


def fill_fields(
    interpreter: Interpreter, instance: Instance, cls: Class, arguments: Arguments, ref: NodeRef, frame: Frame | None
) -> None:
    """Do what the constructor that a dataclass or a named tuple is given does."""
    from bn_lint.static.interpreter.calls import call

    for position, (name, default) in enumerate(cls.fields):
        value = arguments.get(position, name, ABSENT)
        if value is ABSENT:
            value = default
            if isinstance(value, Field):
                value = (
                    call(interpreter, value.factory, Arguments(), ref, frame)
                    if value.factory is not None
                    else value.default
                )
            if value is ABSENT:
                value = Unknown(name, f"no value is visible for the field `{name}` of `{cls.name}`")
        instance.cells[name] = value
    if cls.kind == "namedtuple":
        FIELDS.put(instance, tuple(name for name, _ in cls.fields))
    post, _ = cls.lookup("__post_init__")
    if isinstance(post, Function):
        call(interpreter, post, Arguments([instance]), ref, frame)


def record_method(interpreter: Interpreter, instance: Instance, name: str) -> Value:
    """Return a method that named tuples have by themselves, or MISSING."""
    fields = instance.fields
    if instance.cls.__class__ is not Class or fields is None:
        return ABSENT

    def replace(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
        copy = Instance(instance.cls, ref)
        copy.cells.update(instance.cells)
        copy.cells.update(arguments.keywords)
        return copy

    if name == "_replace":
        return Builtin(name, replace)
    if name == "_asdict":
        return Builtin(
            name, lambda interpreter, arguments, ref: Dict({field: instance.cells[field] for field in fields})
        )
    return fields if name == "_fields" else ABSENT


def _enum_member(cls: Class, arguments: Arguments) -> Value:
    wanted = arguments.get(0, "value")
    for member in cls.cells.values():
        if not isinstance(member, Instance) or member.cls is not cls:
            continue
        if member is wanted or equal(member.cells.get("value"), wanted) is True:
            return member
    return Unknown(cls.name, f"which member of `{cls.name}` is not known")


def _instantiate_library(
    interpreter: Interpreter, cls: LibraryClass, arguments: Arguments, ref: NodeRef, frame: Frame | None
) -> Value:
    new, _ = cls.lookup("__new__")
    outer = interpreter.frame
    interpreter.frame = frame if frame is not None else outer
    try:
        if isinstance(new, Builtin):
            return new.implementation(interpreter, arguments, ref)
        instance = Instance(cls, ref)
        if cls.is_module:
            interpreter.domain.module_made(instance)
        init, _ = cls.lookup("__init__")
        if isinstance(init, Builtin):
            init.implementation(interpreter, arguments.prefixed(instance), ref)
    finally:
        interpreter.frame = outer
    if instance.is_module:
        interpreter.created.append(instance)
        key = _construction_key(interpreter, cls, arguments)
        if key is not None:
            instance.template = interpreter.summaries.template_of((key, ref.node))
    return instance
