"""The vocabulary in which both front ends describe a program.

The static analyzer derives these facts, the runtime tracer observes them, and rules judge them without knowing which of
the two spoke. Whatever is not known is `None`, so a rule that is written naturally stays silent about it.
"""

from bn_lint.facts.analysis import Analysis, Coverage, Fact, Problem, Steps, Undecided
from bn_lint.facts.layers import (
    RANKS,
    UNKNOWN,
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
    PrivateBatchNorm,
    StaleStatistics,
    SyncConversion,
    UncalledBatchNorm,
    UnsynchronizedBatchNorm,
    VmappedBatchNorm,
    WeightDecay,
)
from bn_lint.facts.text import (
    BatchNormSkipped,
    BeforeBatchNorm,
    FreezeLoop,
    FunctionalBatchNorm,
    ModeAccess,
    PlainStatistics,
    TrackingSwitched,
    TrainOverride,
)
from bn_lint.facts.vocabulary import Evidence, Lines, Place, Replacement, Spelling

__all__ = [
    "RANKS",
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
    "Coverage",
    "Evidence",
    "Fact",
    "FreezeLoop",
    "FunctionalBatchNorm",
    "LastBatch",
    "Lines",
    "ModeAccess",
    "ModeChange",
    "ModelCall",
    "Place",
    "PlainContainer",
    "PlainStatistics",
    "PooledBatchNorm",
    "PrivateBatchNorm",
    "Problem",
    "Replacement",
    "Shape",
    "Spelling",
    "StaleStatistics",
    "Steps",
    "SyncConversion",
    "TrackingSwitched",
    "TrainOverride",
    "UncalledBatchNorm",
    "Undecided",
    "UnknownBatchNorm",
    "UnsynchronizedBatchNorm",
    "VmappedBatchNorm",
    "WeightDecay",
]
