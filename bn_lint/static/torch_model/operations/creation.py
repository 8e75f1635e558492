"""Operations that make tensors."""

from __future__ import annotations

import math

from bn_lint.facts.dims import Dim, Expression
from bn_lint.static.interpreter.iteration import iterate
from bn_lint.static.interpreter.values import Axis, List, Tensor, Unknown, Value
from bn_lint.static.torch_model.operations.sizes import Array, as_tensor, size_of, unknown
from bn_lint.static.torch_model.operations.table import TENSOR, TORCH, OpSite, operation


@operation("randn rand zeros ones empty", "*size, out=None", TORCH)
@operation("new_zeros new_ones new_empty new", "input, *size", TENSOR)
def sized(at: OpSite, size: tuple[Value, ...] | None) -> Tensor:
    """A tensor of the given sizes."""
    if size is None:
        return Tensor(ranked=False, why="a tensor of sizes that are not all known")
    return Tensor(tuple(Axis(size_of(one)) for one in size))


@operation("full", "size, fill_value", TORCH)
@operation("new_full", "input, size, fill_value", TENSOR)
@operation("normal", "mean, std, size=None", TORCH)
def filled(at: OpSite, size: Value) -> Tensor:
    return sized(at, _all_of(at, size))


def _all_of(at: OpSite, size: Value) -> tuple[Value, ...] | None:
    if not isinstance(size, (tuple, List)):
        return None
    items, rest = iterate(at.interpreter, size)
    return None if rest else items


@operation("randint", "*limits, size=None", TORCH)
def randint(at: OpSite, limits: tuple[Value, ...] | None, size: Value) -> Tensor:
    given = size if size is not None else (limits or (None,))[-1]
    return sized(at, _all_of(at, given))


@operation("randn_like rand_like zeros_like ones_like empty_like full_like randint_like", "input", TORCH)
def like(at: OpSite, x: Tensor) -> Tensor:
    return x


@operation("arange range", "*bounds", TORCH)
def arange(at: OpSite, bounds: tuple[Value, ...] | None) -> Tensor:
    if bounds is not None and len(bounds) == 1:
        return Tensor((Axis(size_of(bounds[0])),))
    return Tensor((Axis(_steps(*bounds) if bounds else None),))


def _steps(start: Value, end: Value, step: Value = 1) -> Dim:
    if not (isinstance(start, (int, float)) and isinstance(end, (int, float)) and isinstance(step, (int, float))):
        return None
    return max(0, math.ceil((end - start) / step)) if step else None


@operation("linspace logspace", "start, end, steps", TORCH)
@operation("randperm", "steps", TORCH)
@operation("hann_window hamming_window", "steps", TORCH)
def vector(at: OpSite, steps: Value) -> Tensor:
    return Tensor((Axis(size_of(steps)),))


@operation("eye", "n, m=None", TORCH)
def eye(at: OpSite, n: Value, m: Value) -> Tensor:
    return Tensor((Axis(size_of(n)), Axis(size_of(n if m is None else m))))


@operation("tensor as_tensor asarray from_numpy", "data", TORCH)
def tensor(at: OpSite, data: Value) -> Value:
    """The shape of nested lists of numbers."""
    if isinstance(data, (Array, Tensor)):
        return data.tensor if isinstance(data, Array) else data
    axes: list[Axis] = []
    while isinstance(data, (tuple, List)):
        items, rest = iterate(at.interpreter, data)
        axes.append(Axis(None if rest else len(items)))
        data = items[0] if items else (rest[0] if rest else 0)
    if isinstance(data, (Array, Tensor)):
        data = data.tensor if isinstance(data, Array) else data
        return Tensor((*axes, *data.axes), ranked=data.ranked, why=data.why)
    if isinstance(data, Expression):
        return unknown("a number or an array")  # what is computed from something unknown
    return _of_elements(data) if isinstance(data, Unknown) else Tensor(tuple(axes))


def _of_elements(data: Unknown) -> Value:
    """A tensor of what an unknown value holds; of a batch of data, that is a batch as well."""
    return data.operand() or unknown(data.why)


@operation("FloatTensor LongTensor DoubleTensor IntTensor BoolTensor HalfTensor", "first=(), *rest", TORCH)
def typed_tensor(at: OpSite, first: Value, rest: tuple[Value, ...] | None) -> Value:
    """`torch.FloatTensor(2, 3)` gives sizes, `torch.FloatTensor([2, 3])` gives elements."""
    if isinstance(first, (tuple, List, Tensor, Array)):
        return tensor(at, first)
    if isinstance(first, (Unknown, Expression)) and not rest:
        return tensor(at, first)  # as likely an array of elements as a size
    return sized(at, None if rest is None else (first, *rest))


@operation("nn.Buffer nn.UninitializedParameter", "data=None", TORCH)
def wrapped(at: OpSite, data: Value) -> Value:
    return data if data is not None else unknown("a parameter without data")


@operation("autograd.Variable", "data=None, requires_grad=False, volatile=False", TORCH)
def variable(at: OpSite, data: Value, requires_grad: Value, volatile: Value) -> Value:
    # What gradients are wanted of is a tensor of its own, and no parameter of a module.
    return unknown(data.why) if requires_grad is True and type(data) is Unknown else wrapped(at, data)


@operation("nn.Parameter", "data=None", TORCH)
def parameter(at: OpSite, data: Value) -> Value:
    # Of a parameter that is made here it is known that no module has it yet.
    return unknown(data.why) if isinstance(data, Unknown) else wrapped(at, data)


@operation("meshgrid", "*tensors, indexing=None", TORCH)
def meshgrid(at: OpSite, tensors: tuple[Value, ...] | None) -> Value:
    if tensors is None:
        return Unknown("meshgrid", "the number of tensors is not known")
    vectors = [as_tensor(one) for one in tensors]
    grid = Tensor(tuple(one.axes[0] if one.ranked and one.axes else Axis() for one in vectors))
    return (grid,) * len(vectors)
