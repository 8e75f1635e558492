"""Facts about BatchNorm layers: how they are built, and what they are called on."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Union

from bn_lint.facts.dims import Dim, Expression
from bn_lint.facts.vocabulary import UNKNOWN, Constant, Evidence, Mode, Place, Unknown

#: Dimensions that an input must have, batch and channels included, for each variant.
RANKS = {"1d": (2, 3), "2d": (4,), "3d": (5,)}


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

    `value` is what it evaluates to; None is a value, and what is not known is `UNKNOWN`. `literal` says that the text
    names nothing: `64` and `2 * 32` are literals, `planes` is not. `place` has the parentheses around it, too, unless
    it is a keyword argument.
    """

    name: str | None
    position: int | None
    text: str
    value: Constant | tuple[object, ...] | Expression
    literal: bool
    place: Place
    #: The text is a true division, so its value is a float whatever it divides.
    quotient: bool = False
    keyword: Place | None = None


@dataclass(frozen=True)
class BatchNormLayer:
    """One BatchNorm layer: what it is, how it was configured, where it was built.

    Attributes:
        name: The name in the model (`layer1.0.bn1`), or the expression that builds it.
        variant: `1d`, `2d`, `3d`, `sync`, `functional` for `F.batch_norm`, or `other` for a class of the program that
            inherits from what all of these share.
        num_features: The expected number of channels; None when unknown, and for lazy layers.
        literal_width: Whether the width is written as a plain number.
        own_parameter: Whether the width is a parameter of the constructor that has no other use: its caller sees to it
            that it fits.
        eps: As it was passed, or the default; None is a value, and what is not known is `UNKNOWN`. The same goes for
            `momentum`, `affine` and `track_running_stats`.
        class_place: Where the constructor call names the class: `BatchNorm2d` in `nn.BatchNorm2d(8)`; None when it does
            so by another name.
        class_prefix: What another class needs before its name there: nothing in `nn.BatchNorm2d(8)`, and `nn.` where
            `BatchNorm2d` itself is imported; None when there is no way to write it. Complete facts have it.
        width_place: Where the constructor call gives the width.
    """

    name: str
    variant: str
    class_name: str
    num_features: Dim
    built: Place
    literal_width: bool = False
    own_parameter: bool = False
    lazy: bool = False
    eps: float | Unknown | None = UNKNOWN
    momentum: float | Unknown | None = UNKNOWN
    affine: bool | Unknown = UNKNOWN
    track_running_stats: bool | Unknown = UNKNOWN
    class_place: Place | None = None
    class_prefix: str | None = None
    width_place: Place | None = None

    @property
    def may_synchronize(self) -> bool:
        """Whether its statistics may be those of several processes or devices."""
        return self.variant in ("sync", "other")


@dataclass(frozen=True)
class BatchNormBuilt:
    """A BatchNorm layer is constructed.

    Attributes:
        arguments: The arguments as written, in order, up to the first one that is unpacked.
        per_call: The constructor runs inside `forward`, that is: once for every call of the model.
        path: If so, the calls that led here, outermost first.
        unexpected: Keyword arguments that the constructor does not have.
        unpacks: The call has `*args` or `**options`.
        loads_weights: The program loads the weights of a model.
        follows_error: A layer was built before it with sizes that PyTorch refuses.
        stays_in_eval: Where its model is told to train, the program's own `train()` puts it in evaluation mode again;
            or its model is made for evaluation.
        is_tried: It is bn-lint that makes its model, to see what is in it; the program may make it elsewhere.
    """

    layer: BatchNormLayer
    arguments: tuple[Argument, ...]
    place: Place
    per_call: bool = False
    unexpected: tuple[str, ...] = ()
    unpacks: bool = False
    loads_weights: bool = False
    follows_error: bool = False
    stays_in_eval: bool = False
    is_tried: bool = False
    path: tuple[Evidence, ...] = ()


@dataclass(frozen=True)
class UnknownBatchNorm:
    """A name that looks like a BatchNorm layer but that `torch.nn` does not have.

    BN001 alone judges it.

    `rank` is the number of dimensions of the input it was called on, when that is known. `name_place` is where the call
    names it, when it does so as in `nn.BatchNorm(8)`.
    """

    name: str
    place: Place
    rank: int | None = None
    name_place: Place | None = None


@dataclass(frozen=True)
class BatchNormCall:
    """A BatchNorm layer is applied to an input.

    Attributes:
        shape: The shape of the input; None when nothing at all is known of it.
        mode: The mode of the layer at this call.
        grad: Whether gradients are recorded at this call.
        path: The calls that led here, outermost first.
        loader: What gives the batches, when that is known.
        usual: Whether most calls of the layer in this mode get an input like this.
        per_step: How many such calls an optimizer step comes after, as gradient accumulation makes them.
        statistics: The dtype of the running statistics (`float32`).
        ranks: How many processes train copies of the model together.
        recomputed: What runs the layer a second time, in the backward pass.
        adversarial: It is in one of two models that take turns in training, as in a GAN.
        arriving: The channels of the input, as they can be written where the layer is built. Complete facts have it.
        fitting: The one argument of the constructor that would make a computed width fit (`persons=1`), and where the
            number is that does not. Complete facts have it.
        follows_layer: The input comes from a convolution or `nn.Linear`, and nothing in between changes its number of
            dimensions.
        draft: Of a fact that is not complete: the number of what the front end completes it from.
    """

    layer: BatchNormLayer
    shape: Shape | None
    place: Place
    mode: Mode | None = None
    grad: bool | None = None
    path: tuple[Evidence, ...] = ()
    loader: Evidence | None = None
    usual: bool | None = None
    per_step: int | None = None
    statistics: str | None = None
    ranks: int | None = None
    recomputed: Evidence | None = None
    adversarial: bool = False
    arriving: str | None = None
    fitting: Evidence | None = None
    follows_layer: bool = False
    draft: int | None = None

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
class PooledBatchNorm:
    """A BatchNorm layer is applied to feature maps of which a single value is left.

    BN204 alone judges it.

    Attributes:
        place: The call of the layer.
        pooled: What left a single value of each map.
        by: What did that without pooling a map, such as `unsqueeze` or indexing; None for pooling.
        batch: How many samples there are; None or an expression if unknown.
        trained: They are the batches of a training, and none that somebody makes up to try the model.
        enlarged: Where the normalized values are spread over a map again, as a branch for global context does it.
        path: The calls that led here, outermost first.
    """

    layer: BatchNormLayer
    place: Place
    pooled: Evidence
    by: str | None = None
    batch: Dim = None
    trained: bool = False
    enlarged: Evidence | None = None
    path: tuple[Evidence, ...] = ()


@dataclass(frozen=True)
class PlainContainer:
    """A module keeps BatchNorm layers in a plain Python container, so PyTorch does not know them.

    BN501 alone judges it.

    `attribute` is the name on the module, `container` is `list`, `tuple` or `dict`. `value` is where the container is
    written, when it could be wrapped there and used as before; `torch_nn` is what the file calls `torch.nn`. Complete
    facts have both; `draft` is as in `BatchNormCall`.
    """

    class_name: str
    attribute: str
    container: str
    layers: int
    place: Place
    value: Place | None = None
    torch_nn: str | None = None
    draft: int | None = None


LayerFact = Union[
    BatchNormBuilt,
    UnknownBatchNorm,
    BatchNormCall,
    BatchNormFollowed,
    PooledBatchNorm,
    PlainContainer,
]
