"""What several shape rules ask about the input of a BatchNorm call."""

from __future__ import annotations

from bn_lint.facts import RANKS, BatchNormCall, Evidence, Shows
from bn_lint.facts.comparison import Comparison, compare
from bn_lint.facts.dims import describe


def fits_rank(call: BatchNormCall) -> bool:
    """Whether the input may have the number of dimensions that the variant takes."""
    ranks = RANKS.get(call.layer.variant)
    rank = call.shape.rank if call.shape is not None else None
    return ranks is None or rank is None or rank in ranks


def is_channels_last(call: BatchNormCall) -> bool:
    """Whether the features that the layer was built for arrive on the last axis instead of the second.

    `(batch, sequence, features)` into a BatchNorm1d, `(batch, height, width, features)` into a BatchNorm2d: the last
    axis has the layer's width, and the second axis has not, or has it by chance. If a layer made the second axis, as
    a convolution makes its channels, the last axis must be one that a layer gave features. Where nothing says who made
    it, the last two axes of a map are taken for height and width if they are equal.
    """
    shape, width = call.shape, call.layer.num_features
    if shape is None or not shape.ranked or len(shape.axes) < 3 or width is None:
        return False
    second, last = shape.axes[1], shape.axes[-1]
    if compare(last.size, width) is not Comparison.SAME:
        return False
    match compare(second.size, width):
        case Comparison.SAME:
            return last.features and second.made_by is None
        case Comparison.DIFFERENT if second.made_by is None:
            return len(shape.axes) == 3 or compare(shape.axes[-2].size, last.size) is not Comparison.SAME
    return last.made_by is not None and (last.features or second.size is not None)


def steps(call: BatchNormCall, made_by: Evidence | None) -> tuple[Evidence, ...]:
    """The evidence of a finding where a layer is built: what made its input, and the calls that lead to it."""
    where = Evidence.of(Shows.CALL, call.place, call.layer.name)
    return (*((made_by,) if made_by is not None else ()), where, *call.path)


def steps_to_layer(call: BatchNormCall, made_by: Evidence | None) -> tuple[Evidence, ...]:
    """The evidence of a finding where a layer is called: what made its input, what it was built for, the calls."""
    layer = call.layer
    built = Evidence(f"`{layer.name}` is built for {describe(layer.num_features)}", layer.built)
    return (*((made_by,) if made_by is not None else ()), built, *call.path)
