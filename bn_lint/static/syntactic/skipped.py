"""BatchNorm layers that are left out under a condition: `if x.size(0) > 1: x = self.bn(x)`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence

from bn_lint.facts import BatchNormSkipped, Place
from bn_lint.static.syntactic.batchnorm_attributes import batchnorm_attributes
from bn_lint.static.syntactic.conditions import Condition, conditions_of, unconditional_calls
from bn_lint.static.syntactic.receivers import Receivers, first_parameter
from bn_lint.static.syntax import nodes as cst
from bn_lint.static.syntax.import_table import dotted_name
from bn_lint.static.syntax.scopes import Located, Scope, inside
from bn_lint.static.syntax.tree import changed, children, walk
from bn_lint.static.syntax.written import code_of

#: Methods that rearrange a tensor around a layer, and change no value.
_LAYOUT = frozenset({"transpose", "permute", "contiguous", "squeeze", "unsqueeze", "view", "reshape", "flatten"})
#: Layers of torch that are applied to what BatchNorm gives, whether it was left out or not.
_ACTIVATIONS = frozenset(
    "ReLU ReLU6 LeakyReLU PReLU RReLU ELU SELU CELU GELU SiLU Mish Hardswish Hardsigmoid Hardtanh Softplus Softsign "
    "Tanh Sigmoid LogSigmoid Dropout Dropout1d Dropout2d Dropout3d AlphaDropout FeatureAlphaDropout Identity".split()
)
#: The functions of torch that do the same: `leaky_relu_` is that of `LeakyReLU`.
_FUNCTIONS = frozenset(name.lower() for name in _ACTIVATIONS)


def skipped_layers(
    located: Located, receivers: Receivers, place: Callable[[cst.CSTNode], Place]
) -> Iterator[BatchNormSkipped]:
    """The BatchNorm layers of one class that some inputs, or one of the modes, get around."""
    definition = located.statement
    if not isinstance(definition, cst.ClassDef) or receivers.classes.is_module(definition) is not True:
        return
    layers = batchnorm_attributes(definition, Scope(definition, located.scope), receivers)
    methods = {method.name.value: method for method in definition.body.body if isinstance(method, cst.FunctionDef)}
    if not layers or "train" in methods or any(_reads(method, layers, receivers) for method in methods.values()):
        return
    applied = _Applied(definition, Scope(definition, located.scope), layers, receivers)
    for method, owner in _computing(methods):
        yield from _Method(method, owner, applied, place).skipped(method.body.body)


def _computing(methods: Mapping[str, cst.FunctionDef]) -> Iterator[tuple[cst.FunctionDef, str]]:
    """`forward`, and what it calls in both modes, each with what it calls the module."""
    pending, seen = ["forward"], {"forward"}
    while pending:
        method = methods.get(pending.pop())
        owner = first_parameter(method) if method is not None else None
        if method is None or owner is None:
            continue
        yield method, owner
        for call in unconditional_calls(method.body):
            root, _, name = (dotted_name(call.func) or "").rpartition(".")
            if root == owner and name not in seen:
                seen.add(name)
                pending.append(name)


def _reads(method: cst.FunctionDef, layers: set[str], receivers: Receivers) -> bool:
    """Whether a method looks into BatchNorm layers, or hands them on: to fold them into others, say."""
    owner = first_parameter(method)
    if owner is None or method.name.value == "__init__":
        return False
    pending: list[cst.CSTNode] = [method.body]
    while pending:
        node = pending.pop()
        match node:
            case cst.Attribute(value=cst.Name(value=root), attr=cst.Name(value=name)) if root == owner:
                if name in layers:
                    return True
            case cst.Call(func=func) if (receivers.imports.qualified(func) or "").startswith("torch.nn.init."):
                continue
            case cst.Call(func=cst.Attribute(value=cst.Name()) | cst.Subscript()):
                pending.extend(node.args)  # the layer is applied
            case cst.If() | cst.IfExp():
                pending.extend(child for child in children(node) if child is not node.test)  # `if self.bn is not None`
            case _:
                pending.extend(children(node))
    return False


class _Applied:
    """What the calls in a class apply: its BatchNorm layers, or activations."""

    def __init__(self, definition: cst.ClassDef, scope: Scope, layers: set[str], receivers: Receivers) -> None:
        self._layers = layers
        self._imports = receivers.imports
        self._assigned = receivers.assigned(definition, scope)

    def is_batchnorm(self, call: cst.Call, owner: str) -> bool:
        function = call.func.value if isinstance(call.func, cst.Subscript) else call.func
        return len(call.args) == 1 and self._attribute(function, owner) in self._layers

    def is_activation(self, call: cst.Call, owner: str) -> bool:
        if not call.args:
            return False
        package, _, name = (self._imports.qualified(call.func) or "").rpartition(".")
        if package in ("torch", "torch.nn.functional"):
            return name.replace("_", "") in _FUNCTIONS
        built = [value for value, _ in self._assigned.get(self._attribute(call.func, owner) or "", ())]
        return bool(built) and all(isinstance(value, cst.Call) and self._builds_activation(value) for value in built)

    def _builds_activation(self, call: cst.Call) -> bool:
        package, _, name = (self._imports.qualified(call.func) or "").rpartition(".")
        return package == "torch.nn" and name in _ACTIVATIONS

    def _attribute(self, function: cst.BaseExpression, owner: str) -> str | None:
        root, _, name = (dotted_name(function) or "").partition(".")
        return name if root == owner else None


class _Method:
    """A method, read for conditions around its BatchNorm calls."""

    def __init__(
        self, method: cst.FunctionDef, owner: str, applied: _Applied, place: Callable[[cst.CSTNode], Place]
    ) -> None:
        self._conditions = conditions_of(method, owner)
        self._owner = owner
        self._applied = applied
        self._place = place
        self._method = method

    def skipped(self, body: Sequence[cst.CSTNode]) -> Iterator[BatchNormSkipped]:
        """Look through a block, and the blocks in it."""
        for position, statement in enumerate(body):
            match statement:
                case cst.If():
                    yield from self._branch(statement, body[position + 1 :])
                case cst.SimpleStatementLine(body=[cst.Assign(value=cst.IfExp() as choice)]):
                    yield from self._choice(choice)
                case cst.SimpleStatementLine(body=[cst.Return(value=cst.IfExp() as choice)]):
                    yield from self._choice(choice)
                case cst.For() | cst.While() | cst.With():
                    yield from self.skipped(statement.body.body)

    def _branch(self, branch: cst.If, after: Sequence[cst.CSTNode]) -> Iterator[BatchNormSkipped]:
        condition = self._conditions.read(branch.test)
        if condition is None:
            # What an outer condition asks about may be what makes an inner one right.
            if not self._conditions.mentions(branch.test):
                yield from self.skipped(branch.body.body)
                if isinstance(branch.orelse, cst.Else):
                    yield from self.skipped(branch.orelse.body.body)
            return
        first = _simple(branch.body.body)
        if branch.orelse is None:
            returns = first is not None and bool(first) and isinstance(first[-1], cst.Return)
            second = _simple(after) if returns else []
        else:
            second = _simple(branch.orelse.body.body) if isinstance(branch.orelse, cst.Else) else None
        if first is not None and second is not None:
            yield from self._compare(condition, branch.test, first, second)

    def _choice(self, choice: cst.IfExp) -> Iterator[BatchNormSkipped]:
        condition = self._conditions.read(choice.test)
        if condition is not None:
            yield from self._compare(condition, choice.test, [cst.Expr(choice.body)], [cst.Expr(choice.orelse)])

    def _compare(
        self,
        condition: Condition,
        test: cst.BaseExpression,
        first: Sequence[cst.BaseSmallStatement],
        second: Sequence[cst.BaseSmallStatement],
    ) -> Iterator[BatchNormSkipped]:
        normalized, bare = (first, second) if condition.holds else (second, first)
        calls = [call for statement in normalized for call in self._calls(statement)]
        if not calls or any(True for statement in bare for _ in self._calls(statement)):
            return
        if condition.on == "batch size" and condition.tensor is not None and not self._uses(calls, condition.tensor):
            return
        if self._remainder(normalized) == self._remainder(bare):
            for call in calls:
                yield BatchNormSkipped(
                    code_of(call.func),
                    code_of(test),
                    condition.on,
                    self._place(test),
                    self._place(call),
                )

    def _uses(self, calls: Sequence[cst.Call], tensor: str) -> bool:
        """Whether what is normalized is made of a tensor."""
        made = {tensor}
        for located in inside(Scope(self._method)):
            match located.statement:
                case cst.Assign(targets=[cst.AssignTarget(target=cst.Name(value=name))], value=value):
                    if not made.isdisjoint(_names(value)):
                        made.add(name)
        return any(not made.isdisjoint(_names(call.args[0].value)) for call in calls)

    def _calls(self, node: cst.CSTNode) -> Iterator[cst.Call]:
        calls = (inner for inner in walk(node) if isinstance(inner, cst.Call))
        return (call for call in calls if self._applied.is_batchnorm(call, self._owner))

    def _remainder(self, statements: Sequence[cst.BaseSmallStatement]) -> list[str]:
        """What statements compute, with BatchNorm, activations and changes of layout left out."""
        texts = []
        for statement in statements:
            match changed(statement, self._without):
                case cst.Pass() | cst.Expr(value=cst.SimpleString()):
                    continue
                case cst.Assign(targets=[cst.AssignTarget(target=cst.Name(value=to))], value=cst.Name(value=source)):
                    if to == source:
                        continue
                    texts.append(f"{to}={source}")
                case cst.CSTNode() as rest:
                    texts.append(re.sub(r"[\s()]", "", code_of(rest)))
        return texts

    def _without(self, node: cst.CSTNode, made: cst.CSTNode) -> cst.CSTNode:
        """The argument of a call that keeps what it is given, in essence; anything else as it is."""
        if not isinstance(node, cst.Call) or not isinstance(made, cst.Call):
            return made
        if self._applied.is_batchnorm(node, self._owner):
            return made.args[0].value
        if isinstance(made.func, cst.Attribute) and made.func.attr.value in _LAYOUT:
            return made.func.value
        return made.args[0].value if self._applied.is_activation(node, self._owner) else made


def _simple(body: Sequence[cst.CSTNode]) -> list[cst.BaseSmallStatement] | None:
    """The statements of a block; None when some of them are blocks themselves."""
    found: list[cst.BaseSmallStatement] = []
    for line in body:
        if isinstance(line, (cst.SimpleStatementLine, cst.SimpleStatementSuite)):
            found.extend(line.body)
        elif isinstance(line, cst.BaseSmallStatement):
            found.append(line)
        else:
            return None
    return found


def _names(node: cst.CSTNode) -> set[str]:
    return {inner.value for inner in walk(node) if isinstance(inner, cst.Name)}
