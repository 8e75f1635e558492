"""Operations on each element: they keep the shape, or broadcast two."""

from __future__ import annotations

from bn_lint.static.interpreter.interpreter import Interpreter
from bn_lint.static.interpreter.values import Provenance, Tensor, Unknown, Value
from bn_lint.static.syntax.places import NodeRef
from bn_lint.static.torch_model.batches import Batch
from bn_lint.static.torch_model.operations.products import matmul
from bn_lint.static.torch_model.operations.sizes import as_tensor, broadcast, unknown
from bn_lint.static.torch_model.operations.table import FUNCTIONAL, TENSOR, TORCH, OpSite, operation

_ACTIVATIONS = (
    "relu relu_ relu6 elu elu_ celu selu selu_ gelu silu mish hardswish hardsigmoid hardtanh leaky_relu "
    "leaky_relu_ prelu rrelu sigmoid tanh softplus softsign logsigmoid tanhshrink softmax log_softmax softmin "
    "softshrink hardshrink threshold dropout dropout1d dropout2d dropout3d alpha_dropout feature_alpha_dropout "
    "normalize layer_norm group_norm instance_norm local_response_norm rms_norm gumbel_softmax channel_shuffle "
    "native_channel_shuffle"
)
_EVERYWHERE = (
    "relu relu_ sigmoid sigmoid_ tanh tanh_ softmax log_softmax exp exp_ exp2 expm1 log log2 log10 log1p sqrt "
    "rsqrt square abs neg sin cos tan asin acos atan sinh cosh erf floor ceil round trunc frac sign sgn clamp "
    "clamp_ clamp_min clamp_max clip dropout cumsum cumprod nan_to_num detach detach_ contiguous roll flip fliplr "
    "flipud logical_not bitwise_not isnan isinf isfinite reciprocal tril triu logit clone argsort masked_fill "
    "masked_fill_ scatter scatter_add index_fill index_add index_copy softplus bernoulli positive threshold prelu "
    "celu rrelu selu alpha_dropout renorm heaviside"
)
_METHODS = (
    "float double half bfloat16 long int short bool byte char cuda cpu to type requires_grad_ fill_ zero_ normal_ "
    "uniform_ copy_ pin_memory retain_grad type_as pow_ scatter_ scatter_add_ index_fill_ index_add_ index_copy_ "
    "random_ bernoulli_ xpu mps share_memory_ tril_ triu_ sqrt_ abs_ floor_ round_ exponential_ clamp_max_ "
    "clamp_min_ neg_ reciprocal_ rsqrt_"
)
_BINARY = (
    "add sub mul div pow maximum minimum true_divide floor_divide remainder multiply subtract divide eq ne gt lt "
    "ge le logical_and logical_or logical_xor bitwise_and bitwise_or atan2 fmod isclose fmax fmin float_power "
    "hypot xlogy"
)


@operation(_ACTIVATIONS, "input", FUNCTIONAL)
@operation(_EVERYWHERE, "input")
@operation(_METHODS, "input", TENSOR)
def same(at: OpSite, x: Tensor, input: Value) -> Value:
    """The shape of the input; of a batch another one."""
    rows = input.operand() if isinstance(input, Batch) else None
    return x if rows is None else rows


@operation(_BINARY, "input, other")
@operation("add_ sub_ mul_ div_ __add__ __mul__ __sub__", "input, other", TENSOR)
def binary(at: OpSite, x: Tensor, other: Value) -> Value:
    return combined(x, other)


@operation("lerp", "input, end, weight")
@operation("addcmul addcdiv addcmul_ addcdiv_", "input, end, weight")
def ternary(at: OpSite, x: Tensor, end: Value, weight: Value) -> Value:
    return combined(as_tensor(combined(x, end)), weight)


@operation("where", "condition, input=None, other=None", TORCH)
def where(at: OpSite, condition: Value, input: Value, x: Value, other: Value) -> Value:
    given = [one for one in (condition, input, other) if isinstance(one, Batch)]
    if given and input is not None and len({one.batches for one in given}) == 1:
        return given[0].operand() or unknown("torch.where")
    result = as_tensor(condition)
    return unknown("torch.where") if input is None else combined(as_tensor(combined(result, x)), other)


@operation("where", "input, condition, other", TENSOR)
def where_method(at: OpSite, x: Tensor, condition: Value, other: Value) -> Value:
    return combined(as_tensor(combined(x, condition)), other)


def combined(tensor: Tensor, other: Value) -> Tensor:
    """What is left of a tensor's shape when something is added to it."""
    if isinstance(other, Tensor):
        return broadcast(tensor, other)
    if isinstance(other, Unknown):
        # It may be a number or another tensor: in both cases sizes other than 1 survive.
        return broadcast(tensor, unknown(other.why))
    return tensor


def arithmetic(interpreter: Interpreter, name: str, a: Value, b: Value, ref: NodeRef) -> Value:
    """Return `a <operator> b` where at least one is a tensor."""
    if name == "matmul":
        return matmul(OpSite(interpreter, Provenance("matmul", ref)), as_tensor(a), as_tensor(b))
    return combined(a, b) if isinstance(a, Tensor) else combined(as_tensor(b), a)
