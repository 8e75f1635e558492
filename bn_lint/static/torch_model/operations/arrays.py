"""Arrays of NumPy whose shape is known, on their way to becoming tensors.

What is not modeled here, such as arithmetic, gives an unknown value.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bn_lint.facts.dims import Expression
from bn_lint.static.interpreter.values import (
    ABSENT,
    Arguments,
    BoundMethod,
    Builtin,
    List,
    Provenance,
    Tensor,
    Unknown,
    Value,
)
from bn_lint.static.syntax.places import NodeRef
from bn_lint.static.torch_model.operations import axes, creation, reshaping
from bn_lint.static.torch_model.operations.queries import shape_of
from bn_lint.static.torch_model.operations.sizes import Array
from bn_lint.static.torch_model.operations.table import OpSite, Rule, apply, bind, parse_signature

if TYPE_CHECKING:
    from bn_lint.static.interpreter.interpreter import Interpreter


def array_attribute(array: Array, name: str) -> Value:
    """Return an attribute of an array; ABSENT if it is not modeled."""
    if name == "shape":
        return shape_of(array.tensor)
    if name == "ndim":
        return len(array.tensor.axes)
    if name == "T":
        return Array(Tensor(array.tensor.axes[::-1]))
    return BoundMethod(_METHODS[name], array) if name in _METHODS else ABSENT


def array_item(item: Tensor) -> Value:
    """What a subscript of an array gives, if one of a tensor gives this."""
    return _array(item) if item.axes else Unknown("number")


def _array(value: Value) -> Value:
    return Array(value) if isinstance(value, Tensor) and value.ranked and not value.either else Unknown("array")


def _function(name: str, signature: str, rule: Rule) -> Builtin:
    """A function, or method, of NumPy that does to shapes what a rule for tensors does."""

    def implementation(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
        settings = bind(interpreter, parse_signature(signature), arguments)
        given = settings.get("input")
        if "input" in settings:
            if not isinstance(given, Array):
                return Unknown("array", "the array is not known")
            settings["input"] = given.tensor
        return _array(apply(rule, OpSite(interpreter, Provenance(name, ref)), settings))

    return Builtin(name, implementation)


def _of_size(at: OpSite, size: Value) -> Value:
    """An array of the given size, which is a number or a sequence of them; of None, it is a single number."""
    if isinstance(size, (int, Expression)):
        size = (size,)
    return creation.filled(at, size) if isinstance(size, (tuple, List)) else Unknown("array or number")


def _of_shape(at: OpSite, shape: Value) -> Value:
    return _of_size(at, shape)


def _same(at: OpSite, x: Tensor) -> Tensor:
    return x


def _transposed(at: OpSite, x: Tensor, dims: tuple[Value, ...] | None) -> Tensor:
    """`x.transpose(0, 2, 1)` gives the order of all axes; without arguments it is reversed."""
    return Tensor(x.axes[::-1]) if dims == () else axes.permute(at, x, dims)


_METHODS = {
    name: _function(name, signature, rule)
    for names, signature, rule in (
        ("astype copy", "input", _same),
        ("reshape", "input, *shape", reshaping.view),
        ("transpose", "input, *dims", _transposed),
        ("swapaxes", "input, dim0, dim1", axes.transpose),
        ("flatten ravel", "input", reshaping.ravel),
    )
    for name in names.split()
}
_CREATORS = (
    ("random.rand random.randn", "*size", creation.sized),
    ("random.random random.random_sample random.standard_normal", "size=None", _of_size),
    ("random.normal random.uniform random.randint", "low, high=None, size=None", _of_size),
    ("zeros ones empty", "shape", _of_shape),
    ("full", "shape, fill_value", _of_shape),
    ("zeros_like ones_like empty_like", "input", _same),
    ("transpose", "input, *dims", _transposed),
    ("reshape", "input, shape", reshaping.reshape),
)
ARRAYS: dict[str, Value] = {
    f"numpy.{name}": _function(name, signature, rule) for names, signature, rule in _CREATORS for name in names.split()
}
