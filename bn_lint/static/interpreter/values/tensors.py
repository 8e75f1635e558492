"""Tensors: what is known of their shapes.

They stand here, and not with the rest of PyTorch, because the interpreter must tell tensors from other values:
operators, subscripts and loops treat them differently, and `join` merges their shapes. What operations do with shapes
stands in `torch_model/operations/`.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING, NamedTuple

from bn_lint.facts.dims import Dim
from bn_lint.static.syntax.places import NodeRef

if TYPE_CHECKING:
    from bn_lint.facts import PooledBatchNorm
    from bn_lint.static.interpreter.values.instances import Instance


class Axis(NamedTuple):
    """One dimension of a tensor: its size, and the layer or operation that made it that size.

    `samples` says that it is that of the samples of a batch, which a loader gives.
    """

    size: Dim = None
    origin: Provenance | None = None
    features: bool = False
    samples: bool = False


class Provenance(NamedTuple):
    """What made an axis or a rank what it is: a layer, or an operation named by its text."""

    maker: Instance | str
    ref: NodeRef


class Tensor:
    """A tensor, of which the shape may be known. With `ranked` False, `axes` are the last axes only.

    `layer` is the BatchNorm layer whose statistics or parameters it holds; `pooled` tells of the BatchNorm layer that
    has just normalized it, when there is only one value of each map. `either` are the shapes that it may have, where
    branches or operations leave several numbers of dimensions; the last of them may have any greater number. With
    `batched`, its first axis is that of the samples of a batch, although it is not among those that are known; with
    `single`, it has size 1.
    """

    __slots__ = ("axes", "batched", "either", "layer", "origin", "pooled", "ranked", "single", "why")

    def __init__(
        self,
        axes: tuple[Axis, ...] = (),
        *,
        ranked: bool = True,
        origin: Provenance | None = None,
        why: str = "",
        layer: Instance | None = None,
        pooled: PooledBatchNorm | None = None,
        either: tuple[Tensor, ...] = (),
        batched: bool = False,
        single: bool = False,
    ) -> None:
        self.axes = axes
        self.batched = batched
        self.single = single
        self.either = either
        self.ranked = ranked
        self.origin = origin
        self.why = why
        self.layer = layer
        self.pooled = pooled

    @property
    def rank(self) -> int | None:
        return len(self.axes) if self.ranked else None

    @property
    def first(self) -> Axis:
        """The first axis of an input that may have any number of them: nothing is known but whose it is."""
        return Axis(1 if self.single else None, samples=self.batched)

    @property
    def has_samples(self) -> bool:
        """Whether its first axis is known to be that of the samples of a batch."""
        return self.axes[0].samples if self.ranked and self.axes else self.batched

    @property
    def has_other_rows(self) -> bool:
        """Whether an operation made the first axis what it is, such as a view: it may hold parts of samples."""
        return self.ranked and bool(self.axes) and self.axes[0].origin is not None and not self.axes[0].samples

    def key(self) -> Hashable:
        """What two tensors must share to be interchangeable as inputs."""
        axes = tuple((a.size, a.features, a.samples) for a in self.axes)
        key: tuple[object, ...] = ("tensor", self.ranked, self.batched, self.single, axes)
        if self.either:
            key = (*key, tuple(one.key() for one in self.either))
        return key if self.pooled is None else (*key, self.pooled)

    def summary_key(self) -> Hashable | None:
        """What determines how a call treats this tensor; None when nothing simple does."""
        return self.key()

    def __repr__(self) -> str:
        sizes = ", ".join("?" if a.size is None else str(a.size) for a in self.axes)
        return f"({sizes})" if self.ranked else f"(..., {sizes})"
