"""Convolutions, as layers and as functions."""

from __future__ import annotations

from collections.abc import Iterable

from bn_lint.facts.dims import Dim
from bn_lint.static.interpreter.interpreter import Interpreter
from bn_lint.static.interpreter.iteration import iterate
from bn_lint.static.interpreter.values import Axis, Instance, Tensor, Value
from bn_lint.static.torch_model.operations.layer_table import forward, layer, parameter
from bn_lint.static.torch_model.operations.sizes import (
    as_tensor,
    divided,
    integer,
    integers,
    scaled,
    size_of,
    spatial,
    window,
)
from bn_lint.static.torch_model.operations.table import FUNCTIONAL, TORCH, OpSite, Rule, operation
from bn_lint.static.torch_model.watchers import collector_of, refuse_unless_equal

#: As many channels as a picture has at most: three colors, and how opaque or far away each point is.
_PICTURE_CHANNELS = 4


def takes_pictures(module: Value) -> bool:
    """Whether a module is a convolution that a network begins with: those inside have more channels."""
    channels = module.cells.get("in_channels") if isinstance(module, Instance) else None
    return isinstance(channels, int) and channels <= _PICTURE_CHANNELS


def _convolved(at: OpSite, x: Tensor, channels: Dim, sizes: Iterable[Dim]) -> Tensor:
    """A feature map with new channels and spatial sizes."""
    sizes = tuple(sizes)
    leading, space = spatial(x, len(sizes))
    # What was pooled to one value stays so, and remembers by what.
    kept = (axis if axis.size == size == 1 else Axis(size) for axis, size in zip(space, sizes))
    return Tensor((*leading[:-1], Axis(channels, at.origin), *kept), origin=at.origin)


def _convolution(count: int) -> Rule:
    def rule(
        at: OpSite,
        x: Tensor,
        out_channels: Value,
        kernel_size: Value,
        stride: Value,
        padding: Value,
        dilation: Value,
        in_channels: Value = None,
    ) -> Tensor:
        _, space = spatial(x, count)
        _taken(at, x, count, in_channels)
        if padding == "same":
            sizes = [axis.size for axis in space]
        else:
            pads = 0 if padding == "valid" else padding
            settings = zip(*(integers(at.interpreter, value, count) for value in (kernel_size, stride, pads, dilation)))
            sizes = [window(axis.size, *setting) for axis, setting in zip(space, settings)]
        return _convolved(at, x, size_of(out_channels), sizes)

    return rule


def _taken(at: OpSite, x: Tensor, count: int, in_channels: Value) -> None:
    """Note how many channels a layer takes, for the layer that gave them."""
    if in_channels is not None:
        if x.rank == count + 2:
            refuse_unless_equal(at.interpreter, x.axes[1], size_of(in_channels))
        collector_of(at.interpreter).followed(at.interpreter, x, size_of(in_channels), at.origin, count + 2)


def _transposed(count: int) -> Rule:
    def rule(
        at: OpSite,
        x: Tensor,
        out_channels: Value,
        kernel_size: Value,
        stride: Value,
        padding: Value,
        output_padding: Value,
        dilation: Value,
        output_size: Value = None,
        in_channels: Value = None,
    ) -> Tensor:
        _, space = spatial(x, count)
        _taken(at, x, count, in_channels)
        if output_size is not None:
            # It may name the batch and the channels too.
            items, rest = iterate(at.interpreter, output_size)
            wanted = [size_of(one) for one in items[-count:]] if not rest and len(items) >= count else [None] * count
            return _convolved(at, x, size_of(out_channels), wanted)
        values = (kernel_size, stride, padding, output_padding, dilation)
        settings = zip(*(integers(at.interpreter, value, count) for value in values))
        return _convolved(at, x, size_of(out_channels), (_upsampled(a.size, *s) for a, s in zip(space, settings)))

    return rule


def _upsampled(
    size: Dim, kernel: int | None, stride: int | None, padding: int | None, extra: int | None, dilation: int | None
) -> Dim:
    """What a transposed convolution makes of a size; see the formula in `torch.nn.ConvTranspose2d`."""
    if kernel is None or stride is None or padding is None or extra is None or dilation is None:
        return None
    added = dilation * (kernel - 1) + extra - 2 * padding + 1 - stride
    if not isinstance(size, int):
        return size if stride == 1 and added == 0 else (scaled(size, stride) if added == 0 else None)
    return size * stride + added


def _function(count: int, rule: Rule, *, transposed: bool) -> Rule:
    """The rule of a layer for a function, which gets the weight instead of the numbers that it is made of."""

    def function(
        at: OpSite,
        x: Tensor,
        weight: Value,
        stride: Value,
        padding: Value,
        dilation: Value,
        groups: Value,
        output_padding: Value = 0,
    ) -> Value:
        kernel = as_tensor(weight)
        axes = kernel.axes if kernel.rank == count + 2 else (Axis(),) * (count + 2)
        channels = scaled(axes[1].size, groups) if transposed else axes[0].size
        kernel_size = tuple(integer(axis.size) for axis in axes[2:])
        if transposed:
            return rule(at, x, channels, kernel_size, stride, padding, output_padding, dilation)
        return rule(at, x, channels, kernel_size, stride, padding, dilation)

    return function


def _weight(count: int, *, transposed: bool) -> Value:
    def sizes(interpreter: Interpreter, attributes: dict[str, Value]) -> tuple[Dim, ...]:
        inner, outer = size_of(attributes["in_channels"]), size_of(attributes["out_channels"])
        first, second = (inner, outer) if transposed else (outer, inner)
        return (first, divided(second, attributes["groups"]), *integers(interpreter, attributes["kernel_size"], count))

    return parameter(sizes)


_CONVOLUTION = "kernel_size, stride=1, padding=0, dilation=1, groups=1, bias=True, padding_mode='zeros'"
_TRANSPOSED = (
    "kernel_size, stride=1, padding=0, output_padding=0, groups=1, bias=True, dilation=1, padding_mode='zeros'"
)
_FUNCTION = "input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1"
_TRANSPOSED_FUNCTION = "input, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1"


def _define(count: int, *, transposed: bool) -> None:
    rule = (_transposed if transposed else _convolution)(count)
    settings = _TRANSPOSED if transposed else _CONVOLUTION
    name = f"ConvTranspose{count}d" if transposed else f"Conv{count}d"
    function = f"conv_transpose{count}d" if transposed else f"conv{count}d"
    inputs = "input, output_size=None" if transposed else "input"
    weight = _weight(count, transposed=transposed)
    given = f"in_channels, out_channels, {settings}"
    # What subclasses call that pad the input themselves.
    inner = {} if transposed else {"_conv_forward": forward(rule, "input, weight, bias=None")}
    layer(name, given, rule, inputs=inputs, bias="out_channels", spread=count, weight=weight, **inner)
    layer(f"Lazy{name}", f"out_channels, {settings}", rule, inputs=inputs, bias="out_channels", spread=count)
    signature = _TRANSPOSED_FUNCTION if transposed else _FUNCTION
    operation(function, signature, TORCH, FUNCTIONAL)(_function(count, rule, transposed=transposed))


for _count in (1, 2, 3):
    _define(_count, transposed=False)
    _define(_count, transposed=True)
