"""Facts about models with BatchNorm inside: their modes, their batches, their weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Union

from bn_lint.facts.layers import BatchNormLayer
from bn_lint.facts.vocabulary import Evidence, Lines, Mode, Place, Purpose, Replacement


@dataclass(frozen=True)
class ModelCall:
    """A model with BatchNorm inside is applied, by code that is not part of a model itself.

    Attributes:
        model: The model as the caller writes it (`net`, `self.generator`).
        place: The call.
        mode: Training mode when a BatchNorm layer inside runs in it, evaluation mode when none does.
        grad: Whether gradients are recorded.
        purpose: What the model is called for.
        because: What shows the purpose.
        switch: The call that put the model in its mode; None while it is in the mode it was built in.
        switch_is_local: That call belongs to the same evaluation or training, and not to something earlier.
        certain: Nothing about this was assumed: the model's class, its mode and the way here are all known.
        others: Other networks of the same program part that were put in evaluation mode.
        frozen: Where the parameters of BatchNorm layers that run in training mode were frozen.
        path: The calls that led here, outermost first.
        adversarial: The model is one of two that take turns in training, as in a GAN.
        replaced: Where layers were built that came into the model after it was put in evaluation mode.
        lines: The statements that the call is made for, when the model is called the same around them: the whole loop,
            and nothing that is done for another purpose. Complete facts have it.
        resumed: The model is trained afterward, and nothing puts it in training mode before that.
        switch_name: The name of the method that put the model in its mode, when the same function calls it for nothing
            but this.
        override: The `train` of a class of the program, which `eval()` called last and which left BatchNorm layers in
            training mode.
        is_declined: The same file, or the one that loads its weights, calls `eval()` for a model of this name, or its
            class for a part of it, and has commented it out. Of a training with frozen layers: a switch for freezing
            BatchNorm is off.
        only_evaluated: The program was seen from its beginning to its end, and does not train the model; nor does it
            draw several predictions for the same input, as Monte Carlo dropout does.
        is_symbolic: The model is made out of view: all that is said follows from what the program does to it.
        likely: Of a model that is made out of view: where the project builds BatchNorm.
        has_learned: Before it was put in its mode, its weights were loaded, or it was trained in training mode.
        only_input: It is given what the model was trained on, and it was trained on nothing else.
        single: Where the BatchNorm layers of a model are built that is called on one sample, where all are known.
        draft: Of a fact that is not complete: the number of what the front end completes it from.
    """

    model: str
    place: Place
    mode: Mode | None = None
    grad: bool | None = None
    purpose: Purpose | None = None
    because: Evidence | None = None
    switch: Evidence | None = None
    switch_is_local: bool = False
    certain: bool = False
    others: tuple[Evidence, ...] = ()
    frozen: Evidence | None = None
    path: tuple[Evidence, ...] = ()
    adversarial: bool = False
    replaced: Evidence | None = None
    lines: Lines | None = None
    resumed: bool = False
    switch_name: Place | None = None
    override: Evidence | None = None
    is_declined: bool = False
    only_evaluated: bool = False
    is_symbolic: bool = False
    likely: Evidence | None = None
    has_learned: bool = False
    only_input: bool = False
    single: tuple[Place, ...] = ()
    draft: int | None = None


@dataclass(frozen=True)
class LastBatch:
    """A model is trained on the batches of a loader, and the last one of an epoch is smaller, or may be.

    BN202 alone judges it.

    Attributes:
        layer: A BatchNorm layer of the model that gets as many values per channel as the batch has samples.
        size: The number of samples in the last batch; None if unknown.
        batch_size: The number of samples in the others.
        length: The number of samples in the data set; None if unknown.
        place: The construction of the loader.
        call: Where the model is called on the batches.
        left_out: The argument that makes the loader leave that batch out. Complete facts have it.
        draft: As in `ModelCall`.
    """

    layer: BatchNormLayer
    size: int | None
    batch_size: int
    length: int | None
    place: Place
    call: Evidence
    left_out: Replacement | None = None
    draft: int | None = None


@dataclass(frozen=True)
class ModeChange:
    """A call switches the mode of a model with BatchNorm inside.

    BN302 alone judges it.

    Attributes:
        model: The model as the caller writes it.
        mode: The new mode.
        place: The call.
        reenabled: Where BatchNorm layers that this call puts back in training mode had been frozen: put in evaluation
            mode intentionally, apart from the rest of the model.
        again: What freezes them after every such call. Complete facts have it.
        draft: As in `ModelCall`.
    """

    model: str
    mode: Mode
    place: Place
    reenabled: Evidence | None = None
    again: Replacement | None = None
    draft: int | None = None


@dataclass(frozen=True)
class WeightDecay:
    """An optimizer decays all parameters of a model alike, those of BatchNorm layers included.

    BN407 alone judges it.

    Attributes:
        model: The model as written.
        place: The call that makes the optimizer.
        decay: The weight decay.
        layers: How many BatchNorm layers with a weight there are; None where they were not counted.
        first: The first of them, where the program builds it.
    """

    model: str
    place: Place
    decay: float
    layers: int | None
    first: Evidence | None


@dataclass(frozen=True)
class UncalledBatchNorm:
    """BatchNorm layers of a model none of which is ever applied.

    BN504 alone judges it.

    Attributes:
        place: Where the first of the layers is built.
        model: The model, or the class that builds them.
        called: The call of the model, or the method that leaves them out.
        statement: The lines that build the layer and do nothing else.
        instead: Where another layer is applied, for the second time, to the output of what has the number of this one.
    """

    layers: tuple[BatchNormLayer, ...]
    place: Place
    model: str
    called: Evidence
    statement: Place | None = None
    instead: Evidence | None = None


@dataclass(frozen=True)
class PrivateBatchNorm:
    """A model is made ready for training with differential privacy, and has BatchNorm layers that are trained.

    BN701 alone judges it.

    Attributes:
        model: The model as the call gives it.
        place: The call.
        layer: Where the first of the layers is built.
        path: The calls that led here, outermost first.
    """

    model: str
    place: Place
    layer: Evidence
    path: tuple[Evidence, ...] = ()


@dataclass(frozen=True)
class TransformedBatchNorm:
    """A transform of `torch.func` runs a BatchNorm layer in training mode, but does not know its running statistics.

    BN702 alone judges it.

    Attributes:
        layer: The layer's name in the model.
        place: The call of the model.
        transform: The name of the transform: `vmap`, `grad`, `jacrev`.
        transformed: Where it is applied to the function that calls the layer.
        built: Where the layer is built.
        switch: The call that put it in training mode; None while it is in the mode it was built in.
        path: The calls that led here, outermost first.
    """

    layer: str
    place: Place
    transform: str
    transformed: Evidence
    built: Evidence
    switch: Evidence | None = None
    path: tuple[Evidence, ...] = ()


@dataclass(frozen=True)
class OverriddenEval:
    """`eval()` calls a `train` that a class of the program overrides, without a call of the inherited one.

    BN106 alone judges it.

    Attributes:
        place: The override.
        called: A call of `eval()`.
        accepts_mode: The signature takes the mode that `eval()` passes.
        left_out: Children of the module whose BatchNorm layers stay in the training mode that they were built in.
    """

    class_name: str
    place: Place
    called: Evidence
    accepts_mode: bool = True
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True)
class SyncConversion:
    """The BatchNorm layers of a model become SyncBatchNorm after something took note of what it was made of.

    BN602 alone judges it.

    Attributes:
        model: The model as written.
        place: The conversion.
        before: What took note of it.
        by_optimizer: An optimizer did, and not `DistributedDataParallel`.
        copies: The new layers have parameters of their own.
    """

    model: str
    place: Place
    before: Evidence
    by_optimizer: bool = False
    copies: bool = False


@dataclass(frozen=True)
class UnsynchronizedBatchNorm:
    """SyncBatchNorm layers run where there is nothing to synchronize with.

    BN603 alone judges it.

    Attributes:
        model: The model as written.
        place: The call of `DataParallel`; in one process, where the layers come from.
        shown: Where the layers come from; in one process, where they are trained.
        in_data_parallel: The model is spread over devices by `DataParallel`; otherwise it runs in a single process.
    """

    model: str
    place: Place
    shown: Evidence
    in_data_parallel: bool


@dataclass(frozen=True)
class StaleStatistics:
    """The weights of a model follow those of another one that is trained, its running statistics do not.

    BN608 alone judges it.

    Attributes:
        model: The model as it is used.
        place: Where its weights are written.
        used: A call of it in evaluation mode.
        path: The calls that led to that, outermost first.
    """

    model: str
    place: Place
    used: Evidence
    path: tuple[Evidence, ...] = ()


ModelFact = Union[
    ModelCall,
    LastBatch,
    ModeChange,
    WeightDecay,
    UncalledBatchNorm,
    PrivateBatchNorm,
    TransformedBatchNorm,
    OverriddenEval,
    SyncConversion,
    UnsynchronizedBatchNorm,
    StaleStatistics,
]
