"""Layers that stand directly in front of a BatchNorm layer, and give their output to nothing else."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from bn_lint.facts import BeforeBatchNorm, Place
from bn_lint.static.syntactic.batchnorm_attributes import builds_batchnorm
from bn_lint.static.syntactic.bias_reads import BiasReads
from bn_lint.static.syntactic.receivers import Receivers, first_parameter
from bn_lint.static.syntax import nodes as cst
from bn_lint.static.syntax.import_table import dotted_name
from bn_lint.static.syntax.scopes import Located, Scope, inside
from bn_lint.static.syntax.tree import walk
from bn_lint.static.syntax.written import code_of

#: The position of `bias` among the arguments of constructors.
_BIAS = {
    "torch.nn.Linear": 2,
    "torch.nn.LazyLinear": 1,
    **{f"torch.nn.Conv{rank}d": 7 for rank in (1, 2, 3)},
    **{f"torch.nn.LazyConv{rank}d": 6 for rank in (1, 2, 3)},
    **{f"torch.nn.ConvTranspose{rank}d": 7 for rank in (1, 2, 3)},
    **{f"torch.nn.LazyConvTranspose{rank}d": 6 for rank in (1, 2, 3)},
}
_DROPOUT = re.compile(r"torch\.nn\.(?:functional\.d|D)ropout[123]?d?$")
#: The position of `training` among the arguments of `F.dropout`.
_TRAINING = 2

Locate = Callable[[cst.CSTNode], Place]


class _Pair(NamedTuple):
    """A call that builds a layer (or that of `F.dropout`), and the one that builds the BatchNorm layer behind it.

    `at` is what stands in front of BatchNorm there: a call of the layer, when it is called elsewhere too.
    """

    first: cst.Call
    norm: cst.Call
    at: cst.Call


def before_batchnorm(
    located: Located, receivers: Receivers, biases: BiasReads, place: Locate
) -> Iterator[BeforeBatchNorm]:
    """The layers that a statement puts in front of BatchNorm layers, in a sequence or in the methods of a class."""
    match located.statement:
        case cst.ClassDef() as definition:
            if receivers.classes.is_module(definition):
                pairs = _Methods(definition, Scope(definition, located.scope), receivers).pairs()
            else:
                pairs = iter(())
        case cst.FunctionDef() as function:
            pairs = _in_lists(function, receivers)
        case cst.BaseSmallStatement() as statement:
            pairs = _in_sequences(statement, receivers)
        case _:
            return
    for pair in pairs:
        fact = _fact(pair, receivers, biases, place)
        if fact is not None:
            yield fact


def _in_sequences(statement: cst.CSTNode, receivers: Receivers) -> Iterator[_Pair]:
    """Neighbors in `nn.Sequential(...)`."""
    for node in walk(statement):
        if isinstance(node, cst.Call) and receivers.imports.qualified(node.func) == "torch.nn.Sequential":
            yield from _neighbors(list(_elements(node, receivers)), receivers)


def _in_lists(function: cst.FunctionDef, receivers: Receivers) -> Iterator[_Pair]:
    """Neighbors in lists that the function makes a sequence of: `layers += [...]`, `nn.Sequential(*layers)`."""
    scope = Scope(function)
    lists: dict[str, list[cst.List]] = {}
    sequences: set[str] = set()
    for located in inside(scope):
        match located.statement:
            case (
                cst.Assign(targets=[cst.AssignTarget(target=cst.Name(value=name))], value=cst.List() as layers)
                | cst.AugAssign(target=cst.Name(value=name), value=cst.List() as layers)
                | cst.Expr(
                    value=cst.Call(
                        func=cst.Attribute(value=cst.Name(value=name), attr=cst.Name(value="extend")),
                        args=[cst.Arg(value=cst.List() as layers)],
                    )
                )
            ):
                lists.setdefault(name, []).append(layers)
            case cst.BaseSmallStatement() as statement if lists:
                for node in walk(statement):
                    match node:
                        case cst.Call(args=[cst.Arg(star="*", value=cst.Name(value=name))]):
                            if receivers.imports.qualified(node.func) == "torch.nn.Sequential":
                                sequences.add(name)
    for name in sequences.intersection(lists):
        for layers in lists[name]:
            yield from _neighbors([element.value for element in layers.elements], receivers)


def _neighbors(layers: Sequence[cst.BaseExpression], receivers: Receivers) -> Iterator[_Pair]:
    """The layers of a sequence that stand in front of BatchNorm layers, with those."""
    for first, second in pairwise(layers):
        if isinstance(first, cst.Call) and isinstance(second, cst.Call) and builds_batchnorm(second, receivers):
            yield _Pair(first, second, first)


def _elements(sequence: cst.Call, receivers: Receivers) -> Iterator[cst.BaseExpression]:
    for argument in sequence.args:
        value = argument.value
        named = isinstance(value, cst.Call) and receivers.imports.qualified(value.func) == "collections.OrderedDict"
        if argument.star == "*" and isinstance(value, (cst.List, cst.Tuple)):
            yield from (element.value for element in value.elements)
        elif named and isinstance(value, cst.Call) and value.args and isinstance(value.args[0].value, cst.List):
            for element in value.args[0].value.elements:
                match element.value:
                    case cst.Tuple(elements=[_, cst.Element(value=layer)]):
                        yield layer
                    case other:
                        yield other
        else:
            yield value


class _Methods:
    """A class whose methods apply one layer to the output of another."""

    def __init__(self, definition: cst.ClassDef, scope: Scope, receivers: Receivers) -> None:
        self._definition = definition
        self._receivers = receivers
        self._built = {
            name: assigned[0][0]
            for name, assigned in receivers.assigned(definition, scope).items()
            if len(assigned) == 1 and isinstance(assigned[0][0], cst.Call)
        }

    def pairs(self) -> Iterator[_Pair]:
        norms = {name for name, call in self._built.items() if builds_batchnorm(call, self._receivers)}
        if not norms:
            return
        uses = Counter(dotted_name(node) for node in walk(self._definition) if isinstance(node, cst.Attribute))
        for method in self._definition.body.body:
            owner = first_parameter(method) if isinstance(method, cst.FunctionDef) else None
            if owner is None:
                continue
            for outer, inner in _applications(method):
                norm, first = _layer(outer, owner), _layer(inner, owner)
                behind = self._built.get(norm or "")
                if norm not in norms or behind is None:
                    continue
                built = inner if first is None else self._built.get(first)
                if not isinstance(built, cst.Call):
                    continue
                # A layer that is assigned once and called once gives its output to nothing else.
                if first is None or uses[f"{owner}.{first}"] == 2:
                    yield _Pair(built, behind, built)
                elif _DROPOUT.match(self._receivers.imports.qualified(built.func) or ""):
                    yield _Pair(built, behind, inner)


def _applications(method: cst.CSTNode) -> Iterator[tuple[cst.Call, cst.Call]]:
    """Calls that are applied to the result of another call, and all that it is used for.

    `g(f(x))`, and `x = f(x)` followed by `x = g(x)` or `return g(x)`.
    """
    for node in walk(method):
        match node:
            case cst.Call(args=[cst.Arg(value=cst.Call() as inner)]):
                yield node, inner
            case cst.IndentedBlock(body=body):
                yield from _successive(body)


def _successive(body: Sequence[cst.CSTNode]) -> Iterator[tuple[cst.Call, cst.Call]]:
    for first, second in pairwise(body):
        match first, second:
            case (
                cst.SimpleStatementLine(
                    body=[
                        cst.Assign(targets=[cst.AssignTarget(target=cst.Name(value=made))], value=cst.Call() as inner)
                    ]
                ),
                cst.SimpleStatementLine(body=[last]),
            ):
                match last:
                    case cst.Assign(targets=[cst.AssignTarget(target=cst.Name(value=to))], value=value) if made == to:
                        pass
                    case cst.Return(value=cst.BaseExpression() as value):
                        pass
                    case _:
                        continue
                nodes = list(walk(value))
                if sum(isinstance(node, cst.Name) and node.value == made for node in nodes) == 1:
                    # `x = relu(g(x))` counts as well.
                    for node in nodes:
                        match node:
                            case cst.Call(args=[cst.Arg(value=cst.Name(value=given))]) if given == made:
                                yield node, inner


def _layer(call: cst.Call, owner: str) -> str | None:
    """The attribute of the module that is called."""
    name = dotted_name(call.func) or ""
    return name[len(owner) + 1 :] if name.startswith(f"{owner}.") else None


def _fact(pair: _Pair, receivers: Receivers, biases: BiasReads, place: Locate) -> BeforeBatchNorm | None:
    first, norm, at = pair
    origin = receivers.imports.qualified(first.func) or ""
    name = code_of(first.func)
    if _DROPOUT.match(origin):
        return BeforeBatchNorm("dropout", name, place(at), place(norm)) if _drops_in_training(first, origin) else None
    position = _BIAS.get(origin)
    if position is None or any(argument.star for argument in first.args) or not first.args:
        return None
    bias = _given(first, "bias", position)
    if bias is not None and not _is(bias, "True"):
        return None
    # The last argument as a whole: the place of a tuple ends before its parenthesis.
    last = bias if bias is not None else first.args[-1]
    return BeforeBatchNorm(
        "bias", name, place(at), place(norm), place(last), bias is not None, biases.of(origin.rpartition(".")[2])
    )


def _drops_in_training(dropout: cst.Call, origin: str) -> bool:
    """Whether dropout drops something, and not in evaluation mode: `F.dropout(x)` does so in both modes."""
    is_function = ".functional." in origin
    rate = _given(dropout, "p", 1 if is_function else 0)
    if isinstance(rate, (cst.Integer, cst.Float)) and rate.evaluated_value == 0:
        return False
    if not is_function or any(argument.star for argument in dropout.args):
        return True
    training = _given(dropout, "training", _TRAINING)
    return training is not None and not _is(training, "True") and not _is(training, "False")


def _given(call: cst.Call, name: str, position: int) -> cst.BaseExpression | None:
    """The argument of a call by its name or position."""
    for index, argument in enumerate(call.args):
        if argument.keyword.value == name if argument.keyword is not None else index == position:
            return argument.value
    return None


def _is(value: cst.BaseExpression, constant: str) -> bool:
    return isinstance(value, cst.Name) and value.value == constant
