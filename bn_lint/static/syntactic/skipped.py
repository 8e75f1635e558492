"""BatchNorm layers that are left out under a condition: `if x.size(0) > 1: x = self.bn(x)`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

import libcst as cst

from bn_lint.facts import BatchNormSkipped, Place
from bn_lint.static.syntactic.batchnorm_attributes import batchnorm_attributes
from bn_lint.static.syntactic.conditions import Condition, conditions_of
from bn_lint.static.syntactic.receivers import Receivers, first_parameter
from bn_lint.static.syntax.import_table import dotted_name
from bn_lint.static.syntax.scopes import Located, Scope, inside
from bn_lint.static.syntax.tree import walk

#: Methods that rearrange a tensor around a layer, and change no value.
_LAYOUT = frozenset({"transpose", "permute", "contiguous", "squeeze", "unsqueeze", "view", "reshape", "flatten"})
_ACTIVATION = re.compile(
    r"(?:leaky_?|p)?relu6?_?$|[sg]elu_?$|silu_?$|tanh_?$|sigmoid_?$|act\w*$|drop\w*$|nonlin\w*$", re.I
)
#: Methods of classes whose layers do the work of BatchNorm in one of the modes.
_FOLDS = re.compile(r"^train$|fuse|fold|merge|absorb|repar|deploy", re.I)
#: Methods that run in one mode, or that do not compute the output.
_OTHER_METHODS = re.compile(r"train|valid|eval|test|init|calib|update", re.I)


def skipped_layers(
    located: Located, receivers: Receivers, place: Callable[[cst.CSTNode], Place]
) -> Iterator[BatchNormSkipped]:
    """The BatchNorm layers of one class that some inputs, or one of the modes, get around."""
    definition = located.statement
    if not isinstance(definition, cst.ClassDef) or receivers.classes.is_module(definition) is not True:
        return
    layers = batchnorm_attributes(definition, Scope(definition, located.scope), receivers)
    methods = [method for method in definition.body.body if isinstance(method, cst.FunctionDef)]
    if not layers or any(_FOLDS.search(method.name.value) for method in methods):
        return
    for method in methods:
        owner = first_parameter(method)
        if owner is not None and not _OTHER_METHODS.search(method.name.value):
            yield from _Method(method, owner, layers, place).skipped(method.body.body)


class _Method:
    """A method, read for conditions around its BatchNorm calls."""

    def __init__(
        self, method: cst.FunctionDef, owner: str, layers: set[str], place: Callable[[cst.CSTNode], Place]
    ) -> None:
        self._conditions = conditions_of(method, owner)
        self._owner = owner
        self._layers = layers
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
        normalised, bare = (first, second) if condition.holds else (second, first)
        calls = [call for statement in normalised for call in self._calls(statement)]
        if not calls or any(True for statement in bare for _ in self._calls(statement)):
            return
        if condition.on == "batch size" and condition.tensor is not None and not self._uses(calls, condition.tensor):
            return
        if self._remainder(normalised) == self._remainder(bare):
            for call in calls:
                text = cst.Module([])
                yield BatchNormSkipped(
                    text.code_for_node(call.func),
                    text.code_for_node(test),
                    condition.on,
                    self._place(test),
                    self._place(call),
                )

    def _uses(self, calls: Sequence[cst.Call], tensor: str) -> bool:
        """Whether what is normalised is made of a tensor."""
        made = {tensor}
        for located in inside(Scope(self._method)):
            match located.statement:
                case cst.Assign(targets=[cst.AssignTarget(target=cst.Name(value=name))], value=value):
                    if not made.isdisjoint(_names(value)):
                        made.add(name)
        return any(not made.isdisjoint(_names(call.args[0].value)) for call in calls)

    def _calls(self, node: cst.CSTNode) -> Iterator[cst.Call]:
        return (inner for inner in walk(node) if isinstance(inner, cst.Call) and self._is_batchnorm(inner))

    def _is_batchnorm(self, call: cst.Call) -> bool:
        function = call.func.value if isinstance(call.func, cst.Subscript) else call.func
        name = dotted_name(function) or ""
        return (
            len(call.args) == 1 and name.startswith(f"{self._owner}.") and name[len(self._owner) + 1 :] in self._layers
        )

    def _remainder(self, statements: Sequence[cst.BaseSmallStatement]) -> list[str]:
        """What statements compute, with BatchNorm, activations and changes of layout left out."""
        texts = []
        for statement in statements:
            match statement.visit(_Remainder(self._is_batchnorm, self._owner)):
                case cst.Pass() | cst.Expr(value=cst.SimpleString()):
                    continue
                case cst.Assign(targets=[cst.AssignTarget(target=cst.Name(value=to))], value=cst.Name(value=source)):
                    if to == source:
                        continue
                    texts.append(f"{to}={source}")
                case cst.CSTNode() as rest:
                    texts.append(re.sub(r"[\s()]", "", cst.Module([]).code_for_node(rest)))
        return texts


class _Remainder(cst.CSTTransformer):
    """Replaces calls that keep what they are given, in essence, by their argument."""

    def __init__(self, is_batchnorm: Callable[[cst.Call], bool], owner: str) -> None:
        super().__init__()
        self._is_batchnorm = is_batchnorm
        self._owner = owner

    def leave_Call(self, original_node: cst.Call, updated_node: cst.Call) -> cst.BaseExpression:  # noqa: N802
        if self._is_batchnorm(original_node):
            return updated_node.args[0].value
        if isinstance(updated_node.func, cst.Attribute):
            name = updated_node.func.attr.value
            root = dotted_name(updated_node.func.value)
            if name in _LAYOUT:
                return updated_node.func.value
            if updated_node.args and root in (self._owner, "F", "torch", "nn.functional") and _ACTIVATION.match(name):
                return updated_node.args[0].value
        return updated_node


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
