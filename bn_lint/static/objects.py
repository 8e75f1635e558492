"""Classes of the program, and making objects of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import libcst as cst

from bn_lint.dims import Expression, TracedInt, structural_symbol
from bn_lint.static.memory import key_of_call
from bn_lint.static.modes.state import BUILT, MODE
from bn_lint.static.run import Run
from bn_lint.static.syntax import attributes_written
from bn_lint.static.values import (
    MISSING,
    Arguments,
    Builtin,
    Class,
    Dict,
    External,
    Function,
    Instance,
    LibraryClass,
    Spot,
    Tensor,
    Unknown,
    Value,
)

if TYPE_CHECKING:
    from collections.abc import Hashable

    from bn_lint.static.frames import Frame

_ENUMS = ("enum.Enum", "enum.IntEnum", "enum.StrEnum", "enum.Flag", "enum.IntFlag")


def finish_class(run: Run, cls: Class, annotated: list[tuple[str, Value]]) -> None:
    """Recognise enumerations and named tuples once a class body has run."""
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
    from bn_lint.static.values import ClassMethod, Property, StaticMethod

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


def instantiate(run: Run, cls: Class | LibraryClass, arguments: Arguments, spot: Spot, frame: Frame | None) -> Value:
    """Return a new object of a class."""
    if isinstance(cls, LibraryClass):
        return _instantiate_library(run, cls, arguments, spot, frame)
    if cls.kind == "enum":
        return _enum_member(cls, arguments)
    cls.instantiated = True
    if not cls.is_module:
        return _construct(run, cls, arguments, spot, frame)
    key = _construction_key(cls, arguments, spot)
    instance = run.memoize(key, lambda: _construct_module(run, cls, arguments, spot, frame, key), arguments.values())
    if isinstance(instance, Instance):
        instance.owner = None
        run.created.append(instance)
    return instance


def _construction_key(cls: Class | LibraryClass, arguments: Arguments, spot: Spot) -> Hashable | None:
    key = key_of_call(arguments)
    return None if key is None else ("new", cls, key)


def _construct_module(
    run: Run, cls: Class, arguments: Arguments, spot: Spot, frame: Frame | None, key: Hashable | None
) -> Value:
    instance = _construct(run, cls, arguments, spot, frame)
    if isinstance(instance, Instance):
        _forget_placeholders(instance, cls)
        run.observer.module_built(run, instance)
        if key is not None:
            # Whatever is built again from the same arguments behaves the same: calls of it can be remembered.
            instance.template = run.template_of(key)
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


def _construct(run: Run, cls: Class, arguments: Arguments, spot: Spot, frame: Frame | None) -> Value:
    from bn_lint.static.calls import call

    instance = Instance(cls, spot)
    if cls.is_module:
        instance.cells[MODE] = BUILT
    init, _ = cls.lookup("__init__")
    if isinstance(init, Function):
        given = _traced(cls, init, arguments) if cls.is_module else arguments
        call(run, init, given.prefixed(instance), spot, frame)
    elif isinstance(init, Builtin):
        init.implementation(run, arguments.prefixed(instance), spot)
    elif cls.fields:
        _fill_fields(run, instance, cls, arguments, spot, frame)
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
        default = init.defaults.get(name, MISSING)
        if name not in given and type(default) in (int, TracedInt):
            keywords[name] = _trace(cls, name, default)
    return Arguments(positional, keywords, more=arguments.more, rest=arguments.rest)


def _trace(cls: Class, name: str, value: Value) -> Value:
    if type(value) not in (int, TracedInt):
        return value
    symbol = structural_symbol(name, ("parameter", cls, name), free=True, owner=cls)
    return TracedInt(int(value), Expression.of(symbol))


def _fill_fields(
    run: Run, instance: Instance, cls: Class, arguments: Arguments, spot: Spot, frame: Frame | None
) -> None:
    from bn_lint.static.calls import call

    for position, (name, default) in enumerate(cls.fields):
        value = arguments.get(position, name, MISSING)
        if value is MISSING:
            value = default
            if isinstance(value, Field):
                value = (
                    call(run, value.factory, Arguments(), spot, frame) if value.factory is not None else value.default
                )
            if value is MISSING:
                value = Unknown(name, f"no value is visible for the field `{name}` of `{cls.name}`")
        instance.cells[name] = value
    if cls.kind == "namedtuple":
        instance.cells["*fields"] = tuple(name for name, _ in cls.fields)
    post, _ = cls.lookup("__post_init__")
    if isinstance(post, Function):
        call(run, post, Arguments([instance]), spot, frame)


class Field:
    """`dataclasses.field(default=..., default_factory=...)`."""

    __slots__ = ("default", "factory")

    def __init__(self, default: Value = MISSING, factory: Value = None) -> None:
        self.default = default
        self.factory = factory


def record_method(run: Run, instance: Instance, name: str) -> Value:
    """Return a method that named tuples have by themselves, or MISSING."""
    if instance.cls.__class__ is not Class or "*fields" not in instance.cells:
        return MISSING
    fields = instance.cells["*fields"]

    def replace(run: Run, arguments: Arguments, spot: Spot) -> Value:
        copy = Instance(instance.cls, spot)
        copy.cells.update(instance.cells)
        copy.cells.update(arguments.keywords)
        return copy

    if name == "_replace":
        return Builtin(name, replace)
    if name == "_asdict":
        return Builtin(name, lambda run, arguments, spot: Dict({field: instance.cells[field] for field in fields}))
    return fields if name == "_fields" else MISSING


def _enum_member(cls: Class, arguments: Arguments) -> Value:
    wanted = arguments.get(0, "value")
    for member in cls.cells.values():
        if isinstance(member, Instance) and member.cls is cls:
            from bn_lint.static.truth import equal

            if member is wanted or equal(member.cells.get("value"), wanted) is True:
                return member
    return Unknown(cls.name, f"which member of `{cls.name}` is not known")


def _instantiate_library(run: Run, cls: LibraryClass, arguments: Arguments, spot: Spot, frame: Frame | None) -> Value:
    new, _ = cls.lookup("__new__")
    outer = run.frame
    run.frame = frame if frame is not None else outer
    try:
        if isinstance(new, Builtin):
            return new.implementation(run, arguments, spot)
        instance = Instance(cls, spot)
        if cls.is_module:
            instance.cells[MODE] = BUILT
        init, _ = cls.lookup("__init__")
        if isinstance(init, Builtin):
            init.implementation(run, arguments.prefixed(instance), spot)
    finally:
        run.frame = outer
    if instance.is_module:
        run.created.append(instance)
        key = _construction_key(cls, arguments, spot)
        if key is not None:
            instance.template = run.template_of((key, spot.node))
    return instance
