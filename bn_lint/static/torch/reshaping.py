"""Operations that rearrange the axes of a tensor."""

from __future__ import annotations

from collections.abc import Sequence

from bn_lint.dims import Comparison, Dim, compare
from bn_lint.static.iteration import iterate
from bn_lint.static.join import join
from bn_lint.static.run import Run
from bn_lint.static.torch.sizes import axis_position, divided, integer, product, size_of, total
from bn_lint.static.values import Axis, Dict, List, Origin, Tensor, Unknown, Value


def unknown(x: Tensor, why: str = "") -> Tensor:
    """A tensor of which nothing is known."""
    return Tensor(ranked=False, why=why or x.why)


def with_last(x: Tensor, last: Axis, origin: Origin) -> Tensor:
    """The tensor with another last axis."""
    if x.ranked and x.axes:
        return Tensor((*x.axes[:-1], last), origin=x.origin)
    return Tensor((*x.axes[:-1], last), ranked=False, why=x.why, origin=origin)


def with_new_last(x: Tensor, last: Axis, origin: Origin) -> Tensor:
    """The tensor with one more axis at the end."""
    return Tensor((*x.axes, last), ranked=x.ranked, why=x.why, origin=origin)


def flatten(x: Tensor, start: Value, end: Value, origin: Origin) -> Tensor:
    """`torch.flatten`."""
    first, last = integer(start), integer(end)
    if not x.ranked:
        # `flatten(x, 1)` of anything with a batch axis has two axes.
        return Tensor((Axis(), Axis(None, origin)), origin=origin) if (first, last) == (1, -1) else unknown(x)
    a, b = axis_position(x, start), axis_position(x, end)
    if a is None or b is None or a > b:
        return x if len(x.axes) <= 1 else unknown(x, "flatten with unknown bounds")
    if a == b:
        return x
    joined = Axis(product(axis.size for axis in x.axes[a : b + 1]), origin)
    return Tensor((*x.axes[:a], joined, *x.axes[b + 1 :]), origin=origin)


def reshape(run: Run, x: Tensor, sizes: Sequence[Value], origin: Origin) -> Tensor:
    """`view` and `reshape`."""
    if len(sizes) == 1 and isinstance(sizes[0], (tuple, List)):
        items, rest = iterate(run, sizes[0])
        if rest:
            return unknown(x, "a view with sizes that are not all known")
        sizes = items
    elif len(sizes) == 1 and isinstance(sizes[0], Unknown):
        return unknown(x, "a view with sizes that are not known")
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


def _kept_axis(x: Tensor, position: int, count: int, size: Dim, origin: Origin) -> Axis:
    """An axis that the view leaves at its place keeps what is known of it."""
    if x.ranked and position < len(x.axes):
        old = x.axes[position]
        if compare(old.size, size) is Comparison.SAME and (position == 0 or position < len(x.axes) - 1 or count == len(x.axes)):
            return Axis(size, old.origin, old.features and position == count - 1)
    if x.axes and position == count - 1 and compare(x.axes[-1].size, size) is Comparison.SAME:
        return x.axes[-1]
    return Axis(size, origin)


def _filled(x: Tensor, axes: list[Axis], hole: int, origin: Origin) -> Axis:
    """The axis that -1 stands for: what the others leave over."""
    before = [axis.size for axis in x.axes]
    after = [axis.size for i, axis in enumerate(axes) if i != hole]
    for size in list(after):
        match = next((i for i, old in enumerate(before) if compare(old, size) is Comparison.SAME), None)
        if match is not None and size is not None:
            after.remove(size)
            del before[match]
    # An unknown batch axis in front is what a leading -1 or a leading size stands for.
    if len(before) == 1 and not after:
        return Axis(before[0], next((a.origin for a in x.axes if a.size is before[0]), origin))
    if hole > 0 and len(before) == len(x.axes) and before[0] is None and len(after) == len(axes) - 1:
        before, after = before[1:], after[1:]
    whole, part = product(before), product(after)
    if whole is None or part is None:
        return Axis(None, origin)
    quotient = divided(whole, part)
    return Axis(quotient if quotient is not None else None, origin)


def permute(run: Run, x: Tensor, order: Sequence[Value], origin: Origin) -> Tensor:
    """`permute`."""
    if len(order) == 1 and isinstance(order[0], (tuple, List)):
        order = iterate(run, order[0])[0]
    positions = [integer(v) for v in order]
    if any(p is None for p in positions):
        return unknown(x, "a permutation that is not known")
    count = len(positions)
    if not x.ranked or len(x.axes) != count:
        return Tensor((Axis(),) * count, origin=origin)
    return Tensor(tuple(x.axes[p % count] for p in positions if p is not None), origin=origin)


def transpose(x: Tensor, first: Value, second: Value, origin: Origin) -> Tensor:
    """`transpose`."""
    a, b = axis_position(x, first), axis_position(x, second)
    if a is None or b is None:
        if not x.ranked and {integer(first), integer(second)} == {1, 2}:
            return _transposed_sequence(x, origin)
        return unknown(x)
    axes = list(x.axes)
    axes[a], axes[b] = axes[b], axes[a]
    return Tensor(tuple(axes), ranked=x.ranked, origin=origin, why=x.why)


def _transposed_sequence(x: Tensor, origin: Origin) -> Tensor:
    """`(..., L, C).transpose(1, 2)` has at least three axes; that it has exactly three is the overwhelming case."""
    if not x.axes:
        return unknown(x)
    length = x.axes[-2] if len(x.axes) > 1 else Axis()
    return Tensor((Axis(), x.axes[-1], length), origin=origin)


def unsqueeze(x: Tensor, dim: Value, origin: Origin) -> Tensor:
    position = axis_position(x, dim, extra=1)
    if position is None:
        return unknown(x)
    return Tensor((*x.axes[:position], Axis(1, origin), *x.axes[position:]), ranked=x.ranked, origin=origin, why=x.why)


def squeeze(run: Run, x: Tensor, dims: Sequence[Value], origin: Origin) -> Tensor:
    if len(dims) == 1 and isinstance(dims[0], (tuple, List)):
        dims = iterate(run, dims[0])[0]
    if not dims:
        if not x.ranked or any(axis.size is None or not isinstance(axis.size, int) for axis in x.axes[1:]):
            return unknown(x, "squeeze() of axes that may be 1")
        if x.axes and x.axes[0].size is None:
            return Tensor((x.axes[0], *(a for a in x.axes[1:] if a.size != 1)), origin=origin)
        return Tensor(tuple(a for a in x.axes if a.size != 1), origin=origin)
    axes: list[Axis | None] = list(x.axes)
    for dim in dims:
        position = axis_position(x, dim)
        if position is None or not isinstance(x.axes[position].size, int):
            return unknown(x, "squeeze of an axis that may or may not be 1")
        if x.axes[position].size == 1:
            axes[position] = None
    return Tensor(tuple(a for a in axes if a is not None), ranked=x.ranked, origin=origin, why=x.why)


def concatenate(run: Run, tensors: Value, dim: Value, origin: Origin) -> Tensor:
    """`torch.cat`."""
    items, rest = iterate(run, tensors)
    parts = [v for v in items if isinstance(v, Tensor)]
    if len(parts) != len(items) or not parts:
        known = next((p for p in parts if p.ranked), None)
        why = next((v.why for v in (*items, *rest) if isinstance(v, Unknown)), "torch.cat of something unknown")
        return _with_unknown_axis(known, dim, origin, why)
    ranked = [p for p in parts if p.ranked]
    model = ranked[0] if ranked else parts[0]
    position = axis_position(model, dim)
    if position is None or rest or any(len(p.axes) != len(model.axes) or not p.ranked for p in parts):
        return _with_unknown_axis(model if ranked else None, dim, origin, "torch.cat of tensors that are not all known")
    joined = join(parts) if len(parts) > 1 else model
    size = total(p.axes[position].size for p in parts)
    axes = list(joined.axes) if len(joined.axes) == len(model.axes) else [Axis()] * len(model.axes)
    axes[position] = Axis(size, origin)
    return Tensor(tuple(axes), origin=origin)


def _with_unknown_axis(model: Tensor | None, dim: Value, origin: Origin, why: str) -> Tensor:
    position = axis_position(model, dim) if model is not None else None
    if model is None or position is None:
        return Tensor(ranked=False, why=why)
    axes = [Axis()] * len(model.axes)
    axes[0] = model.axes[0] if position else Axis()
    return Tensor(tuple(axes), origin=origin, why=why)


def stack(run: Run, tensors: Value, dim: Value, origin: Origin) -> Tensor:
    """`torch.stack`."""
    items, rest = iterate(run, tensors)
    model = join(items) if items else (join(rest) if rest else None)
    if not isinstance(model, Tensor):
        return Tensor(ranked=False, why="torch.stack of something unknown")
    position = axis_position(model, dim, extra=1)
    if position is None:
        return unknown(model)
    size = None if rest else len(items)
    return Tensor((*model.axes[:position], Axis(size, origin), *model.axes[position:]), ranked=model.ranked, origin=origin, why=model.why)


def chunk(x: Tensor, chunks: Value, dim: Value, origin: Origin) -> Value:
    """`chunk`: equal parts along an axis."""
    count, position = integer(chunks), axis_position(x, dim)
    if count is None:
        return Unknown("chunks", "an unknown number of chunks")
    if position is None:
        return (unknown(x),) * count
    size = divided(x.axes[position].size, count)
    if isinstance(x.axes[position].size, int) and isinstance(size, int) and size * count != x.axes[position].size:
        size = None
    return (_replaced(x, position, Axis(size, origin)),) * count


def split(run: Run, x: Tensor, sizes: Value, dim: Value, origin: Origin) -> Value:
    """`split`: parts of given sizes along an axis."""
    position = axis_position(x, dim)
    if isinstance(sizes, (tuple, List)):
        items, rest = iterate(run, sizes)
        if rest:
            return Unknown("split", "a split into unknown parts")
        if position is None:
            return (unknown(x),) * len(items)
        return tuple(_replaced(x, position, Axis(size_of(item), origin)) for item in items)
    size = size_of(sizes)
    if position is None or size is None:
        return List((), (unknown(x),))
    whole = x.axes[position].size
    part = _replaced(x, position, Axis(size, origin))
    if isinstance(whole, int) and isinstance(size, int) and size > 0:
        count, left = divmod(whole, size)
        parts = (part,) * count
        return (*parts, _replaced(x, position, Axis(left, origin))) if left else parts
    quotient = divided(whole, size)
    return (part,) * quotient if isinstance(quotient, int) and quotient < 64 else List((), (part,))


def _replaced(x: Tensor, position: int, axis: Axis) -> Tensor:
    return Tensor((*x.axes[:position], axis, *x.axes[position + 1 :]), ranked=x.ranked, origin=x.origin, why=x.why)


def reduce(run: Run, x: Tensor, dims: Value, keepdim: Value, origin: Origin) -> Tensor:
    """`mean`, `sum` and the like over one or several axes."""
    if dims is None:
        return Tensor(()) if keepdim is not True else unknown(x)
    numbers = [dims] if isinstance(dims, int) else list(iterate(run, dims)[0])
    positions = [axis_position(x, d) for d in numbers]
    if not x.ranked or None in positions or not isinstance(keepdim, bool):
        return _reduced_unknown(x, numbers, keepdim)
    if keepdim:
        return Tensor(tuple(Axis(1, origin) if i in positions else a for i, a in enumerate(x.axes)), origin=x.origin)
    return Tensor(tuple(a for i, a in enumerate(x.axes) if i not in positions), origin=origin)


def _reduced_unknown(x: Tensor, dims: list[Value], keepdim: Value) -> Tensor:
    return unknown(x)


def unflatten(run: Run, x: Tensor, dim: Value, sizes: Value, origin: Origin) -> Tensor:
    position = axis_position(x, dim)
    items, rest = iterate(run, sizes)
    if rest or position is None:
        return unknown(x)
    whole = x.axes[position].size
    known = [size_of(v) if integer(v) != -1 else None for v in items]
    holes = [i for i, v in enumerate(items) if integer(v) == -1]
    if len(holes) == 1:
        others = product(s for i, s in enumerate(known) if i != holes[0])
        known[holes[0]] = divided(whole, others)
    axes = tuple(Axis(size, origin) for size in known)
    return Tensor((*x.axes[:position], *axes, *x.axes[position + 1 :]), ranked=x.ranked, origin=origin, why=x.why)


def glu(x: Tensor, dim: Value) -> Tensor:
    """A gated linear unit halves an axis."""
    position = axis_position(x, dim)
    if position is None:
        return unknown(x)
    axis = x.axes[position]
    return _replaced(x, position, Axis(divided(axis.size, 2), axis.origin, axis.features))


def pixel_shuffle(x: Tensor, factor: Value, origin: Origin) -> Tensor:
    if not x.ranked or len(x.axes) != 4:
        return unknown(x)
    n, c, _, _ = x.axes
    return Tensor((n, Axis(divided(divided(c.size, factor), factor), origin), Axis(), Axis()), origin=origin)


def expand(run: Run, x: Tensor, sizes: Sequence[Value], origin: Origin) -> Tensor:
    """`expand`: -1 keeps an axis."""
    if len(sizes) == 1 and isinstance(sizes[0], (tuple, List)):
        sizes = iterate(run, sizes[0])[0]
    axes = []
    offset = len(sizes) - len(x.axes)
    for i, size in enumerate(sizes):
        old = x.axes[i - offset] if x.ranked and i >= offset else Axis()
        axes.append(old if integer(size) == -1 else Axis(size_of(size), old.origin or origin))
    return Tensor(tuple(axes), origin=origin) if not any(isinstance(s, (Unknown, Dict)) and len(sizes) == 1 for s in sizes) else unknown(x)


def repeat(run: Run, x: Tensor, counts: Sequence[Value], origin: Origin) -> Tensor:
    """`repeat`: each axis that many times."""
    if len(counts) == 1 and isinstance(counts[0], (tuple, List)):
        counts = iterate(run, counts[0])[0]
    if not x.ranked or len(counts) < len(x.axes):
        return Tensor((Axis(),) * len(counts), origin=origin) if counts else unknown(x)
    old = (Axis(1),) * (len(counts) - len(x.axes)) + x.axes
    axes = []
    for axis, count in zip(old, counts):
        size = product((axis.size, size_of(count)))
        axes.append(axis if integer(count) == 1 else Axis(size, origin))
    return Tensor(tuple(axes), origin=origin)
