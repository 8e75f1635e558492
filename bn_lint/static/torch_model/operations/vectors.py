"""Layers for vectors of features: linear layers and embeddings."""

from __future__ import annotations

from bn_lint.facts.dims import Dim
from bn_lint.static.interpreter.calls import call
from bn_lint.static.interpreter.values import Arguments, Axis, Tensor, Unknown, Value
from bn_lint.static.torch_model.operations.layer_table import LAYERS, layer, parameter
from bn_lint.static.torch_model.operations.sizes import (
    as_tensor,
    axis_position,
    divided,
    integer,
    replaced,
    size_of,
    unknown,
)
from bn_lint.static.torch_model.operations.table import FUNCTIONAL, FUNCTIONS, TORCH, OpSite, operation
from bn_lint.static.torch_model.watchers import collector_of, refuse_unless_equal


def with_last(at: OpSite, x: Tensor, size: Dim) -> Tensor:
    """The tensor with another last axis, one of features, unless it may be a sequence of embeddings."""
    last = Axis(size, at.origin, features=x.ranked or not x.axes or x.axes[-1].features)
    return Tensor(
        (*x.axes[:-1], last),
        ranked=x.ranked and bool(x.axes),
        why=x.why,
        origin=x.origin if x.ranked else at.origin,
        batched=x.batched,
    )


def with_new_last(at: OpSite, x: Tensor, size: Dim) -> Tensor:
    """The tensor with one more axis at the end, one of features.

    Of indices of unknown rank this makes no `(batch, features)`: they mostly are sequences.
    """
    axes = (*x.axes, Axis(size, at.origin, features=x.ranked))
    return Tensor(axes, ranked=x.ranked, why=x.why, origin=at.origin, batched=x.batched)


def _linear(at: OpSite, x: Tensor, out_features: Value, in_features: Value = None) -> Tensor:
    if x.axes and in_features is not None:
        refuse_unless_equal(at.interpreter, x.axes[-1], size_of(in_features))
    if x.rank == 2 and in_features is not None:
        collector_of(at.interpreter).followed(at.interpreter, x, size_of(in_features), at.origin, 2)
    return with_last(at, x, size_of(out_features))


@operation("linear", "input, weight", FUNCTIONAL)
def linear(at: OpSite, x: Tensor, weight: Value) -> Tensor:
    """`input @ weight.T`: the first axis of the weight are the features."""
    matrix = as_tensor(weight)
    return with_last(at, x, matrix.axes[0].size if matrix.rank == 2 else None)


@operation("bilinear", "input, other, weight", FUNCTIONAL)
def bilinear(at: OpSite, x: Tensor, weight: Value) -> Tensor:
    cube = as_tensor(weight)
    return with_last(at, x, cube.axes[0].size if cube.rank == 3 else None)


_MATRIX = parameter(lambda interpreter, attributes: (size_of(attributes[n]) for n in ("out_features", "in_features")))
layer("Linear", "in_features, out_features, bias=True", _linear, bias="out_features", weight=_MATRIX)
layer("LazyLinear", "out_features, bias=True", _linear, bias="out_features")
layer(
    "Bilinear",
    "in1_features, in2_features, out_features, bias=True",
    _linear,
    bias="out_features",
    inputs="input, input2",
)


def _embedding(at: OpSite, x: Tensor, embedding_dim: Value) -> Tensor:
    return with_new_last(at, x, size_of(embedding_dim))


def _embedding_bag(at: OpSite, x: Tensor, embedding_dim: Value, offsets: Value) -> Tensor:
    """One vector for each bag: each row of a matrix, or what lies between offsets."""
    bags = as_tensor(offsets) if x.rank == 1 else x
    first = bags.axes[0] if bags.ranked and bags.axes else Axis()
    return Tensor((first, Axis(size_of(embedding_dim), at.origin, features=True)), origin=at.origin)


@operation("embedding", "input, weight", FUNCTIONAL)
def embedding(at: OpSite, x: Tensor, weight: Value) -> Tensor:
    matrix = as_tensor(weight)
    return with_new_last(at, x, matrix.axes[1].size if matrix.rank == 2 else None)


@operation("one_hot", "input, num_classes=-1", FUNCTIONAL)
def one_hot(at: OpSite, x: Tensor, num_classes: Value) -> Tensor:
    return with_new_last(at, x, None if integer(num_classes) == -1 else size_of(num_classes))


_TABLE = parameter(
    lambda interpreter, attributes: (size_of(attributes[n]) for n in ("num_embeddings", "embedding_dim"))
)
layer("Embedding", "num_embeddings, embedding_dim, padding_idx=None", _embedding, weight=_TABLE)
_EMBEDDING = LAYERS["torch.nn.Embedding"]


@operation("nn.Embedding.from_pretrained", "embeddings", TORCH)
def from_pretrained(at: OpSite, embeddings: Value) -> Value:
    """An embedding of the sizes of a matrix."""
    matrix = as_tensor(embeddings)
    rows, columns = (axis.size for axis in matrix.axes) if matrix.rank == 2 else (None, None)
    sizes: list[Value] = [Unknown("size") if size is None else size for size in (rows, columns)]
    return call(at.interpreter, _EMBEDDING, Arguments(sizes), at.origin.ref, None)


_EMBEDDING.methods["from_pretrained"] = FUNCTIONS["torch.nn.Embedding.from_pretrained"]
layer(
    "EmbeddingBag",
    "num_embeddings, embedding_dim",
    _embedding_bag,
    inputs="input, offsets=None, per_sample_weights=None",
    weight=_TABLE,
)


@operation("glu", "input, dim=-1", FUNCTIONAL)
def glu(at: OpSite, x: Tensor, dim: Value) -> Tensor:
    """A gated linear unit halves an axis."""
    position = axis_position(x, dim)
    if position is None:
        return unknown(x.why)
    axis = x.axes[position]
    return replaced(x, position, Axis(divided(axis.size, 2), axis.origin, axis.features))


layer("GLU", "dim=-1", glu)


@operation("cosine_similarity pairwise_distance", "input, other, dim=1", FUNCTIONAL)
def similarity(at: OpSite, x: Tensor, dim: Value) -> Tensor:
    position = axis_position(x, dim)
    if not x.ranked or position is None:
        return unknown(x.why)
    return Tensor((*x.axes[:position], *x.axes[position + 1 :]), origin=at.origin)
