"""Facts that the text of a program shows without being followed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Union

from bn_lint.facts.vocabulary import UNKNOWN, Constant, Evidence, Place


@dataclass(frozen=True)
class ModeAccess:
    """Source text that reads, calls or assigns one of the names that switch a module's mode.

    BN102 alone judges it.

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
    value: Constant = UNKNOWN
    is_module: bool | None = None
    receiver_is_self: bool = False


@dataclass(frozen=True)
class InheritedTrain:
    """A call of the inherited `train`.

    Attributes:
        callee: What is called, as written.
        takes_self: It is `Base.train(self, ...)`, and not `super().train(...)`.
    """

    callee: str
    place: Place
    takes_self: bool = False


@dataclass(frozen=True)
class TrainOverride:
    """A class overrides `nn.Module.train`.

    Attributes:
        accepts_mode: The signature takes the `mode` that `eval()` passes.
        passes_mode: The mode reaches `super().train(...)`; False when a call without it or with literal True is made,
            None when it cannot be told or when another constant is pinned intentionally.
        returns_self: Every way out returns a value; None when it cannot be told.
        mode: The name of the parameter that takes the mode.
        only_self: Where the parameters end, when `self` is the only one.
        super_call: The one call of the inherited `train`.
        switches_once: That call is the only one that may switch to training mode, and it pins no mode.
        ending: The last statement with the rest of its line, when running past it is the only way out without a value.
        used: Where the program uses what the override returns, as in `model = model.eval()`.
    """

    class_name: str
    place: Place
    accepts_mode: bool = True
    passes_mode: bool | None = None
    returns_self: bool | None = None
    mode: str | None = None
    only_self: Place | None = None
    super_call: InheritedTrain | None = None
    switches_once: bool = False
    ending: Place | None = None
    used: Evidence | None = None


@dataclass(frozen=True)
class FreezeLoop:
    """A loop over the parts of a model, or a function applied to them, freezes BatchNorm layers of some classes.

    BN303 alone judges it.

    Attributes:
        class_names: The classes that it tests for.
        variants: What they cover of `1d`, `2d`, `3d` and `sync`.
        place: Where the first class is named.
        class_place: The last name of the class, as in `nn.BatchNorm2d`, when it is the only one.
        missed: A layer of another variant in the same file, or where the layers of the program are converted to one.
        elsewhere: That conversion is in a file that does not mention what the loop is part of.
        is_applied: Whether it is a function for `apply`.
        unused: The function or method that it is part of, where nothing in the program names that again.
        of_part: The loop is over a part of an object, `self.backbone.modules()`, and other layers may be beside it.
    """

    class_names: tuple[str, ...]
    variants: tuple[str, ...]
    place: Place
    class_place: Place | None = None
    missed: Evidence | None = None
    elsewhere: bool = False
    is_applied: bool = False
    unused: str | None = None
    of_part: bool = False


@dataclass(frozen=True)
class PlainStatistics:
    """A hand-written normalization keeps its running statistics in something that is not a buffer.

    BN505 alone judges it.

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
class FunctionalBatchNorm:
    """A module applies `F.batch_norm` to statistics that it holds.

    BN108 alone judges it.

    Attributes:
        statistics: The running mean as written (`self.running_mean`).
        training: The constant that decides the mode, `F.batch_norm`'s default included; None when the call computes it.
        argument: The place of that constant; the last argument when the call leaves it out.
        is_given: Whether the call has that constant.
        follows_mode: Whether the module looks at its mode anywhere, or normalizes in more than one way.
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

    BN109 alone judges it.

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
    """A layer gives its output to a BatchNorm layer, directly and, unless it is dropout, to nothing else.

    Attributes:
        kind: `bias` for a convolution or linear layer that adds one, `dropout` for dropout.
        class_name: The layer as written (`nn.Conv2d`).
        place: The call that builds the layer; for a function, or dropout that is called elsewhere too, its call.
        batchnorm: The call that builds the BatchNorm layer.
        argument: The place of `True` in `bias=True`; the last argument when `bias` is left out.
        is_given: Whether `bias` is written.
        bias_read: Whether the file reads the bias of such layers without asking if there is one.
    """

    kind: str
    class_name: str
    place: Place
    batchnorm: Place
    argument: Place | None = None
    is_given: bool = False
    bias_read: bool = False


@dataclass(frozen=True)
class TrackingSwitched:
    """`track_running_stats` of a finished layer is set to False.

    BN304 alone judges it.

    Attributes:
        receiver: The layer as written.
        place: The assignment.
        freezes: What shows that the layer is being frozen; None when nothing does.
        evaluates: Whether the layer may be put in evaluation mode too, its statistics be removed, or the switch be
            taken back.
        evaluation: The `eval()` of an evaluation that it stands in, where the model is trained beside it and nothing
            takes the switch back.
    """

    receiver: str
    place: Place
    freezes: Evidence | None = None
    evaluates: bool | None = None
    evaluation: Evidence | None = None


TextFact = Union[
    ModeAccess,
    TrainOverride,
    FreezeLoop,
    PlainStatistics,
    FunctionalBatchNorm,
    BatchNormSkipped,
    BeforeBatchNorm,
    TrackingSwitched,
]
