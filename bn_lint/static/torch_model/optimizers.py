"""Optimizers of `torch.optim`, as far as modes are concerned: whose parameters they hold, and that they step."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bn_lint.static.interpreter.values import (
    Arguments,
    Builtin,
    Dict,
    Function,
    Ghost,
    Instance,
    LibraryClass,
    List,
    Tensor,
    Union,
    Unknown,
    Value,
)
from bn_lint.static.syntax.places import NodeRef
from bn_lint.static.torch_model.batches import Batch
from bn_lint.static.torch_model.parameters import Weights
from bn_lint.static.torch_model.watchers import collector_of, events_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bn_lint.static.interpreter.interpreter import Interpreter

#: The cell with the modules whose parameters an optimizer holds; None when they are not all known.
_OWNED: Ghost[tuple[Instance, ...] | None] = Ghost("owned")
#: The cell with the passes of loops in which an optimizer was made.
_MADE_IN: Ghost[tuple[int, ...]] = Ghost("made in", decides=False)


def _init(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> None:
    found = list(_modules_in(arguments.get(1, "params")))
    modules = [one for one in found if one is not None]
    owned = tuple(modules) if len(modules) == len(found) else None
    _OWNED.put(arguments.receiver, owned)
    _MADE_IN.put(arguments.receiver, tuple(events_of(interpreter).loops))
    if owned is not None:
        interpreter.store.set(arguments.receiver, "param_groups", List(tuple(_groups(arguments.get(1, "params")))))
    events_of(interpreter).optimizers.append(owned)
    events_of(interpreter).optimized += [(one, ref) for one in modules]
    if len(found) == 1 and found[0] is not None:
        collector_of(interpreter).optimizer_built(interpreter, arguments.receiver, arguments, found[0], ref)


def _modules_in(value: Value, depth: int = 0) -> Iterator[Instance | None]:
    """The modules that parameters, lists and groups of them belong to; None for what is unknown."""
    if isinstance(value, Weights):
        yield value.module
    elif isinstance(value, (List, tuple)) and depth < 4:
        for one in (*value.items, *value.rest) if isinstance(value, List) else value:
            yield from _modules_in(one, depth + 1)
    elif isinstance(value, Dict) and depth < 4:
        yield from _modules_in(value.cells.get("params"), depth + 1)
    elif isinstance(value, Union) and depth < 4:
        for one in value.values:
            yield from _modules_in(one, depth + 1)
    elif not isinstance(value, (Tensor, Batch)):
        yield None


def _groups(parameters: Value) -> Iterator[Dict]:
    """The groups of parameters that an optimizer keeps, for the program to read."""
    given = parameters.items if isinstance(parameters, List) and not parameters.rest else ()
    for group in given if given and all(isinstance(one, Dict) for one in given) else (parameters,):
        held = tuple(Weights(one, held=True) for one in _modules_in(group) if one is not None)
        yield Dict({"params": List(held)}, is_open=True)


def owned_by(optimizer: Value) -> tuple[Instance, ...] | None:
    """The modules whose parameters an optimizer holds, when they are known."""
    owned = _OWNED.of(optimizer) if isinstance(optimizer, Instance) else None
    return owned if isinstance(owned, tuple) else None


def made_within(optimizer: Value, loops: tuple[int, ...]) -> int:
    """In how many passes of loops, from the outermost on, an optimizer was made: the next pass has another."""
    made = _MADE_IN.of(optimizer) if isinstance(optimizer, Instance) else None
    if not isinstance(made, tuple):
        return 0
    return next(
        (depth for depth, (one, other) in enumerate(zip(made, loops)) if one != other), min(len(made), len(loops))
    )


def _step(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
    closure = arguments.get(1, "closure")
    if closure is not None and not isinstance(closure, Unknown):
        from bn_lint.static.interpreter.calls import call

        call(interpreter, closure, Arguments(), ref, interpreter.frame)
    events_of(interpreter).stepped(interpreter, ref, arguments.positional[0], owned_by(arguments.positional[0]))
    return Unknown("loss", "an optimizer returns what its closure gives")


def own_step(optimizer: Instance, method: Function) -> Value:
    """What a step of an optimizer does that the program defines: how it computes the weights does not matter."""
    is_step = method.name == "step" and OPTIMIZER in optimizer.cls.mro
    return OPTIMIZER.methods["step"] if is_step else method


def _zero_grad(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> None:
    events_of(interpreter).gradients_dropped(interpreter)


def _nothing(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
    return None


OPTIMIZER = LibraryClass(
    "torch.optim.Optimizer",
    (),
    (),
    {
        "__init__": Builtin("__init__", _init),
        "step": Builtin("step", _step),
        "zero_grad": Builtin("zero_grad", _zero_grad),
        "load_state_dict": Builtin("load_state_dict", _nothing),
    },
)
OPTIMIZERS: dict[str, Value] = {
    f"torch.optim.{name}": LibraryClass(f"torch.optim.{name}", (OPTIMIZER,))
    for name in (
        "SGD Adam AdamW Adamax Adagrad Adadelta Adafactor ASGD LBFGS NAdam RAdam RMSprop Rprop SparseAdam Muon "
        "Optimizer"
    ).split()
}
