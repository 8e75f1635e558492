"""The vocabulary in which both front ends describe a program.

The static analyzer derives these facts, the runtime tracer observes them, and rules judge them without knowing which of
the two spoke. Whatever is not known is `None`, so a rule that is written naturally stays silent about it. There is one
exception: arguments that a program passes, of which `None` is a possible value (`momentum=None`). Where such a value is
not known it is `UNKNOWN`. The fields are `Argument.value`, `ModeAccess.value`, and `eps`, `momentum`, `affine` and
`track_running_stats` of `BatchNormLayer`; their types say so.

By topic: `layers` has how BatchNorm layers are built and called, `models` what programs do with models that hold them,
`text` what source text shows without being followed, `traced` what only a run can tell. `inventory` lists models and
their layers, which no rule asks for. `vocabulary` and `dims` have
what facts are made of. Of the kinds of facts, those in `SHARED` are a vocabulary for all rules; each other one is the
answer to the question of a single rule, which its docstring names.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bn_lint.facts.analysis import SHARED, Analysis, Cancelled, Completion, Fact, Outdated
    from bn_lint.facts.coverage import CheckedCall, Coverage, Problem, Steps, Undecided
    from bn_lint.facts.inventory import Flow, Inventory, Model, ModelLayer, ModuleUse, Size, Sizes, TensorShape
    from bn_lint.facts.layers import (
        RANKS,
        Argument,
        Axis,
        BatchNormBuilt,
        BatchNormCall,
        BatchNormFollowed,
        BatchNormLayer,
        PlainContainer,
        PooledBatchNorm,
        Shape,
        UnknownBatchNorm,
    )
    from bn_lint.facts.models import (
        LastBatch,
        ModeChange,
        ModelCall,
        OverriddenEval,
        PrivateBatchNorm,
        StaleStatistics,
        SyncConversion,
        TransformedBatchNorm,
        UncalledBatchNorm,
        UnsynchronizedBatchNorm,
        WeightDecay,
    )
    from bn_lint.facts.text import (
        BatchNormSkipped,
        BeforeBatchNorm,
        FreezeLoop,
        FunctionalBatchNorm,
        InheritedTrain,
        ModeAccess,
        PlainStatistics,
        TrackingSwitched,
        TrainOverride,
    )
    from bn_lint.facts.vocabulary import (
        UNKNOWN,
        Constant,
        Evidence,
        Lines,
        Mode,
        Place,
        Purpose,
        Replacement,
        Shows,
        Unclear,
        Unknown,
    )

__all__ = [
    "RANKS",
    "SHARED",
    "UNKNOWN",
    "Analysis",
    "Argument",
    "Axis",
    "BatchNormBuilt",
    "BatchNormCall",
    "BatchNormFollowed",
    "BatchNormLayer",
    "BatchNormSkipped",
    "BeforeBatchNorm",
    "Cancelled",
    "CheckedCall",
    "Completion",
    "Constant",
    "Coverage",
    "Evidence",
    "Fact",
    "Flow",
    "FreezeLoop",
    "FunctionalBatchNorm",
    "InheritedTrain",
    "Inventory",
    "LastBatch",
    "Lines",
    "Mode",
    "ModeAccess",
    "ModeChange",
    "Model",
    "ModelCall",
    "ModelLayer",
    "ModuleUse",
    "Outdated",
    "OverriddenEval",
    "Place",
    "PlainContainer",
    "PlainStatistics",
    "PooledBatchNorm",
    "PrivateBatchNorm",
    "Problem",
    "Purpose",
    "Replacement",
    "Shape",
    "Shows",
    "Size",
    "Sizes",
    "StaleStatistics",
    "Steps",
    "SyncConversion",
    "TensorShape",
    "TrackingSwitched",
    "TrainOverride",
    "TransformedBatchNorm",
    "UncalledBatchNorm",
    "Unclear",
    "Undecided",
    "Unknown",
    "UnknownBatchNorm",
    "UnsynchronizedBatchNorm",
    "WeightDecay",
]

#: Where the names are, in the order in which runs need them: one that only repeats what it has found needs few.
_TOPICS = ("vocabulary", "inventory", "coverage", "text", "layers", "models", "analysis")

if not TYPE_CHECKING:  # type checkers would take all names for defined

    def __getattr__(name: str) -> Any:
        """Import a name when it is first asked for: the kinds of facts take a quarter of the time of such a run."""
        for topic in _TOPICS if name in __all__ else ():
            found = vars(import_module(f"{__name__}.{topic}"))
            if name in found:
                return globals().setdefault(name, found[name])
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
