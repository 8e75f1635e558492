"""Attributes and methods of tensors."""

from __future__ import annotations

from bn_lint.static.interpreter.interpreter import Interpreter
from bn_lint.static.interpreter.values import BoundMethod, Builtin, Provenance, Tensor, Unknown, Value
from bn_lint.static.syntax.places import NodeRef
from bn_lint.static.torch_model.operations.axes import transpose
from bn_lint.static.torch_model.operations.functional import METHODS
from bn_lint.static.torch_model.operations.in_place import in_place
from bn_lint.static.torch_model.operations.queries import dim, shape_of
from bn_lint.static.torch_model.operations.sizes import unknown
from bn_lint.static.torch_model.operations.table import OpSite

_UNKNOWN = frozenset("device dtype is_cuda requires_grad layout grad_fn names tensors is_sparse is_quantized".split())
#: Methods whose result has a known shape even when nothing is known of what they are called on.
SHAPING = frozenset(("view", "reshape", "permute", "flatten", "expand"))


def tensor_attribute(interpreter: Interpreter, tensor: Tensor, name: str, ref: NodeRef) -> Value:
    """Return an attribute of a tensor."""
    if name == "shape":
        return shape_of(tensor)
    if name == "ndim":
        return dim(OpSite(interpreter, Provenance(name, ref)), tensor)
    if name in ("T", "H"):
        return Tensor(tensor.axes[::-1], origin=Provenance(name, ref)) if tensor.ranked else unknown(tensor.why)
    if name in ("mT", "mH"):
        return transpose(OpSite(interpreter, Provenance(name, ref)), tensor, -1, -2)
    if name in ("data", "real", "grad"):
        return tensor
    method = METHODS.get(name)
    if method is not None:
        return BoundMethod(in_place(method), tensor)
    return Unknown(name) if name in _UNKNOWN else Unknown(name, f"the tensor method `{name}` is not modeled")


def unknown_method(name: str) -> Builtin:
    """Return one of the `SHAPING` methods, for an object of which nothing is known."""
    return METHODS[name]
