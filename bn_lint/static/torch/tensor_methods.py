"""Attributes and methods of tensors."""

from __future__ import annotations

from bn_lint.dims import Expression
from bn_lint.static.run import Run
from bn_lint.static.torch.axes import permute, transpose
from bn_lint.static.torch.functional import TOPICS
from bn_lint.static.torch.indexing import index
from bn_lint.static.torch.operations import METHODS, TENSOR, At, operation
from bn_lint.static.torch.sizes import as_tensor, axis_position, product, replaced, unknown
from bn_lint.static.values import Axis, BoundMethod, Origin, Spot, Tensor, Unknown, Value

_UNKNOWN = frozenset("device dtype is_cuda requires_grad layout grad_fn names tensors is_sparse is_quantized".split())
#: Methods whose result has a known shape even when nothing is known of what they are called on.
SHAPING = frozenset(("view", "reshape", "permute", "flatten", "expand"))


def tensor_attribute(run: Run, tensor: Tensor, name: str, spot: Spot) -> Value:
    """Return an attribute of a tensor."""
    if name == "shape":
        return _shape(tensor)
    if name == "ndim":
        return dim(At(run, Origin(name, spot)), tensor)
    if name in ("T", "mT", "H", "mH"):
        if name in ("T", "H") and tensor.rank != 2:
            count = len(tensor.axes)
            return (
                permute(At(run, Origin(name, spot)), tensor, tuple(range(count))[::-1])
                if tensor.ranked
                else unknown(tensor.why)
            )
        return transpose(At(run, Origin(name, spot)), tensor, -1, -2)
    if name in ("data", "real", "grad"):
        return tensor
    method = METHODS.get(name)
    if method is not None:
        return BoundMethod(method, tensor)
    return Unknown(name) if name in _UNKNOWN else Unknown(name, f"the tensor method `{name}` is not modelled")


def unknown_method(name: str) -> Value:
    """Return one of the `SHAPING` methods, for an object of which nothing is known."""
    return METHODS[name]


def _shape(tensor: Tensor) -> Value:
    if tensor.ranked:
        return tuple(_readable(axis.size, i) for i, axis in enumerate(tensor.axes))
    return Unknown("shape", tensor.why)


def _readable(size: object, position: int) -> Value:
    return size if isinstance(size, (int, Expression)) else Unknown(f"shape[{position}]", "a size that is not known")


@operation("size", "input, dim=None", TENSOR)
def size(at: At, x: Tensor, dim: Value) -> Value:
    if dim is None:
        return _shape(x)
    position = axis_position(x, dim)
    return Unknown(f"size({dim})", x.why) if position is None else _readable(x.axes[position].size, position)


@operation("dim ndimension", "input", TENSOR)
def dim(at: At, x: Tensor) -> Value:
    return len(x.axes) if x.ranked else Unknown("dim()", x.why)


@operation("__len__", "input", TENSOR)
def length(at: At, x: Tensor) -> Value:
    return size(at, x, 0)


@operation("numel nelement", "input")
def numel(at: At, x: Tensor) -> Value:
    count = product(axis.size for axis in x.axes) if x.ranked else None
    return Unknown("numel()", x.why or "a size that is not known") if count is None else count


@operation("item tolist numpy element_size data_ptr stride storage", "input", TENSOR)
def read(at: At, x: Tensor) -> Value:
    return Unknown("item()", "a number read from a tensor")


@operation("select", "input, dim, index")
def select(at: At, x: Tensor, dim: Value) -> Tensor:
    """Without the axis, of which one element is taken."""
    position = axis_position(x, dim)
    if position is None:
        return unknown(x.why)
    axes = (*x.axes[:position], *x.axes[position + 1 :])
    return Tensor(axes, ranked=x.ranked, why=x.why, origin=at.origin)


@operation("narrow", "input, dim, start, length")
def narrow(at: At, x: Tensor, dim: Value, start: Value, length: Value) -> Tensor:
    position = axis_position(x, dim)
    if position is None or not isinstance(start, int) or not isinstance(length, int):
        return unknown(x.why)
    return index(x, (slice(None),) * position + (slice(start, start + length),), at.origin.spot)


@operation("index_select", "input, dim, index")
def index_select(at: At, x: Tensor, dim: Value, index: Value) -> Tensor:
    """As many elements of an axis as there are indices."""
    position = axis_position(x, dim)
    if position is None:
        return unknown(x.why)
    count = index.axes[0] if isinstance(index, Tensor) and index.rank == 1 else None
    return replaced(x, position, Axis(count.size if count is not None else None, at.origin))


@operation("gather take_along_dim", "input, dim, index")
def gather(at: At, x: Tensor, index: Value) -> Tensor:
    return as_tensor(index)


__all__ = ["SHAPING", "TOPICS", "tensor_attribute", "unknown_method"]
