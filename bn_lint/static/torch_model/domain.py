"""PyTorch, as the interpreter asks for it (see `interpreter.hooks`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from bn_lint.libraries import LIBRARIES
from bn_lint.static.interpreter.hooks import Domain
from bn_lint.static.interpreter.values import (
    ABSENT,
    REST,
    Arguments,
    BoundMethod,
    Class,
    Dict,
    DomainValue,
    External,
    Function,
    Ghost,
    Instance,
    LibraryClass,
    Tensor,
    Unknown,
    Value,
)
from bn_lint.static.syntax import nodes as cst
from bn_lint.static.torch_model.autograd import autograd_apply
from bn_lint.static.torch_model.batches import (
    Batch,
    keeps_batch_axis,
    keeps_rows,
    note_call,
    note_pattern,
    note_regrouping,
    shaping,
)
from bn_lint.static.torch_model.batchnorm import batchnorm_class, is_missing
from bn_lint.static.torch_model.containers import in_order
from bn_lint.static.torch_model.events import EventLog
from bn_lint.static.torch_model.mode import BUILT, MODE, UNSEEN, forget, training_flag
from bn_lint.static.torch_model.module_methods import MODULE_METHODS, MODULE_NAMES
from bn_lint.static.torch_model.operations.arrays import array_attribute, array_item
from bn_lint.static.torch_model.operations.convolution import takes_pictures
from bn_lint.static.torch_model.operations.elementwise import arithmetic
from bn_lint.static.torch_model.operations.indexing import index
from bn_lint.static.torch_model.operations.sizes import Array
from bn_lint.static.torch_model.operations.tensor_methods import SHAPING, tensor_attribute, unknown_method
from bn_lint.static.torch_model.optimizers import own_step
from bn_lint.static.torch_model.parameters import (
    State,
    Weights,
    are_exclusive,
    change_in_place,
    freeze,
    is_one_of_two,
    requires_grad,
    state_attribute,
    weights_attribute,
)
from bn_lint.static.torch_model.symbolic_models import forget_symbolic_models, handed_over
from bn_lint.static.torch_model.watchers import collector_of, events_of, refuse

if TYPE_CHECKING:
    from collections.abc import Sequence
    from collections.abc import Set as AbstractSet

    from bn_lint.static.interpreter.interpreter import Interpreter
    from bn_lint.static.syntax.places import NodeRef

#: What PyTorch raises for shapes that do not fit.
_RAISED = frozenset({"RuntimeError", "ValueError"})

#: Names that stand where gradients are used, or where layers are added.
_TRAINING = frozenset({"backward", "step", "manual_backward", "zero_grad", "grad"})
_ADDING = frozenset({"append", "extend", "insert", "add_module", "register_module", "setattr"})


class TorchDomain(Domain):
    """Tensors, modules and their modes."""

    never_return: ClassVar[frozenset[str]] = Domain.never_return.union(*(library.leaves for library in LIBRARIES))
    expect_failure: ClassVar[frozenset[str]] = Domain.expect_failure.union(
        name.rpartition(".")[2] for library in LIBRARIES for name in library.expects_failure
    )

    module_class: ClassVar[str] = "torch.nn.Module"
    module_names: ClassVar[frozenset[str]] = MODULE_NAMES

    def new_log(self) -> EventLog:
        return EventLog()

    # -- libraries --------------------------------------------------------------------------------------------------

    def has_member(self, dotted: str, name: str) -> bool | None:
        found = self.member(dotted, name)
        return not is_missing(found) if isinstance(found, LibraryClass) else None

    def imported(self, interpreter: Interpreter, dotted: str, name: str, ref: NodeRef) -> Value:
        found = self.member(dotted, name)
        if isinstance(found, LibraryClass) and is_missing(found):
            collector_of(interpreter).missing_imported(name, ref)
            return Unknown(name, f"`torch.nn` has no `{name}`")
        return found

    # -- values -----------------------------------------------------------------------------------------------------

    def attribute(self, interpreter: Interpreter, value: Value, name: str, ref: NodeRef) -> Value:
        if isinstance(value, Tensor):
            if name == "requires_grad" and isinstance(value.layer, Instance):
                return requires_grad(interpreter, value.layer)
            return tensor_attribute(interpreter, value, name, ref)
        return weights_attribute(interpreter, value, name) if isinstance(value, Weights) else ABSENT

    def attribute_of_unknown(self, value: Unknown, name: str) -> Value:
        if isinstance(value, Array):
            return array_attribute(value, name)
        if isinstance(value, State):
            return state_attribute(value, name)
        # Methods that only tensors have tell the shape of their result whatever they are called on.
        if name in SHAPING or (name in ("detach", "unsqueeze") and type(value) is Unknown):
            method = unknown_method(name)
            return BoundMethod(shaping(method, value) if isinstance(value, Batch) else method, value)
        return ABSENT

    def attribute_of_object(self, interpreter: Interpreter, instance: Instance, name: str) -> Value:
        if name == "_modules" and instance.is_module:
            known, rest, last = in_order(instance)
            return Dict(dict((*known, *last)), is_open=bool(rest))
        if instance.is_module and name in MODULE_METHODS:
            # Its base class is out of view. What it does not define itself it has from `nn.Module` in the end.
            return BoundMethod(MODULE_METHODS[name], instance)
        return training_flag(interpreter, instance) if name == "training" else ABSENT

    def attribute_of_class(self, interpreter: Interpreter, cls: Class, name: str) -> Value:
        return autograd_apply(cls) if name == "apply" else ABSENT

    def in_place_of(self, receiver: Instance, method: Value) -> Value:
        return own_step(receiver, method) if isinstance(method, Function) else method

    def set_attribute(self, interpreter: Interpreter, value: Value, name: str, new: Value, ref: NodeRef) -> None:
        if isinstance(value, Weights):
            if name == "requires_grad":
                freeze(interpreter, value.module, new, ref)
            elif name == "data" and not value.held:
                events_of(interpreter).weights_written(interpreter, value.module, ref)
        elif isinstance(value, Tensor) and value.layer is not None and name == "requires_grad":
            if new is not False or not is_one_of_two(interpreter, ref):
                freeze(interpreter, value.layer, new, ref)
        elif isinstance(value, Instance) and name == "training":
            interpreter.store.set(value, MODE, UNSEEN)
        elif isinstance(value, Unknown) and (name == "weight" or takes_pictures(new)):
            events_of(interpreter).first_layer_hidden(interpreter)

    def set_on_one(
        self, interpreter: Interpreter, values: Sequence[DomainValue], name: str, new: Value, ref: NodeRef
    ) -> None:
        modules = [one.module for one in values if isinstance(one, Weights)]
        meant = new if are_exclusive(modules) else Unknown(name, "set on one of several objects")
        for one in values:
            self.set_attribute(interpreter, one, name, meant, ref)

    def given_on_one(self, methods: Sequence[BoundMethod], arguments: Arguments) -> Arguments:
        modules = [one.receiver for one in methods if isinstance(one.receiver, Instance)]
        if all(getattr(one.function, "name", "") == "requires_grad_" for one in methods) and not are_exclusive(modules):
            return Arguments([Unknown("requires_grad", "set on one of several objects")])
        return arguments

    def set_item(self, interpreter: Interpreter, container: DomainValue | Unknown, new: Value, ref: NodeRef) -> None:
        if isinstance(container, Weights) and not container.held:
            events_of(interpreter).weights_written(interpreter, container.module, ref)
        elif isinstance(container, Unknown) and takes_pictures(new):
            events_of(interpreter).first_layer_hidden(interpreter)

    def item(self, interpreter: Interpreter, container: Value, key: Value, ref: NodeRef) -> Value:
        if isinstance(container, Array):
            return array_item(index(container.tensor, key, ref))
        if isinstance(container, Batch):
            rows = container.operand()  # of a shape there are none
            if rows is not None and keeps_rows(key):
                return rows
            if rows is not None and isinstance(key, int) and container.is_part:
                note_regrouping(interpreter)
        return index(container, key, ref) if isinstance(container, Tensor) else ABSENT

    def augmented(self, interpreter: Interpreter, value: DomainValue, ref: NodeRef) -> Value:
        return change_in_place(interpreter, value, "mul_", ref) if isinstance(value, Weights) else ABSENT

    def operate(self, interpreter: Interpreter, name: str, a: Value, b: Value, ref: NodeRef) -> Value:
        return arithmetic(interpreter, name, a, b, ref)

    def refused(self, interpreter: Interpreter) -> None:
        refuse(interpreter)

    # -- calls ------------------------------------------------------------------------------------------------------

    def call(self, interpreter: Interpreter, function: Value, arguments: Arguments, ref: NodeRef) -> Value:
        if isinstance(function, Batch):
            if keeps_batch_axis(ref.node, arguments):
                return Batch(function.batches, f"{function.name}(...)"[:60])
            if isinstance(ref.node, cst.Call) and isinstance(ref.node.func, cst.Attribute):
                note_call(interpreter, function, ref.node.func.attr.value, arguments)
        if isinstance(function, External):
            if function.dotted.startswith("einops."):
                note_pattern(interpreter, arguments)
            return handed_over(function.dotted)
        return ABSENT

    def module_made(self, module: Instance) -> None:
        MODE.put(module, BUILT)

    # -- code that is to fail ---------------------------------------------------------------------------------------

    def fails_with(self, exception: str) -> bool:
        return exception in _RAISED

    # -- code that is given up ----------------------------------------------------------------------------------------

    def concerned(self, instance: Instance) -> bool:
        return batchnorm_class(instance) is not None

    def judges_results(self, names: AbstractSet[str]) -> bool:
        return not _TRAINING.isdisjoint(names)

    def call_aborted(self, interpreter: Interpreter) -> None:
        forget_symbolic_models(interpreter)

    def unseen_cell(self, key: Ghost[Any]) -> Value:
        return UNSEEN if key == MODE else ABSENT

    def forget(self, interpreter: Interpreter, module: Instance) -> None:
        forget(interpreter, module)

    def may_change(
        self, interpreter: Interpreter, module: Instance, names: AbstractSet[str] | None, site: NodeRef | None
    ) -> None:
        forget(interpreter, module)
        events = events_of(interpreter)
        events.replaced.add(id(module))
        if site is not None:
            events.statistics_known(module, site)
        if names is None or not _ADDING.isdisjoint(names):
            added = Unknown("?", "something that takes too long to evaluate may change it")
            interpreter.store.set(module, REST, (added,))
