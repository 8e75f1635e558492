"""The parameters of a module, as far as it matters whether they are trained."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bn_lint.static.interpreter.values import ABSENT, Arguments, Builtin, DomainValue, Instance, Unknown, Value
from bn_lint.static.syntax import nodes as cst
from bn_lint.static.syntax.places import NodeRef
from bn_lint.static.syntax.tree import asked_once, walk, ways_to
from bn_lint.static.syntax.written import code_of
from bn_lint.static.torch_model.mode import FROZEN
from bn_lint.static.torch_model.out_of_sight import is_made_up
from bn_lint.static.torch_model.watchers import events_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bn_lint.static.interpreter.interpreter import Interpreter


#: Methods by which a parameter is given the value of another one, or some of it.
_FROM_OTHERS = frozenset({"mul_", "add_", "sub_", "lerp_", "copy_"})
#: Methods by which a parameter gets numbers that nobody has learned: constants, and all of PyTorch's random ones.
_FILLING = frozenset(
    "zero_ fill_ normal_ uniform_ random_ bernoulli_ log_normal_ cauchy_ exponential_ geometric_".split()
)


#: The parameters of a BatchNorm layer.
_OTHER = {"weight": "bias", "bias": "weight"}


class Weights(DomainValue):
    """Any parameter of a module: what is done to one in a loop over `parameters()` is done to all.

    Attributes:
        held: It was taken from an optimizer. What is written there are steps of a training, and no averages.
    """

    __slots__ = ("held", "module")
    is_of_module = True
    is_copied = True

    def __init__(self, module: Instance, *, held: bool = False) -> None:
        self.module = module
        self.held = held

    def copied(self, copies: Mapping[int, Value]) -> Value:
        """The parameters of the copy of a module."""
        module = copies.get(id(self.module))
        return Weights(module, held=self.held) if isinstance(module, Instance) else self

    def __repr__(self) -> str:
        return f"<parameters of a {self.module.cls.name}>"


class State(Unknown):
    """What `state_dict()` gives, and what is read from it: the tensors of a model, without their gradients."""

    __slots__ = ("modules",)

    def __init__(self, modules: tuple[Instance, ...], name: str) -> None:
        super().__init__(name, "weights are not followed")
        #: The model; of several, it is the state of one.
        self.modules = modules

    def joined(self, others: Sequence[Unknown]) -> Unknown | None:
        states = [one for one in (self, *others) if isinstance(one, State)]
        modules = dict.fromkeys(module for one in states for module in one.modules)
        return State(tuple(modules), self.name) if len(states) == len(others) + 1 else None

    def member(self, key: object, text: str, *, free: bool = True) -> Unknown:
        if self._members is None:
            self._members = {}
        found = self._members.get(key)
        if found is None:
            found = self._members[key] = State(self.modules, "state")
        return found


def state_attribute(state: State, name: str) -> Value:
    """A method of a dictionary, or one that writes into a tensor."""
    if name in ("items", "values", "copy", "get"):
        return Builtin(name, lambda interpreter, arguments, ref: state)
    if name not in _FROM_OTHERS:
        return ABSENT

    def write(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
        interpreter.store.disturb()
        for module in state.modules:
            if name != "copy_":
                events_of(interpreter).averaged.add(id(module))
                events_of(interpreter).follows(module)
            events_of(interpreter).prepare(module, ref)
        return state

    return Builtin(name, write)


def are_exclusive(modules: Sequence[Instance]) -> bool:
    """Whether there is only one of several modules in each run: one call makes them, or the sides of a branch do."""
    return all(_exclude(a, b) for i, a in enumerate(modules) for b in modules[:i])


def _exclude(a: Instance, b: Instance) -> bool:
    first, second = _outermost(a, b), _outermost(b, a)
    if first.built is None or second.built is None or first.built.file is not second.built.file:
        return False
    one, other = first.built.node, second.built.node
    if one is other:
        return first.cls is not second.cls
    ways = ways_to([one, other], first.built.file.tree)
    if len(ways) < 2:
        return False
    for above, left, right in zip(ways[one], ways[one][1:], ways[other][1:]):
        if left is not right:
            return isinstance(above, (cst.If, cst.IfExp)) and above.test not in (left, right)
    return False


def _outermost(module: Instance, other: Instance) -> Instance:
    """The module around one, or itself, that is not around another one as well."""
    shared = set[int]()
    around: Instance | None = other
    while around is not None:
        shared.add(id(around))
        around = around.owner
    while module.owner is not None and id(module.owner) not in shared:
        module = module.owner
    return module


def freeze(interpreter: Interpreter, module: Instance, requires_grad: Value, ref: NodeRef) -> None:
    """Set `requires_grad` of all parameters of a module."""
    from bn_lint.static.torch_model.batchnorm import batchnorm_class

    state = ref if requires_grad is False else None if requires_grad is True else Unknown("requires_grad")
    for layer in module.possible_descendants():
        if batchnorm_class(layer) is not None:
            interpreter.store.note(layer, FROZEN, state)
            if state is None:
                events_of(interpreter).thawed.add(id(layer))


def is_one_of_two(interpreter: Interpreter, ref: NodeRef) -> bool:
    """Whether a function sets `layer.weight.requires_grad`, and not `layer.bias.requires_grad`, or the reverse.

    The layer goes on learning: some losses want scales of 1, or shifts of 0.

    Args:
        ref: What is set.
    """
    frame, written = interpreter.frame, code_of(ref.node.value) if type(ref.node) is cst.Attribute else ""
    layer, _, name = written.rpartition(".")
    if frame is None or not layer or name not in _OTHER:
        return False
    scope = frame.function.node if frame.function is not None else frame.file.tree
    return f"{layer}.{_OTHER[name]}" not in _switched_parameters(scope)


@asked_once
def _switched_parameters(scope: cst.CSTNode) -> frozenset[str]:
    """What code sets `requires_grad` of."""
    return frozenset(
        code_of(node.value)
        for node in walk(scope)
        if type(node) is cst.Attribute and node.attr.value in ("requires_grad", "requires_grad_")
    )


def requires_grad(interpreter: Interpreter, module: Instance) -> Value:
    """What `requires_grad` of a parameter of a module is, as far as it is followed: of BatchNorm layers."""
    from bn_lint.static.torch_model.batchnorm import batchnorm_class
    from bn_lint.static.torch_model.symbolic_models import is_symbolic

    interpreter.store.disturb()
    if batchnorm_class(module) is None or is_symbolic(module):
        return Unknown("parameter.requires_grad")
    frozen = FROZEN.of(module)
    return frozen if isinstance(frozen, Unknown) else frozen is None


def _copies_nothing(interpreter: Interpreter, name: str, ref: NodeRef) -> bool:
    """Whether numbers are copied that the program makes up: `parameter.copy_(torch.randn_like(parameter))`."""
    frame = interpreter.frame
    if name != "copy_" or frame is None or type(ref.node) is not cst.Call:
        return False
    scope = frame.function.node if frame.function is not None else frame.file.tree
    return any(is_made_up(arg.value, scope) for arg in ref.node.args[:1])


def change_in_place(interpreter: Interpreter, weights: Weights, name: str, ref: NodeRef) -> Weights:
    """A method of a parameter that writes to it: `parameter.mul_(0.9)`."""
    if name in _FROM_OTHERS and not weights.held:
        events_of(interpreter).weights_written(interpreter, weights.module, ref)
    interpreter.store.disturb()
    if name not in _FILLING and not weights.held and not _copies_nothing(interpreter, name, ref):
        events_of(interpreter).averaged.add(id(weights.module))
        events_of(interpreter).prepare(weights.module, ref)
    return weights


def weights_attribute(interpreter: Interpreter, weights: Weights, name: str) -> Value:
    if name == "data":
        return weights
    if name == "requires_grad":
        return requires_grad(interpreter, weights.module)
    if name.endswith("_") and name not in ("requires_grad_", "detach_"):

        def change(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
            return change_in_place(interpreter, weights, name, ref)

        return Builtin(name, change)
    if name not in ("requires_grad_", "detach_"):
        return Unknown(f"parameter.{name}")

    def switch(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
        # `detach_()` takes a parameter out of all graphs: it needs no gradient any more.
        asked = arguments.get(0, "requires_grad", True) if name == "requires_grad_" else False
        freeze(interpreter, weights.module, asked, ref)
        return weights

    return Builtin(name, switch)
