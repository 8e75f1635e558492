"""Arithmetic on sizes and axes."""

from __future__ import annotations

from collections.abc import Hashable, Iterable

from bn_lint.facts import dims
from bn_lint.facts.comparison import Comparison, compare
from bn_lint.facts.dims import Dim, Expression
from bn_lint.static.interpreter.interpreter import Interpreter
from bn_lint.static.interpreter.iteration import iterate
from bn_lint.static.interpreter.lattice.join import join
from bn_lint.static.interpreter.values import Axis, List, Tensor, Union, Unknown, Value, alternatives
from bn_lint.static.torch_model.batches import batches_of

#: With fewer axes than this, the layer behind never tells if a tensor of unknown rank has added some.
_TELLING = 3


class Array(Unknown):
    """An array of NumPy: something unknown with a shape."""

    __slots__ = ("tensor",)

    def __init__(self, tensor: Tensor) -> None:
        super().__init__("array", "the elements of an array are not followed")
        #: A tensor of its shape.
        self.tensor = tensor

    def summary_key(self) -> Hashable:
        """What identifies it as an argument of a remembered call."""
        return (Array, self.tensor.key())


def size_of(value: Value) -> Dim:
    """Return a value as the size of a dimension."""
    if isinstance(value, bool):
        return None
    if isinstance(value, (int, Expression)):
        return value
    return value.number if isinstance(value, Unknown) else None


def unknown(why: str = "") -> Tensor:
    """A tensor of which nothing is known."""
    return Tensor(ranked=False, why=why)


def not_followed(x: Tensor, why: str, *dims: Value) -> Tensor:
    """What an operation over some axes gives, of which nothing is known but whether the samples stay the first axis."""
    has_samples = x.has_samples and all(integer(dim) not in (None, 0) for dim in dims)
    return Tensor(ranked=False, why=x.why or why, batched=has_samples)


def either(shape: Tensor, last: tuple[Axis, ...], why: str) -> Tensor:
    """A tensor of the given shape, or of one with more axes, of which only the last ones are known."""
    joined = join((shape, Tensor(last, ranked=False, why=why)))
    assert isinstance(joined, Tensor)
    return joined


def as_tensor(value: Value) -> Tensor:
    """Return a value as a tensor; of anything that is none, nothing is known."""
    if isinstance(value, Tensor):
        return value
    if isinstance(value, Union):
        tensors = [v for v in value.values if isinstance(v, Tensor)]
        if len(tensors) == 1:
            return tensors[0]
    why = value.why if isinstance(value, Unknown) else f"the input is a {type(value).__name__.lower()}, not a tensor"
    return Tensor(ranked=False, why=why, batched=all(batches_of(one) is not None for one in alternatives(value)))


def integer(value: Value) -> int | None:
    """Return a value as a plain integer, if it is one."""
    return int(value) if isinstance(value, int) and not isinstance(value, bool) else None


def integers(interpreter: Interpreter, value: Value, count: int) -> tuple[int | None, ...]:
    """Return an int or a sequence of ints (a kernel size, a stride) as `count` values."""
    if isinstance(value, int):
        return (int(value),) * count
    if isinstance(value, (tuple, List)):
        items, rest = iterate(interpreter, value)
        if len(items) == 1 and not rest:
            return (integer(items[0]),) * count
        if len(items) == count and not rest:
            return tuple(integer(v) for v in items)
    return (None,) * count


def window(
    size: Dim, kernel: int | None, stride: int | None, padding: int | None, dilation: int | None, *, ceil: bool = False
) -> Dim:
    """The size that a convolution or pooling leaves; see the formula in `torch.nn.Conv2d`."""
    if kernel is None or stride is None or padding is None or dilation is None or not stride:
        return None
    reach = dilation * (kernel - 1) - 2 * padding
    if stride == 1 and reach == 0:
        return size
    if not isinstance(size, int):
        return None
    result = (size - reach - 1 + (stride - 1 if ceil else 0)) // stride + 1
    if ceil and (result - 1) * stride >= size + padding:
        result -= 1
    return result if result > 0 else None


def product(sizes: Iterable[Dim]) -> Dim:
    """The product of sizes; unknown as soon as one of them is."""
    total: Dim = 1
    for size in sizes:
        if size is None or total is None:
            return None
        result = dims.multiply(total, size)
        total = result if isinstance(result, (int, Expression)) else None
    return total


def total(sizes: Iterable[Dim]) -> Dim:
    """The sum of sizes; unknown as soon as one of them is."""
    result: Dim = 0
    for size in sizes:
        if size is None or result is None:
            return None
        added = dims.add(result, size)
        result = added if isinstance(added, (int, Expression)) else None
    return result


def scaled(size: Dim, factor: Value) -> Dim:
    """A size times a known number, rounded down."""
    number = factor.number if isinstance(factor, Unknown) else factor
    if size is None or not isinstance(number, (int, float, Expression)) or isinstance(number, bool):
        return None
    if isinstance(number, float):
        return int(size * number) if isinstance(size, int) else None
    result = dims.multiply(size, number)
    return result if isinstance(result, (int, Expression)) else None


def divided(size: Dim, divisor: Value) -> Dim:
    """A size divided by a known number, rounded down."""
    number = divisor.number if isinstance(divisor, Unknown) else divisor
    if size is None or not isinstance(number, (int, Expression)) or number == 0:
        return None
    result = dims.floor_divide(size, number)
    return result if isinstance(result, (int, Expression)) else None


def axis_position(tensor: Tensor, dim: Value, *, extra: int = 0) -> int | None:
    """Return the index into `tensor.axes` of a dimension given by number; None when it is not among the known ones."""
    number = integer(dim)
    if number is None:
        return None
    count = len(tensor.axes) + extra
    if tensor.ranked:
        position = number + count if number < 0 else number
        return position if 0 <= position < count else None
    return number + count if number < 0 and number + count >= 0 else None


def replaced(x: Tensor, position: int, axis: Axis) -> Tensor:
    """The tensor with another axis at a position."""
    axes = (*x.axes[:position], axis, *x.axes[position + 1 :])
    return Tensor(axes, ranked=x.ranked, origin=x.origin, why=x.why, batched=x.batched)


def pair(value: Value, wanted: Value) -> Value:
    """The value, with indices of the same shape where they are asked for."""
    return (value, value) if wanted is True else value


def spatial(x: Tensor, count: int) -> tuple[tuple[Axis, ...], tuple[Axis, ...]]:
    """Split a feature map into (batch, channels) and its `count` spatial axes; the batch may be absent."""
    if x.rank in (count + 1, count + 2):
        return x.axes[:-count], x.axes[-count:]
    known = x.axes[-count:] if not x.ranked else ()
    return (x.first, Axis()), (Axis(),) * (count - len(known)) + known


def broadcast(a: Tensor, b: Tensor) -> Tensor:
    """The shape of an elementwise operation on two tensors."""
    if a.either or b.either:
        joined = join(_broadcast(x, y) for x in a.either or (a,) for y in b.either or (b,))
        assert isinstance(joined, Tensor)
        return joined
    return _broadcast(a, b)


def _broadcast(a: Tensor, b: Tensor) -> Tensor:
    # What is not known of one tensor may be broadcast by it, but a size other than 1 survives.
    longer, shorter = (b, a) if (len(b.axes), b.ranked) > (len(a.axes), a.ranked) else (a, b)
    axes = list(longer.axes)
    offset = len(axes) - len(shorter.axes)
    if not shorter.ranked:
        # The other tensor may have more axes than are known of it, and stretch what has size 1.
        axes[:offset] = [axis if axis.size != 1 else Axis() for axis in axes[:offset]]
    for i, other in enumerate(shorter.axes):
        axes[offset + i] = merged_axis(axes[offset + i], other)
    shape = Tensor(tuple(axes), origin=longer.origin)
    if longer.ranked and shorter.ranked:
        return shape
    why = a.why or b.why or "the rank of the operands is not known"
    if longer.ranked and len(axes) >= _TELLING:
        return either(shape, (Axis(), *axes), why)
    single = longer.single and (shorter.single or len(shorter.axes) == 0)
    return Tensor(shape.axes, ranked=False, why=why, batched=a.has_samples or b.has_samples, single=single)


def merged_axis(x: Axis, y: Axis) -> Axis:
    """The axis that two broadcast axes give."""
    merged = _merged_axis(x, y)
    return merged._replace(samples=True) if x.samples or y.samples else merged


def _merged_axis(x: Axis, y: Axis) -> Axis:
    if x.size == y.size == 1:
        return x if x.origin is not None else y
    if x.size == 1 and y.size is not None:
        return y
    if y.size == 1 and x.size is not None:
        return x
    if x.size is None or y.size is None:
        known = y if x.size is None else x
        return known if known.size != 1 else Axis()
    if compare(x.size, y.size) is Comparison.SAME:
        return x if x.origin is not None else y
    # Both are known and differ: only a size of 1 behind one of the names makes that possible.
    return Axis()
