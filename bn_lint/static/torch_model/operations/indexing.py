"""Indexing tensors."""

from __future__ import annotations

from typing import Any

from bn_lint.facts import dims
from bn_lint.facts.comparison import Comparison, compare
from bn_lint.facts.dims import Dim, Expression
from bn_lint.static.interpreter.lattice.join import join
from bn_lint.static.interpreter.values import Axis, List, Provenance, Slice, Tensor, Unknown, UnknownInt, Value
from bn_lint.static.syntax.places import NodeRef
from bn_lint.static.torch_model.operations.sizes import as_tensor, axis_position, replaced, size_of, unknown
from bn_lint.static.torch_model.operations.table import OpSite, operation


def index(x: Tensor, key: Value, ref: NodeRef) -> Tensor:
    """Return `x[key]`."""
    if x.either:
        joined = join(index(one, key, ref) for one in x.either)
        assert isinstance(joined, Tensor)
        return joined
    parts: list[Value] = list(key) if isinstance(key, tuple) else [key]
    selecting = [p for p in parts if isinstance(p, (Tensor, List))]
    if selecting:
        # Several of them, or one beside numbers, follow rules of their own.
        numbers = any(isinstance(p, (int, Expression)) for p in parts)
        if len(selecting) > 1 or numbers or not _is_row(selecting[0]):
            return _index_by_tensor(x, parts)
    if not all(_is_simple(p) or isinstance(p, (Tensor, List)) for p in parts):
        return _index_by_tensor(x, parts)
    if not x.ranked:
        found = _index_last(x, parts, ref) or unknown(x.why)
        found.batched = x.batched and bool(parts) and parts[0] in (Slice(), ...)
        return found
    return _index_known(x, parts, Provenance("indexing", ref))


def _index_known(x: Tensor, parts: list[Value], origin: Provenance) -> Tensor:
    missing = len(x.axes) - sum(1 for p in parts if p is not None and p is not ...)
    at = next((i for i, p in enumerate(parts) if p is ...), len(parts))
    parts[at : at + 1] = [Slice()] * missing
    if missing < 0 or any(p is ... for p in parts):
        return unknown("an index that does not fit")
    axes: list[Axis] = []
    remaining = iter(x.axes)
    for part in parts:
        axis = Axis(1, origin) if part is None else next(remaining)
        if isinstance(part, Slice):
            axis = axis if part == Slice() else Axis(_sliced(axis.size, part), origin, axis.features)
        elif isinstance(part, (Tensor, List)):
            axis = Axis(_selected(axis.size, part), origin, axis.features)
        elif part is not None:
            continue
        axes.append(axis)
    return Tensor(tuple(axes), origin=origin if len(axes) != len(x.axes) else x.origin)


def _is_row(part: Tensor | List) -> bool:
    """Whether an index is one row of positions (or of truth values)."""
    if isinstance(part, Tensor):
        return part.rank == 1
    return not part.rest and all(isinstance(item, int) for item in part.items)


def _selected(size: Dim, part: Tensor | List) -> Dim:
    """How many elements of an axis a row of positions takes; a row of truth values may take any number."""
    if isinstance(part, List):
        numbers = [item for item in part.items if isinstance(item, int)]
        return sum(numbers) if any(isinstance(item, bool) for item in numbers) else len(part.items)
    count = part.axes[0].size
    return count if compare(count, size) is Comparison.DIFFERENT else None


def _index_last(x: Tensor, parts: list[Value], ref: NodeRef) -> Tensor | None:
    """`x[..., i]` and `x[:, -1]`-like reads of a tensor of which only the last axes are known."""
    if parts and parts[0] is ... and len(parts) - 1 <= len(x.axes) and all(isinstance(p, Slice) for p in parts[1:]):
        kept = index(Tensor(x.axes[len(x.axes) - len(parts) + 1 :]), tuple(parts[1:]), ref)
        return Tensor((*x.axes[: len(x.axes) - len(parts) + 1], *kept.axes), ranked=False, why=x.why)
    if len(parts) == 2 and parts[0] == Slice() and not isinstance(parts[1], Slice) and parts[1] is not None and x.axes:
        # `outputs[:, -1]` of a sequence: what follows keeps the features.
        return Tensor(x.axes[-1:], ranked=False, why=x.why)
    if len(parts) == 3 and parts[0] == Slice() == parts[2] and x.axes and isinstance(parts[1], int):
        return Tensor((Axis(), x.axes[-1]), ranked=False, why=x.why)
    return None


def _index_by_tensor(x: Tensor, parts: list[Value]) -> Tensor:
    """`x[indices]`: whatever shape the indices have, the last axis stays."""
    if len(parts) == 1 and x.ranked and len(x.axes) > 1:
        return Tensor(x.axes[-1:], ranked=False, why="indexing by a tensor")
    return unknown(x.why or "an index that is not followed")


def _is_simple(part: Value) -> bool:
    """Whether an index is a number, a slice, `None` or `...`; an unknown value may be a tensor of indices."""
    if isinstance(part, Unknown):
        return isinstance(part, UnknownInt)
    return part is None or part is ... or (isinstance(part, (int, Slice, Expression)) and not isinstance(part, bool))


def _sliced(size: Dim, part: Slice) -> Dim:
    """The length of `range(size)[part]`."""
    start, stop, step = (size_of(v) if v is not None else None for v in (part.start, part.stop, part.step))
    if part.step is not None and not isinstance(step, int):
        return None
    if isinstance(size, int) and all(v is None or isinstance(v, int) for v in (start, stop)):
        if any(given is not None and read is None for given, read in ((part.start, start), (part.stop, stop))):
            return None
        bounds: list[Any] = [start, stop, step]
        return len(range(int(size))[slice(*bounds)])
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


@operation("select", "input, dim, index")
def select(at: OpSite, x: Tensor, dim: Value) -> Tensor:
    """Without the axis, of which one element is taken."""
    position = axis_position(x, dim)
    if position is None:
        return unknown(x.why)
    axes = (*x.axes[:position], *x.axes[position + 1 :])
    return Tensor(axes, ranked=x.ranked, why=x.why, origin=at.origin)


@operation("narrow", "input, dim, start, length")
def narrow(at: OpSite, x: Tensor, dim: Value, start: Value, length: Value) -> Tensor:
    position = axis_position(x, dim)
    if position is None or not isinstance(start, int) or not isinstance(length, int):
        return unknown(x.why)
    return index(x, (Slice(),) * position + (Slice(start, start + length),), at.origin.ref)


@operation("index_select", "input, dim, index")
def index_select(at: OpSite, x: Tensor, dim: Value, index: Value) -> Tensor:
    """As many elements of an axis as there are indices."""
    position = axis_position(x, dim)
    if position is None:
        return unknown(x.why)
    count = index.axes[0] if isinstance(index, Tensor) and index.rank == 1 else None
    return replaced(x, position, Axis(count.size if count is not None else None, at.origin))


@operation("gather take_along_dim", "input, dim, index")
def gather(at: OpSite, x: Tensor, index: Value) -> Tensor:
    return as_tensor(index)
