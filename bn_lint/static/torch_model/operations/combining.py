"""Operations that put tensors together and take them apart."""

from __future__ import annotations

from collections.abc import Callable

from bn_lint.facts.dims import Dim
from bn_lint.static.interpreter.iteration import iterate
from bn_lint.static.interpreter.lattice.join import join, join_tensors
from bn_lint.static.interpreter.values import Axis, List, Tensor, Unknown, Value
from bn_lint.static.torch_model.batches import Batch, BatchTensor, batches_of
from bn_lint.static.torch_model.operations.axes import unsqueeze
from bn_lint.static.torch_model.operations.sizes import (
    axis_position,
    divided,
    integer,
    replaced,
    size_of,
    total,
    unknown,
)
from bn_lint.static.torch_model.operations.table import TORCH, OpSite, operation

#: More parts than this are not told apart.
MAX_PARTS = 64


@operation("cat concat concatenate", "tensors, dim=0", TORCH)
def concatenate(at: OpSite, tensors: Value, dim: Value) -> Value:
    """The sum of the sizes along `dim`."""
    items, rest = iterate(at.interpreter, tensors)
    parts, ignored = _without_empty([one for one in items if isinstance(one, Tensor)])
    model = next((part for part in parts if part.ranked), None)
    position = axis_position(model, dim) if model is not None else None
    batches = {batch for one in (*items, *rest) if (batch := batches_of(one)) is not None}
    if model is None or position is None:
        if len(batches) == 1 and isinstance(dim, int) and dim > 0:
            return Batch(batches.pop())  # along another axis than that of the samples, of which all have as many
        why = next((one.why for one in (*items, *rest) if isinstance(one, (Unknown, Tensor))), "")
        return unknown(why or "torch.cat of something unknown")
    if rest or len(parts) + ignored != len(items) or any(not p.ranked or len(p.axes) != len(model.axes) for p in parts):
        # Something is not known: of the others, the number of axes remains, and the batch.
        axes = [Axis()] * len(model.axes)
        axes[0] = model.axes[0] if position else Axis()
        return Tensor(tuple(axes), origin=at.origin, why="torch.cat of tensors that are not all known")
    axes = list(join_tensors(parts).axes)
    axes[position] = Axis(total(part.axes[position].size for part in parts), at.origin)
    if len(batches) == 1 and position:
        return BatchTensor(batches.pop(), tuple(axes), origin=at.origin)
    return Tensor(tuple(axes), origin=at.origin)


def _without_empty(parts: list[Tensor]) -> tuple[list[Tensor], int]:
    """Leave out tensors of shape `(0,)`, and count them: PyTorch joins them to tensors of any number of dimensions.

    Beside tensors of more dimensions, a vector can be nothing else.
    """
    more_dimensions = any(part.rank != 1 for part in parts)
    kept = [part for part in parts if part.rank != 1 or not (part.axes[0].size in (0, None) and more_dimensions)]
    return kept, len(parts) - len(kept)


@operation("stack", "tensors, dim=0", TORCH)
def stack(at: OpSite, tensors: Value, dim: Value) -> Tensor:
    """A new axis, as long as there are tensors."""
    items, rest = iterate(at.interpreter, tensors)
    model = join((*items, *rest))
    if not isinstance(model, Tensor):
        return unknown("torch.stack of something unknown")
    position = axis_position(model, dim, extra=1)
    if position is None:
        return unknown(model.why)
    axes = (*model.axes[:position], Axis(None if rest else len(items), at.origin), *model.axes[position:])
    return Tensor(axes, ranked=model.ranked, origin=at.origin, why=model.why)


@operation("hstack column_stack", "tensors", TORCH)
def hstack(at: OpSite, tensors: Value) -> Value:
    items, _ = iterate(at.interpreter, tensors)
    flat = any(isinstance(one, Tensor) and one.rank == 1 for one in items)
    return concatenate(at, tensors, 0 if flat else 1)


@operation("vstack row_stack", "tensors", TORCH)
def vstack(at: OpSite, tensors: Value) -> Value:
    return concatenate(at, _each(at, tensors, _with_row), 0)


@operation("dstack", "tensors", TORCH)
def dstack(at: OpSite, tensors: Value) -> Value:
    return concatenate(at, _each(at, tensors, _with_depth), 2)


def _each(at: OpSite, tensors: Value, change: Callable[[OpSite, Tensor], Tensor]) -> List:
    items, rest = iterate(at.interpreter, tensors)
    return List(tuple(change(at, one) if isinstance(one, Tensor) else one for one in items), rest)


def _with_row(at: OpSite, x: Tensor) -> Tensor:
    return unsqueeze(at, x, 0) if x.rank == 1 else x


def _with_depth(at: OpSite, x: Tensor) -> Tensor:
    flat = _with_row(at, x)
    return unsqueeze(at, flat, 2) if flat.rank == 2 else flat


@operation("chunk", "input, chunks, dim=0")
def chunk(at: OpSite, x: Tensor, chunks: Value, dim: Value) -> Value:
    """At most so many parts: all but the last have the same size, rounded up."""
    count, position = integer(chunks), axis_position(x, dim)
    if count is None or count < 1:
        return Unknown("chunks", "an unknown number of chunks")
    if position is None:
        return (unknown(x.why),) * count
    whole = x.axes[position].size
    if isinstance(whole, int):
        return _parts(at, x, position, -(-whole // count))
    return (replaced(x, position, Axis(divided(whole, count), at.origin)),) * count


@operation("split split_with_sizes", "input, split_size_or_sections, dim=0")
def split(at: OpSite, x: Tensor, split_size_or_sections: Value, dim: Value) -> Value:
    """Parts of a given size, or of several given sizes."""
    sizes, position = split_size_or_sections, axis_position(x, dim)
    if isinstance(sizes, (tuple, List)):
        items, rest = iterate(at.interpreter, sizes)
        if rest:
            return Unknown("split", "a split into unknown parts")
        if position is None:
            return (unknown(x.why),) * len(items)
        return tuple(replaced(x, position, Axis(size_of(one), at.origin)) for one in items)
    size = size_of(sizes)
    if position is None or size is None:
        return List((), (unknown(x.why),))
    return _parts(at, x, position, size)


@operation("tensor_split", "input, indices_or_sections, dim=0")
def tensor_split(at: OpSite, x: Tensor, indices_or_sections: Value, dim: Value) -> Value:
    """So many parts, the first ones larger by one where it does not divide evenly."""
    count, position = integer(indices_or_sections), axis_position(x, dim)
    whole = x.axes[position].size if position is not None else None
    if count is None or position is None or not isinstance(whole, int):
        return List((), (unknown(x.why),))
    base, larger = divmod(whole, count)
    sizes = (base + (i < larger) for i in range(count))
    return tuple(replaced(x, position, Axis(size, at.origin)) for size in sizes)


def _parts(at: OpSite, x: Tensor, position: int, size: Dim) -> Value:
    whole = x.axes[position].size
    part = replaced(x, position, Axis(size, at.origin))
    last: tuple[Tensor, ...] = ()
    if isinstance(whole, int) and isinstance(size, int):
        count, left = divmod(whole, size) if size > 0 else (1, 0)
        last = (replaced(x, position, Axis(left, at.origin)),) if left else ()
    else:
        quotient = divided(whole, size)
        count = quotient if isinstance(quotient, int) else MAX_PARTS + 1
    return (part,) * count + last if count <= MAX_PARTS else List((), (part, *last))


@operation("unbind", "input, dim=0")
def unbind(at: OpSite, x: Tensor, dim: Value) -> Value:
    """The slices along an axis."""
    position = axis_position(x, dim)
    if position is None:
        return Unknown("unbind", x.why)
    part = Tensor((*x.axes[:position], *x.axes[position + 1 :]), ranked=x.ranked, why=x.why)
    size = x.axes[position].size
    return (part,) * size if isinstance(size, int) and size <= MAX_PARTS else List((), (part,))
