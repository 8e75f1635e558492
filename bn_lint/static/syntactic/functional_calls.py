"""Calls of `F.batch_norm` by modules that hold the statistics themselves."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from bn_lint.facts import FunctionalBatchNorm, Place
from bn_lint.static.syntactic.batchnorm_attributes import BATCHNORM, batchnorm_attributes
from bn_lint.static.syntactic.conditions import unconditional_calls
from bn_lint.static.syntactic.plain_statistics import STATISTICS
from bn_lint.static.syntactic.receivers import Receivers, first_parameter
from bn_lint.static.syntax import nodes as cst
from bn_lint.static.syntax.import_table import dotted_name
from bn_lint.static.syntax.scopes import Located, Scope
from bn_lint.static.syntax.tree import walk

_PARAMETERS = ("input", "running_mean", "running_var", "weight", "bias", "training", "momentum", "eps")
_RESETS = frozenset({"zero_", "fill_"})
_FILLED = frozenset({"torch.zeros", "torch.ones", "torch.empty"})


def functional_calls(
    located: Located, receivers: Receivers, place: Callable[[cst.CSTNode], Place]
) -> Iterator[FunctionalBatchNorm]:
    """The calls of `F.batch_norm` in one class whose mode is a constant, however the module is switched."""
    definition = located.statement
    if not isinstance(definition, cst.ClassDef) or not _is_known_module(definition, receivers):
        return
    norm = _Normalization(definition, Scope(definition, located.scope), receivers)
    if norm.follows_mode:
        return
    for method in definition.body.body:
        owner = first_parameter(method) if isinstance(method, cst.FunctionDef) else None
        if not isinstance(method, cst.FunctionDef) or owner is None:
            continue
        for call in unconditional_calls(method.body):
            given = _bind(call) if norm.is_functional(call) else None
            mean = _meant(given["running_mean"], method) if given and "running_mean" in given else None
            if given is None or mean is None or not norm.holds(mean, owner):
                continue
            flag = given.get("training")
            if (isinstance(flag, cst.Name) and flag.value in ("True", "False")) or flag is None:
                yield FunctionalBatchNorm(
                    definition.name.value,
                    mean,
                    place(call),
                    place(flag if flag is not None else call.args[-1]),
                    training=isinstance(flag, cst.Name) and flag.value == "True",
                    is_given=flag is not None,
                    follows_mode=False,
                    updated=norm.updates(mean),
                    trained=norm.is_trained(given.get("weight"), mean, owner),
                    owner=owner,
                )


def _is_known_module(definition: cst.ClassDef, receivers: Receivers) -> bool:
    return receivers.classes.is_module(definition) is True and receivers.classes.closed(definition)


def _meant(value: cst.BaseExpression, method: cst.FunctionDef) -> str | None:
    """What an expression is: of a variable that is assigned once, what it is assigned."""
    name = dotted_name(value)
    if name is None or "." in name:
        return name
    # The value of a parameter is whatever the caller gives.
    given: list[cst.BaseExpression | None] = [
        None for node in walk(method.params) if isinstance(node, cst.Param) and node.name.value == name
    ]
    for node in walk(method.body):
        match node:
            case cst.For(target=target) | cst.AugAssign(target=target) | cst.NamedExpr(target=target):
                given += [None for one in walk(target) if isinstance(one, cst.Name) and one.value == name]
            case cst.Assign(targets=targets, value=assigned):
                for one in targets:
                    given += _given_to(name, one.target, assigned)
    return dotted_name(given[0]) if len(given) == 1 and given[0] is not None else None


def _given_to(name: str, target: cst.BaseExpression, value: cst.BaseExpression) -> Iterator[cst.BaseExpression | None]:
    """What an assignment gives a variable; None where that is not written there."""
    match target, value:
        case cst.Name(value=found), _ if found == name:
            yield value
        case cst.Tuple(elements=targets), cst.Tuple(elements=values) if len(targets) == len(values):
            for one, given in zip(targets, values):
                yield from _given_to(name, one.value, given.value)
        case _:
            if any(isinstance(one, cst.Name) and one.value == name for one in walk(target)):
                yield None


def _bind(call: cst.Call) -> dict[str, cst.BaseExpression] | None:
    """The arguments by name; None when stars hide some of them."""
    given: dict[str, cst.BaseExpression] = {}
    for position, argument in enumerate(call.args):
        if argument.star or position >= len(_PARAMETERS):
            return None
        given[argument.keyword.value if argument.keyword is not None else _PARAMETERS[position]] = argument.value
    return given


class _Normalization:
    """A class that calls `F.batch_norm`, together with its ancestors in the file."""

    def __init__(self, definition: cst.ClassDef, scope: Scope, receivers: Receivers) -> None:
        self._receivers = receivers
        self._family = list(receivers.classes.family(definition))
        self._layers = batchnorm_attributes(definition, scope, receivers)
        self._nodes = [node for one in self._family for node in walk(one)]
        self._inherits = any(BATCHNORM.match(base) for base in receivers.classes.torch_bases(definition))
        self._calls = [node for node in self._nodes if isinstance(node, cst.Call) and self.is_functional(node)]

    def is_functional(self, call: cst.Call) -> bool:
        """Whether a call is one of `F.batch_norm`."""
        name = call.func.attr if isinstance(call.func, cst.Attribute) else call.func
        if not isinstance(name, cst.Name) or name.value != "batch_norm":
            return False
        return self._receivers.imports.qualified(call.func) == "torch.nn.functional.batch_norm"

    @property
    def follows_mode(self) -> bool:
        """Whether anything here looks at the mode, or more than one way of normalizing is chosen from."""
        if len(self._calls) != 1:
            return True
        for node in self._nodes:
            match node:
                case cst.Attribute(attr=cst.Name(value="training")):
                    return True
                # The inherited `forward` and `train` follow the mode.
                case cst.Attribute(value=cst.Call(func=cst.Name(value="super")), attr=cst.Name(value=name)):
                    if name in ("forward", "__call__", "train", "eval"):
                        return True
        return False

    def holds(self, mean: str, owner: str) -> bool:
        """Whether the running mean is a buffer of the module, or of a BatchNorm layer inside."""
        root, _, rest = mean.partition(".")
        if root != owner:
            return False
        if rest == "running_mean" and self._inherits:
            return True
        layer, _, name = rest.partition(".")
        if name == "running_mean":
            return layer in self._layers
        return bool(STATISTICS.match(rest)) and self._starts_empty(rest)

    def _starts_empty(self, buffer: str) -> bool:
        """Whether a buffer is made of zeros or ones: of statistics that somebody has yet to estimate."""
        for call in self._nodes:
            match call:
                case cst.Assign(
                    targets=[cst.AssignTarget(target=target)], value=cst.Call(func=maker, args=[first, *_])
                ):
                    # A parameter that is not trained is kept with the model like a buffer.
                    origin = self._receivers.imports.qualified(maker) or ""
                    if (
                        (dotted_name(target) or "").partition(".")[2] == buffer
                        and origin.endswith(".Parameter")
                        and isinstance(first.value, cst.Call)
                        and self._receivers.imports.qualified(first.value.func) in _FILLED
                    ):
                        return True
            if not isinstance(call, cst.Call) or not (dotted_name(call.func) or "").endswith(".register_buffer"):
                continue
            match call.args:
                case [cst.Arg(value=cst.SimpleString() as name), cst.Arg(value=cst.Call(func=maker)), *_]:
                    if name.evaluated_value == buffer and self._receivers.imports.qualified(maker) in _FILLED:
                        return True
        return False

    def updates(self, mean: str) -> bool:
        """Whether the statistics, or the layer that has them, are used for anything but the one call."""
        expected = {id(node) for node in walk(self._calls[0])}
        owner, _, rest = mean.partition(".")
        held = f"{owner}.{rest.partition('.')[0]}"
        for node in self._nodes:
            match node:
                case cst.Call(func=cst.Attribute(value=cst.Attribute() as value, attr=cst.Name(value=method))):
                    if dotted_name(value) == held and method in _RESETS:
                        expected.add(id(value))
                case cst.AssignTarget(target=cst.Attribute() as target) if held != mean:
                    expected.add(id(target))
        return any(
            isinstance(node, cst.Attribute) and id(node) not in expected and dotted_name(node) == held
            for node in self._nodes
        )

    def is_trained(self, weight: cst.BaseExpression | None, mean: str, owner: str) -> bool:
        """Whether the module has a weight that is a trained parameter."""
        if any(isinstance(node, cst.Name) and node.value.startswith("requires_grad") for node in self._nodes):
            return False
        if self._inherits or mean != f"{owner}.{mean.rpartition('.')[2]}":
            return True
        name = dotted_name(weight) if weight is not None else None
        for node in self._nodes:
            match node:
                case cst.Assign(targets=[cst.AssignTarget(target=target)], value=cst.Call(func=maker)):
                    origin = self._receivers.imports.qualified(maker) or ""
                    if name is not None and dotted_name(target) == name and origin.endswith(".Parameter"):
                        return True
        return False
