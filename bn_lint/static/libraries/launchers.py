"""Libraries that are handed models, optimizers and loaders, and hand them back: for several devices or precisions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import libcst as cst

from bn_lint.static.interpreter.values import Arguments, Builtin, External, Instance, LibraryClass, Unknown, Value
from bn_lint.static.syntax.places import NodeRef
from bn_lint.static.torch_model.mode import alternatives, forget

if TYPE_CHECKING:
    from bn_lint.static.interpreter.interpreter import Interpreter


def _all(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
    given = arguments.positional
    return given[0] if len(given) == 1 else tuple(given)


def _first(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
    return next(iter(arguments.values()), Unknown("?"))


def _deepspeed(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
    """`deepspeed.initialize(args, model, optimizer)`: the engine is called, and switched, like the model."""
    return (arguments.get(1, "model"), Unknown("optimizer"), Unknown("training_dataloader"), Unknown("lr_scheduler"))


def _method(implementation: Builtin) -> Builtin:
    return Builtin(
        implementation.name,
        lambda interpreter, arguments, ref: implementation.implementation(interpreter, arguments.shifted(), ref),
    )


_ALL, _FIRST = Builtin("prepare", _all), Builtin("prepare", _first)
_ACCELERATOR = LibraryClass(
    "accelerate.Accelerator",
    (),
    (),
    {"prepare": _method(_ALL)}
    | dict.fromkeys(
        ("prepare_model", "prepare_optimizer", "prepare_data_loader", "prepare_scheduler", "unwrap_model"),
        _method(_FIRST),
    ),
)
_FABRIC = LibraryClass(
    "lightning.fabric.Fabric",
    (),
    (),
    dict.fromkeys(("setup", "setup_optimizers", "setup_dataloaders"), _method(_ALL))
    | {"setup_module": _method(_FIRST)},
)
#: Of these it is documented that they leave the mode of a model as it is, and keep its layers.
WRAPPERS: dict[str, Value] = {
    "accelerate.Accelerator": _ACCELERATOR,
    "accelerate.accelerator.Accelerator": _ACCELERATOR,
    "lightning.Fabric": _FABRIC,
    "lightning.fabric.Fabric": _FABRIC,
    "lightning.fabric.fabric.Fabric": _FABRIC,
    "lightning_fabric.Fabric": _FABRIC,
    "deepspeed.initialize": Builtin("initialize", _deepspeed),
    "apex.amp.initialize": Builtin("initialize", _all),
    "apex.parallel.DistributedDataParallel": _FIRST,
    "horovod.torch.DistributedOptimizer": _FIRST,
    "ignite.distributed.auto_model": _FIRST,
    "ignite.distributed.auto_optim": _FIRST,
    "ray.train.torch.prepare_model": _FIRST,
    "ray.train.torch.prepare_data_loader": _FIRST,
    "ray.train.torch.prepare_optimizer": _FIRST,
    "torch.quantization.prepare": _FIRST,
    "torch.ao.quantization.prepare": _FIRST,
    "torch.distributed.fsdp.FullyShardedDataParallel": _FIRST,
}
#: Functions of the same names of libraries, or of objects, that nobody knows.
_NAMES = frozenset(
    "prepare prepare_model prepare_data_loader prepare_optimizer setup setup_module setup_optimizers setup_dataloaders "
    "initialize auto_model auto_optim convert_syncbn_model DistributedDataParallel DDP DistributedOptimizer".split()
)


def passed_through(interpreter: Interpreter, function: Value, arguments: Arguments, ref: NodeRef) -> Value:
    """What code out of sight hands back, in the order in which it was given; None where it is not named like that.

    That it also leaves the models in their modes is not known: what is said of them begins with the next switch.
    """
    if not isinstance(function, (External, Unknown)) or not arguments.positional or _name(ref.node) not in _NAMES:
        return None
    models = [
        one
        for value in arguments.positional
        for one in alternatives(value)
        if isinstance(one, Instance) and one.is_module
    ]
    if not models:
        return None
    for model in models:
        forget(interpreter, model)
    return arguments.positional[0] if len(arguments.positional) == 1 else tuple(arguments.positional)


def _name(node: cst.CSTNode) -> str:
    called = node.func if isinstance(node, cst.Call) else node
    name = called.attr if isinstance(called, cst.Attribute) else called
    return name.value if isinstance(name, cst.Name) else ""
