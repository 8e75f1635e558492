"""Products of matrices and vectors."""

from __future__ import annotations

from bn_lint.static.interpreter.values import Axis, Tensor, Value
from bn_lint.static.torch_model.operations.sizes import as_tensor, broadcast, unknown
from bn_lint.static.torch_model.operations.table import FUNCTIONAL, TENSOR, OpSite, operation


@operation("matmul bmm mm mv", "input, other")
@operation("__matmul__", "input, other", TENSOR)
def matmul(at: OpSite, x: Tensor, other: Value) -> Tensor:
    """`input @ other`: vectors lose the axis that is summed over, the leading axes of matrices are broadcast."""
    second = as_tensor(other)
    if not (x.ranked and second.ranked and x.axes and second.axes):
        return unknown(x.why or second.why or "a product of tensors of unknown rank")
    rows = x.axes[-2:-1]
    columns = second.axes[-1:] if len(second.axes) > 1 else ()
    leading = broadcast(Tensor(x.axes[:-2]), Tensor(second.axes[:-2]))
    return Tensor((*leading.axes, *rows, *columns), origin=at.origin)


@operation("addmm", "bias, input, other")
@operation("baddbmm addbmm", "bias, input, other")
def added_matmul(at: OpSite, bias: Value, x: Value, other: Value) -> Tensor:
    return matmul(at, as_tensor(x), other)


@operation("outer ger", "input, other")
def outer(at: OpSite, x: Tensor, other: Value) -> Tensor:
    vectors = (x, as_tensor(other))
    return Tensor(tuple(v.axes[0] if v.ranked and v.axes else Axis() for v in vectors), origin=at.origin)


@operation("einsum", "equation, *operands", "torch")
def einsum(at: OpSite, equation: Value, operands: tuple[Value, ...] | None) -> Tensor:
    """Each letter of the result stands for an axis of an operand."""
    if not isinstance(equation, str) or "->" not in equation or "." in equation:
        return unknown("an einsum that is not followed")
    left, _, result = equation.replace(" ", "").partition("->")
    axes: dict[str, Axis] = {}
    for letters, operand in zip(left.split(","), operands or ()):
        tensor = as_tensor(operand)
        if tensor.ranked and len(tensor.axes) == len(letters):
            for letter, axis in zip(letters, tensor.axes):
                known = axes.get(letter)
                axes[letter] = axis if known is None or known.size in (None, 1) else known
    return Tensor(tuple(axes.get(letter, Axis()) for letter in result), origin=at.origin)


@operation("scaled_dot_product_attention", "input, key, value", FUNCTIONAL)
def attention(at: OpSite, x: Tensor, key: Value, value: Value) -> Tensor:
    values = as_tensor(value)
    if not x.ranked or not x.axes:
        return Tensor(values.axes[-1:], ranked=False, why=x.why)
    return Tensor((*x.axes[:-1], values.axes[-1] if values.axes else Axis()), origin=at.origin)
