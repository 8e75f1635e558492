"""The mode of modules: a cell of each, written by `train()` and `eval()`, undone and merged like any other."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING, Final

from bn_lint.static.interpreter.limits import MAX_ALTERNATIVES
from bn_lint.static.interpreter.paths import excludes
from bn_lint.static.interpreter.values import (
    DomainValue,
    Function,
    Ghost,
    Instance,
    LibraryClass,
    Union,
    Unknown,
    Value,
    alternatives,
)
from bn_lint.static.syntax.places import NodeRef
from bn_lint.static.torch_model.watchers import events_of

if TYPE_CHECKING:
    from bn_lint.static.interpreter.interpreter import Interpreter
    from bn_lint.static.torch_model.events import EventLog


class Mode(DomainValue):
    """A mode a module is in.

    Attributes:
        training: Whether it is training mode; None if unknown.
        spot: The call that switched; None for the mode a module is built in.
        root: The module that `train()` or `eval()` was called on.
        order: The time of the switch (see `EventLog.now`).
        loops: The passes of loops in which it happened.
        grad: Whether gradients were recorded then.
        events: The entry point in which it happened.
        alone: The switch was meant for this part of a model, and not for the whole.
        ways: The undecided branches that surround it, each with the side that was taken.
    """

    __slots__ = ("alone", "events", "grad", "loops", "order", "ref", "root", "training", "ways")

    def __init__(self, training: bool | None, ref: NodeRef | None = None) -> None:
        self.training = training
        self.ref = ref
        self.events: EventLog | None = None
        self.root: Instance | None = None
        self.order = 0
        self.loops: tuple[int, ...] = ()
        self.grad: bool | None = True
        self.alone = False
        self.ways: tuple[tuple[Hashable, int], ...] = ()

    @classmethod
    def summarized(cls, alternatives: list[Value]) -> list[Value]:
        """Return the latest switch at each place; of many places, the latest to each mode.

        What a loop leaves behind and what came before it are told apart by mode: how often a switch ran is not.
        """
        modes = [one for one in alternatives if isinstance(one, Mode)]
        if len(modes) < len(alternatives):
            return alternatives
        modes.sort(key=lambda one: one.order)
        latest = {(one.training, one.ref and one.ref.node, id(one.root), id(one.events)): one for one in modes}
        if len(latest) > MAX_ALTERNATIVES:
            return list({one.training: one for one in modes}.values())
        return list(latest.values())

    def excludes(self, other: Mode) -> bool:
        """Whether the two were set on different sides of one branch, so that neither follows the other."""
        return excludes(self.ways, other.ways)

    def __repr__(self) -> str:
        return {True: "training", False: "evaluation", None: "unknown"}[self.training] + " mode"


#: The mode of a module.
MODE: Final[Ghost[Mode | Union]] = Ghost("mode", decides=False)
#: Where the parameters of a BatchNorm layer were frozen; None when they are trained, and both where ways differ.
FROZEN: Final[Ghost[NodeRef | Unknown | Union | None]] = Ghost("frozen", decides=False)
#: Where the top level of a file, or what it calls, has loaded the weights of a module.
LOADED: Final[Ghost[NodeRef | Union]] = Ghost("loaded", decides=False)
#: Modules are built in training mode.
BUILT: Final = Mode(True)
#: Foreign code may have switched.
UNSEEN: Final = Mode(None)
#: The mode in which a model arrives that is made out of view.
ARRIVED: Final = Mode(None)


def modes_of(module: Instance, events: EventLog) -> tuple[Mode, ...]:
    """The modes that a module may be in, as one entry point knows: what others left behind may come later, or never."""
    return tuple(
        one if isinstance(one, Mode) and one.events in (None, events) else UNSEEN
        for one in alternatives(MODE.of(module) or BUILT)
    )


def possible(modes: tuple[Mode, ...], chosen: Sequence[tuple[Hashable, int]]) -> tuple[Mode, ...]:
    """The modes among several that were not set on other sides of the branches in which something happens."""
    if len(modes) < 2 or not chosen:
        return modes
    return tuple(one for one in modes if not excludes(one.ways, chosen)) or modes


def agreed(modes: tuple[Mode, ...]) -> bool | None:
    """Whether all alternatives are training mode, or all evaluation mode."""
    states = {mode.training for mode in modes}
    return states.pop() if len(states) == 1 else None


def switch(interpreter: Interpreter, module: Instance, training: Value, ref: NodeRef) -> None:
    """Do what `nn.Module.train(training)` does."""
    decided = training if isinstance(training, bool) else None
    mode, events = Mode(decided, ref), events_of(interpreter)
    mode.root, mode.events = module, events
    mode.order, mode.loops, mode.grad = events.now(), tuple(events.loops), events.grad
    mode.ways = interpreter.path.chosen
    mode.alone = module.owner is not None and module.owner.is_module and not _holds_whole(module.owner)
    events.switched(interpreter, module, mode)
    _apply(interpreter, module, mode, training, ref, set())


def _holds_whole(owner: Instance) -> bool:
    """Whether a module is `DataParallel` or its like: what is in it is a model and no part of one."""
    return isinstance(owner.cls, LibraryClass) and "module" in owner.cells


def _apply(
    interpreter: Interpreter, module: Instance, mode: Mode, training: Value, ref: NodeRef, seen: set[int]
) -> None:
    if id(module) in seen:
        return
    seen.add(id(module))
    interpreter.store.note(module, MODE, mode)
    for child in [*module.possible_children(), *_behind_unknown(module)]:
        override = child.cls.lookup("train")[0]
        if isinstance(override, Function) and interpreter.stack.count(override) == 0:
            from bn_lint.static.torch_model.overrides import call_train

            call_train(interpreter, override, child, training, ref)
        else:
            _apply(interpreter, child, mode, training, ref, seen)


def _behind_unknown(module: Instance) -> list[Instance]:
    """The modules that stand for unknown parts of a module."""
    found = (value.stand_in for value in module.cells.values() if type(value) is Unknown)
    return [stand_in for stand_in in found if stand_in is not None]


def forget(interpreter: Interpreter, module: Instance) -> None:
    """Foreign code got hold of a module: it may have switched it."""
    for one in module.possible_descendants():
        interpreter.store.note(one, MODE, UNSEEN)
        for hidden in _behind_unknown(one):
            forget(interpreter, hidden)


def training_flag(interpreter: Interpreter, module: Instance) -> Value:
    """What `module.training` reads."""
    events = events_of(interpreter)
    if events.depth:
        return _MODE
    interpreter.store.disturb()  # the same function may find another model like this one in another mode
    known = agreed(modes_of(module, events))
    return _MODE if known is None else known


#: One value for all: calls that differ in nothing else are the same call.
_MODE = Unknown("training", "the mode is not known")
