"""Indexing tensors."""

from __future__ import annotations

from bn_lint import dims
from bn_lint.dims import Dim, Expression
from bn_lint.static.torch.sizes import size_of
from bn_lint.static.values import Axis, Origin, Position, Spot, Tensor, Unknown, Value


def index(x: Tensor, key: Value, spot: Spot) -> Tensor:
    """Return `x[key]`."""
    parts = list(key) if isinstance(key, tuple) else [key]
    unknown = Tensor(ranked=False, why=x.why or "an index that is not followed")
    if not all(_is_simple(p) for p in parts):
        return _index_by_tensor(x, parts) or unknown
    if not x.ranked:
        return _index_last(x, parts, spot) or unknown
    consumed = sum(1 for p in parts if p is not None and p is not ...)
    if ... in [p for p in parts if p is ...]:
        at = next(i for i, p in enumerate(parts) if p is ...)
        parts[at : at + 1] = [slice(None)] * max(0, len(x.axes) - consumed)
    else:
        parts += [slice(None)] * (len(x.axes) - consumed)
    if sum(1 for p in parts if p is not None) != len(x.axes):
        return unknown
    axes: list[Axis] = []
    origin = Origin("indexing", spot)
    remaining = iter(x.axes)
    for part in parts:
        if part is None:
            axes.append(Axis(1, origin))
            continue
        axis = next(remaining)
        if isinstance(part, slice):
            axes.append(axis if part == slice(None) else Axis(_sliced(axis.size, part), origin, axis.features))
    return Tensor(tuple(axes), origin=origin if len(axes) != len(x.axes) else x.origin)


def _index_last(x: Tensor, parts: list[Value], spot: Spot) -> Tensor | None:
    """`x[..., i]` and `x[:, -1]`-like reads of a tensor of which only the last axes are known."""
    if parts and parts[0] is ... and len(parts) - 1 <= len(x.axes) and all(isinstance(p, slice) for p in parts[1:]):
        kept = index(Tensor(x.axes[len(x.axes) - len(parts) + 1 :]), tuple(parts[1:]), spot)
        return Tensor((*x.axes[: len(x.axes) - len(parts) + 1], *kept.axes), ranked=False, why=x.why)
    if (
        len(parts) == 2
        and parts[0] == slice(None)
        and not isinstance(parts[1], slice)
        and parts[1] is not None
        and x.axes
    ):
        # `outputs[:, -1]` of a sequence: what follows keeps the features.
        return Tensor(x.axes[-1:], ranked=False, why=x.why)
    if len(parts) == 3 and parts[0] == slice(None) == parts[2] and x.axes and isinstance(parts[1], int):
        return Tensor((Axis(), x.axes[-1]), origin=Origin("indexing", spot))
    return None


def _index_by_tensor(x: Tensor, parts: list[Value]) -> Tensor | None:
    """`x[indices]`: whatever shape the indices have, the axes behind the first stay."""
    if len(parts) != 1 or not isinstance(parts[0], (Unknown, Tensor)) or not x.ranked or len(x.axes) < 2:
        return None
    return Tensor(x.axes[1:], ranked=False, why="indexing by a tensor")


def _is_simple(part: Value) -> bool:
    """Whether an index is a number, a slice, `None` or `...`; a value nobody knows may be a tensor of indices."""
    if isinstance(part, Unknown):
        return isinstance(part, Position)
    return part is None or part is ... or (isinstance(part, (int, slice, Expression)) and not isinstance(part, bool))


def _sliced(size: Dim, part: slice) -> Dim:
    """The length of `range(size)[part]`."""
    start, stop, step = (size_of(v) if v is not None else None for v in (part.start, part.stop, part.step))
    if part.step is not None and not isinstance(step, int):
        return None
    if isinstance(size, int) and all(v is None or isinstance(v, int) for v in (start, stop)):
        if any(given is not None and read is None for given, read in ((part.start, start), (part.stop, stop))):
            return None
        return len(range(int(size))[slice(start, stop, step)])
    if step not in (None, 1):
        return None
    if part.start is None and part.stop is not None:
        return _from_end(size, stop)
    if part.stop is None and part.start is not None:
        if isinstance(start, int) and start < 0:
            return -start
        return _difference(size, start)
    return _difference(stop, start) if part.start is not None else size


def _from_end(size: Dim, stop: Dim) -> Dim:
    if isinstance(stop, int) and stop < 0:
        return _difference(size, -stop)
    return stop


def _difference(size: Dim, less: Dim) -> Dim:
    if size is None or less is None:
        return None
    result = dims.subtract(size, less)
    return result if isinstance(result, (int, Expression)) else None
