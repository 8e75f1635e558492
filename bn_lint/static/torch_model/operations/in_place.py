"""Methods that give a tensor another shape or other data in place: what holds it holds what they make of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bn_lint.static.interpreter.values import ABSENT, Axis, Builtin, Instance, Tensor, Value
from bn_lint.static.syntax import nodes as cst
from bn_lint.static.syntax.places import NodeRef
from bn_lint.static.torch_model.batches import BatchTensor, batches_of
from bn_lint.static.torch_model.operations.sizes import as_tensor, size_of, unknown
from bn_lint.static.torch_model.operations.table import TENSOR, OpSite, operation

if TYPE_CHECKING:
    from bn_lint.static.interpreter.frames import Frame
    from bn_lint.static.interpreter.interpreter import Interpreter
    from bn_lint.static.interpreter.values import Arguments

#: The methods after which a tensor has another shape or other data.
_SHAPING = frozenset("resize_ resize_as_ set_ copy_ unsqueeze_ squeeze_ transpose_ swapaxes_ swapdims_ t_".split())


@operation("resize_", "input, *sizes", TENSOR)
def resize_(at: OpSite, x: Tensor, sizes: tuple[Value, ...] | None) -> Tensor:
    if sizes is None:
        return unknown("the size that a tensor is given in place is not known")
    return Tensor(tuple(Axis(size_of(one), at.origin) for one in sizes), origin=at.origin)


@operation("resize_as_ set_", "input, other=None", TENSOR)
def resize_as_(at: OpSite, x: Tensor, other: Value) -> Tensor:
    return as_tensor(other)


@operation("copy_", "input, src, non_blocking=False", TENSOR)
def copy_(at: OpSite, x: Tensor, src: Value) -> Value:
    """The shape stays, and the data are those of the batch that they are copied from."""
    batches = batches_of(src)
    if batches is None:
        return x
    return BatchTensor(batches, (x.axes[0]._replace(samples=True), *x.axes[1:])) if x.ranked and x.axes else src


def in_place(method: Builtin) -> Builtin:
    """The method of a tensor, which leaves what it returns in everything that holds the tensor."""
    if method.name not in _SHAPING:
        return method

    def change(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
        before = arguments.get(0, "input")
        after = method.implementation(interpreter, arguments, ref)
        called = ref.node.func if isinstance(ref.node, cst.Call) else None
        if interpreter.frame is not None and isinstance(called, cst.Attribute) and after is not before:
            receiver = called.value
            if isinstance(receiver, cst.Attribute) and receiver.attr.value == "data" and method.name != "copy_":
                after = unknown("only PyTorch before 0.4 gives a tensor the shape that its `data` gets")
            _put(interpreter, receiver, interpreter.frame, before, after)
        return after

    return Builtin(method.name, change)


def _put(interpreter: Interpreter, receiver: cst.BaseExpression, frame: Frame, before: Value, after: Value) -> None:
    """Write a tensor where the receiver of a call holds it, and where the callers do that passed it."""
    if not _replace(interpreter, receiver, frame, before, after):
        return
    if not _is_own(receiver, frame):
        interpreter.store.disturb()
    while frame.site is not None and frame.caller is not None and isinstance(frame.site.node, cst.Call):
        given = [_replace(interpreter, one.value, frame.caller, before, after) for one in frame.site.node.args]
        if not any(given):
            return
        interpreter.store.disturb()  # the next call has to change what it is given, too
        frame = frame.caller


def _is_own(receiver: cst.BaseExpression, frame: Frame) -> bool:
    """Whether it is a name of the running function, so that nobody else sees what is written there."""
    holder = _holder(receiver)
    return isinstance(holder, cst.Name) and holder.value in frame.cells


def _replace(interpreter: Interpreter, node: cst.BaseExpression, frame: Frame, before: Value, after: Value) -> bool:
    """Write a value in the place of another one that an expression reads; whether it does."""
    node = _holder(node)
    if isinstance(node, cst.Name):
        for cells in _scopes(frame):
            if node.value in cells:
                if cells[node.value] is not before:
                    return False
                write = interpreter.store.write if cells is frame.cells else interpreter.store.set_in
                write(cells, node.value, after)
                return True
    elif isinstance(node, cst.Attribute) and isinstance(node.value, cst.Name):
        owner = frame.find(node.value.value)
        if isinstance(owner, Instance) and owner.cells.get(node.attr.value, ABSENT) is before:
            interpreter.store.set(owner, node.attr.value, after)
            return True
    return False


def _holder(node: cst.BaseExpression) -> cst.BaseExpression:
    """What holds the tensor that an expression gives: `image` in `image.data.resize_(size)`."""
    while True:
        if isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute) and node.func.attr.value in _SHAPING:
            node = node.func.value
        elif isinstance(node, cst.Attribute) and node.attr.value == "data":
            node = node.value
        else:
            return node


def _scopes(frame: Frame) -> list[dict[str, Value]]:
    scopes = [frame.cells]
    outer = frame.parent
    while outer is not None:
        scopes.append(outer.cells)
        outer = outer.parent
    return [*scopes, frame.module.cells]
