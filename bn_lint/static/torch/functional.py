"""Functions of `torch` and `torch.nn.functional`: the shape of what they return."""

from __future__ import annotations

from collections.abc import Callable

from bn_lint.dims import Dim
from bn_lint.static.iteration import iterate
from bn_lint.static.run import Run
from bn_lint.static.torch import reshaping
from bn_lint.static.torch.elementwise import arithmetic, matmul
from bn_lint.static.torch.sizes import as_tensor, axis, broadcast, integer, integers, scaled, size_of, window
from bn_lint.static.values import (
    Arguments,
    Axis,
    Builtin,
    External,
    Instance,
    List,
    OneOf,
    Origin,
    Spot,
    Tensor,
    Unknown,
    Value,
)

Function_ = Callable[[Run, Arguments, Spot], Value]

FUNCTIONS: dict[str, Value] = {}


def function(*names: str) -> Callable[[Function_], Function_]:
    def register(implementation: Function_) -> Function_:
        for name in names:
            FUNCTIONS[name] = Builtin(name.rpartition(".")[2], implementation)
        return implementation

    return register


# -- creation ---------------------------------------------------------------------------------------------------------


def created(run: Run, sizes: list[Value]) -> Tensor:
    """A tensor of given sizes."""
    if len(sizes) == 1 and isinstance(sizes[0], (tuple, List)):
        items, rest = iterate(run, sizes[0])
        if rest:
            return Tensor(ranked=False, why="a tensor of sizes that are not all known")
        sizes = list(items)
    elif len(sizes) == 1 and isinstance(sizes[0], Unknown):
        return Tensor(ranked=False, why=sizes[0].why)
    return Tensor(tuple(Axis(size_of(size)) for size in sizes))


@function(*(f"torch.{n}" for n in ("randn", "rand", "zeros", "ones", "empty")))
def _sized(run: Run, arguments: Arguments, spot: Spot) -> Value:
    sizes = arguments.positional or [arguments.keywords.get("size", Unknown("size"))]
    if arguments.more:
        return Tensor(ranked=False, why="a tensor of sizes that are not all known")
    return created(run, list(sizes))


@function("torch.full")
def _full(run: Run, arguments: Arguments, spot: Spot) -> Value:
    return created(run, [arguments.get(0, "size")])


@function("torch.randint")
def _randint(run: Run, arguments: Arguments, spot: Spot) -> Value:
    size = arguments.keywords.get("size")
    if size is None:
        size = next((v for v in reversed(arguments.positional) if isinstance(v, (tuple, List))), Unknown("size"))
    return created(run, [size])


@function(*(f"torch.{n}_like" for n in ("randn", "rand", "zeros", "ones", "empty", "full", "randint")))
def _like(run: Run, arguments: Arguments, spot: Spot) -> Value:
    return as_tensor(arguments.get(0, "input"))


@function("torch.arange", "torch.linspace", "torch.randperm", "torch.logspace")
def _vector(run: Run, arguments: Arguments, spot: Spot) -> Value:
    size = size_of(arguments.positional[0]) if len(arguments.positional) == 1 else None
    return Tensor((Axis(size),))


@function("torch.eye")
def _eye(run: Run, arguments: Arguments, spot: Spot) -> Value:
    n = size_of(arguments.get(0, "n"))
    return Tensor((Axis(n), Axis(size_of(arguments.get(1, "m", n)))))


@function("torch.tensor", "torch.as_tensor", "torch.FloatTensor", "torch.LongTensor", "torch.Tensor")
def _tensor(run: Run, arguments: Arguments, spot: Spot) -> Value:
    value = arguments.get(0, "data")
    if isinstance(value, Tensor):
        return value
    if isinstance(value, int) and spot is not None and len(arguments.positional) > 1:
        return created(run, list(arguments.positional))
    axes: list[Axis] = []
    while isinstance(value, (tuple, List)):
        items, rest = iterate(run, value)
        axes.append(Axis(None if rest else len(items)))
        value = items[0] if items else (rest[0] if rest else 0)
    if isinstance(value, Unknown):
        return Tensor(ranked=False, why=value.why)
    return Tensor(tuple(axes))


@function("torch.nn.Parameter", "torch.nn.Buffer", "torch.autograd.Variable", "torch.clone", "torch.nn.UninitializedParameter")
def _wrapped(run: Run, arguments: Arguments, spot: Spot) -> Value:
    return arguments.get(0, "data", Tensor(ranked=False))


# -- elementwise ------------------------------------------------------------------------------------------------------

_UNARY_F = (
    "relu relu_ relu6 elu elu_ celu selu selu_ gelu silu mish hardswish hardsigmoid hardtanh leaky_relu leaky_relu_ prelu rrelu sigmoid "
    "tanh softplus softsign logsigmoid tanhshrink softmax log_softmax softmin softshrink hardshrink threshold dropout dropout1d "
    "dropout2d dropout3d alpha_dropout feature_alpha_dropout normalize layer_norm group_norm instance_norm local_response_norm rms_norm"
).split()
_UNARY = (
    "relu relu_ sigmoid tanh softmax log_softmax exp log log2 log10 log1p sqrt rsqrt square abs neg sin cos tan asin acos atan erf "
    "floor ceil round trunc sign clamp clip dropout cumsum cumprod nan_to_num sigmoid_ tanh_ detach contiguous roll flip fliplr flipud "
    "logical_not bitwise_not isnan isinf isfinite reciprocal sort tril triu"
).split()


@function(*(f"torch.nn.functional.{n}" for n in _UNARY_F), *(f"torch.{n}" for n in _UNARY if n != "sort"))
def _elementwise(run: Run, arguments: Arguments, spot: Spot) -> Value:
    return as_tensor(arguments.get(0, "input"))


@function(*(f"torch.{n}" for n in ("add", "sub", "mul", "div", "pow", "maximum", "minimum", "true_divide", "floor_divide", "remainder",
                                   "multiply", "subtract", "eq", "ne", "gt", "lt", "ge", "le", "logical_and", "logical_or", "atan2", "fmod")))  # fmt: skip
def _binary(run: Run, arguments: Arguments, spot: Spot) -> Value:
    return arithmetic(run, "add", as_tensor(arguments.get(0, "input")), arguments.get(1, "other"), spot)


@function("torch.where")
def _where(run: Run, arguments: Arguments, spot: Spot) -> Value:
    values = [v for v in arguments.positional if isinstance(v, Tensor)]
    if len(arguments.positional) != 3 or not values:
        return Tensor(ranked=False, why="torch.where")
    result = values[0]
    for value in values[1:]:
        result = broadcast(result, value)
    return result


# -- shape ------------------------------------------------------------------------------------------------------------


def _origin(name: str, spot: Spot) -> Origin:
    return Origin(f"torch.{name}", spot)


@function("torch.cat", "torch.concat", "torch.concatenate")
def _cat(run: Run, arguments: Arguments, spot: Spot) -> Value:
    dim = arguments.get(1, "dim", arguments.keywords.get("axis", 0))
    return reshaping.concatenate(run, arguments.get(0, "tensors"), dim, _origin("cat", spot))


@function("torch.stack")
def _stack(run: Run, arguments: Arguments, spot: Spot) -> Value:
    return reshaping.stack(run, arguments.get(0, "tensors"), arguments.get(1, "dim", 0), _origin("stack", spot))


@function("torch.chunk")
def _chunk(run: Run, arguments: Arguments, spot: Spot) -> Value:
    x = as_tensor(arguments.get(0, "input"))
    return reshaping.chunk(x, arguments.get(1, "chunks"), arguments.get(2, "dim", 0), _origin("chunk", spot))


@function("torch.split")
def _split(run: Run, arguments: Arguments, spot: Spot) -> Value:
    x = as_tensor(arguments.get(0, "tensor"))
    return reshaping.split(run, x, arguments.get(1, "split_size_or_sections"), arguments.get(2, "dim", 0), _origin("split", spot))


@function("torch.flatten")
def _flatten(run: Run, arguments: Arguments, spot: Spot) -> Value:
    x = as_tensor(arguments.get(0, "input"))
    return reshaping.flatten(x, arguments.get(1, "start_dim", 0), arguments.get(2, "end_dim", -1), _origin("flatten", spot))


@function("torch.reshape")
def _reshape(run: Run, arguments: Arguments, spot: Spot) -> Value:
    return reshaping.reshape(run, as_tensor(arguments.get(0, "input")), [arguments.get(1, "shape")], _origin("reshape", spot))


@function("torch.permute")
def _permute(run: Run, arguments: Arguments, spot: Spot) -> Value:
    return reshaping.permute(run, as_tensor(arguments.get(0, "input")), [arguments.get(1, "dims")], _origin("permute", spot))


@function("torch.transpose", "torch.swapaxes")
def _transpose(run: Run, arguments: Arguments, spot: Spot) -> Value:
    x = as_tensor(arguments.get(0, "input"))
    return reshaping.transpose(x, arguments.get(1, "dim0"), arguments.get(2, "dim1"), _origin("transpose", spot))


@function("torch.unsqueeze")
def _unsqueeze(run: Run, arguments: Arguments, spot: Spot) -> Value:
    return reshaping.unsqueeze(as_tensor(arguments.get(0, "input")), arguments.get(1, "dim"), _origin("unsqueeze", spot))


@function("torch.squeeze")
def _squeeze(run: Run, arguments: Arguments, spot: Spot) -> Value:
    dims = [arguments.get(1, "dim")] if len(arguments.positional) > 1 or "dim" in arguments.keywords else []
    return reshaping.squeeze(run, as_tensor(arguments.get(0, "input")), dims, _origin("squeeze", spot))


def reduction(run: Run, x: Tensor, arguments: Arguments, spot: Spot, name: str) -> Value:
    """`mean`, `sum`, `amax`, ... with `dim` and `keepdim` given by position (after the input) or by name."""
    dim = arguments.get(0, "dim", arguments.keywords.get("axis"))
    keepdim = arguments.get(1, "keepdim", arguments.keywords.get("keepdims", False))
    result = reshaping.reduce(run, x, dim, keepdim, _origin(name, spot))
    if name in ("max", "min", "median", "mode", "var_mean", "std_mean", "kthvalue") and (dim is not None or "_" in name):
        return (result, result)
    return result


REDUCTIONS = "mean sum amax amin var std norm logsumexp prod all any argmax argmin max min median var_mean std_mean nanmean".split()
for _name in REDUCTIONS:

    def _reduction(run: Run, arguments: Arguments, spot: Spot, name: str = _name) -> Value:
        second = arguments.get(1, "other")
        if name in ("max", "min") and isinstance(second, Tensor):
            return broadcast(as_tensor(arguments.get(0, "input")), second)
        return reduction(run, as_tensor(arguments.get(0, "input")), arguments.shifted(), spot, name)

    FUNCTIONS[f"torch.{_name}"] = Builtin(_name, _reduction)


@function("torch.matmul", "torch.bmm", "torch.mm")
def _matmul(run: Run, arguments: Arguments, spot: Spot) -> Value:
    return matmul(as_tensor(arguments.get(0, "input")), as_tensor(arguments.get(1, "other", arguments.keywords.get("mat2"))), spot)


# -- functional layers --------------------------------------------------------------------------------------------------


def _window_settings(run: Run, arguments: Arguments, count: int, names: tuple[tuple[int, str, Value], ...]) -> list[tuple[int | None, ...]]:
    return [integers(run, arguments.get(position, name, default), count) for position, name, default in names]


def _conv(count: int, *, transposed: bool) -> Function_:
    def convolve(run: Run, arguments: Arguments, spot: Spot) -> Value:
        from bn_lint.static.torch.layers import convolved, spatial

        x, weight = as_tensor(arguments.get(0, "input")), as_tensor(arguments.get(1, "weight"))
        known = weight.ranked and len(weight.axes) == count + 2
        channels = weight.axes[1 if transposed else 0].size if known else None
        if transposed:
            channels = scaled(channels, arguments.get(6, "groups", 1))
        _, space = spatial(x, count)
        sizes: tuple[Dim, ...] = (None,) * count
        if known and not transposed and not isinstance(arguments.get(4, "padding", 0), str):
            kernel = tuple(integer(a.size) for a in weight.axes[2:])
            stride, padding, dilation = _window_settings(
                run, arguments, count, ((3, "stride", 1), (4, "padding", 0), (5, "dilation", 1))
            )
            sizes = tuple(window(a.size, *s) for a, *s in zip(space, kernel, stride, padding, dilation))
        return convolved(x, count, channels, sizes, Origin(f"F.conv{count}d", spot))

    return convolve


def _pool(count: int) -> Function_:
    def pool(run: Run, arguments: Arguments, spot: Spot) -> Value:
        from bn_lint.static.torch.layers import pooled

        kernel = arguments.get(1, "kernel_size")
        stride = arguments.get(2, "stride")
        ceil = arguments.keywords.get("ceil_mode") is True
        return pooled(run, as_tensor(arguments.get(0, "input")), count, kernel, kernel if stride is None else stride,
                      arguments.get(3, "padding", 0), ceil=ceil)  # fmt: skip

    return pool


def _adaptive(count: int) -> Function_:
    def pool(run: Run, arguments: Arguments, spot: Spot) -> Value:
        from bn_lint.static.torch.layers import adaptive

        return adaptive(run, as_tensor(arguments.get(0, "input")), count, arguments.get(1, "output_size"), Origin("pooling", spot))

    return pool


for _count in (1, 2, 3):
    for _module in ("torch.nn.functional", "torch"):
        function(f"{_module}.conv{_count}d")(_conv(_count, transposed=False))
        function(f"{_module}.conv_transpose{_count}d")(_conv(_count, transposed=True))
    for _kind in ("max", "avg"):
        function(f"torch.nn.functional.{_kind}_pool{_count}d")(_pool(_count))
        function(f"torch.nn.functional.adaptive_{_kind}_pool{_count}d")(_adaptive(_count))
    function(f"torch.{_kind}_pool{_count}d", f"torch.adaptive_avg_pool{_count}d")(_pool(_count))
    FUNCTIONS[f"torch.adaptive_avg_pool{_count}d"] = FUNCTIONS[f"torch.nn.functional.adaptive_avg_pool{_count}d"]


@function("torch.nn.functional.interpolate", "torch.nn.functional.upsample", "torch.nn.functional.upsample_nearest",
          "torch.nn.functional.upsample_bilinear", "torch.nn.functional.grid_sample", "torch.nn.functional.max_unpool2d")  # fmt: skip
def _interpolate(run: Run, arguments: Arguments, spot: Spot) -> Value:
    from bn_lint.static.torch.layers import blurred

    x = as_tensor(arguments.get(0, "input"))
    size = arguments.get(1, "size")
    result = blurred(x)
    if isinstance(size, (int, tuple, List)) and result.ranked:
        sizes = integers(run, size, len(x.axes) - 2)
        return Tensor((*x.axes[:2], *(axis(s) for s in sizes)), origin=x.origin)
    return result


@function("torch.nn.functional.pad")
def _pad(run: Run, arguments: Arguments, spot: Spot) -> Value:
    x = as_tensor(arguments.get(0, "input"))
    pads, rest = iterate(run, arguments.get(1, "pad"))
    touched = len(pads) // 2
    if rest or not x.ranked or touched > len(x.axes):
        from bn_lint.static.torch.layers import blurred

        return blurred(x) if x.ranked and len(x.axes) > 2 else Tensor(ranked=False, why=x.why)
    axes = list(x.axes)
    for i in range(touched):
        position = len(axes) - 1 - i
        old = axes[position]
        before, after = integer(pads[2 * i]), integer(pads[2 * i + 1])
        if before is None or after is None:
            axes[position] = Axis()
        elif before or after:
            size = old.size + before + after if isinstance(old.size, int) else None
            axes[position] = Axis(size, Origin("F.pad", spot))
    return Tensor(tuple(axes), origin=x.origin)


@function("torch.nn.functional.linear")
def _linear(run: Run, arguments: Arguments, spot: Spot) -> Value:
    weight = as_tensor(arguments.get(1, "weight"))
    size = weight.axes[0].size if weight.ranked and len(weight.axes) == 2 else None
    origin = Origin("F.linear", spot)
    return reshaping.with_last(as_tensor(arguments.get(0, "input")), Axis(size, origin, True), origin)


@function("torch.nn.functional.embedding")
def _embedding(run: Run, arguments: Arguments, spot: Spot) -> Value:
    weight = as_tensor(arguments.get(1, "weight"))
    size = weight.axes[1].size if weight.ranked and len(weight.axes) == 2 else None
    origin = Origin("F.embedding", spot)
    return reshaping.with_new_last(as_tensor(arguments.get(0, "input")), Axis(size, origin, True), origin)


@function("torch.nn.functional.one_hot")
def _one_hot(run: Run, arguments: Arguments, spot: Spot) -> Value:
    origin = Origin("F.one_hot", spot)
    classes = arguments.get(1, "num_classes", -1)
    size = None if integer(classes) == -1 else size_of(classes)
    return reshaping.with_new_last(as_tensor(arguments.get(0, "tensor")), Axis(size, origin, True), origin)


@function("torch.nn.functional.pixel_shuffle", "torch.pixel_shuffle")
def _pixel_shuffle(run: Run, arguments: Arguments, spot: Spot) -> Value:
    return reshaping.pixel_shuffle(as_tensor(arguments.get(0, "input")), arguments.get(1, "upscale_factor"), Origin("F.pixel_shuffle", spot))


@function("torch.nn.functional.glu")
def _glu(run: Run, arguments: Arguments, spot: Spot) -> Value:
    return reshaping.glu(as_tensor(arguments.get(0, "input")), arguments.get(1, "dim", -1))


@function("torch.nn.functional.batch_norm", "torch.batch_norm")
def _batch_norm(run: Run, arguments: Arguments, spot: Spot) -> Value:
    x = as_tensor(arguments.get(0, "input"))
    vectors = (arguments.get(1, "running_mean"), arguments.get(2, "running_var"),
               arguments.get(3, "weight"), arguments.get(4, "bias"))  # fmt: skip
    for vector in vectors:
        for one in vector.values if isinstance(vector, OneOf) else (vector,):
            if isinstance(one, Tensor) and isinstance(one.layer, Instance):
                run.observer.batchnorm_called(run, one.layer, x, spot, functional=True)
                return x
    return x


# -- wrappers -----------------------------------------------------------------------------------------------------------


@function("torch.utils.checkpoint.checkpoint")
def _checkpoint(run: Run, arguments: Arguments, spot: Spot) -> Value:
    from bn_lint.static.calls import call

    keywords = {k: v for k, v in arguments.keywords.items() if k not in ("use_reentrant", "preserve_rng_state", "context_fn")}
    return call(run, arguments.positional[0], Arguments(arguments.positional[1:], keywords), spot, run.frame)


@function("torch.utils.checkpoint.checkpoint_sequential")
def _checkpoint_sequential(run: Run, arguments: Arguments, spot: Spot) -> Value:
    from bn_lint.static.calls import call

    value = arguments.get(2, "input")
    functions = arguments.get(0, "functions")
    for module in iterate(run, functions)[0]:
        value = call(run, module, Arguments([value]), spot, run.frame)
    return value


@function("torch.jit.script", "torch.jit.ignore", "torch.jit.unused", "torch.jit.export", "torch.compile", "torch.no_grad",
          "torch.jit.script_if_tracing", "torch.fx.wrap", "torch.jit.script_method", "torch.compiler.disable")  # fmt: skip
def _transparent(run: Run, arguments: Arguments, spot: Spot) -> Value:
    value = arguments.get(0, "obj")
    return value if value is not None and not isinstance(value, Unknown) else Unknown("context")


for _name in ("is_scripting", "is_tracing"):
    FUNCTIONS[f"torch.jit.{_name}"] = Builtin(_name, lambda run, arguments, spot: False)
FUNCTIONS["torch.jit.annotate"] = Builtin("annotate", lambda run, arguments, spot: arguments.get(1, "value"))
FUNCTIONS["torch.compiler.is_compiling"] = Builtin("is_compiling", lambda run, arguments, spot: False)
FUNCTIONS["torch.overrides.has_torch_function"] = Builtin("has_torch_function", lambda run, arguments, spot: False)
for _name in ("has_torch_function_unary", "has_torch_function_variadic"):
    FUNCTIONS[f"torch.overrides.{_name}"] = Builtin(_name, lambda run, arguments, spot: False)
FUNCTIONS["torch.is_tensor"] = Builtin(
    "is_tensor", lambda run, arguments, spot: True if isinstance(arguments.positional[0], Tensor) else Unknown("is_tensor")
)
FUNCTIONS["torch.Size"] = Builtin("Size", lambda run, arguments, spot: tuple(iterate(run, arguments.positional[0])[0]))
for _name in ("torch._C._log_api_usage_once", "torch._assert", "torch.manual_seed"):
    FUNCTIONS[_name] = Builtin(_name, lambda run, arguments, spot: None)

# `torch.Tensor` is a type as well as a constructor; types win, because annotations and isinstance are everywhere.
FUNCTIONS["torch.Tensor"] = External("torch.Tensor")

__all__ = ["FUNCTIONS", "REDUCTIONS", "created", "reduction"]
