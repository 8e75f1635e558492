"""Parameters and arguments: what a function takes, whether a call fits it, and the names that a call binds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bn_lint.static.interpreter.dispatch import evaluate
from bn_lint.static.interpreter.values import (
    ABSENT,
    Arguments,
    BoundMethod,
    Class,
    Dict,
    Function,
    Instance,
    LibraryClass,
    List,
    Parameters,
    Unknown,
    Value,
)
from bn_lint.static.syntax import nodes as cst

if TYPE_CHECKING:
    from bn_lint.static.interpreter.frames import Frame
    from bn_lint.static.interpreter.interpreter import Interpreter


def fitting(alternatives: list[Value], arguments: Arguments) -> list[Value]:
    """Return those of several callables that accept the arguments; all of them if none does.

    A program that calls one of several things with arguments that only some of them take has chosen one of those:
    the condition that chose it was evaluated elsewhere.
    """
    fit = [one for one in alternatives if not rejects(one, arguments)]
    return fit or alternatives


def rejects(function: Value, arguments: Arguments) -> bool:
    """Whether calling a function, a class or a module with these arguments surely raises `TypeError`."""
    if isinstance(function, BoundMethod) and isinstance(function.function, Function):
        return _does_not_bind(function.function, arguments.prefixed(function.receiver))
    if isinstance(function, Function):
        return _does_not_bind(function, arguments)
    if isinstance(function, LibraryClass):
        # Of a library's constructor, the table may leave out optional parameters, but no other.
        required = [name for name, default in function.signature if default is ABSENT]
        missing = required[len(arguments.positional) :]
        return not arguments.more and any(name not in arguments.keywords for name in missing)
    if isinstance(function, Class):
        init, _ = function.lookup("__init__")
        # The object that `__init__` gets does not exist yet: anything takes its place.
        return isinstance(init, Function) and _does_not_bind(init, arguments.prefixed(None))
    if isinstance(function, Instance) and function.is_module and "forward" not in function.cells:
        call, forward = (function.cls.lookup(name)[0] for name in ("__call__", "forward"))
        is_plain = not isinstance(call, Function) and isinstance(forward, Function)
        return is_plain and rejects(forward, arguments.prefixed(function))
    return False


def _does_not_bind(function: Function, arguments: Arguments) -> bool:
    if isinstance(function.node, cst.FunctionDef):
        decorators = [one for one in function.node.decorators if not _is_static(one)]
        if len(decorators) > (function.context is not None):
            return False  # a decorator may take other arguments than the function, but not `no_grad`
    params, given = function.params, len(arguments.positional)
    names = params.positional
    if params.star is None and given > len(names):
        return True
    by_name = {*names[params.positional_only :], *params.keyword_only}
    if params.star_star is None and any(name not in by_name for name in arguments.keywords):
        return True
    if any(name in arguments.keywords for name in names[params.positional_only : given]):
        return True  # given twice
    if arguments.more:
        return False
    required = [name for name in (*names[given:], *params.keyword_only) if name not in function.defaults]
    return any(name not in arguments.keywords for name in required)


def _is_static(node: cst.Decorator) -> bool:
    return isinstance(node.decorator, cst.Name) and node.decorator.value == "staticmethod"


def bind(function: Function, arguments: Arguments) -> dict[str, Value]:
    """Return the local names of a call: parameters bound to arguments, defaults, or unknown values."""
    params = function.params
    cells: dict[str, Value] = {}
    positional = arguments.positional
    count = len(params.positional)
    for position, name in enumerate(params.positional):
        if position < len(positional):
            cells[name] = positional[position]
        elif name in arguments.keywords:
            cells[name] = arguments.keywords[name]
        else:
            cells[name] = _absent(function, name, arguments)
    for name in params.keyword_only:
        cells[name] = arguments.keywords[name] if name in arguments.keywords else _absent(function, name, arguments)
    if params.star is not None:
        extra = tuple(positional[count:])
        cells[params.star] = List(extra, arguments.rest or (Unknown("?"),)) if arguments.more else extra
    if params.star_star is not None:
        known = {*params.positional, *params.keyword_only}
        extra_keywords = {k: v for k, v in arguments.keywords.items() if k not in known}
        cells[params.star_star] = Dict(extra_keywords, is_open=arguments.more)
    return cells


def _absent(function: Function, name: str, arguments: Arguments) -> Value:
    default = function.defaults.get(name, ABSENT)
    if type(default) is bool and arguments.more:
        return Unknown(name, f"what is unpacked may have a value for the parameter `{name}` of `{function.name}`")
    if default is not ABSENT:
        return default
    return Unknown(name, f"no value is visible for the parameter `{name}` of `{function.name}`")


def make_parameters(
    interpreter: Interpreter, node: cst.Parameters, frame: Frame
) -> tuple[Parameters, dict[str, Value]]:
    """Return a function's parameters and its defaults, evaluated in the scope that defines it."""
    defaults: dict[str, Value] = {}
    annotations: dict[str, str] = {}

    def names(params: object) -> tuple[str, ...]:
        result = []
        for param in params:  # type: ignore[attr-defined]
            name = param.name.value
            result.append(name)
            if param.default is not None:
                defaults[name] = evaluate(interpreter, param.default, frame)
            annotation = param.annotation
            if annotation is not None and type(annotation.annotation) is cst.Name:
                annotations[name] = annotation.annotation.value
        return tuple(result)

    only = names(node.posonly_params)
    positional = names(node.params)
    keyword_only = names(node.kwonly_params)
    star = node.star_arg.name.value if type(node.star_arg) is cst.Param else None
    star_star = node.star_kwarg.name.value if node.star_kwarg is not None else None
    return Parameters(only + positional, len(only), keyword_only, star, star_star, annotations), defaults
