"""The vocabulary in which both front ends describe a program.

The static analyzer derives these facts, the runtime tracer observes them, and rules judge them without knowing which of
the two spoke. Whatever is not known is `None`, so a rule that is written naturally stays silent about it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import NamedTuple, Union

from bn_lint.dims import Dim

#: Dimensions that an input must have, batch and channels included, for each variant.
RANKS = {"1d": (2, 3), "2d": (4,), "3d": (5,)}


@dataclass(frozen=True)
class Place:
    """A stretch of source text. Lines and columns are 1-based, columns count code points; the end is exclusive.

    In a notebook lines count within their cell, and `cell` is its 1-based number among all cells.
    """

    path: str
    line: int
    column: int
    end_line: int
    end_column: int
    cell: int | None = None


class Evidence(NamedTuple):
    """One step of the reasoning behind a finding: what is known, and the place that shows it."""

    message: str
    place: Place


@dataclass(frozen=True)
class Spelling:
    """How something can be written at some place of the program; None when no way is known."""

    text: str | None = None


@dataclass(frozen=True)
class Lines:
    """Whole lines of a program, and what lines of their own can be put around them; for fixes.

    Attributes:
        before: The empty place in front of them; None when nothing can be put there.
        behind: The empty place at their end; None when what comes there may not be run.
        indent: What the lines begin with.
    """

    before: Place | None = None
    behind: Place | None = None
    indent: str = ""


@dataclass(frozen=True)
class Replacement:
    """A text that can stand at some place of the program instead of what is there, which may be nothing; for fixes.

    `place` is None when there is no such place.
    """

    place: Place | None = None
    text: str = ""


@dataclass(frozen=True)
class Axis:
    """One dimension of a tensor.

    `made_by` names what fixed its size, in words that continue "... channels come from": a layer, an operation.
    `features` marks an axis that a layer made as the last one and that carries features rather than positions
    (`nn.Linear`, `nn.Embedding`, recurrent and attention layers): in `(batch, sequence, features)` the last axis.
    """

    size: Dim = None
    made_by: Evidence | None = None
    features: bool = False


@dataclass(frozen=True)
class Shape:
    """The shape of a tensor, as far as it is known.

    With `rank` None only the last axes are known: `axes` then holds those, right-aligned.
    """

    axes: tuple[Axis, ...] = ()
    ranked: bool = True
    #: What gave the tensor its number of dimensions.
    made_by: Evidence | None = None

    @property
    def rank(self) -> int | None:
        return len(self.axes) if self.ranked else None

    @property
    def sizes(self) -> tuple[Dim, ...] | None:
        return tuple(axis.size for axis in self.axes) if self.ranked else None


@dataclass(frozen=True)
class Argument:
    """One argument of a BatchNorm constructor call, as written.

    `value` is the number, string, bool or None it evaluates to, or the module constant `UNKNOWN`. `literal` says that
    the text names nothing: `64` and `2 * 32` are literals, `planes` is not.
    """

    name: str | None
    position: int | None
    text: str
    value: object
    literal: bool
    place: Place
    #: The text is a true division, so its value is a float whatever it divides.
    quotient: bool = False
    keyword: Place | None = field(default=None, compare=False)


class _Unknown:
    def __repr__(self) -> str:
        return "UNKNOWN"


#: The value of an argument that could not be determined. Distinct from `None`, which is a value users pass.
UNKNOWN = _Unknown()


@dataclass(frozen=True)
class BatchNormLayer:
    """One BatchNorm layer: what it is, how it was configured, where it was built.

    Attributes:
        name: The name in the model (`layer1.0.bn1`), or the expression that builds it.
        variant: `1d`, `2d`, `3d`, `sync`, or `functional` for `F.batch_norm`.
        num_features: The expected number of channels; None when unknown, and for lazy layers.
        literal_width: Whether the width is written as a plain number.
        class_place: Where the constructor call names the class: `BatchNorm2d` in `nn.BatchNorm2d(8)`; None when it does
            so by another name.
        class_prefix: What another class needs before its name there: nothing in `nn.BatchNorm2d(8)`, and `nn.` where
            `BatchNorm2d` itself is imported.
        width_place: Where the constructor call gives the width.
    """

    name: str
    variant: str
    class_name: str
    num_features: Dim
    built: Place
    literal_width: bool = False
    lazy: bool = False
    eps: object = UNKNOWN
    momentum: object = UNKNOWN
    affine: object = UNKNOWN
    track_running_stats: object = UNKNOWN
    class_place: Place | None = field(default=None, compare=False)
    class_prefix: Spelling = field(default=Spelling(), compare=False)
    width_place: Place | None = field(default=None, compare=False)


@dataclass(frozen=True)
class BatchNormBuilt:
    """A BatchNorm layer is constructed.

    Attributes:
        arguments: The arguments as written, in order.
        per_call: The constructor runs inside `forward`, that is: once for every call of the model.
        unexpected: Keyword arguments that the constructor does not have.
        loads_weights: The program loads the weights of a model.
    """

    layer: BatchNormLayer
    arguments: tuple[Argument, ...]
    place: Place
    per_call: bool = False
    unexpected: tuple[str, ...] = ()
    loads_weights: bool = False


@dataclass(frozen=True)
class UnknownBatchNorm:
    """A name that looks like a BatchNorm layer but that `torch.nn` does not have.

    `rank` is the number of dimensions of the input it was called on, when that is known. `name_place` is where the call
    names it, when it does so as in `nn.BatchNorm(8)`.
    """

    name: str
    place: Place
    rank: int | None = None
    name_place: Place | None = field(default=None, compare=False)


@dataclass(frozen=True)
class BatchNormCall:
    """A BatchNorm layer is applied to an input.

    Attributes:
        shape: The shape of the input; None when nothing at all is known of it.
        training: The mode of the layer at this call.
        grad: Whether gradients are recorded at this call.
        path: The calls that led here, outermost first.
        loader: What gives the batches, when that is known.
        usual: Whether most calls of the layer in this mode get an input like this.
        per_step: How many such calls an optimizer step comes after, as gradient accumulation makes them.
        statistics: The dtype of the running statistics (`float32`).
        ranks: How many processes train copies of the model together.
        recomputed: What runs the layer a second time, in the backward pass.
        arriving: The channels of the input, as they can be written where the layer is built.
        follows_layer: The input comes from a convolution or `nn.Linear`, and nothing in between changes its number of
            dimensions.
    """

    layer: BatchNormLayer
    shape: Shape | None
    place: Place
    training: bool | None = None
    grad: bool | None = None
    path: tuple[Evidence, ...] = ()
    loader: Evidence | None = None
    usual: bool | None = None
    per_step: int | None = None
    statistics: str | None = None
    ranks: int | None = None
    recomputed: Evidence | None = None
    arriving: Spelling = field(default=Spelling(), compare=False)
    follows_layer: bool = False

    @property
    def channels(self) -> Axis | None:
        """The axis that the layer takes for the channels: the second one.

        Behind a layer that gives vectors of features, and with nothing else known, the input of a BatchNorm1d is taken
        for `(batch, features)`.
        """
        if self.shape is None:
            return None
        if self.shape.ranked:
            return self.shape.axes[1] if len(self.shape.axes) > 1 else None
        last = self.shape.axes[-1] if self.shape.axes else None
        return last if last is not None and last.features and self.layer.variant in ("1d", "functional") else None

    @property
    def values_per_channel(self) -> Dim:
        """How many values each channel's statistics are computed from; None when a size is unknown."""
        if self.shape is None or not self.shape.ranked or len(self.shape.axes) < 2:
            return None
        sizes = [axis.size for index, axis in enumerate(self.shape.axes) if index != 1]
        return (
            None
            if any(not isinstance(size, int) for size in sizes)
            else math.prod(size for size in sizes if isinstance(size, int))
        )


@dataclass(frozen=True)
class BatchNormFollowed:
    """What a BatchNorm layer gives goes into a layer that takes a fixed number of channels, or of dimensions.

    It is noted where nothing is known of what arrives at the BatchNorm layer: either the one or the other rejects it.

    Attributes:
        follower: The layer behind it, as its owner calls it.
        takes: The number of channels that it takes, if the two agree about dimensions.
        rank: The number of dimensions that it takes, batch and channels included, if that is what comes out.
        place: Where it is built.
        path: The calls that led to its call, outermost first.
    """

    layer: BatchNormLayer
    follower: str
    place: Place
    takes: Dim = None
    rank: int | None = None
    path: tuple[Evidence, ...] = ()


@dataclass(frozen=True)
class ModelCall:
    """A model with BatchNorm inside is applied, by code that is not part of a model itself.

    Attributes:
        model: The model as the caller writes it (`net`, `self.generator`).
        place: The call.
        training: True when a BatchNorm layer inside runs in training mode, False when none does.
        grad: Whether gradients are recorded.
        purpose: `training` when an optimizer then steps on the model's parameters; `evaluation` when the result is only
            looked at; `reference` when another model is trained on the result; `export` and `fusion` when a tool makes
            something of the model; `inspection` when a tool only looks at how it is made.
        because: What shows the purpose.
        mode: The call that put the model in its mode; None while it is in the mode it was built in.
        mode_is_local: That call belongs to the same evaluation or training, and not to something earlier.
        certain: Nothing about this was assumed: the model's class, its mode and the way here are all known.
        switched: Other networks of the same program part that were put in evaluation mode.
        frozen: Where the parameters of BatchNorm layers that run in training mode were frozen.
        path: The calls that led here, outermost first.
        adversarial: The model is one of two that take turns in training, as in a GAN.
        replaced: Where layers were built that came into the model after it was put in evaluation mode.
        lines: The statements that the call is made for, when the model is called the same around them: the whole loop,
            and nothing that is done for another purpose.
        resumed: The model is trained afterwards, and nothing puts it in training mode before that.
        switch_name: The name of the method that put the model in its mode, when the same function calls it for nothing
            but this.
    """

    model: str
    place: Place
    training: bool | None = None
    grad: bool | None = None
    purpose: str | None = None
    because: Evidence | None = None
    mode: Evidence | None = None
    mode_is_local: bool = False
    certain: bool = False
    switched: tuple[Evidence, ...] = ()
    frozen: Evidence | None = None
    path: tuple[Evidence, ...] = ()
    adversarial: bool = False
    replaced: Evidence | None = None
    lines: Lines | None = field(default=None, compare=False)
    resumed: bool = field(default=False, compare=False)
    switch_name: Place | None = field(default=None, compare=False)


@dataclass(frozen=True)
class LastBatch:
    """A model is trained on the batches of a loader, and the last one of an epoch is smaller than the others.

    Attributes:
        layer: A BatchNorm layer of the model that gets as many values per channel as the batch has samples.
        size: The number of samples in the last batch.
        batch_size: The number of samples in the others.
        length: The number of samples in the data set.
        place: The construction of the loader.
        call: Where the model is called on the batches.
        left_out: The argument that makes the loader leave that batch out.
    """

    layer: BatchNormLayer
    size: int
    batch_size: int
    length: int
    place: Place
    call: Evidence
    left_out: Replacement = field(default=Replacement(), compare=False)


@dataclass(frozen=True)
class ModeChange:
    """A call switches the mode of a model with BatchNorm inside.

    Attributes:
        model: The model as the caller writes it.
        training: The new mode.
        place: The call.
        reenabled: Where BatchNorm layers that this call puts back in training mode had been frozen: put in evaluation
            mode on purpose, apart from the rest of the model.
        again: What freezes them after every such call.
    """

    model: str
    training: bool
    place: Place
    reenabled: Evidence | None = None
    again: Replacement = field(default=Replacement(), compare=False)


@dataclass(frozen=True)
class ModeAccess:
    """Source text that reads, calls or assigns one of the names that switch a module's mode.

    Attributes:
        kind: `statement` for a bare reference (`model.eval`), `assignment` (`model.eval = True`,
            `model.training = False`), or `call` (`model.train("eval")`).
        receiver: The text before the last dot.
        name: `eval`, `train`, `training`, or a misspelling of them.
        value: For an assignment or call with one constant argument: that value, else UNKNOWN.
        is_module: Whether the receiver is known to be (True) or not to be (False) an `nn.Module`.
        receiver_is_self: The access is on `self` inside a method.
    """

    kind: str
    receiver: str
    name: str
    place: Place
    value: object = UNKNOWN
    is_module: bool | None = None
    receiver_is_self: bool = False


@dataclass(frozen=True)
class TrainOverride:
    """A class overrides `nn.Module.train`.

    Attributes:
        accepts_mode: The signature takes the `mode` that `eval()` passes.
        passes_mode: The mode reaches `super().train(...)`; False when a call without it or with literal True is made,
            None when it cannot be told or when another constant is pinned on purpose.
        returns_self: Every way out returns a value; None when it cannot be told.
        mode: The name of the parameter that takes the mode.
        only_self: Where the parameters end, when `self` is the only one.
        super_call: The one call of the inherited `train`: the callee as written, and the place of the call.
        switches_once: That call is the only one that may switch to training mode, and it pins no mode.
        ending: The last statement with the rest of its line, when running past it is the only way out without a value.
    """

    class_name: str
    place: Place
    accepts_mode: bool = True
    passes_mode: bool | None = None
    returns_self: bool | None = None
    mode: str | None = None
    only_self: Place | None = None
    super_call: Evidence | None = None
    switches_once: bool = False
    ending: Place | None = None


@dataclass(frozen=True)
class FreezeLoop:
    """A loop over the parts of a model that freezes BatchNorm layers of some classes only.

    Attributes:
        class_names: The classes that it tests for.
        variants: What they cover of `1d`, `2d`, `3d` and `sync`.
        place: Where the first class is named.
        class_place: The last name of the class, as in `nn.BatchNorm2d`, when it is the only one.
        missed: A layer of another variant in the same file, or where the layers of the program are converted to one.
        elsewhere: That conversion is in a file that does not mention what the loop is part of.
    """

    class_names: tuple[str, ...]
    variants: tuple[str, ...]
    place: Place
    class_place: Place | None = None
    missed: Evidence | None = None
    elsewhere: bool = False


@dataclass(frozen=True)
class PlainContainer:
    """A module keeps BatchNorm layers in a plain Python container, so PyTorch does not know them.

    `attribute` is the name on the module, `container` is `list`, `tuple` or `dict`. `value` is where the container is
    written, when it could be wrapped there and used as before; `torch_nn` is what the file calls `torch.nn`.
    """

    class_name: str
    attribute: str
    container: str
    layers: int
    place: Place
    value: Place | None = field(default=None, compare=False)
    torch_nn: Spelling = field(default=Spelling(), compare=False)


@dataclass(frozen=True)
class PlainStatistics:
    """A hand-written normalisation keeps its running statistics in something that is not a buffer.

    `kind` is `tensor` (lost in `state_dict`, not moved by `.to()`) or `parameter` (trained by the optimizer). `before`
    and `behind` are what the assignment has around the tensor, when it can be a call of `register_buffer` instead.
    """

    class_name: str
    attribute: str
    kind: str
    place: Place
    before: Place | None = None
    behind: Place | None = None


@dataclass(frozen=True)
class PooledBatchNorm:
    """A BatchNorm layer is applied to feature maps of which a single value is left.

    Attributes:
        place: The call of the layer.
        pooled: What left a single value of each map.
        batch: How many samples there are; None or an expression when nobody can tell.
        enlarged: Where the normalised values are spread over a map again, as a branch for global context does it.
        path: The calls that led here, outermost first.
    """

    layer: BatchNormLayer
    place: Place
    pooled: Evidence
    batch: Dim = None
    enlarged: Evidence | None = None
    path: tuple[Evidence, ...] = ()


@dataclass(frozen=True)
class FunctionalBatchNorm:
    """A module applies `F.batch_norm` to statistics that it holds.

    Attributes:
        statistics: The running mean as written (`self.running_mean`).
        training: The constant that decides the mode, `F.batch_norm`'s default included; None when the call computes it.
        argument: The place of that constant; the last argument when the call leaves it out.
        is_given: Whether the call has that constant.
        follows_mode: Whether the module looks at its mode anywhere, or normalises in more than one way.
        updated: Whether anything else in the module may change the statistics.
        trained: Whether the module, by all it shows, is one that is trained, rather than a frozen copy.
        owner: What the module calls itself (`self`).
    """

    class_name: str
    statistics: str
    place: Place
    argument: Place
    training: bool | None = None
    is_given: bool = False
    follows_mode: bool | None = None
    updated: bool | None = None
    trained: bool | None = None
    owner: str = "self"


@dataclass(frozen=True)
class BatchNormSkipped:
    """A BatchNorm layer is applied under a condition, and without it the rest is computed as if it did not exist.

    Attributes:
        layer: The layer as written (`self.bn1`).
        condition: The condition as written.
        on: What the condition asks about: `mode` or `batch size`.
        place: The condition.
        call: The call of the layer.
    """

    layer: str
    condition: str
    on: str
    place: Place
    call: Place


@dataclass(frozen=True)
class BeforeBatchNorm:
    """A layer gives its output to a BatchNorm layer, directly and to nothing else.

    Attributes:
        kind: `bias` for a convolution or linear layer that adds one, `dropout` for dropout.
        class_name: The layer as written (`nn.Conv2d`).
        place: The call that builds the layer; for a function, the call.
        batchnorm: The call that builds the BatchNorm layer.
        argument: The place of `True` in `bias=True`; the last argument when `bias` is left out.
        is_given: Whether `bias` is written.
    """

    kind: str
    class_name: str
    place: Place
    batchnorm: Place
    argument: Place | None = None
    is_given: bool = False


@dataclass(frozen=True)
class WeightDecay:
    """An optimizer decays all parameters of a model alike, those of BatchNorm layers included.

    Attributes:
        model: The model as written.
        place: The call that makes the optimizer.
        decay: The weight decay.
        layers: How many BatchNorm layers with a weight there are.
        first: The first of them.
    """

    model: str
    place: Place
    decay: float
    layers: int
    first: Evidence


@dataclass(frozen=True)
class UncalledBatchNorm:
    """BatchNorm layers of a model none of which is ever applied.

    Attributes:
        place: Where the first of the layers is built.
        model: The model, or the class that builds them.
        called: The call of the model, or the method that leaves them out.
        statement: The lines that build the layer and do nothing else.
    """

    layers: tuple[BatchNormLayer, ...]
    place: Place
    model: str
    called: Evidence
    statement: Place | None = None


@dataclass(frozen=True)
class TrackingSwitched:
    """`track_running_stats` of a finished layer is set to False.

    Attributes:
        receiver: The layer as written.
        place: The assignment.
        freezes: What shows that the layer is being frozen; None when nothing does.
        evaluates: Whether the layer may be put in evaluation mode too, its statistics be removed, or the switch be
            taken back.
    """

    receiver: str
    place: Place
    freezes: Evidence | None = None
    evaluates: bool | None = None


@dataclass(frozen=True)
class PrivateBatchNorm:
    """A model is made ready for training with differential privacy, and has BatchNorm layers that are trained.

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
class VmappedBatchNorm:
    """`vmap` maps over the input of a BatchNorm layer in training mode, and not over its running statistics.

    Attributes:
        layer: The layer's name in the model.
        place: The call of the model.
        mapped: Where `vmap` is given the function that calls it.
        built: Where the layer is built.
        mode: The call that put it in training mode; None while it is in the mode it was built in.
        path: The calls that led here, outermost first.
    """

    layer: str
    place: Place
    mapped: Evidence
    built: Evidence
    mode: Evidence | None = None
    path: tuple[Evidence, ...] = ()


@dataclass(frozen=True)
class SyncConversion:
    """The BatchNorm layers of a model become SyncBatchNorm after something took note of what it was made of.

    Attributes:
        model: The model as written.
        place: The conversion.
        before: What took note of it: `DistributedDataParallel`, an optimizer.
        copies: The new layers have parameters of their own.
    """

    model: str
    place: Place
    before: Evidence
    copies: bool = False


@dataclass(frozen=True)
class UnsynchronizedBatchNorm:
    """SyncBatchNorm layers run where there is nothing to synchronize with.

    Attributes:
        model: The model as written.
        place: The call of `DataParallel`; in one process, where the layers come from.
        shown: Where the layers come from; in one process, where they are trained.
        within: `DataParallel`, or `one process`.
    """

    model: str
    place: Place
    shown: Evidence
    within: str


@dataclass(frozen=True)
class StaleStatistics:
    """The weights of a model follow those of another one that is trained, its running statistics do not.

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


Fact = Union[
    BatchNormBuilt,
    UnknownBatchNorm,
    BatchNormCall,
    BatchNormFollowed,
    ModelCall,
    LastBatch,
    ModeChange,
    ModeAccess,
    TrainOverride,
    FreezeLoop,
    PlainContainer,
    PlainStatistics,
    PooledBatchNorm,
    FunctionalBatchNorm,
    BatchNormSkipped,
    BeforeBatchNorm,
    WeightDecay,
    UncalledBatchNorm,
    TrackingSwitched,
    PrivateBatchNorm,
    VmappedBatchNorm,
    SyncConversion,
    UnsynchronizedBatchNorm,
    StaleStatistics,
]


@dataclass(frozen=True)
class Undecided:
    """A BatchNorm layer that could not be judged, and why."""

    place: Place
    reason: str


@dataclass
class Coverage:
    """How much of the BatchNorm in the given paths was judged.

    Attributes:
        judged: Constructor calls whose input channels and width were known in at least one call of the layer.
        undecided: The others, with the reason.
    """

    judged: int = 0
    undecided: list[Undecided] = field(default_factory=list)

    @property
    def total(self) -> int:
        return self.judged + len(self.undecided)


@dataclass(frozen=True)
class Problem:
    """Something that kept a file from being judged: BN901 unreadable, BN902 syntax error, BN903 analysis incomplete.

    `internal` marks a defect of bn-lint itself.
    """

    code: str
    message: str
    place: Place
    internal: bool = False


@dataclass
class Analysis:
    """What the static engine found out about the judged files."""

    facts: list[Fact] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    coverage: Coverage = field(default_factory=Coverage)
    #: Of the problems that are defects of bn-lint itself.
    tracebacks: list[str] = field(default_factory=list)
    #: What `reveal(value)` showed, for the specifications of the engine.
    revealed: list[Evidence] = field(default_factory=list)
