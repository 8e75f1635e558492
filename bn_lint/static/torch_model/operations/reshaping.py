"""Operations that regroup the elements of a tensor: flatten, view, expand, repeat."""

from __future__ import annotations

from bn_lint.facts.comparison import Comparison, compare
from bn_lint.facts.dims import Dim, Expression
from bn_lint.static.interpreter.iteration import iterate
from bn_lint.static.interpreter.values import Axis, Provenance, Tensor, Value
from bn_lint.static.torch_model.operations.sizes import (
    as_tensor,
    axis_position,
    divided,
    integer,
    product,
    replaced,
    size_of,
    unknown,
)
from bn_lint.static.torch_model.operations.table import TENSOR, TORCH, OpSite, operation
from bn_lint.static.torch_model.watchers import collector_of

Sizes = tuple[Value, ...]


@operation("flatten", "input, start_dim=0, end_dim=-1")
def flatten(at: OpSite, x: Tensor, start_dim: Value, end_dim: Value) -> Tensor:
    """The product of the axes from `start_dim` to `end_dim`."""
    if not x.ranked:
        # Of anything with a batch axis, `flatten(x, 1)` has two axes.
        two = (integer(start_dim), integer(end_dim)) == (1, -1)
        return Tensor((x.first, Axis(None, at.origin)), origin=at.origin) if two else unknown(x.why)
    first, last = axis_position(x, start_dim), axis_position(x, end_dim)
    if not x.axes:
        return Tensor((Axis(1),), origin=at.origin)
    if first is None or last is None or first > last:
        return unknown("flatten with unknown bounds")
    if first == last:
        return x
    joined = Axis(product(axis.size for axis in x.axes[first : last + 1]), at.origin)
    return Tensor((*x.axes[:first], joined, *x.axes[last + 1 :]), origin=at.origin)


@operation("ravel", "input")
def ravel(at: OpSite, x: Tensor) -> Tensor:
    return Tensor((Axis(product(axis.size for axis in x.axes) if x.ranked else None, at.origin),), origin=at.origin)


@operation("unflatten", "input, dim, sizes")
def unflatten(at: OpSite, x: Tensor, dim: Value, sizes: Value) -> Tensor:
    """One axis becomes several."""
    position = axis_position(x, dim)
    items, rest = iterate(at.interpreter, sizes)
    if rest or position is None:
        return unknown(x.why)
    known: list[Dim] = [None if integer(one) == -1 else size_of(one) for one in items]
    holes = [i for i, one in enumerate(items) if integer(one) == -1]
    if len(holes) == 1:
        others = product(size for i, size in enumerate(known) if i != holes[0])
        known[holes[0]] = divided(x.axes[position].size, others)
    axes = tuple(Axis(size, at.origin) for size in known)
    return Tensor(
        (*x.axes[:position], *axes, *x.axes[position + 1 :]),
        ranked=x.ranked,
        origin=at.origin,
        why=x.why,
    )


@operation("view", "input, *size", TENSOR)
@operation("reshape", "input, *shape", TENSOR)
def view(at: OpSite, x: Tensor, size: Sizes | None = None, shape: Sizes | None = None) -> Tensor:
    """The same elements in other axes, of which one may be -1."""
    sizes = size if size is not None else shape
    return unknown("a view with sizes that are not all known") if sizes is None else reshaped(at.origin, x, sizes)


@operation("reshape", "input, shape", TORCH)
def reshape(at: OpSite, x: Tensor, shape: Value) -> Tensor:
    items, rest = iterate(at.interpreter, shape)
    return unknown("a view with sizes that are not all known") if rest else reshaped(at.origin, x, items)


@operation("view_as reshape_as", "input, other", TENSOR)
def like_other(at: OpSite, x: Tensor, other: Value) -> Tensor:
    return as_tensor(other)


@operation("expand_as", "input, other", TENSOR)
def expand_as(at: OpSite, x: Tensor, other: Value) -> Tensor:
    collector_of(at.interpreter).enlarged(x, at.origin)
    return as_tensor(other)


def reshaped(origin: Provenance, x: Tensor, sizes: Sizes) -> Tensor:
    """The elements of `x` in axes of the given sizes."""
    axes: list[Axis] = []
    hole: int | None = None
    for i, size in enumerate(sizes):
        if integer(size) == -1:
            hole = i
            axes.append(Axis(None, origin))
        else:
            axes.append(_kept_axis(x, i, len(sizes), size_of(size), origin))
    if hole is not None and x.ranked:
        axes[hole] = _filled(x, axes, hole, origin)
    return Tensor(tuple(axes), origin=origin)


def _kept_axis(x: Tensor, position: int, count: int, size: Dim, origin: Provenance) -> Axis:
    """An axis that the view leaves at its place keeps what is known of it."""
    if x.ranked and position < len(x.axes):
        old = x.axes[position]
        before_last = position == 0 or position < len(x.axes) - 1 or count == len(x.axes)
        if before_last and compare(old.size, size) is Comparison.SAME:
            return Axis(size, old.origin, old.features and position == count - 1, old.samples)
    if x.axes and position == count - 1 and compare(x.axes[-1].size, size) is Comparison.SAME:
        return x.axes[-1]
    return Axis(size, origin)


def _filled(x: Tensor, axes: list[Axis], hole: int, origin: Provenance) -> Axis:
    """The axis that -1 stands for: what the others leave over."""
    before = [axis.size for axis in x.axes]
    after = [axis.size for i, axis in enumerate(axes) if i != hole]
    for size in list(after):
        match = next((i for i, old in enumerate(before) if compare(old, size) is Comparison.SAME), None)
        if match is not None and size is not None:
            after.remove(size)
            del before[match]
    if len(before) == 1 and not after:
        left = next((axis for axis in x.axes if axis.size is before[0]), Axis(None, origin))
        return Axis(before[0], left.origin, samples=left.samples)
    batch = x.axes[0] if x.axes else None
    named = after and after[0] is axes[0].size and _is_symbol(after[0])
    if hole > 0 and named and before and batch is not None and batch.size is None and batch.origin is None:
        # The batch, of which nothing is known, by the name it was read under; a view may have put more in that axis.
        before, after = before[1:], after[1:]
    whole, part = product(before), product(after)
    if whole is None or part is None:
        return Axis(None, origin)
    quotient = divided(whole, part)
    return Axis(quotient if compare(product((quotient, part)), whole) is Comparison.SAME else None, origin)


def _is_symbol(size: Dim) -> bool:
    return size is None or (isinstance(size, Expression) and size.single_symbol is not None)


@operation("expand", "input, *size", TENSOR)
@operation("broadcast_to", "input, *size")
def expand(at: OpSite, x: Tensor, size: Sizes | None) -> Tensor:
    """Axes of size 1 grow to the given sizes; -1 keeps an axis."""
    collector_of(at.interpreter).enlarged(x, at.origin)
    if size is None:
        return unknown("expand to sizes that are not all known")
    axes = []
    offset = len(size) - len(x.axes)
    for i, wanted in enumerate(size):
        old = x.axes[i - offset] if x.ranked and i >= offset else Axis()
        axes.append(old if integer(wanted) == -1 else Axis(size_of(wanted), old.origin or at.origin, old.features))
    return Tensor(tuple(axes), origin=at.origin)


@operation("repeat", "input, *repeats", TENSOR)
@operation("tile", "input, *dims")
def repeat(at: OpSite, x: Tensor, repeats: Sizes | None = None, dims: Sizes | None = None) -> Tensor:
    """Each axis that many times, counted from the last one."""
    counts = repeats if repeats is not None else dims
    if counts is None or not x.ranked:
        return unknown(x.why) if not counts else Tensor((Axis(),) * len(counts), origin=at.origin)
    missing = len(x.axes) - len(counts)
    counts = (1,) * missing + counts
    old = (Axis(1),) * -missing + x.axes
    axes = [
        axis if integer(count) == 1 else Axis(product((axis.size, size_of(count))), at.origin)
        for axis, count in zip(old, counts)
    ]
    return Tensor(tuple(axes), origin=at.origin)


@operation("repeat_interleave", "input, repeats, dim=None")
def repeat_interleave(at: OpSite, x: Tensor, repeats: Value, dim: Value) -> Tensor:
    if dim is None:
        return repeat_interleave(at, ravel(at, x), repeats, 0)
    position = axis_position(x, dim)
    if position is None:
        return unknown(x.why)
    return replaced(x, position, Axis(product((x.axes[position].size, size_of(repeats))), at.origin))
