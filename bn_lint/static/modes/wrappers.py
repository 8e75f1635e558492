"""Libraries that are handed models, optimizers and loaders, and hand them back: for several devices or precisions."""

from __future__ import annotations

import libcst as cst

from bn_lint.static.values import Arguments, External, Instance, OneOf, Spot, Unknown, Value

#: `accelerator.prepare`, `fabric.setup`, `amp.initialize`, `idist.auto_model`, and functions of the same kind.
_NAMES = frozenset(
    "prepare prepare_model prepare_data_loader prepare_optimizer setup setup_module setup_optimizers setup_dataloaders "
    "initialize auto_model auto_optim convert_syncbn_model".split()
)
_CLASSES = frozenset({"DistributedDataParallel", "DDP", "DistributedOptimizer"})


def passed_through(function: Value, arguments: Arguments, spot: Spot) -> Value:
    """What code out of sight hands back, in the order in which it was given; None where it is not known for that."""
    if not isinstance(function, (External, Unknown)) or not arguments.positional:
        return None
    name = _name(spot.node)
    known = [one for value in arguments.positional for one in (value.values if isinstance(value, OneOf) else (value,))]
    if name not in _NAMES | _CLASSES or not any(isinstance(one, Instance) for one in known):
        return None
    if len(arguments.positional) == 1 or name in _CLASSES or name.startswith(("prepare_", "auto_", "convert_")):
        return arguments.positional[0]
    return tuple(arguments.positional)


def _name(node: cst.CSTNode) -> str:
    called = node.func if isinstance(node, cst.Call) else node
    name = called.attr if isinstance(called, cst.Attribute) else called
    return name.value if isinstance(name, cst.Name) else ""
