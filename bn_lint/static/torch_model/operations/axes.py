"""Operations that move, add and remove axes."""

from __future__ import annotations

from bn_lint.static.interpreter.iteration import iterate
from bn_lint.static.interpreter.lattice.join import join
from bn_lint.static.interpreter.values import Axis, List, Provenance, Tensor, Value
from bn_lint.static.torch_model.operations.sizes import axis_position, either, integer, not_followed, unknown
from bn_lint.static.torch_model.operations.table import OpSite, operation


@operation("permute", "input, *dims")
def permute(at: OpSite, x: Tensor, dims: tuple[Value, ...] | None) -> Tensor:
    """The axes in another order."""
    positions = [integer(one) for one in dims or (None,)]
    if None in positions:
        return unknown("a permutation that is not known")
    count = len(positions)
    if not x.ranked or len(x.axes) != count:
        first = x.first if positions[0] == 0 else Axis()
        return Tensor((first, *(Axis(),) * (count - 1)), origin=at.origin)
    return Tensor(tuple(x.axes[p % count] for p in positions if p is not None), origin=at.origin)


@operation("transpose transpose_ swapaxes swapdims swapaxes_ swapdims_", "input, dim0, dim1")
def transpose(at: OpSite, x: Tensor, dim0: Value, dim1: Value) -> Tensor:
    """Two axes change places."""
    first, second = axis_position(x, dim0), axis_position(x, dim1)
    if first is None or second is None:
        return _transposed_front(x, integer(dim0), integer(dim1), at.origin)
    axes = list(x.axes)
    axes[first], axes[second] = axes[second], axes[first]
    return Tensor(tuple(axes), ranked=x.ranked, origin=at.origin, why=x.why)


def _transposed_front(x: Tensor, dim0: int | None, dim1: int | None, origin: Provenance) -> Tensor:
    """`(..., L, C).transpose(1, 2)` has three axes, or more, of which the last one stays."""
    if x.ranked or not x.axes or dim0 is None or dim1 is None or min(dim0, dim1) < 0:
        return not_followed(x, "", dim0, dim1)
    count = max(dim0, dim1) + 1
    first = x.first if min(dim0, dim1) > 0 else Axis()
    longer = (first, *(Axis(),) * (count - 1), *(x.axes[count:] or x.axes[-1:]))
    if len(x.axes) > count:
        return Tensor(longer, ranked=False, why=x.why, batched=first.samples)
    axes = [Axis()] * (count - len(x.axes)) + [*x.axes]
    axes[0] = axes[0]._replace(samples=x.batched)
    axes[dim0], axes[dim1] = axes[dim1], axes[dim0]
    return either(Tensor(tuple(axes), origin=origin), longer, x.why)


@operation("t t_", "input")
def matrix_transpose(at: OpSite, x: Tensor) -> Tensor:
    if not x.ranked or len(x.axes) > 2:
        return unknown(x.why)
    return Tensor(x.axes[::-1], origin=at.origin)


@operation("adjoint", "input")
def last_two(at: OpSite, x: Tensor) -> Tensor:
    return transpose(at, x, -2, -1)


@operation("movedim moveaxis", "input, source, destination")
def movedim(at: OpSite, x: Tensor, source: Value, destination: Value) -> Tensor:
    """Some axes go to given places, the others keep their order."""
    sources, targets = ([axis_position(x, d) for d in _several(at, v)] for v in (source, destination))
    if not x.ranked or len(sources) != len(targets) or None in sources or None in targets:
        return unknown(x.why)
    others = iter(i for i in range(len(x.axes)) if i not in sources)
    order = [sources[targets.index(i)] if i in targets else next(others) for i in range(len(x.axes))]
    return Tensor(tuple(x.axes[i] for i in order if i is not None), origin=at.origin)


def _several(at: OpSite, dims: Value) -> tuple[Value, ...]:
    if not isinstance(dims, (tuple, List)):
        return (dims,)
    items, rest = iterate(at.interpreter, dims)
    return (None,) if rest else items


@operation("unsqueeze unsqueeze_", "input, dim")
def unsqueeze(at: OpSite, x: Tensor, dim: Value) -> Tensor:
    """A new axis of size 1."""
    position = axis_position(x, dim, extra=1)
    if position is None:
        return Tensor(ranked=False, why=x.why, single=True) if integer(dim) == 0 else not_followed(x, "", dim)
    axes = (*x.axes[:position], Axis(1, at.origin), *x.axes[position:])
    result = Tensor(axes, ranked=x.ranked, origin=at.origin, why=x.why)
    if position or not x.ranked or x.axes[:1] not in ((Axis(),), (Axis(samples=True),)) or not _is_of_layer(x):
        return result
    # Nothing is known of the samples but that a layer takes them. It takes a single one as well, and here is its axis.
    single = join((result, Tensor((axes[0], *x.axes[1:]), origin=at.origin)))
    assert isinstance(single, Tensor)
    return single


def _is_of_layer(x: Tensor) -> bool:
    """Whether a layer made the number of axes what it is; as a function, it is one of `torch.nn.functional`."""
    maker = x.origin.maker if x.origin is not None else ""
    return not isinstance(maker, str) or maker.startswith("F.")


@operation("squeeze squeeze_", "input, *dim")
def squeeze(at: OpSite, x: Tensor, dim: tuple[Value, ...] | None) -> Tensor:
    """Without the axes of size 1, or without those of them that are named."""
    if dim is None:
        return unknown("squeeze of axes that are not known")
    if not dim:
        if not x.ranked or any(not isinstance(axis.size, int) for axis in x.axes[1:]):
            return unknown(x.why or "squeeze() of axes that may be 1")
        kept = [(i == 0 and axis.size is None) or axis.size != 1 for i, axis in enumerate(x.axes)]
    else:
        positions = [axis_position(x, one) for one in dim]
        if any(p is None or not isinstance(x.axes[p].size, int) for p in positions):
            return not_followed(x, "squeeze of an axis that may or may not be 1", *dim)
        kept = [axis.size != 1 or i not in positions for i, axis in enumerate(x.axes)]
    axes = tuple(axis for axis, keep in zip(x.axes, kept) if keep)
    return Tensor(axes, ranked=x.ranked, origin=at.origin, why=x.why)


@operation("diagonal", "input, offset=0, dim1=0, dim2=1")
def diagonal(at: OpSite, x: Tensor, offset: Value, dim1: Value, dim2: Value) -> Tensor:
    first, second = axis_position(x, dim1), axis_position(x, dim2)
    if not x.ranked or first is None or second is None:
        return unknown(x.why)
    others = tuple(axis for i, axis in enumerate(x.axes) if i not in (first, second))
    sizes = [side.size for side in (x.axes[first], x.axes[second]) if isinstance(side.size, int)]
    size = min(sizes) if len(sizes) == 2 and offset == 0 else None
    return Tensor((*others, Axis(size, at.origin)), origin=at.origin)
