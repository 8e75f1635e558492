"""The table of operations on tensors: one rule, however the operation is spelled.

A rule is a function `rule(at, ...)` that names the settings it needs: `def flatten(at, x, start_dim, end_dim)`. The
same rule serves `torch.flatten(x, 1)`, `x.flatten(start_dim=1)` and `nn.Flatten(1)(x)`, because all of them are bound
by a signature in PyTorch's own words. `x` is what PyTorch calls `input`, and always a `Tensor`.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from functools import cache
from typing import NamedTuple, TypeVar

from bn_lint.facts.dims import Expression
from bn_lint.static.interpreter.interpreter import Interpreter
from bn_lint.static.interpreter.iteration import iterate
from bn_lint.static.interpreter.lattice.join import join
from bn_lint.static.interpreter.values import (
    ABSENT,
    FIELDS,
    Arguments,
    Builtin,
    Instance,
    LibraryClass,
    List,
    Provenance,
    Tensor,
    Unknown,
    Value,
)
from bn_lint.static.syntax.places import NodeRef
from bn_lint.static.torch_model.operations.sizes import as_tensor
from bn_lint.static.torch_model.watchers import collector_of

TORCH, TENSOR, FUNCTIONAL = "torch", "torch.Tensor", "torch.nn.functional"

Signature = tuple[tuple[str, Value], ...]


class OpSite(NamedTuple):
    """Where an operation happens: the run, and what it will have made the axes of its result."""

    interpreter: Interpreter
    origin: Provenance


Rule = Callable[..., Value]
AnyRule = TypeVar("AnyRule", bound=Rule)

#: Functions by dotted name, and methods of tensors by name.
FUNCTIONS: dict[str, Value] = {}
METHODS: dict[str, Builtin] = {}

_SECOND_NAMES = {"dim": "axis", "keepdim": "keepdims", "input": "tensor"}


@cache
def parse_signature(text: str) -> Signature:
    """Return parameter names and defaults of a signature such as `input, *dims` or `in_features, bias=True`."""
    function = ast.parse(f"def f({text}): ...").body[0]
    assert isinstance(function, ast.FunctionDef)
    given = function.args
    missing = [ABSENT] * (len(given.args) - len(given.defaults))
    parameters = [*zip([a.arg for a in given.args], [*missing, *map(ast.literal_eval, given.defaults)])]
    if given.vararg is not None:
        parameters.append(("*" + given.vararg.arg, ABSENT))
    for name, default in zip(given.kwonlyargs, given.kw_defaults):
        parameters.append((name.arg, ast.literal_eval(default) if default is not None else ABSENT))
    return tuple(parameters)


def bind(interpreter: Interpreter, signature: Signature, arguments: Arguments) -> dict[str, Value]:
    """Return the settings of one call by name.

    A parameter such as `*size` takes the remaining arguments, or one sequence of them; its value is a tuple, or None
    when not all of them are known.
    """
    settings: dict[str, Value] = {}
    for position, (name, default) in enumerate(signature):
        if name.startswith("*"):
            settings[name[1:]] = _sequence(interpreter, name[1:], arguments, position)
            break
        settings[name] = _argument(arguments, position, name, default)
    for name, default in signature[len(settings) :]:
        settings[name] = _argument(arguments, -1, name, default)
    return settings


def _argument(arguments: Arguments, position: int, name: str, default: Value) -> Value:
    value = arguments.get(position, name, ABSENT)
    if value is ABSENT:
        value = arguments.keywords.get(_SECOND_NAMES.get(name, name), ABSENT)
    if value is ABSENT:
        value = Unknown(name) if default is ABSENT or arguments.more else default
    return value


def _sequence(interpreter: Interpreter, name: str, arguments: Arguments, position: int) -> tuple[Value, ...] | None:
    values = tuple(arguments.positional[position:]) or tuple(
        arguments.keywords[k] for k in (name,) if k in arguments.keywords
    )
    if arguments.more:
        return None
    if len(values) != 1 or isinstance(values[0], (int, Expression, Tensor)):
        return values
    if not isinstance(values[0], (tuple, List)):
        return None
    items, rest = iterate(interpreter, values[0])
    return None if rest else items


def apply(rule: Rule, at: OpSite, settings: dict[str, Value]) -> Value:
    """Call a rule with those of the settings that it names."""
    wanted = rule.__code__.co_varnames[1 : rule.__code__.co_argcount]
    if "input" in settings:
        x = settings["x"] = as_tensor(settings["input"])
        if x.either and "x" in wanted:
            # What it gives for each shape that may arrive; some of them never do, so nothing is noted.
            with collector_of(at.interpreter).quiet(True):
                return join([apply(rule, at, {**settings, "input": one}) for one in x.either])
    return rule(at, **{name: settings[name] for name in wanted if name in settings})


def operation(names: str, signature: str, *namespaces: str) -> Callable[[AnyRule], AnyRule]:
    """Register a rule for functions of the given namespaces (`TORCH` and `TENSOR` when there are none)."""

    def register(rule: AnyRule) -> AnyRule:
        for namespace in namespaces or (TORCH, TENSOR):
            for name in names.split():
                spelled = {TORCH: f"torch.{name}", FUNCTIONAL: f"F.{name}"}.get(namespace, name)
                builtin = FUNCTIONS[f"{namespace}.{name}"] = _builtin(rule, name, spelled, signature)
                if namespace == TENSOR:
                    METHODS[name] = builtin
        return rule

    return register


def _builtin(rule: Rule, name: str, spelled: str, signature: str) -> Builtin:
    def implementation(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
        return apply(
            rule,
            OpSite(interpreter, Provenance(spelled, ref)),
            bind(interpreter, parse_signature(signature), arguments),
        )

    return Builtin(name, implementation)


def record(kind: str, **fields: Value) -> Instance:
    """Return a result with names, such as that of `torch.max(x, 1)`."""
    result = Instance(LibraryClass(f"torch.return_types.{kind}"), None)
    result.cells.update(fields)
    FIELDS.put(result, tuple(fields))
    return result
