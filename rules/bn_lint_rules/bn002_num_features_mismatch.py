from __future__ import annotations

from collections.abc import Iterator

from bn_lint.facts import BatchNormCall, BatchNormFollowed, Evidence
from bn_lint.facts.comparison import Comparison, compare
from bn_lint.facts.dims import Dim, describe, origin_of
from bn_lint.rule import Applicability, Confirmation, Edit, Fix, Severity, Violation, rule
from bn_lint_rules.layout import fits_rank, is_channels_last, steps


@rule(
    "BN002",
    "num-features-mismatch",
    severity=Severity.ERROR,
    since="0.1.0",
    confirmed_by=Confirmation.CALL,
    same_as=("BN003", "BN004"),
)
def num_features_mismatch(call: BatchNormCall | BatchNormFollowed) -> Iterator[Violation]:
    """`num_features` is not the number of channels that arrive.

    ## What it does
    Follows the shape of the input to each call of a BatchNorm layer and compares its channels (the second axis) with
    `num_features`. Widths that are computed from parameters are compared as expressions: `planes * 4` is not `planes`.
    Where nothing is known of the input, what comes out is compared with the channels that the next layer takes.

    ## Why is this bad?
    The first forward pass fails: `RuntimeError: running_mean should contain 64 elements not 32`. The first number is
    the width that arrived. With `affine=False, track_running_stats=False` nothing fails at all, and the layer
    normalizes something other than what it was written for.

    ## Example
    ```python
    from torch import nn

    block = nn.Sequential(
        nn.Conv2d(3, 64, kernel_size=3),
        nn.BatchNorm2d(32),
    )
    ```

    ## Use instead
    ```python
    from torch import nn

    block = nn.Sequential(
        nn.Conv2d(3, 64, kernel_size=3),
        nn.BatchNorm2d(64),
    )
    ```

    ## Fix safety
    Unsafe: the code fails as it is, but which of the two widths is the wrong one only its author knows. The fix changes
    `num_features` to what the layer before says about its own width, or to an expression over the parameters of
    `__init__`. It is offered where these names mean the same, and where all uses of the class agree.

    ## Known limits
    A class that the project instantiates is checked by these instances only. An unused class is checked with
    a different symbol for each parameter: `Conv2d(a, b)` followed by `BatchNorm2d(a)` is reported as a warning, for a
    caller who passes `a == b` gets away with it. A parameter that has no other use than this width is taken to fit, for
    it can have no other purpose. Behind an `nn.Linear` whose input is not known, the input of a
    `BatchNorm1d` is taken for `(batch, features)`.

    ## References
    - [torch.nn.BatchNorm2d](https://docs.pytorch.org/docs/stable/generated/torch.nn.BatchNorm2d.html)
    """
    if isinstance(call, BatchNormFollowed):
        yield from _followed(call)
        return
    layer, channels = call.layer, call.channels
    if channels is None or not fits_rank(call) or is_channels_last(call):
        return
    verdict = compare(channels.size, layer.num_features)
    width = layer.num_features
    if isinstance(width, int) and (width < 0 or (width == 0 and layer.literal_width)):
        return  # no width at all: BN006
    if verdict is Comparison.INDEPENDENT and layer.literal_width:
        return  # the width is fixed and the channels are not: BN005
    if verdict is Comparison.INDEPENDENT and layer.own_parameter:
        return
    if verdict in (Comparison.DIFFERENT, Comparison.INDEPENDENT):
        given = (
            channels.made_by.message
            if channels.made_by is not None
            else f"the input has {describe(channels.size)} channels"
        )
        place, written = layer.width_place, call.arriving
        yield Violation(
            f"{given}; `{layer.name}` expects {describe(width)}",
            layer.built,
            steps(call, channels.made_by),
            severity=_severity(verdict),
            help=_remedy(call, channels.size, width),
            fix=Fix(Applicability.UNSAFE, (Edit(place, written),))
            if place is not None and written is not None
            else None,
        )


def _followed(call: BatchNormFollowed) -> Iterator[Violation]:
    layer, takes = call.layer, describe(call.takes)
    verdict = compare(layer.num_features, call.takes)
    # Whoever calls the code gives what a number in it asks for: the last width of a list, as that of a VGG.
    is_given = isinstance(call.takes, int) and origin_of(call.takes) is None
    may_fit = layer.literal_width or layer.own_parameter or is_given
    if verdict is Comparison.DIFFERENT or (verdict is Comparison.INDEPENDENT and not may_fit):
        behind = Evidence(f"`{call.follower}` behind it takes {takes} channels", call.place)
        yield Violation(
            f"`{layer.name}` gives {describe(layer.num_features)} channels; `{call.follower}` behind it takes {takes}",
            layer.built,
            (behind, *call.path),
            severity=_severity(verdict),
            help=f"build it with num_features={origin_of(call.takes) or takes}",
        )


def _severity(verdict: Comparison) -> Severity | None:
    # Two parameters of a class that nobody in view builds: whoever builds it may give equal numbers, and only those.
    return Severity.WARNING if verdict is Comparison.INDEPENDENT else None


def _remedy(call: BatchNormCall, arrives: Dim, width: Dim) -> str:
    factors = origin_of(width)
    if call.arriving is None and isinstance(arrives, int) and factors is not None and len(factors.symbols) > 1:
        # A number there would be right for this one caller; what he gave for some parameter does not fit the input.
        if call.fitting is not None:
            place = call.fitting.place
            where = f"line {place.line}" if place.path == call.layer.built.path else f"{place.path}:{place.line}"
            return f"num_features is `{factors}` here: it fits with `{call.fitting.message}` in {where}"
        return f"num_features is `{factors}` here: give the constructor values that make it {describe(arrives)}"
    return f"build it with num_features={call.arriving or _described(arrives, width)}"


def _described(size: Dim, width: Dim) -> str:
    origin = origin_of(size)
    # Another instance of the class has parameters of the same names.
    return describe(size) if origin is None or origin == origin_of(width) else str(origin)
