"""Libraries that are handed models, optimizers and loaders, and hand them back: for several devices or precisions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bn_lint.libraries import LIBRARIES
from bn_lint.libraries.library import HandsBack
from bn_lint.static.interpreter.values import (
    Arguments,
    Builtin,
    External,
    Instance,
    LibraryClass,
    Unknown,
    Value,
    alternatives,
)
from bn_lint.static.syntax import nodes as cst
from bn_lint.static.syntax.places import NodeRef
from bn_lint.static.torch_model.mode import forget
from bn_lint.static.torch_model.watchers import events_of

if TYPE_CHECKING:
    from bn_lint.static.interpreter.interpreter import Interpreter


def _all(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
    given = arguments.positional
    return given[0] if len(given) == 1 else tuple(given)


def _first(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
    return next(iter(arguments.values()), Unknown("?"))


def _observed(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
    model = _first(interpreter, arguments, ref)
    interpreter.store.disturb()
    events_of(interpreter).observed.update(map(id, alternatives(model)))
    return model


def _quantized(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
    model = _first(interpreter, arguments, ref)
    interpreter.store.disturb()
    events_of(interpreter).quantized.extend(one for one in alternatives(model) if isinstance(one, Instance))
    return model


def _method(implementation: Builtin) -> Builtin:
    return Builtin(
        implementation.name,
        lambda interpreter, arguments, ref: implementation.implementation(interpreter, arguments.shifted(), ref),
    )


_HANDS_BACK = {HandsBack.FIRST: Builtin("prepare", _first), HandsBack.ALL: Builtin("prepare", _all)}
_METHODS = {how: _method(function) for how, function in _HANDS_BACK.items()}
#: Of these it is documented that they leave the mode of a model as it is, and keep its layers.
WRAPPERS: dict[str, Value] = {
    dotted: _HANDS_BACK[how] for library in LIBRARIES for dotted, how in library.hands_back.items()
}
WRAPPERS |= {
    dotted: LibraryClass(dotted, (), (), {name: _METHODS[how] for name, how in methods.items()})
    for library in LIBRARIES
    for dotted, methods in library.wrappers.items()
}
WRAPPERS |= dict.fromkeys(
    ("torch.quantization.prepare", "torch.ao.quantization.prepare"), Builtin("prepare", _observed)
)
WRAPPERS |= dict.fromkeys(
    ("torch.quantization.prepare_qat", "torch.ao.quantization.prepare_qat"), Builtin("prepare_qat", _quantized)
)
WRAPPERS["torch.distributed.fsdp.FullyShardedDataParallel"] = _HANDS_BACK[HandsBack.FIRST]
#: Functions of the same names of unknown libraries or objects.
_NAMES = frozenset(
    "prepare prepare_model prepare_data_loader prepare_optimizer setup setup_module setup_optimizers setup_dataloaders "
    "initialize auto_model auto_optim convert_syncbn_model DistributedDataParallel DDP DistributedOptimizer".split()
)


def passed_through(interpreter: Interpreter, function: Value, arguments: Arguments, ref: NodeRef) -> Value:
    """What foreign code hands back, in the order in which it was given; None where it is not named like that.

    That it also leaves the models in their modes is not known: what is said of them begins with the next switch.
    """
    if not isinstance(function, (External, Unknown)) or not arguments.positional or _name(ref.node) not in _NAMES:
        return None
    models = [
        one
        for value in arguments.positional
        for one in alternatives(value)
        if (isinstance(one, Instance) and one.is_module) or (isinstance(one, Unknown) and one.stand_in is not None)
    ]
    if not models:
        return None
    for model in models:
        known = model.stand_in if isinstance(model, Unknown) else model
        if isinstance(known, Instance):
            forget(interpreter, known)
    return arguments.positional[0] if len(arguments.positional) == 1 else tuple(arguments.positional)


def _name(node: cst.CSTNode) -> str:
    called = node.func if isinstance(node, cst.Call) else node
    name = called.attr if isinstance(called, cst.Attribute) else called
    return name.value if isinstance(name, cst.Name) else ""
