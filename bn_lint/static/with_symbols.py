"""Calls of what nobody in view calls: with a symbol for each parameter that has no default."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bn_lint.static.call_sites import given_alike, has_calls
from bn_lint.static.checkpoints import weights_from
from bn_lint.static.interpreter.calls import call, cannot_exist
from bn_lint.static.interpreter.interpreter import Interpreter
from bn_lint.static.interpreter.values import (
    ABSENT,
    Arguments,
    BoundMethod,
    Class,
    Function,
    Instance,
    Unknown,
    Value,
    alternatives,
)
from bn_lint.static.syntax.places import NodeRef
from bn_lint.static.torch_model.operations.layer_table import MODULE


def call_with_symbols(interpreter: Interpreter, function: Function) -> None:
    """Call a function with a symbol for each parameter that has no default.

    Unless it makes a model, for which it does not matter where its weights come from, also with one for these.
    """
    ref, names = NodeRef(function.file, function.node), required(function)
    arguments = Arguments(keywords=symbols_for(interpreter, function, names, function.name))
    given = call(interpreter, function, arguments, ref, None)
    weights = weights_from(function)
    if weights and not any(isinstance(one, Instance) and one.is_module for one in _parts_of(given)):
        arguments = Arguments(keywords=symbols_for(interpreter, function, [*names, *weights], function.name))
        call(interpreter, function, arguments, ref, None)


def _parts_of(value: Value) -> Iterator[Value]:
    """What a function gives: all that it may be, and of tuples what is in them."""
    for one in alternatives(value):
        if isinstance(one, tuple):
            for part in one:
                yield from _parts_of(part)
        else:
            yield one


def instantiate(interpreter: Interpreter, cls: Class) -> Value:
    """Make an instance of a class, with a symbol for each parameter that has no default."""
    init = cls.lookup("__init__")[0]
    names = given_to_constructor(cls)
    keywords = symbols_for(interpreter, init, names, cls.name) if isinstance(init, Function) else {}
    return call(interpreter, cls, Arguments(keywords=keywords), NodeRef(cls.file, cls.node), None)


def call_forward(interpreter: Interpreter, instance: Instance, nowhere: NodeRef) -> None:
    """Call a module on inputs that are unknown; what has no `forward` is called by its other methods.

    Args:
        nowhere: What counts as the place of the call when it is not known where the module was built.
    """
    forward = instance.cls.lookup("forward")[0]
    if isinstance(forward, Function):
        names = required(forward)[1:]
        arguments = Arguments(
            [Unknown(name, f"the caller of `{instance.cls.name}` decides `{name}`") for name in names]
        )
    elif forward is not ABSENT:
        arguments = Arguments([Unknown("input", "nothing before it is known")])
    else:
        if isinstance(instance.cls, Class):
            call_other_methods(interpreter, instance)
        return
    call(interpreter, instance, arguments, instance.built or nowhere, None)


def call_other_methods(interpreter: Interpreter, instance: Instance) -> None:
    """Call the unused methods of a module on unknown inputs.

    Of a module that has a `forward`, a method that no line of the project calls is what was left of an older one. A
    framework that it inherits from calls its methods by their names.
    """
    cls = instance.cls
    if not isinstance(cls, Class) or cannot_exist(instance):
        return
    has_own = isinstance(cls.lookup("forward")[0], Function) and not _is_of_a_framework(cls)
    for name, method in list(cls.cells.items()):
        if isinstance(method, Function) and not name.startswith("__") and not interpreter.reads.is_called(method):
            if has_own and not _is_called_somewhere(interpreter, name):
                continue
            unknowns: list[Value] = [Unknown(n, f"the caller of `{name}` decides `{n}`") for n in required(method)[1:]]
            ref = instance.built or NodeRef(method.file, method.node)
            call(interpreter, BoundMethod(method, instance), Arguments(unknowns), ref, None)


def _is_of_a_framework(cls: Class) -> bool:
    return any(not isinstance(one, Class) and one is not MODULE for one in cls.mro)


def _is_called_somewhere(interpreter: Interpreter, name: str) -> bool:
    interpreter.reads.own.call_sites.add(name)
    return has_calls(name, interpreter.project.files.values())


def required(function: Function) -> list[str]:
    """The parameters of a function that have no default."""
    return [name for name in parameters_of(function, own=True) if name not in function.defaults]


def required_by_constructor(cls: Class) -> list[str]:
    """The parameters of a constructor that have no default."""
    init = cls.lookup("__init__")[0]
    return required(init)[1:] if isinstance(init, Function) else []


def asked(function: Function) -> list[str]:
    """The parameters that a function without callers is given a symbol for."""
    return [*required(function), *weights_from(function)]


def given_to_constructor(cls: Class) -> list[str]:
    """What a class without callers is given; of a model it does not matter where its weights come from."""
    init = cls.lookup("__init__")[0]
    return asked(init)[1:] if isinstance(init, Function) and not cls.is_module else required_by_constructor(cls)


def parameter(function: Function, name: str) -> Unknown:
    """The symbol that stands for what a caller would pass."""
    return Unknown(name, f"no value is visible for the parameter `{name}` of `{function.name}`", free=True)


def symbols_for(interpreter: Interpreter, function: Function, names: Sequence[str], called: str) -> dict[str, Value]:
    """A symbol for each of some parameters; one for those that all visible calls give the same."""
    alike: dict[str, str] = {}
    if len(names) > 1:
        interpreter.reads.own.call_sites.add(called)
        alike = given_alike(called, function, interpreter.project.files.values())
    made: dict[str, Value] = {name: parameter(function, name) for name in names}
    return {name: made.get(alike.get(name, name), made[name]) for name in names}


def parameters_of(function: Function, *, own: bool = False) -> list[str]:
    """The parameters that can be passed by name; `self` is one only where `own` is set."""
    names = (*function.params.positional, *function.params.keyword_only)
    return [name for name in names if own or name != "self"]
