"""Asking a tensor for its shape."""

from __future__ import annotations

from bn_lint.facts.dims import Expression
from bn_lint.static.interpreter.values import Tensor, Unknown, Value, text_of
from bn_lint.static.torch_model.operations.sizes import axis_position, product
from bn_lint.static.torch_model.operations.table import TENSOR, OpSite, operation


def shape_of(tensor: Tensor) -> Value:
    """Return `tensor.shape`."""
    if tensor.ranked:
        return tuple(_readable(axis.size, i) for i, axis in enumerate(tensor.axes))
    return Unknown("shape", tensor.why)


def _readable(size: object, position: int) -> Value:
    return size if isinstance(size, (int, Expression)) else Unknown(f"shape[{position}]", "a size that is not known")


@operation("size", "input, dim=None", TENSOR)
def size(at: OpSite, x: Tensor, dim: Value) -> Value:
    if dim is None:
        return shape_of(x)
    position = axis_position(x, dim)
    return Unknown(f"size({text_of(dim)})", x.why) if position is None else _readable(x.axes[position].size, position)


@operation("dim ndimension", "input", TENSOR)
def dim(at: OpSite, x: Tensor) -> Value:
    return len(x.axes) if x.ranked else Unknown("dim()", x.why)


@operation("__len__", "input", TENSOR)
def length(at: OpSite, x: Tensor) -> Value:
    return size(at, x, 0)


@operation("numel nelement", "input")
def numel(at: OpSite, x: Tensor) -> Value:
    count = product(axis.size for axis in x.axes) if x.ranked else None
    return Unknown("numel()", x.why or "a size that is not known") if count is None else count


@operation("item tolist numpy element_size data_ptr stride storage", "input", TENSOR)
def read(at: OpSite, x: Tensor) -> Value:
    return Unknown("item()", "a number read from a tensor")
