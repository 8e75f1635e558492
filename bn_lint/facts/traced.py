"""Facts that only a run can state: what became of running statistics, and how often.

They extend the vocabulary of `bn_lint.facts`. One fact stands for one mistake: where several layers show the same,
`layers` has all of them, in the order in which they are called.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Union

from bn_lint.facts.layers import BatchNormLayer
from bn_lint.facts.vocabulary import Evidence, Mode, Place


@dataclass(frozen=True)
class SharedBatchNorm:
    """One BatchNorm layer is applied several times before an optimizer step.

    BN503 alone judges it.

    Attributes:
        calls: The different places that apply it in training mode.
        same_forward: They belong to one forward pass of the model, which uses the layer at two positions; otherwise
            the whole model runs several times.
    """

    layers: tuple[BatchNormLayer, ...]
    place: Place
    calls: tuple[Evidence, ...]
    same_forward: bool


@dataclass(frozen=True)
class UntouchedStatistics:
    """BatchNorm layers normalize with running statistics that hold, mostly or only, their initial values.

    BN801 alone judges it.

    Attributes:
        place: The evaluation.
        initial: The share of the statistics that is still the initial value: 1 when nothing ever updated them.
        learned: What shows that the model is meant to be used: its weights were trained or loaded. None for a model
            that was only built.
    """

    layers: tuple[BatchNormLayer, ...]
    place: Place
    initial: float = 1.0
    learned: Evidence | None = None


@dataclass(frozen=True)
class UnfitStatistics:
    """Running statistics at the end of a run are not what normalization needs.

    Attributes:
        place: Where the first of the layers is built.
        not_finite: They hold NaN or infinity.
        collapsed: Channels of the first layer whose running variance is below eps.
        channels: How many channels the first layer has.
        since: The optimizer step after which it was first seen; None when it was only looked at in the end.
    """

    layers: tuple[BatchNormLayer, ...]
    place: Place
    not_finite: bool = False
    collapsed: int = 0
    channels: int = 0
    since: int | None = None
    called: Evidence | None = None


@dataclass(frozen=True)
class StatisticsDrift:
    """What arrives at BatchNorm layers differs from what their running statistics say.

    BN804 alone judges it.

    Attributes:
        place: The call of the model.
        mode: Whether it was seen in training (batch after batch) or in evaluation.
        shift: By how many running standard deviations the mean of a batch is off; root mean square over the channels
            of the layer that is off most in training, or is called first in evaluation.
        spread: The variance of a batch divided by the running variance, the median over channels; None when unknown.
        batches: How many batches this is taken from.
    """

    layers: tuple[BatchNormLayer, ...]
    place: Place
    mode: Mode
    shift: float
    batches: int
    spread: float | None = None


@dataclass(frozen=True)
class ModeFlips:
    """A model is trained in training mode and in evaluation mode by turns.

    BN805 alone judges it.

    Attributes:
        place: The call of the model.
        flips: How often the mode was another one than at the optimizer step before.
        steps: Optimizer steps in which the model took part.
    """

    model: str
    place: Place
    flips: int
    steps: int
    modes: tuple[Evidence, ...] = ()


@dataclass(frozen=True)
class StaleAverage:
    """An averaged model is evaluated with running statistics that belong to other weights.

    BN607 alone judges it.

    Attributes:
        place: The evaluation.
        averaged: Where the weights were averaged.
    """

    model: str
    place: Place
    averaged: Evidence


@dataclass(frozen=True)
class StatisticsNotLoaded:
    """A checkpoint without running statistics was loaded, and the model was evaluated with the initial ones.

    BN609 alone judges it.

    Attributes:
        place: The call that loads.
        evaluated: The evaluation.
    """

    layers: tuple[BatchNormLayer, ...]
    place: Place
    evaluated: Evidence


@dataclass(frozen=True)
class DivergedStatistics:
    """Processes that train copies of one model have different running statistics.

    BN604 alone judges it.

    Attributes:
        place: The call of the model.
        shift: By how many running standard deviations the running means of two processes differ, at most.
        broadcast: Whether DistributedDataParallel sends the buffers of rank 0 to the others; None without it.
    """

    layers: tuple[BatchNormLayer, ...]
    place: Place
    ranks: int
    shift: float
    broadcast: bool | None = None


ObservedFact = Union[
    SharedBatchNorm,
    UntouchedStatistics,
    UnfitStatistics,
    StatisticsDrift,
    ModeFlips,
    StaleAverage,
    StatisticsNotLoaded,
    DivergedStatistics,
]
