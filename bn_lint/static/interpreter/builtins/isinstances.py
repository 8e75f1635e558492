"""`type`, `isinstance` and `issubclass` on abstract values."""

from __future__ import annotations

from bn_lint.facts.dims import Expression
from bn_lint.static.interpreter.interpreter import Interpreter
from bn_lint.static.interpreter.iteration import iterate
from bn_lint.static.interpreter.values import (
    BoundMethod,
    Builtin,
    Class,
    Dict,
    External,
    Function,
    Instance,
    LibraryClass,
    List,
    Partial,
    Tensor,
    Union,
    Unknown,
    Value,
)

#: Names of builtin and library types, and the values that are instances of them.
_TYPES: dict[str, tuple[type, ...]] = {
    "int": (int, Expression),
    "float": (float,),
    "str": (str,),
    "bytes": (bytes,),
    "bool": (bool,),
    "list": (List,),
    "tuple": (tuple,),
    "dict": (Dict,),
    "set": (Dict,),
    "collections.OrderedDict": (Dict,),
    "collections.abc.Sequence": (List, tuple, str, range),
    "collections.abc.Iterable": (List, tuple, str, range, Dict),
    "collections.abc.Mapping": (Dict,),
    "collections.abc.Callable": (Function, Builtin, Class, LibraryClass, BoundMethod, Partial),
    "types.FunctionType": (Function,),
    "functools.partial": (Partial,),
    "numbers.Number": (int, float, Expression),
    "torch.Tensor": (Tensor,),
    "torch.nn.Parameter": (),
    "type": (Class, LibraryClass),
}
_PYTHON_KINDS = (bool, int, float, str, bytes, type(None), tuple, range)
_KNOWN_KINDS = (
    *_PYTHON_KINDS,
    List,
    Dict,
    Tensor,
    Function,
    Class,
    LibraryClass,
    Partial,
    Expression,
    Instance,
    BoundMethod,
    Builtin,
)


def type_name(value: Value) -> str | None:
    """Return the dotted name of a type that is not a class of the program."""
    if isinstance(value, Builtin):
        return value.name
    if isinstance(value, External):
        name = value.dotted
        return name.replace("typing.", "collections.abc.") if name.startswith("typing.") else name
    if isinstance(value, LibraryClass):
        return value.name
    return None


def is_instance(interpreter: Interpreter, value: Value, kind: Value) -> bool | None:
    """Return `isinstance(value, kind)`, as far as it is known."""
    if isinstance(kind, (tuple, List)):
        outcomes = [is_instance(interpreter, value, one) for one in iterate(interpreter, kind)[0]]
        return True if True in outcomes else (None if None in outcomes else False)
    if isinstance(value, Union):
        results = {is_instance(interpreter, v, kind) for v in value.values}
        return results.pop() if len(results) == 1 else None
    if isinstance(value, Instance):
        return _is_object_of(value, kind)
    if not isinstance(value, _KNOWN_KINDS) or isinstance(kind, Unknown):
        return None
    name = type_name(kind)
    if name in _TYPES:
        fits = isinstance(value, _TYPES[name])
        if fits and name in ("int", "numbers.Number") and isinstance(value, bool):
            return True
        if fits and isinstance(value, Dict):
            return value.is_set == (name == "set")
        return fits
    if isinstance(kind, (Class, LibraryClass)):
        return False
    return False if not isinstance(value, (Tensor, Builtin, Dict)) else None


def _is_object_of(value: Instance, kind: Value) -> bool | None:
    if isinstance(kind, (Class, LibraryClass, External)):
        if kind in value.cls.mro:
            return True
        if any(isinstance(one, LibraryClass) and one.stands_in for one in value.cls.mro) and _is_out_of_view(kind):
            return None
        if isinstance(kind, Builtin) or not isinstance(value.cls, Class) or not value.cls.has_unknown_base:
            return False if not isinstance(kind, External) or _is_closed(value) else None
        return None
    if isinstance(kind, Builtin):
        return (kind.name in ("tuple",) and value.fields is not None) or False
    return None


def _is_out_of_view(kind: Value) -> bool:
    return isinstance(kind, External) or (isinstance(kind, LibraryClass) and kind.stands_in)


def _is_closed(value: Instance) -> bool:
    return isinstance(value.cls, LibraryClass) or not value.cls.has_unknown_base


def is_subclass(interpreter: Interpreter, value: Value, kind: Value) -> bool | None:
    """Return `issubclass(value, kind)`, as far as it is known."""
    if isinstance(kind, (tuple, List)):
        outcomes = [is_subclass(interpreter, value, one) for one in iterate(interpreter, kind)[0]]
        return True if True in outcomes else (None if None in outcomes else False)
    if isinstance(value, (Class, LibraryClass)) and isinstance(kind, (Class, LibraryClass)):
        if kind in value.mro:
            return True
        return None if isinstance(value, Class) and value.has_unknown_base else False
    return None


def type_of(value: Value) -> Value:
    """Return `type(value)`."""
    if isinstance(value, Instance):
        return value.cls
    from bn_lint.static.interpreter.builtins.functions import BUILTINS

    names = (
        (bool, "bool"),
        (int, "int"),
        (float, "float"),
        (str, "str"),
        (List, "list"),
        (tuple, "tuple"),
        (Dict, "dict"),
    )
    for kind, name in names:
        if isinstance(value, kind):
            return BUILTINS[name]
    return Unknown("type")
