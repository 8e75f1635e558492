"""Padding, interpolation, and moving pixels between space and channels."""

from __future__ import annotations

import math
from collections.abc import Sequence

from bn_lint.facts.dims import Dim
from bn_lint.static.interpreter.iteration import iterate
from bn_lint.static.interpreter.values import Axis, List, Tensor, Value
from bn_lint.static.torch_model.batches import Batch
from bn_lint.static.torch_model.operations.layer_table import layer
from bn_lint.static.torch_model.operations.sizes import (
    axis_position,
    divided,
    integer,
    integers,
    product,
    replaced,
    scaled,
    unknown,
    window,
)
from bn_lint.static.torch_model.operations.table import FUNCTIONAL, TENSOR, TORCH, OpSite, Rule, operation
from bn_lint.static.torch_model.watchers import collector_of


def blurred(x: Tensor) -> Tensor:
    """The same batch and channels, spatial sizes unknown."""
    if not x.ranked or len(x.axes) < 3:
        return Tensor(ranked=False, why=x.why, batched=x.batched)
    return Tensor((*x.axes[:2], *(Axis() for _ in x.axes[2:])), origin=x.origin)


# -- interpolation ----------------------------------------------------------------------------------------------------


@operation("interpolate upsample", "input, size=None, scale_factor=None", FUNCTIONAL)
@operation("upsample_nearest upsample_bilinear", "input, size=None, scale_factor=None", FUNCTIONAL)
def interpolate(at: OpSite, x: Tensor, size: Value, scale_factor: Value, input: Value = None) -> Value:
    """Spatial axes of the given sizes, or scaled and rounded down."""
    if isinstance(input, Batch) and (rows := input.operand()) is not None:
        return rows
    collector_of(at.interpreter).enlarged(x, at.origin)
    result = blurred(x)
    if not result.ranked:
        return result
    count = len(x.axes) - 2
    if size is not None:
        sizes: Sequence[Dim] = integers(at.interpreter, size, count)
    else:
        factors = (
            iterate(at.interpreter, scale_factor)[0]
            if isinstance(scale_factor, (tuple, List))
            else (scale_factor,) * count
        )
        sizes = [_zoomed(axis.size, factor) for axis, factor in zip(x.axes[2:], factors)]
    if len(sizes) != count:
        return result
    return Tensor((*x.axes[:2], *map(Axis, sizes)), origin=x.origin)


def _zoomed(size: Dim, factor: Value) -> Dim:
    if isinstance(factor, float):
        return math.floor(size * factor) if isinstance(size, int) else None
    return scaled(size, factor)


layer(
    "Upsample",
    "size=None, scale_factor=None, mode='nearest', align_corners=None, recompute_scale_factor=None",
    interpolate,
)
layer("UpsamplingNearest2d UpsamplingBilinear2d", "size=None, scale_factor=None", interpolate)


@operation("grid_sample", "input, grid", FUNCTIONAL)
def grid_sample(at: OpSite, x: Tensor, grid: Value) -> Tensor:
    """Both have the batch first and as many dimensions as each other: those of one are those of the result."""
    if not isinstance(grid, Tensor) or grid.rank not in (4, 5) or x.rank not in (None, grid.rank):
        return blurred(x)
    if x.rank is None:
        return Tensor((Axis(), Axis(), *grid.axes[1:-1]), origin=at.origin)
    return Tensor((*x.axes[:2], *grid.axes[1:-1]), origin=x.origin)


# -- padding ----------------------------------------------------------------------------------------------------------


@operation("pad", "input, pad", FUNCTIONAL)
def pad(at: OpSite, x: Tensor, pad: Value) -> Tensor:
    """Sizes before and after each axis, the last axis first."""
    amounts, rest = iterate(at.interpreter, pad)
    touched = len(amounts) // 2
    if rest or not x.ranked or touched > len(x.axes):
        return blurred(x)
    axes = list(x.axes)
    for i in range(touched):
        before, after = integer(amounts[2 * i]), integer(amounts[2 * i + 1])
        axis = axes[-1 - i]
        if before is None or after is None:
            axes[-1 - i] = Axis()
        elif before or after:
            size = axis.size + before + after if isinstance(axis.size, int) else None
            axes[-1 - i] = Axis(size, at.origin)
    return Tensor(tuple(axes), origin=x.origin)


def _padding(count: int) -> Rule:
    def rule(at: OpSite, x: Tensor, padding: Value) -> Tensor:
        amounts = (padding,) * (2 * count) if isinstance(padding, int) else padding
        return pad(at, x, amounts)

    return rule


for _count in (1, 2, 3):
    layer(
        f"ZeroPad{_count}d ReflectionPad{_count}d ReplicationPad{_count}d CircularPad{_count}d",
        "padding",
        _padding(_count),
    )
    layer(f"ConstantPad{_count}d", "padding, value", _padding(_count))


# -- space and channels -----------------------------------------------------------------------------------------------


@operation("pixel_shuffle", "input, upscale_factor", TORCH, FUNCTIONAL)
def pixel_shuffle(at: OpSite, x: Tensor, upscale_factor: Value) -> Tensor:
    """Channels become pixels: factor * factor times fewer of them."""
    if not x.ranked or len(x.axes) < 3:
        return unknown(x.why)
    *leading, channels, height, width = x.axes
    fewer = divided(divided(channels.size, upscale_factor), upscale_factor)
    space = (Axis(scaled(side.size, upscale_factor)) for side in (height, width))
    return Tensor((*leading, Axis(fewer, at.origin), *space), origin=at.origin)


@operation("pixel_unshuffle", "input, downscale_factor", TORCH, FUNCTIONAL)
def pixel_unshuffle(at: OpSite, x: Tensor, downscale_factor: Value) -> Tensor:
    """Pixels become channels: factor * factor times more of them."""
    if not x.ranked or len(x.axes) < 3:
        return unknown(x.why)
    *leading, channels, height, width = x.axes
    more = scaled(scaled(channels.size, downscale_factor), downscale_factor)
    space = (Axis(divided(side.size, downscale_factor)) for side in (height, width))
    return Tensor((*leading, Axis(more, at.origin), *space), origin=at.origin)


layer("PixelShuffle", "upscale_factor", pixel_shuffle)
layer("PixelUnshuffle", "downscale_factor", pixel_unshuffle)


# -- patches ----------------------------------------------------------------------------------------------------------

_PATCHES = "kernel_size, dilation=1, padding=0, stride=1"


@operation("unfold", f"input, {_PATCHES}", FUNCTIONAL)
def unfold(at: OpSite, x: Tensor, kernel_size: Value, dilation: Value, padding: Value, stride: Value) -> Tensor:
    """One column for each patch of an image."""
    if x.rank not in (3, 4):
        return unknown(x.why)
    *leading, channels, height, width = x.axes
    kernel = integers(at.interpreter, kernel_size, 2)
    settings = zip(*(integers(at.interpreter, value, 2) for value in (kernel_size, stride, padding, dilation)))
    counts = [window(side.size, *setting) for side, setting in zip((height, width), settings)]
    column = product((channels.size, *kernel))
    return Tensor((*leading, Axis(column, at.origin), Axis(product(counts), at.origin)), origin=at.origin)


@operation("fold", f"input, output_size, {_PATCHES}", FUNCTIONAL)
def fold(at: OpSite, x: Tensor, output_size: Value, kernel_size: Value) -> Tensor:
    """An image from its patches."""
    if x.rank not in (2, 3):
        return unknown(x.why)
    *leading, column, _ = x.axes
    channels = divided(column.size, product(integers(at.interpreter, kernel_size, 2)))
    return Tensor(
        (*leading, Axis(channels, at.origin), *map(Axis, integers(at.interpreter, output_size, 2))), origin=at.origin
    )


layer("Unfold", _PATCHES, unfold)
layer("Fold", f"output_size, {_PATCHES}", fold)


@operation("unfold", "input, dimension, size, step", TENSOR)
def sliding(at: OpSite, x: Tensor, dimension: Value, size: Value, step: Value) -> Tensor:
    """Windows over one axis, as a new last axis."""
    position = axis_position(x, dimension)
    if not x.ranked or position is None:
        return unknown(x.why)
    count = window(x.axes[position].size, integer(size), integer(step), 0, 1)
    rest = replaced(x, position, Axis(count, at.origin))
    return Tensor((*rest.axes, Axis(integer(size), at.origin)), origin=at.origin)
