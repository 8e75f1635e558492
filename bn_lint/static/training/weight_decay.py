"""Weight decay that an optimizer applies to all parameters of a model."""

from __future__ import annotations

from bn_lint.facts import Evidence, WeightDecay
from bn_lint.static.interpreter.values import Arguments, Instance
from bn_lint.static.syntax import nodes as cst
from bn_lint.static.syntax.places import NodeRef
from bn_lint.static.syntax.written import code_of
from bn_lint.static.torch_model.batchnorm import batchnorm_class
from bn_lint.static.torch_model.describing import label_of
from bn_lint.static.torch_model.mode import FROZEN

#: The decay of optimizers whose default is not zero (torch 2.13).
_DEFAULTS = {"torch.optim.AdamW": 0.01, "torch.optim.Muon": 0.1}


def decay_fact(optimizer: Instance, arguments: Arguments, model: Instance, ref: NodeRef) -> WeightDecay | None:
    """The fact that an optimizer which is given `model.parameters()`, and nothing else, decays BatchNorm with the rest.

    A list that the program makes of the parameters may leave some of them out, so only the plain call counts.
    """
    from bn_lint.static.torch_model.module_methods import descendants

    decay = arguments.keywords.get("weight_decay", _DEFAULTS.get(optimizer.cls.name, 0))
    source = _plain_parameters(ref.node)
    if source is None or arguments.more or not isinstance(decay, (int, float)) or isinstance(decay, bool) or decay <= 0:
        return None
    norms = [
        module
        for _, module in descendants(model)
        if batchnorm_class(module) is not None
        and module.cells.get("affine", True) is True
        and FROZEN.of(module) is None  # what gets no gradient is not decayed either
    ]
    if not norms or norms[0] is model:
        return None
    name = code_of(source)
    first = norms[0].built
    # A model of a library has one layer that stands for all of them.
    layers = len(norms) if first is not None else None
    evidence = Evidence(f"`{label_of(norms[0])}` is one of them", first.place) if first is not None else None
    return WeightDecay(name, ref.place, float(decay), layers, evidence)


def _plain_parameters(node: cst.CSTNode) -> cst.BaseExpression | None:
    """The model of `optimizer(model.parameters(), ...)`."""
    match node:
        case cst.Call(
            args=[
                cst.Arg(
                    star="", value=cst.Call(func=cst.Attribute(value=model, attr=cst.Name(value="parameters")), args=[])
                ),
                *_,
            ]
        ):
            return model
    return None
