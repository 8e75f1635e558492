"""The functions of `torch` and `torch.nn.functional`: what the modules of each topic defined, and wrappers."""

from __future__ import annotations

from bn_lint.static.interpreter.calls import call
from bn_lint.static.interpreter.interpreter import Interpreter
from bn_lint.static.interpreter.iteration import iterate
from bn_lint.static.interpreter.values import Arguments, Builtin, External, Instance, Tensor, Union, Unknown, Value
from bn_lint.static.syntax.places import NodeRef
from bn_lint.static.torch_model.operations import (
    axes,
    combining,
    convolution,
    creation,
    elementwise,
    indexing,
    pooling,
    products,
    queries,
    reductions,
    resampling,
    reshaping,
    vectors,
)
from bn_lint.static.torch_model.operations.table import FUNCTIONAL, FUNCTIONS, METHODS, TORCH, OpSite, operation
from bn_lint.static.torch_model.watchers import collector_of


@operation("batch_norm", "input, running_mean, running_var, weight=None, bias=None", TORCH, FUNCTIONAL)
def batch_norm(at: OpSite, x: Tensor, running_mean: Value, running_var: Value, weight: Value, bias: Value) -> Tensor:
    """A call of the layer whose statistics or parameters are passed."""
    for vector in (running_mean, running_var, weight, bias):
        for one in vector.values if isinstance(vector, Union) else (vector,):
            if isinstance(one, Tensor) and isinstance(one.layer, Instance):
                collector_of(at.interpreter).batchnorm_called(
                    at.interpreter, one.layer, x, at.origin.ref, functional=True
                )
                return x
    return x


# -- functions that call functions ------------------------------------------------------------------------------------

_OWN_SETTINGS = ("use_reentrant", "preserve_rng_state", "context_fn")


def _checkpoint(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
    keywords = {name: value for name, value in arguments.keywords.items() if name not in _OWN_SETTINGS}
    return call(
        interpreter, arguments.positional[0], Arguments(arguments.positional[1:], keywords), ref, interpreter.frame
    )


def _checkpoint_sequential(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
    value = arguments.get(2, "input")
    for module in iterate(interpreter, arguments.get(0, "functions"))[0]:
        value = call(interpreter, module, Arguments([value]), ref, interpreter.frame)
    return value


def _transparent(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
    value = arguments.get(0, "obj")
    return value if value is not None and not isinstance(value, Unknown) else Unknown("context")


def _define(names: str, implementation: object) -> None:
    for name in names.split():
        FUNCTIONS[f"torch.{name}"] = Builtin(name.rpartition(".")[2], implementation)  # type: ignore[arg-type]


_define("utils.checkpoint.checkpoint", _checkpoint)
_define("utils.checkpoint.checkpoint_sequential", _checkpoint_sequential)
_define("jit.script jit.ignore jit.unused jit.export jit.script_if_tracing jit.script_method", _transparent)
_define("compile no_grad fx.wrap compiler.disable", _transparent)
_define(
    "nn.utils.spectral_norm nn.utils.weight_norm nn.utils.remove_spectral_norm nn.utils.remove_weight_norm "
    "nn.utils.parametrizations.spectral_norm nn.utils.parametrizations.weight_norm "
    "nn.utils.parametrizations.orthogonal nn.utils.parametrize.register_parametrization "
    "nn.utils.parametrize.remove_parametrizations nn.utils.prune.identity nn.utils.prune.l1_unstructured "
    "nn.utils.prune.random_unstructured nn.utils.prune.ln_structured nn.utils.prune.remove",
    lambda interpreter, arguments, ref: arguments.get(0, "module"),
)
_define(
    "jit.is_scripting jit.is_tracing compiler.is_compiling overrides.has_torch_function",
    lambda interpreter, arguments, ref: False,
)
_define(
    "overrides.has_torch_function_unary overrides.has_torch_function_variadic",
    lambda interpreter, arguments, ref: False,
)
_define("jit.annotate", lambda interpreter, arguments, ref: arguments.get(1, "value"))
_define(
    "is_tensor",
    lambda interpreter, arguments, ref: True if isinstance(arguments.positional[0], Tensor) else Unknown("is_tensor"),
)
_define("Size", lambda interpreter, arguments, ref: tuple(iterate(interpreter, arguments.positional[0])[0]))
_define("_C._log_api_usage_once _assert manual_seed", lambda interpreter, arguments, ref: None)

# `torch.Tensor` is a type as well as a constructor; types win, because annotations and isinstance are everywhere.
FUNCTIONS["torch.Tensor"] = External("torch.Tensor")

#: Importing these modules defines their functions and methods.
TOPICS = (
    axes,
    combining,
    convolution,
    creation,
    elementwise,
    indexing,
    pooling,
    products,
    queries,
    reductions,
    resampling,
    reshaping,
    vectors,
)

__all__ = ["FUNCTIONS", "METHODS", "TOPICS"]
