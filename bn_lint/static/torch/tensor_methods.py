"""Attributes and methods of tensors."""

from __future__ import annotations

from collections.abc import Callable

from bn_lint.dims import Expression
from bn_lint.static.run import Run
from bn_lint.static.torch import reshaping
from bn_lint.static.torch.elementwise import arithmetic, matmul
from bn_lint.static.torch.functional import REDUCTIONS, created, reduction
from bn_lint.static.torch.indexing import index
from bn_lint.static.torch.sizes import as_tensor, axis_position
from bn_lint.static.values import Arguments, BoundMethod, Builtin, List, Origin, Spot, Tensor, Unknown, Value

Method = Callable[[Run, Tensor, Arguments, Spot], Value]


def tensor_attribute(run: Run, tensor: Tensor, name: str, spot: Spot) -> Value:
    """Return an attribute of a tensor."""
    if name == "shape":
        return _shape(tensor)
    if name == "ndim":
        return len(tensor.axes) if tensor.ranked else Unknown("ndim", tensor.why)
    if name in ("T", "mT", "H", "mH"):
        return reshaping.transpose(tensor, -1, -2, Origin("transpose", spot))
    if name in ("data", "real", "grad"):
        return tensor
    method = _METHODS.get(name)
    if method is not None:
        return BoundMethod(method, tensor)
    if name in ("device", "dtype", "is_cuda", "requires_grad", "layout", "grad_fn", "names", "tensors"):
        return Unknown(name)
    return Unknown(name, f"the tensor method `{name}` is not modelled")


def _shape(tensor: Tensor) -> Value:
    if tensor.ranked:
        return tuple(_readable(axis.size, i) for i, axis in enumerate(tensor.axes))
    return Unknown("shape", tensor.why)


def _readable(size: object, position: int) -> Value:
    return size if isinstance(size, (int, Expression)) else Unknown(f"shape[{position}]", "a size that is not known")


def _size(run: Run, x: Tensor, arguments: Arguments, spot: Spot) -> Value:
    dim = arguments.get(0, "dim")
    if dim is None:
        return _shape(x)
    position = axis_position(x, dim)
    return Unknown(f"size({dim})", x.why) if position is None else _readable(x.axes[position].size, position)


def _dim(run: Run, x: Tensor, arguments: Arguments, spot: Spot) -> Value:
    return len(x.axes) if x.ranked else Unknown("dim()", x.why)


def _same(run: Run, x: Tensor, arguments: Arguments, spot: Spot) -> Value:
    return x


def _view(run: Run, x: Tensor, arguments: Arguments, spot: Spot) -> Value:
    if arguments.more:
        return reshaping.unknown(x, "a view with sizes that are not all known")
    if arguments.positional and _is_dtype(arguments.positional[0]):
        return x
    return reshaping.reshape(run, x, arguments.positional or list(arguments.keywords.values()), Origin("view", spot))


def _is_dtype(value: Value) -> bool:
    from bn_lint.static.values import External

    return isinstance(value, External)


def _view_as(run: Run, x: Tensor, arguments: Arguments, spot: Spot) -> Value:
    return as_tensor(arguments.get(0, "other"))


def _permute(run: Run, x: Tensor, arguments: Arguments, spot: Spot) -> Value:
    return reshaping.permute(run, x, arguments.positional or [arguments.keywords.get("dims")], Origin("permute", spot))


def _transpose(run: Run, x: Tensor, arguments: Arguments, spot: Spot) -> Value:
    return reshaping.transpose(x, arguments.get(0, "dim0"), arguments.get(1, "dim1"), Origin("transpose", spot))


def _t(run: Run, x: Tensor, arguments: Arguments, spot: Spot) -> Value:
    return reshaping.transpose(x, 0, 1, Origin("transpose", spot)) if x.ranked and len(x.axes) == 2 else reshaping.unknown(x)


def _flatten(run: Run, x: Tensor, arguments: Arguments, spot: Spot) -> Value:
    return reshaping.flatten(x, arguments.get(0, "start_dim", 0), arguments.get(1, "end_dim", -1), Origin("flatten", spot))


def _unflatten(run: Run, x: Tensor, arguments: Arguments, spot: Spot) -> Value:
    return reshaping.unflatten(run, x, arguments.get(0, "dim"), arguments.get(1, "sizes"), Origin("unflatten", spot))


def _squeeze(run: Run, x: Tensor, arguments: Arguments, spot: Spot) -> Value:
    dims = arguments.positional or [v for k, v in arguments.keywords.items() if k == "dim"]
    return reshaping.squeeze(run, x, dims, Origin("squeeze", spot))


def _unsqueeze(run: Run, x: Tensor, arguments: Arguments, spot: Spot) -> Value:
    return reshaping.unsqueeze(x, arguments.get(0, "dim"), Origin("unsqueeze", spot))


def _chunk(run: Run, x: Tensor, arguments: Arguments, spot: Spot) -> Value:
    return reshaping.chunk(x, arguments.get(0, "chunks"), arguments.get(1, "dim", 0), Origin("chunk", spot))


def _split(run: Run, x: Tensor, arguments: Arguments, spot: Spot) -> Value:
    return reshaping.split(run, x, arguments.get(0, "split_size"), arguments.get(1, "dim", 0), Origin("split", spot))


def _unbind(run: Run, x: Tensor, arguments: Arguments, spot: Spot) -> Value:
    position = axis_position(x, arguments.get(0, "dim", 0))
    if position is None:
        return Unknown("unbind", x.why)
    part = Tensor((*x.axes[:position], *x.axes[position + 1 :]), ranked=x.ranked, why=x.why)
    size = x.axes[position].size
    return (part,) * int(size) if isinstance(size, int) and size <= 64 else List((), (part,))


def _expand(run: Run, x: Tensor, arguments: Arguments, spot: Spot) -> Value:
    return reshaping.expand(run, x, arguments.positional, Origin("expand", spot))


def _repeat(run: Run, x: Tensor, arguments: Arguments, spot: Spot) -> Value:
    return reshaping.repeat(run, x, arguments.positional, Origin("repeat", spot))


def _binary(run: Run, x: Tensor, arguments: Arguments, spot: Spot) -> Value:
    return arithmetic(run, "add", x, arguments.get(0, "other"), spot)


def _matmul(run: Run, x: Tensor, arguments: Arguments, spot: Spot) -> Value:
    return matmul(x, as_tensor(arguments.get(0, "other")), spot)


def _select(run: Run, x: Tensor, arguments: Arguments, spot: Spot) -> Value:
    position = axis_position(x, arguments.get(0, "dim"))
    if position is None:
        return reshaping.unknown(x)
    return Tensor((*x.axes[:position], *x.axes[position + 1 :]), ranked=x.ranked, why=x.why, origin=Origin("select", spot))


def _narrow(run: Run, x: Tensor, arguments: Arguments, spot: Spot) -> Value:
    position, start, length = axis_position(x, arguments.get(0, "dim")), arguments.get(1, "start"), arguments.get(2, "length")
    if position is None or not isinstance(start, int) or not isinstance(length, int):
        return reshaping.unknown(x)
    key = (slice(None),) * position + (slice(start, start + length),)
    return index(x, key, spot)


def _new(run: Run, x: Tensor, arguments: Arguments, spot: Spot) -> Value:
    return created(run, list(arguments.positional))


def _item(run: Run, x: Tensor, arguments: Arguments, spot: Spot) -> Value:
    return Unknown("item()", "a number read from a tensor")


_SAME = (
    "contiguous detach clone float double half bfloat16 long int bool cuda cpu to type requires_grad_ relu relu_ sigmoid sigmoid_ "
    "tanh tanh_ exp log sqrt abs neg clamp clamp_ clip round floor ceil softmax log_softmax fill_ zero_ normal_ uniform_ copy_ "
    "masked_fill masked_fill_ cumsum pin_memory retain_grad square rsqrt type_as dropout roll flip sign detach_ pow pow_ exp_ "
    "clamp_min clamp_min_ clamp_max byte triu tril logical_not requires_grad_ scatter scatter_ scatter_add_ index_fill_ random_ "
    "bernoulli_ logit sin cos nan_to_num contiguous"
).split()
_TABLE: dict[str, Method] = {
    **dict.fromkeys(_SAME, _same),
    **dict.fromkeys(("view", "reshape"), _view),
    **dict.fromkeys(("view_as", "reshape_as", "expand_as"), _view_as),
    **dict.fromkeys(("add", "sub", "mul", "div", "add_", "sub_", "mul_", "div_", "eq", "ne", "gt", "lt", "ge", "le", "maximum",
                     "minimum", "true_divide", "floor_divide", "remainder", "__add__", "logical_and", "logical_or"), _binary),  # fmt: skip
    **dict.fromkeys(("matmul", "bmm", "mm", "__matmul__"), _matmul),
    **dict.fromkeys(("transpose", "transpose_", "swapaxes", "swapdims"), _transpose),
    **dict.fromkeys(("item", "tolist", "numpy", "numel", "nelement", "element_size", "data_ptr", "stride", "storage"), _item),
    **dict.fromkeys(("new_zeros", "new_ones", "new_empty", "new"), _new),
    "size": _size,
    "dim": _dim,
    "ndimension": _dim,
    "permute": _permute,
    "t": _t,
    "flatten": _flatten,
    "unflatten": _unflatten,
    "squeeze": _squeeze,
    "squeeze_": _squeeze,
    "unsqueeze": _unsqueeze,
    "unsqueeze_": _unsqueeze,
    "chunk": _chunk,
    "split": _split,
    "split_with_sizes": _split,
    "unbind": _unbind,
    "expand": _expand,
    "repeat": _repeat,
    "select": _select,
    "narrow": _narrow,
}
for _name in REDUCTIONS:
    _TABLE[_name] = lambda run, x, arguments, spot, name=_name: reduction(run, x, arguments, spot, name)  # type: ignore[misc]


def _as_builtin(name: str, method: Method) -> Builtin:
    return Builtin(name, lambda run, arguments, spot: method(run, arguments.positional[0], arguments.shifted(), spot))


_METHODS = {name: _as_builtin(name, method) for name, method in _TABLE.items()}

#: Methods whose result has a known shape even when nothing is known of what they are called on.
SHAPING = {"view": _view, "reshape": _view, "permute": _permute, "flatten": _flatten, "expand": _expand}
_ON_UNKNOWN = {
    name: Builtin(name, lambda run, arguments, spot, m=method: m(run, as_tensor(arguments.positional[0]), arguments.shifted(), spot))  # type: ignore[misc]
    for name, method in SHAPING.items()
}


def unknown_method(name: str) -> Builtin:
    """Return one of the `SHAPING` methods, for an object of which nothing is known."""
    return _ON_UNKNOWN[name]
