"""How the layers of `torch.nn` are defined: a constructor's signature, and a rule for the shape (see `operations`)."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from bn_lint.dims import Dim
from bn_lint.static.run import Run
from bn_lint.static.torch.module_methods import MODULE_METHODS
from bn_lint.static.torch.operations import At, Rule, Signature, apply, bind, parse_signature
from bn_lint.static.torch.sizes import size_of
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

MODULE = LibraryClass("torch.nn.Module", (), (), MODULE_METHODS)
LAYERS: dict[str, Value] = {"torch.nn.Module": MODULE}


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
            "__init__": initialise(parsed, bias, spread),
            "forward": forward(rule, inputs),
            **attributes,
        }
        LAYERS[f"torch.nn.{name}"] = LibraryClass(f"torch.nn.{name}", (MODULE,), parsed, methods)


def initialise(signature: Signature, bias: str = "", spread: int = 0) -> Builtin:
    """Return a constructor that keeps its arguments under their names."""

    def init(run: Run, arguments: Arguments, spot: Spot) -> None:
        instance = arguments.positional[0]
        for position, (name, default) in enumerate(signature, start=1):
            value = arguments.get(position, name, MISSING)
            if value is MISSING:
                value = Unknown(name) if default is MISSING or arguments.more else default
            instance.cells[name] = (value,) * spread if spread and name in _SPREAD and isinstance(value, int) else value
        if bias and isinstance(instance.cells["bias"], bool):
            size = Axis(size_of(instance.cells[bias]))
            instance.cells["bias"] = Tensor((size,)) if instance.cells["bias"] else None

    return Builtin("__init__", init)


def forward(rule: Rule, inputs: str) -> Builtin:
    """Return a method that applies a rule to what it is given, with the layer's attributes as settings."""
    signature = parse_signature(inputs)

    def apply_layer(run: Run, arguments: Arguments, spot: Spot) -> Value:
        layer = arguments.positional[0]
        at = At(run, Origin(layer, layer.built or spot))
        return apply(rule, at, {**layer.cells, **bind(run, signature, arguments.shifted())})

    return Builtin("forward", apply_layer)


def parameter(sizes: Callable[[Run, dict[str, Value]], Iterable[Dim]]) -> Property:
    """Return a property that holds a tensor, whose sizes follow from the attributes of a layer."""

    def read(run: Run, arguments: Arguments, spot: Spot) -> Value:
        instance: Instance = arguments.positional[0]
        return Tensor(tuple(map(Axis, sizes(run, instance.cells))))

    return Property(Builtin("parameter", read))
