"""Reading attributes."""

from __future__ import annotations

from bn_lint.dims import Expression
from bn_lint.static.frames import ModuleScope
from bn_lint.static.join import join
from bn_lint.static.modes.parameters import Weights, weights_attribute
from bn_lint.static.modes.state import training_flag
from bn_lint.static.run import Run
from bn_lint.static.values import (
    MISSING,
    Arguments,
    BoundMethod,
    Builtin,
    Class,
    ClassMethod,
    Dict,
    External,
    Function,
    Instance,
    LibraryClass,
    List,
    OneOf,
    Partial,
    Property,
    Spot,
    StaticMethod,
    Super,
    Tensor,
    Unknown,
    Value,
    ValueIterator,
    lookup_in,
)


def get_attribute(run: Run, value: Value, name: str, spot: Spot) -> Value:
    """Return `value.name`."""
    if isinstance(value, Instance):
        return _instance_attribute(run, value, name, spot)
    if isinstance(value, External):
        return _external_attribute(value, name, spot)
    if isinstance(value, ModuleScope):
        return _names_of(run, value) if name == "__dict__" else run.module_member(value, name)
    if isinstance(value, Tensor):
        from bn_lint.static.torch.tensor_methods import tensor_attribute

        return tensor_attribute(run, value, name, spot)
    if isinstance(value, Unknown):
        return _unknown_attribute(value, name)
    if isinstance(value, Class):
        return _class_attribute(run, value, name)
    if isinstance(value, Super):
        return _super_attribute(run, value, name, spot)
    if isinstance(value, OneOf):
        return join(get_attribute(run, v, name, spot) for v in value.values if v is not None)
    if isinstance(value, Function):
        if name in value.attributes:
            return value.attributes[name]
        if name == "__module__":
            return run.project.dotted(value.file.path)
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
        return get_attribute(run, value.function, name, spot) if name == "__name__" else Unknown(name)
    if isinstance(value, Weights):
        return weights_attribute(value, name)
    if isinstance(value, (List, Dict, ValueIterator, str, bytes, tuple, int, float, Expression, range, slice)):
        from bn_lint.static.python.methods import plain_attribute

        return plain_attribute(value, name)
    from bn_lint.static.python.concrete import foreign_attribute

    return foreign_attribute(value, name)


def _unknown_attribute(value: Unknown, name: str) -> Value:
    from bn_lint.static.torch.tensor_methods import SHAPING, unknown_method

    # Methods that only tensors have tell the shape of their result whatever they are called on.
    return BoundMethod(unknown_method(name), value) if name in SHAPING else value.member(("attr", name), f".{name}")


def _names_of(run: Run, module: ModuleScope) -> Value:
    """The `__dict__` of a module of the project."""
    run.execute_module(module)
    return Dict(
        {name: run.resolved(value) for name, value in module.cells.items() if isinstance(name, str)}, is_open=True
    )


def _property_attribute(value: Property, name: str) -> Value:
    """`@width.setter` and its like: functions that return a changed property."""
    if name == "setter":
        return Builtin(name, lambda run, arguments, spot: Property(value.getter, arguments.positional[0]))
    if name == "deleter":
        return Builtin(name, lambda run, arguments, spot: value)
    return value.getter if name == "fget" else Unknown(name)


def _instance_attribute(run: Run, instance: Instance, name: str, spot: Spot) -> Value:
    value = instance.cells.get(name, MISSING)
    if value is not MISSING:
        return value
    found, owner = instance.cls.lookup(name)
    if found is not MISSING:
        return _bind(run, found, instance, spot)
    if name == "__class__":
        return instance.cls
    if name in ("_replace", "_asdict", "_fields"):
        from bn_lint.static.objects import record_method

        method = record_method(run, instance, name)
        if method is not MISSING:
            return method
    if name == "_modules" and instance.is_module:
        from bn_lint.static.torch.containers import in_order

        known, rest, last = in_order(instance)
        return Dict(dict((*known, *last)), is_open=bool(rest))
    if name == "__dict__":
        return Unknown("__dict__")
    if name == "training":
        return training_flag(run, instance)
    method, owner = instance.cls.lookup("__getattr__")
    if isinstance(owner, Class) and run.stack.count(method) == 0:
        from bn_lint.static.calls import call

        return call(run, BoundMethod(method, instance), Arguments([name]), spot, None)
    # The same attribute read twice is the same unknown value.
    unknown = Unknown(f"{_known_as(instance)}.{name}", f"`{instance.cls.name}.{name}` is not set in sight")
    instance.cells.setdefault("*missing", {})
    missing: dict[str, Unknown] = instance.cells["*missing"]
    return missing.setdefault(name, unknown)


def _known_as(instance: Instance) -> str:
    return instance.name or "self"


def _bind(run: Run, found: Value, instance: Instance, spot: Spot) -> Value:
    if isinstance(found, (Function, Builtin)):
        return BoundMethod(found, instance)
    if isinstance(found, Property):
        from bn_lint.static.calls import call

        return call(run, found.getter, Arguments([instance]), spot, None)
    if isinstance(found, ClassMethod):
        return BoundMethod(found.function, instance.cls)
    if isinstance(found, StaticMethod):
        return found.function
    if isinstance(found, Partial):
        return found
    return found


def _class_attribute(run: Run, cls: Class, name: str) -> Value:
    found, _ = cls.lookup(name)
    if found is not MISSING:
        if isinstance(found, ClassMethod):
            return BoundMethod(found.function, cls)
        return found.function if isinstance(found, StaticMethod) else found
    if name in ("__name__", "__qualname__"):
        return cls.name
    if name == "__module__":
        return run.project.dotted(cls.file.path)
    if name in ("_fields", "__match_args__") and cls.fields:
        return tuple(field for field, _ in cls.fields)
    if name == "_make" and cls.kind == "namedtuple":
        from bn_lint.static.iteration import iterate

        def make(run: Run, arguments: Arguments, spot: Spot) -> Value:
            from bn_lint.static.calls import call

            return call(run, cls, Arguments(list(iterate(run, arguments.get(0, "iterable"))[0])), spot, None)

        return Builtin("_make", make)
    if name == "__members__" and cls.kind == "enum":
        return Dict({k: v for k, v in cls.cells.items() if isinstance(v, Instance) and v.cls is cls})
    if name == "apply" and any(isinstance(c, External) and c.dotted in _AUTOGRAD for c in cls.mro):
        return _autograd_apply(cls)
    return Unknown(f"{cls.name}.{name}", f"`{cls.name}.{name}` is not set in sight")


_AUTOGRAD = ("torch.autograd.Function", "torch.autograd.function.Function")


def _autograd_apply(cls: Class) -> Value:
    """What calls `forward` of an operation with a backward pass of its own."""

    def apply(run: Run, arguments: Arguments, spot: Spot) -> Value:
        from bn_lint.static.calls import call

        forward = _class_attribute(run, cls, "forward")
        if cls.lookup("setup_context")[0] is MISSING:
            arguments = arguments.prefixed(Unknown("ctx"))
        return call(run, forward, arguments, spot, run.frame)

    return Builtin("apply", apply)


def _library_class_attribute(cls: LibraryClass, name: str) -> Value:
    found, _ = cls.lookup(name)
    if found is not MISSING:
        return found.function if isinstance(found, StaticMethod) else found
    return cls.short_name if name in ("__name__", "__qualname__") else Unknown(f"{cls.short_name}.{name}")


def _super_attribute(run: Run, value: Super, name: str, spot: Spot) -> Value:
    receiver = value.receiver
    cls = receiver.cls if isinstance(receiver, Instance) else receiver
    if not isinstance(cls, (Class, LibraryClass)):
        return Unknown(name)
    mro = cls.mro
    start = next((i + 1 for i, c in enumerate(mro) if c is value.after), 0)
    found, _ = lookup_in(mro[start:], name)
    if found is MISSING:
        if name == "__init__":
            return Builtin("__init__", lambda run, arguments, spot: None)
        return Unknown(name, f"`super().{name}` is outside the project")
    if isinstance(receiver, Instance):
        return _bind(run, found, receiver, spot)
    if isinstance(found, ClassMethod):
        return BoundMethod(found.function, receiver)
    return found


def _external_attribute(value: External, name: str, spot: Spot) -> Value:
    from bn_lint.static.library import library_member

    return library_member(value.dotted, name)
