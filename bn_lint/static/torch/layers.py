"""The layers of `torch.nn`: their constructors, and what they do to the shape of their input."""

from __future__ import annotations

import ast
from collections.abc import Callable

from bn_lint.dims import Dim
from bn_lint.static.run import Run
from bn_lint.static.torch import reshaping
from bn_lint.static.torch.batchnorm import BATCHNORM_CLASSES, batchnorm_methods
from bn_lint.static.torch.containers import CONTAINER_METHODS
from bn_lint.static.torch.module_methods import MODULE_METHODS
from bn_lint.static.torch.recurrent import RECURRENT
from bn_lint.static.torch.sizes import as_tensor, divided, integers, scaled, size_of, window
from bn_lint.static.values import (
    MISSING,
    Arguments,
    Axis,
    Builtin,
    Instance,
    LibraryClass,
    Origin,
    Property,
    Spot,
    Tensor,
    Unknown,
    Value,
)

#: What a layer does to its input.
Effect = Callable[[Run, Instance, Tensor, Origin], Value]

MODULE = LibraryClass("torch.nn.Module", (), (), MODULE_METHODS)
LAYERS: dict[str, Value] = {"torch.nn.Module": MODULE}


def parse_signature(text: str) -> tuple[tuple[str, Value], ...]:
    """Return parameter names and defaults of a signature such as `in_features, out_features, bias=True`."""
    function = ast.parse(f"def f({text}): ...").body[0]
    assert isinstance(function, ast.FunctionDef)
    names = [a.arg for a in function.args.args]
    defaults: list[Value] = [MISSING] * (len(names) - len(function.args.defaults))
    defaults += [ast.literal_eval(d) for d in function.args.defaults]
    return tuple(zip(names, defaults))


def _initialise(signature: tuple[tuple[str, Value], ...]) -> Builtin:
    def init(run: Run, arguments: Arguments, spot: Spot) -> None:
        instance = arguments.positional[0]
        for position, (name, default) in enumerate(signature, start=1):
            value = arguments.get(position, name, MISSING)
            if value is MISSING:
                value = Unknown(name) if default is MISSING or arguments.more else default
            instance.cells[name] = value
        instance.cells["*signature"] = signature

    return Builtin("__init__", init)


def _forward(effect: Effect) -> Builtin:
    def forward(run: Run, arguments: Arguments, spot: Spot) -> Value:
        layer = arguments.positional[0]
        origin = Origin(layer, layer.built or spot)
        return effect(run, layer, as_tensor(arguments.get(1, "input")), origin)

    return Builtin("forward", forward)


def layer(names: str, signature: str, effect: Effect, **attributes: Value) -> None:
    """Define layers that share a constructor and an effect."""
    parsed = parse_signature(signature)
    for name in names.split():
        methods: dict[str, Value] = {"__init__": _initialise(parsed), "forward": _forward(effect), **attributes}
        LAYERS[f"torch.nn.{name}"] = LibraryClass(f"torch.nn.{name}", (MODULE,), parsed, methods)


def get(layer: Instance, name: str) -> Value:
    return layer.cells.get(name, MISSING)


# -- shape kept -------------------------------------------------------------------------------------------------------


def _same(run: Run, layer: Instance, x: Tensor, origin: Origin) -> Value:
    return x


layer("ReLU ReLU6 SELU SiLU Mish Hardswish Hardsigmoid", "inplace=False", _same)
layer("LeakyReLU", "negative_slope=0.01, inplace=False", _same)
layer("ELU CELU", "alpha=1.0, inplace=False", _same)
layer("PReLU", "num_parameters=1, init=0.25", _same)
layer("RReLU", "lower=0.125, upper=0.33, inplace=False", _same)
layer("GELU", "approximate='none'", _same)
layer("Sigmoid Tanh Softsign LogSigmoid Tanhshrink Softmax2d", "", _same)
layer("Hardtanh", "min_val=-1.0, max_val=1.0, inplace=False", _same)
layer("Softplus", "beta=1, threshold=20", _same)
layer("Softshrink Hardshrink", "lambd=0.5", _same)
layer("Threshold", "threshold, value, inplace=False", _same)
layer("Softmax LogSoftmax Softmin", "dim=None", _same)
layer("Dropout Dropout1d Dropout2d Dropout3d AlphaDropout FeatureAlphaDropout", "p=0.5, inplace=False", _same)
layer("Identity", "", _same)
layer("LayerNorm", "normalized_shape, eps=1e-05, elementwise_affine=True, bias=True", _same)
layer("RMSNorm", "normalized_shape, eps=None, elementwise_affine=True", _same)
layer("GroupNorm", "num_groups, num_channels, eps=1e-05, affine=True", _same)
layer("LocalResponseNorm CrossMapLRN2d", "size, alpha=0.0001, beta=0.75, k=1.0", _same)
layer("ChannelShuffle", "groups", _same)
for _rank in ("1d", "2d", "3d"):
    layer(f"InstanceNorm{_rank}", "num_features, eps=1e-05, momentum=0.1, affine=False, track_running_stats=False", _same)
    layer(f"LazyInstanceNorm{_rank}", "eps=1e-05, momentum=0.1, affine=True, track_running_stats=True", _same)


# -- convolution and pooling ------------------------------------------------------------------------------------------


def spatial(x: Tensor, count: int) -> tuple[tuple[Axis, ...], tuple[Axis, ...]]:
    """Split a feature map into (batch, channels) and its spatial axes; the batch may be absent."""
    if x.ranked and len(x.axes) in (count + 1, count + 2):
        return x.axes[:-count], x.axes[-count:]
    known = x.axes[-count:] if not x.ranked else ()
    return (Axis(), Axis()), (Axis(),) * (count - len(known)) + known


def convolved(x: Tensor, count: int, channels: Dim, sizes: tuple[Dim, ...], origin: Origin) -> Tensor:
    """A feature map with new channels and spatial sizes."""
    leading, _ = spatial(x, count)
    axes = (*leading[:-1], Axis(channels, origin), *(Axis(size) for size in sizes))
    return Tensor(axes, origin=origin)


def _conv(count: int) -> Effect:
    def effect(run: Run, layer: Instance, x: Tensor, origin: Origin) -> Value:
        kernel, stride, dilation = (integers(run, get(layer, n), count) for n in ("kernel_size", "stride", "dilation"))
        _, space = spatial(x, count)
        padding = get(layer, "padding")
        if padding == "same":
            sizes = tuple(a.size for a in space)
        else:
            pads = integers(run, 0 if padding == "valid" else padding, count)
            sizes = tuple(window(a.size, *w) for a, *w in zip(space, kernel, stride, pads, dilation))
        return convolved(x, count, size_of(get(layer, "out_channels")), sizes, origin)

    return effect


def _conv_transpose(count: int) -> Effect:
    def effect(run: Run, layer: Instance, x: Tensor, origin: Origin) -> Value:
        names = ("kernel_size", "stride", "padding", "output_padding", "dilation")
        settings = zip(*(integers(run, get(layer, n), count) for n in names))
        _, space = spatial(x, count)
        sizes = tuple(_upsampled(a.size, *setting) for a, setting in zip(space, settings))
        return convolved(x, count, size_of(get(layer, "out_channels")), sizes, origin)

    return effect


def _upsampled(
    size: Dim, kernel: int | None, stride: int | None, padding: int | None, extra: int | None, dilation: int | None
) -> Dim:
    if not isinstance(size, int) or kernel is None or stride is None or padding is None or extra is None or dilation is None:
        return None
    return (size - 1) * stride - 2 * padding + dilation * (kernel - 1) + extra + 1


def _weight(first: str, second: str, *, kernel: bool) -> Property:
    def read(run: Run, arguments: Arguments, spot: Spot) -> Value:
        layer = arguments.positional[0]
        channels = divided(size_of(get(layer, second)), get(layer, "groups")) if kernel else size_of(get(layer, second))
        count = int(layer.cls.mro[-2].name[-2]) if kernel else 0
        sizes = integers(run, get(layer, "kernel_size"), count) if kernel else ()
        return Tensor((Axis(size_of(get(layer, first))), Axis(channels), *(Axis(s) for s in sizes)))

    return Property(Builtin("weight", read))


_CONV = "stride=1, padding=0, dilation=1, groups=1, bias=True, padding_mode='zeros', device=None, dtype=None"
_TRANSPOSE = "stride=1, padding=0, output_padding=0, groups=1, bias=True, dilation=1, padding_mode='zeros', device=None, dtype=None"
for _count in (1, 2, 3):
    _w = _weight("out_channels", "in_channels", kernel=True)
    layer(f"Conv{_count}d", f"in_channels, out_channels, kernel_size, {_CONV}", _conv(_count), weight=_w)
    layer(f"LazyConv{_count}d", f"out_channels, kernel_size, {_CONV}", _conv(_count))
    layer(f"ConvTranspose{_count}d", f"in_channels, out_channels, kernel_size, {_TRANSPOSE}", _conv_transpose(_count))
    layer(f"LazyConvTranspose{_count}d", f"out_channels, kernel_size, {_TRANSPOSE}", _conv_transpose(_count))


def _pool(count: int, default_dilation: int = 1) -> Effect:
    def effect(run: Run, layer: Instance, x: Tensor, origin: Origin) -> Value:
        stride = get(layer, "stride")
        settings = (get(layer, "kernel_size"), get(layer, "kernel_size") if stride in (None, MISSING) else stride)
        dilation = get(layer, "dilation")
        result = pooled(run, x, count, *settings, get(layer, "padding"), 1 if dilation is MISSING else dilation,
                        ceil=get(layer, "ceil_mode") is True)  # fmt: skip
        return (result, result) if get(layer, "return_indices") is True else result

    return effect


def pooled(
    run: Run, x: Tensor, count: int, kernel: Value, stride: Value, padding: Value, dilation: Value = 1, *, ceil: bool = False
) -> Tensor:
    """What pooling leaves of a feature map: the same channels, smaller spatial axes."""
    settings = zip(*(integers(run, 0 if v is MISSING else v, count) for v in (kernel, stride, padding, dilation)))
    leading, space = spatial(x, count)
    if not x.ranked or len(x.axes) not in (count + 1, count + 2):
        return Tensor(x.axes[:0], ranked=False, why=x.why) if not x.ranked else Tensor(ranked=False, why="pooling of an input of another rank")
    return Tensor((*leading, *(Axis(window(a.size, *s, ceil=ceil)) for a, s in zip(space, settings))), origin=x.origin)


def _adaptive(count: int) -> Effect:
    def effect(run: Run, layer: Instance, x: Tensor, origin: Origin) -> Value:
        return adaptive(run, x, count, get(layer, "output_size"), origin)

    return effect


def adaptive(run: Run, x: Tensor, count: int, output: Value, origin: Origin) -> Tensor:
    """What adaptive pooling leaves: the same channels, spatial axes of the given size."""
    sizes = integers(run, output, count)
    if not x.ranked or len(x.axes) not in (count + 1, count + 2):
        return Tensor(tuple(Axis(s, origin) for s in sizes), ranked=False, why=x.why or "the input's rank is not known")
    return Tensor((*x.axes[:-count], *(Axis(s, origin) for s in sizes)), origin=x.origin)


for _count in (1, 2, 3):
    layer(f"MaxPool{_count}d", "kernel_size, stride=None, padding=0, dilation=1, return_indices=False, ceil_mode=False", _pool(_count))
    layer(f"AvgPool{_count}d", "kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True", _pool(_count))
    layer(f"LPPool{_count}d", "norm_type, kernel_size, stride=None, ceil_mode=False, padding=0", _pool(_count))
    layer(f"AdaptiveAvgPool{_count}d", "output_size", _adaptive(_count))
    layer(f"AdaptiveMaxPool{_count}d", "output_size, return_indices=False", _adaptive(_count))
    layer(f"MaxUnpool{_count}d", "kernel_size, stride=None, padding=0", lambda run, layer, x, origin: blurred(x))


def blurred(x: Tensor) -> Tensor:
    """The same batch and channels, spatial sizes unknown."""
    if not x.ranked or len(x.axes) < 3:
        return Tensor(ranked=False, why=x.why)
    return Tensor((*x.axes[:2], *(Axis() for _ in x.axes[2:])), origin=x.origin)


# -- padding and resampling -------------------------------------------------------------------------------------------


def _pad(run: Run, layer: Instance, x: Tensor, origin: Origin) -> Value:
    return blurred(x)


for _count in (1, 2, 3):
    layer(f"ZeroPad{_count}d ReflectionPad{_count}d ReplicationPad{_count}d CircularPad{_count}d", "padding", _pad)
    layer(f"ConstantPad{_count}d", "padding, value", _pad)
layer("Upsample", "size=None, scale_factor=None, mode='nearest', align_corners=None, recompute_scale_factor=None", _pad)
layer("UpsamplingNearest2d UpsamplingBilinear2d", "size=None, scale_factor=None", _pad)


def _shuffle(run: Run, layer: Instance, x: Tensor, origin: Origin) -> Value:
    return reshaping.pixel_shuffle(x, get(layer, "upscale_factor"), origin)


def _unshuffle(run: Run, layer: Instance, x: Tensor, origin: Origin) -> Value:
    factor = get(layer, "downscale_factor")
    if not x.ranked or len(x.axes) != 4:
        return Tensor(ranked=False, why=x.why)
    n, c, h, w = x.axes
    return Tensor((n, Axis(scaled(scaled(c.size, factor), factor), origin), Axis(divided(h.size, factor)), Axis(divided(w.size, factor))), origin=origin)


layer("PixelShuffle", "upscale_factor", _shuffle)
layer("PixelUnshuffle", "downscale_factor", _unshuffle)


# -- vectors ----------------------------------------------------------------------------------------------------------


def _linear(run: Run, layer: Instance, x: Tensor, origin: Origin) -> Value:
    return reshaping.with_last(x, Axis(size_of(get(layer, "out_features")), origin, True), origin)


def _bilinear(run: Run, layer: Instance, x: Tensor, origin: Origin) -> Value:
    return _linear(run, layer, x, origin)


_LINEAR_WEIGHT = _weight("out_features", "in_features", kernel=False)
layer("Linear", "in_features, out_features, bias=True, device=None, dtype=None", _linear, weight=_LINEAR_WEIGHT)
layer("LazyLinear", "out_features, bias=True, device=None, dtype=None", _linear)
layer("Bilinear", "in1_features, in2_features, out_features, bias=True", _bilinear)


def _embedding(run: Run, layer: Instance, x: Tensor, origin: Origin) -> Value:
    return reshaping.with_new_last(x, Axis(size_of(get(layer, "embedding_dim")), origin, True), origin)


def _embedding_bag(run: Run, layer: Instance, x: Tensor, origin: Origin) -> Value:
    return Tensor((Axis(), Axis(size_of(get(layer, "embedding_dim")), origin, True)), origin=origin)


_EMBEDDING = "num_embeddings, embedding_dim, padding_idx=None, max_norm=None, norm_type=2.0, scale_grad_by_freq=False, sparse=False"
layer("Embedding", _EMBEDDING, _embedding)
layer("EmbeddingBag", "num_embeddings, embedding_dim", _embedding_bag)


def _flatten(run: Run, layer: Instance, x: Tensor, origin: Origin) -> Value:
    return reshaping.flatten(x, get(layer, "start_dim"), get(layer, "end_dim"), origin)


def _unflatten(run: Run, layer: Instance, x: Tensor, origin: Origin) -> Value:
    return reshaping.unflatten(run, x, get(layer, "dim"), get(layer, "unflattened_size"), origin)


layer("Flatten", "start_dim=1, end_dim=-1", _flatten)
layer("Unflatten", "dim, unflattened_size", _unflatten)
layer("GLU", "dim=-1", lambda run, layer, x, origin: reshaping.glu(x, get(layer, "dim")))
layer("Unfold Fold", "kernel_size, dilation=1, padding=0, stride=1", lambda run, layer, x, origin: Tensor(ranked=False, why="Unfold"))
for _name, (_signature, _effect) in RECURRENT.items():
    layer(_name, _signature, _effect)


# -- normalisation and containers ---------------------------------------------------------------------------------------

for _name, _signature in BATCHNORM_CLASSES.items():
    _parsed = parse_signature(_signature)
    LAYERS[f"torch.nn.{_name}"] = LibraryClass(
        f"torch.nn.{_name}", (MODULE,), _parsed, batchnorm_methods(_name, _initialise(_parsed))
    )
for _name, _methods in CONTAINER_METHODS.items():
    LAYERS[f"torch.nn.{_name}"] = LibraryClass(f"torch.nn.{_name}", (MODULE,), (), _methods)
LAYERS["torch.nn.parallel.DataParallel"] = LAYERS["torch.nn.DataParallel"]
LAYERS["torch.nn.parallel.DistributedDataParallel"] = LAYERS["torch.nn.DataParallel"]
for _name in ("QuantStub", "DeQuantStub"):
    for _module in ("torch.ao.quantization", "torch.quantization"):
        LAYERS[f"{_module}.{_name}"] = LAYERS["torch.nn.Identity"]
