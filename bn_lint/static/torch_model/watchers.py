"""Who is told what happens to layers and models while a program runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from bn_lint.static.interpreter.hooks import Collector
from bn_lint.static.interpreter.values import Instance

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bn_lint.facts import Fact, PooledBatchNorm
    from bn_lint.facts.dims import Dim
    from bn_lint.static.interpreter.interpreter import Interpreter
    from bn_lint.static.interpreter.values import Arguments, Axis, Function, Provenance, Tensor
    from bn_lint.static.syntax.places import NodeRef
    from bn_lint.static.torch_model.events import EventLog


class LayerCollector(Collector):
    """A collector that is also told of layers. This one takes note of nothing."""

    def batchnorm_built(self, interpreter: Interpreter, layer: Instance, arguments: Arguments, ref: NodeRef) -> None:
        """The constructor of a BatchNorm layer runs."""

    def batchnorm_called(
        self, interpreter: Interpreter, layer: Instance, x: Tensor, ref: NodeRef, *, functional: bool = False
    ) -> None:
        """A layer is called, or `F.batch_norm` with its statistics, which takes any number of dimensions."""

    def pooled(self, interpreter: Interpreter, layer: Instance, x: Tensor, ref: NodeRef) -> PooledBatchNorm | None:
        """A layer is called, perhaps on maps of which pooling left a single value; returns what was noted."""
        return None

    def enlarged(self, x: Tensor, origin: Provenance) -> None:
        """A tensor grows along its spatial axes."""

    def synchronized(self, layer: Instance) -> None:
        """A layer becomes a SyncBatchNorm."""

    def stays_in_eval(self, layer: Instance) -> None:
        """The `train` of its model puts a layer in evaluation mode."""

    def followed(self, interpreter: Interpreter, x: Tensor, takes: Dim, origin: Provenance, rank: int) -> None:
        """A layer that takes so many channels, and a tensor of this rank, is called."""

    def missing_built(self, interpreter: Interpreter, name: str, layer: Instance) -> None:
        """A layer is built that `torch.nn` does not have."""

    def missing_imported(self, name: str, ref: NodeRef) -> None:
        """A layer is imported that `torch.nn` does not have."""

    def missing_called(self, interpreter: Interpreter, layer: Instance, x: Tensor) -> None:
        """A layer is called that `torch.nn` does not have."""

    def optimizer_built(
        self, interpreter: Interpreter, optimizer: Instance, arguments: Arguments, model: Instance, ref: NodeRef
    ) -> None:
        """An optimizer is given the parameters of one module."""

    def models_arrive(self, functions: Iterable[Function]) -> None:
        """Models that the project makes are called, directly or not, from these functions."""

    def programmed(self, facts: Iterable[Fact]) -> None:
        """Take in what a program shows, each fact once."""


def collector_of(interpreter: Interpreter) -> LayerCollector:
    collector = interpreter.collector
    assert isinstance(collector, LayerCollector)
    return collector


def events_of(interpreter: Interpreter) -> EventLog:
    """The record of the entry point that is running. No other kind is made, see `TorchDomain.new_log`."""
    return cast("EventLog", interpreter.events)


def refuse(interpreter: Interpreter) -> None:
    """PyTorch refuses the sizes of a layer, or what it is given: where that is sure to happen, nothing else does."""
    events = events_of(interpreter)
    if interpreter.path.uncertain <= events.open_loops and not interpreter.collector.is_quiet:
        interpreter.store.disturb()
        events.has_refused = True


def given_too_much(interpreter: Interpreter, arguments: Arguments, most: int) -> bool:
    """Whether a layer is called with more arguments than it takes: Python refuses the call."""
    if len(arguments.positional) <= most:
        return False
    refuse(interpreter)
    return True


def refuse_unless_equal(interpreter: Interpreter, given: Axis, takes: Dim) -> None:
    """A layer takes so many channels or features: with another number PyTorch refuses.

    What a BatchNorm layer gives on is left to the rules.
    """
    if not isinstance(given.size, int) or not isinstance(takes, int) or given.size == takes:
        return
    maker = given.origin.maker if given.origin is not None else None
    if not isinstance(maker, Instance) or "track_running_stats" not in maker.cells:
        refuse(interpreter)
