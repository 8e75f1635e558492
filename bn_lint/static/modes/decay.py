"""Weight decay that an optimizer applies to all parameters of a model."""

from __future__ import annotations

from typing import TYPE_CHECKING

import libcst as cst

from bn_lint.facts import Evidence, WeightDecay
from bn_lint.static.describing import label_of
from bn_lint.static.modes.state import FROZEN
from bn_lint.static.places import NodePlace
from bn_lint.static.source_text import code_of
from bn_lint.static.torch.batchnorm import batchnorm_class
from bn_lint.static.values import Arguments, Instance, Spot

if TYPE_CHECKING:
    from bn_lint.static.run import Run

#: The decay of optimizers whose default is not zero (torch 2.13).
_DEFAULTS = {"torch.optim.AdamW": 0.01, "torch.optim.Muon": 0.1}


def note_decay(run: Run, optimizer: Instance, arguments: Arguments, model: Instance, spot: Spot) -> None:
    """Note that an optimizer which is given `model.parameters()`, and nothing else, decays BatchNorm with the rest.

    A list that the program makes of the parameters may leave some of them out, so only the plain call counts.
    """
    from bn_lint.static.torch.module_methods import descendants

    decay = arguments.keywords.get("weight_decay", _DEFAULTS.get(optimizer.cls.name, 0))
    source = _plain_parameters(spot.node)
    if source is None or arguments.more or not isinstance(decay, (int, float)) or isinstance(decay, bool) or decay <= 0:
        return
    norms = [
        module
        for _, module in descendants(model)
        if batchnorm_class(module) is not None
        and module.cells.get("affine", True) is True
        and module.cells.get(FROZEN) is None  # what gets no gradient is not decayed either
    ]
    if not norms or norms[0] is model:
        return
    name = code_of(spot.file, source)
    first = norms[0].built
    # A model of a library has one layer that stands for all of them.
    layers = len(norms) if first is not None else None
    evidence = Evidence(f"`{label_of(norms[0])}` is one of them", NodePlace(first)) if first is not None else None
    run.observer.facts.append(WeightDecay(name, NodePlace(spot), float(decay), layers, evidence))


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
