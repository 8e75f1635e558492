"""What may happen to a model: it is called, an optimizer steps, its mode is switched."""

from __future__ import annotations

from collections.abc import Callable, Container, Hashable, Iterable, Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING

from bn_lint.facts import CheckedCall, Evidence, Purpose
from bn_lint.static.interpreter.paths import excludes
from bn_lint.static.interpreter.values import Function, Instance, Union, Value
from bn_lint.static.syntax import nodes as cst
from bn_lint.static.syntax.flow import dotted
from bn_lint.static.syntax.places import NodeRef
from bn_lint.static.syntax.tree import asked_once, walk
from bn_lint.static.torch_model.mode import FROZEN, LOADED, Mode, agreed

#: The position of `training` among the parameters of `F.batch_norm`.
_TRAINING = 5

if TYPE_CHECKING:
    from bn_lint.static.interpreter.frames import Frame
    from bn_lint.static.torch_model.batches import Batches


Ways = tuple[tuple[Hashable, int], ...]


class Call:
    """One call of a model by code that is not part of a model."""

    def __init__(self, model: Instance, layers: list[Instance], ref: NodeRef, frame: Frame) -> None:
        self.model = model
        #: Its BatchNorm layers.
        self.layers = layers
        self.ref = ref
        self.frame = frame
        self.order = 0
        self.loops: tuple[int, ...] = ()
        #: The undecided branches that surround it, each with the side that was taken.
        self.ways: Ways = ()
        self.grad: bool | None = True
        #: The modes that each of these may be in, where that is known.
        self.modes: list[tuple[Mode, ...]] = []
        self.uncertain = False
        self.dropped = False
        #: Whether the function that calls it never reads the result.
        self.is_unread = False
        #: Whether its result stands in an assertion, and only there: it is a test of the code.
        self.asserted = False
        #: Whether it is a method other than `forward` that is called: `model.features(images)`.
        self.is_method = False
        #: Whether a function within a function makes it, which foreign code calls: it may train on the answer.
        self.is_asked = False
        #: Whether it is given a tensor that was made up for the call.
        self.made_up = False
        #: Whether gradients were computed of its result, and on which sides of branches.
        self.backward = False
        self.backward_on: Ways = ()
        #: Whether something that may be an optimizer steps on the gradients.
        self.may_be_trained = False
        #: Whether the gradients of it were computed and then set to zero, and on which sides of branches.
        self.discarded = False
        self.discarded_on: Ways = ()
        self.step: Step | None = None
        self.purpose: Purpose | None = None
        #: What shows the purpose.
        self.because: Evidence | None = None
        #: Whether the weights were trained or loaded before, and where.
        self.prepared: NodeRef | None = None
        #: Where else the top level of a file had loaded them, if this is a function that nobody in view calls.
        self.loaded_before: NodeRef | None = None
        self.batches: Batches | None = None
        #: How many samples it is given, where that is known, if only by the default of an option.
        self.samples: int | None = None
        self.frozen: NodeRef | None = None
        #: Whether the parameters of all its BatchNorm layers are frozen.
        self.is_frozen = False
        #: Whether its running statistics describe nothing that evaluation mode could normalize by.
        self.needs_batch_statistics = False
        #: The layers that run in training mode with frozen parameters, and where those were frozen.
        self.frozen_layers: list[tuple[Instance, NodeRef]] = []
        #: Whether it is given other data than the training, and only looked at; None until somebody asks.
        self.is_held_out: bool | None = None
        #: Parts of the model that it calls itself without recording gradients.
        self.inside: list[Call] = []
        self.caller: list[Frame] = []
        #: Whether its mode was checked, once the entry point is over.
        self.checked: CheckedCall | None = None

    @property
    def states(self) -> set[bool | None]:
        return {agreed(modes) for modes in self.modes}

    def discard(self, ways: Ways = ()) -> None:
        """Note that nothing comes of its gradients, on some sides of branches or at all."""
        self.backward = self.backward and bool(ways) and not set(ways) <= set(self.backward_on)
        self.discarded, self.discarded_on = True, ways

    def is_discarded(self, ways: Ways) -> bool:
        """Whether it is known on these sides of branches that nothing comes of its gradients.

        Behind a branch on one side of which they were set to zero, they are those of the other side. The call itself
        was made on some sides: there are no gradients of it on others.
        """
        return self.discarded and set(self.discarded_on) - set(self.ways) <= set(ways)

    def is_propagated(self, ways: Ways) -> bool:
        """Whether gradients were computed of its result on these sides of branches."""
        return self.backward and not excludes(self.backward_on, ways) and not self.is_discarded(ways)

    def is_latest(self, calls: Iterable[Call], ways: Ways) -> bool:
        """Whether its model was not called again, on these sides of branches."""
        later = (one for one in calls if one.model is self.model and one.order > self.order)
        return all(excludes(one.ways, ways) for one in later)


class Step:
    """One step of an optimizer: when, in which passes of loops, and in which function."""

    def __init__(
        self,
        order: int,
        loops: tuple[int, ...],
        frame: Frame | None,
        optimizer: Value,
        owned: tuple[Instance, ...] | None,
        ref: NodeRef,
        propagations: int = 0,
    ) -> None:
        self.order = order
        self.ref = ref
        self.loops = loops
        self.frame = frame
        self.optimizer = optimizer
        #: The modules whose parameters it changes, when they are known.
        self.owned = owned
        #: How often gradients were computed before.
        self.propagations = propagations


class Switch:
    """One call of `train()` or `eval()`."""

    def __init__(self, model: Instance, mode: Mode, frame: Frame | None) -> None:
        self.model = model
        self.mode = mode
        self.frame = frame
        #: The modes before, of the BatchNorm layers inside.
        self.before: list[tuple[Instance, tuple[Mode, ...]]] = []


def relation_to(modules: Sequence[Instance]) -> Callable[[Instance], bool]:
    """Tells of one module after the other whether it is one of some, or part of one, or one is part of it."""
    own = set(map(id, modules))

    @cache
    def parts() -> set[int]:
        return {id(part) for one in modules for part in one.possible_descendants()}

    @cache
    def is_related(module: Instance) -> bool:
        return not own.isdisjoint(map(id, module.possible_descendants())) or id(module) in parts()

    return is_related


def batchnorm_layers(model: Instance) -> list[Instance]:
    """The BatchNorm layers of a model that keep running statistics."""
    return [
        layer
        for layer in model.possible_descendants()
        if _is_batchnorm(layer) and layer.cells.get("track_running_stats", True) is True
    ]


def _is_batchnorm(layer: Instance) -> bool:
    """Whether a module is a BatchNorm layer of PyTorch, or one of the program that calls `F.batch_norm` by its mode."""
    from bn_lint.static.torch_model.batchnorm import batchnorm_class

    forward = layer.cls.lookup("forward")[0]
    if batchnorm_class(layer) is not None:
        return not isinstance(forward, Function) or not _has_one_mode(forward.node)
    return "running_mean" in layer.cells and isinstance(forward, Function) and _normalizes_by_mode(forward.node)


@asked_once
def _normalizes_by_mode(forward: cst.CSTNode) -> bool:
    """Whether a `forward` calls `batch_norm` with running statistics of its own, and with its own mode."""
    return any(
        {"self.running_mean", "self.training"} <= {dotted(argument.value) for argument in call.args}
        for call in walk(forward)
        if type(call) is cst.Call and dotted(call.func).rpartition(".")[2] == "batch_norm"
    )


@asked_once
def _has_one_mode(forward: cst.CSTNode) -> bool:
    """Whether a `forward` calls `batch_norm` with `training=True`, or False, whatever the mode of its layer is."""
    flags = [
        argument.value
        for call in walk(forward)
        if type(call) is cst.Call and dotted(call.func).rpartition(".")[2] == "batch_norm"
        for number, argument in enumerate(call.args)
        if (argument.keyword.value == "training" if argument.keyword is not None else number == _TRAINING)
    ]
    asks = any(
        node.attr.value == "training"
        if type(node) is cst.Attribute
        else type(node) is cst.Name and node.value == "super"
        for node in walk(forward)
    )
    return (
        bool(flags) and not asks and all(type(flag) is cst.Name and flag.value in ("True", "False") for flag in flags)
    )


def has_batchnorm_for_sure(model: Instance, among: Container[int] | None = None) -> bool:
    """Whether a BatchNorm layer is in all alternatives of a model: none that only an undecided option puts there.

    Args:
        among: Only these layers count, by their `id`.
    """
    seen: set[int] = set()

    def has_one(value: Value) -> bool:
        if isinstance(value, Union):
            return all(map(has_one, value.values))
        if not isinstance(value, Instance) or id(value) in seen:
            return False
        seen.add(id(value))
        if _is_batchnorm(value) and (among is None or id(value) in among):
            return True
        return any(has_one(child) for _, child in value.children())

    return has_one(model)


def need_batch_statistics(layers: list[Instance]) -> bool:
    """Whether the running statistics of layers describe nothing that evaluation mode could normalize by.

    They are those of the latest batch, as meta-learners want them, or one layer keeps those that it begins with.
    """
    momenta = [layer.cells.get("momentum") for layer in layers]
    known = [one for one in momenta if isinstance(one, (int, float))]
    return 0 in known or (len(known) == len(momenta) and all(one == 1 for one in known))


def frozen_layers(layers: list[Instance], modes: list[tuple[Mode, ...]]) -> list[tuple[Instance, NodeRef]]:
    """The layers that run in training mode with frozen parameters, and where those were frozen."""
    return [
        (layer, where)
        for layer, own in zip(layers, modes)
        if agreed(own) is True and isinstance(where := FROZEN.of(layer), NodeRef)
    ]


def owners(module: Instance) -> Iterator[Instance]:
    """A module and those around it: not those that were only given it, to train a part of a model, say."""
    owner: Instance | None = module
    while owner is not None:
        yield owner
        owner = owner.owner


def loaded_before(model: Instance) -> NodeRef | None:
    """Where the top level of a file loaded the weights of a model, alone or as a part of another one."""
    around: Instance | None = model
    while around is not None and around.is_module:
        if isinstance(where := LOADED.of(around), NodeRef):
            return where
        around = around.owner
    return None
