"""How the layers of `torch.nn` are defined: a constructor's signature, and a rule for the shape (see `table`)."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from bn_lint.facts.dims import Dim, Expression
from bn_lint.static.interpreter.interpreter import Interpreter
from bn_lint.static.interpreter.values import (
    ABSENT,
    Arguments,
    Axis,
    Builtin,
    LibraryClass,
    Property,
    Provenance,
    Tensor,
    Unknown,
    Value,
)
from bn_lint.static.syntax import nodes as cst
from bn_lint.static.syntax.places import NodeRef
from bn_lint.static.syntax.python_2 import is_of_python_2
from bn_lint.static.syntax.source_text import is_quotient
from bn_lint.static.torch_model.module_methods import MODULE_METHODS
from bn_lint.static.torch_model.operations.sizes import size_of
from bn_lint.static.torch_model.operations.table import OpSite, Rule, Signature, apply, bind, parse_signature
from bn_lint.static.torch_model.watchers import given_too_much, refuse

MODULE = LibraryClass("torch.nn.Module", (), (), MODULE_METHODS)
LAYERS: dict[str, LibraryClass] = {"torch.nn.Module": MODULE}


#: What convolutions keep as one number for each spatial axis, however it is given.
_SPREAD = ("kernel_size", "stride", "padding", "output_padding", "dilation")


def layer(
    names: str,
    signature: str,
    rule: Rule,
    *,
    inputs: str = "input",
    bias: str = "",
    spread: int = 0,
    **attributes: Value,
) -> None:
    """Define layers that share a constructor and a rule.

    The rule finds the constructor's parameters and the arguments of the call under their names. `bias` names the
    parameter that is the size of the layer's bias; `spread` is the number of spatial axes of a convolution.
    """
    parsed = parse_signature(signature)
    for name in names.split():
        methods: dict[str, Value] = {
            "__init__": initialize(parsed, bias, spread),
            "forward": forward(rule, inputs),
            **attributes,
        }
        LAYERS[f"torch.nn.{name}"] = LibraryClass(f"torch.nn.{name}", (MODULE,), parsed, methods)


def initialize(signature: Signature, bias: str = "", spread: int = 0) -> Builtin:
    """Return a constructor that keeps its arguments under their names."""

    def init(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> None:
        instance = arguments.receiver
        for position, (name, default) in enumerate(signature, start=1):
            value = arguments.get(position, name, ABSENT)
            if value is ABSENT:
                value = Unknown(name) if default is ABSENT or arguments.more else default
            is_spread = spread and name in _SPREAD and isinstance(value, int)
            instance.cells[name] = (value,) * spread if is_spread else value
        if bias and any(
            _is_no_size(interpreter, instance.cells[name], ref, n) for n, (name, _) in enumerate(signature[:2])
        ):
            refuse(interpreter)
        if bias and isinstance(instance.cells["bias"], bool):
            size = Axis(size_of(instance.cells[bias]))
            instance.cells["bias"] = Tensor((size,)) if instance.cells["bias"] else None

    return Builtin("__init__", init)


def _is_no_size(interpreter: Interpreter, size: Value, ref: NodeRef, position: int) -> bool:
    """Whether the weights cannot have a size, for it is a float: in Python 3 a division gives one."""
    if not isinstance(size, Expression) or not isinstance(ref.node, cst.Call) or len(ref.node.args) <= position:
        return isinstance(size, float)
    return is_quotient(ref.node.args[position].value) and not is_of_python_2(ref.file, interpreter.project)


def forward(rule: Rule, inputs: str) -> Builtin:
    """Return a method that applies a rule to what it is given, with the layer's attributes as settings."""
    signature = parse_signature(inputs)

    def apply_layer(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
        layer, given = arguments.receiver, arguments.shifted()
        if given_too_much(interpreter, given, len(signature)):
            return Unknown("?", f"`{layer.cls.name}` raises: it takes fewer arguments")
        at = OpSite(interpreter, Provenance(layer, layer.built or ref))
        return apply(rule, at, {**layer.cells, **bind(interpreter, signature, given)})

    return Builtin("forward", apply_layer)


def parameter(sizes: Callable[[Interpreter, dict[str, Value]], Iterable[Dim]]) -> Property:
    """Return a property that holds a tensor, whose sizes follow from the attributes of a layer."""

    def read(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
        instance = arguments.receiver
        return Tensor(tuple(map(Axis, sizes(interpreter, instance.cells))))

    return Property(Builtin("parameter", read))
