"""Arithmetic on tensors: what broadcasting makes of the shapes."""

from __future__ import annotations

from bn_lint.static.run import Run
from bn_lint.static.torch.sizes import broadcast
from bn_lint.static.values import Origin, Spot, Tensor, Unknown, Value


def arithmetic(run: Run, name: str, a: Value, b: Value, spot: Spot) -> Value:
    """Return `a <operator> b` where at least one is a tensor."""
    if name == "matmul":
        return matmul(a, b, spot)
    if isinstance(a, Tensor) and isinstance(b, Tensor):
        return broadcast(a, b)
    tensor, other = (a, b) if isinstance(a, Tensor) else (b, a)
    if isinstance(other, Unknown):
        # It may be a number or another tensor: in both cases sizes other than 1 survive.
        return broadcast(tensor, Tensor(ranked=False, why=other.why))
    return tensor


def matmul(a: Value, b: Value, spot: Spot) -> Value:
    """Return `a @ b`."""
    if not isinstance(a, Tensor) or not isinstance(b, Tensor):
        why = next((v.why for v in (a, b) if isinstance(v, Unknown)), "")
        return Tensor(ranked=False, why=why or "a product with something unknown")
    if not a.ranked or not b.ranked or len(a.axes) < 2 or len(b.axes) < 2:
        return Tensor(ranked=False, why=a.why or b.why or "a product of tensors of unknown rank")
    leading = a.axes[:-2] if len(a.axes) >= len(b.axes) else b.axes[:-2]
    return Tensor((*leading, a.axes[-2], b.axes[-1]), origin=Origin("matmul", spot))
