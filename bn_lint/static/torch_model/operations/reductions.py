"""Operations that reduce one or several axes."""

from __future__ import annotations

from bn_lint.static.interpreter.iteration import iterate
from bn_lint.static.interpreter.values import Axis, List, Tensor, Value
from bn_lint.static.torch_model.operations.sizes import (
    as_tensor,
    axis_position,
    broadcast,
    not_followed,
    replaced,
    size_of,
    unknown,
)
from bn_lint.static.torch_model.operations.table import TORCH, OpSite, operation, record


@operation(
    "mean sum amax amin logsumexp prod all any argmax argmin nanmean nansum count_nonzero",
    "input, dim=None, keepdim=False",
)
@operation("var std", "input, dim=None, correction=1, keepdim=False")
@operation("norm", "input, p='fro', dim=None, keepdim=False")
def reduced(at: OpSite, x: Tensor, dim: Value, keepdim: Value) -> Tensor:
    """`mean`, `sum` and the like: of all elements, or over one or several axes."""
    numbers, rest = iterate(at.interpreter, dim) if isinstance(dim, (tuple, List)) else ((dim,), ())
    if dim is None or not (numbers or rest):
        numbers = tuple(range(len(x.axes)))
        if not x.ranked and keepdim is False:
            return Tensor(())
    positions = [axis_position(x, number) for number in numbers]
    if not x.ranked or rest or None in positions or not isinstance(keepdim, bool):
        return not_followed(x, "a reduction that is not followed", *(numbers or (None,)), *rest)
    if keepdim:
        axes = tuple(Axis(1, at.origin) if i in positions else axis for i, axis in enumerate(x.axes))
        return Tensor(axes, origin=x.origin)
    return Tensor(tuple(axis for i, axis in enumerate(x.axes) if i not in positions), origin=at.origin)


@operation("var_mean std_mean aminmax", "input, dim=None, correction=1, keepdim=False")
def reduced_twice(at: OpSite, x: Tensor, dim: Value, keepdim: Value) -> Value:
    result = reduced(at, x, dim, keepdim)
    return (result, result)


@operation("max min", "input, dim=None, keepdim=False, other=None")
def extreme(at: OpSite, x: Tensor, dim: Value, keepdim: Value, other: Value) -> Value:
    """`max(x)`, `max(x, other)`, and `max(x, dim)`, which returns positions too."""
    second = dim if isinstance(dim, Tensor) else other
    if isinstance(second, Tensor):
        return broadcast(x, second)
    result = reduced(at, x, dim, keepdim)
    return result if dim is None else record("max", values=result, indices=result)


@operation("median nanmedian", "input, dim=None, keepdim=False")
@operation("mode", "input, dim=-1, keepdim=False")
@operation("kthvalue", "input, k, dim=-1, keepdim=False")
def chosen(at: OpSite, x: Tensor, dim: Value, keepdim: Value) -> Value:
    result = reduced(at, x, dim, keepdim)
    return result if dim is None else record("median", values=result, indices=result)


@operation("topk", "input, k, dim=-1")
def topk(at: OpSite, x: Tensor, k: Value, dim: Value) -> Value:
    position = axis_position(x, dim)
    result = unknown(x.why) if position is None else replaced(x, position, Axis(size_of(k), at.origin))
    return record("topk", values=result, indices=result)


@operation("sort cummax cummin", "input, dim=-1")
def sort(at: OpSite, x: Tensor, dim: Value) -> Value:
    return record("sort", values=x, indices=x)


@operation("cdist", "input, other", TORCH)
def cdist(at: OpSite, x: Tensor, other: Value) -> Tensor:
    second = as_tensor(other)
    if not (x.ranked and second.ranked and len(x.axes) >= 2 and len(second.axes) >= 2):
        return unknown(x.why)
    return Tensor((*x.axes[:-1], second.axes[-2]), origin=at.origin)
