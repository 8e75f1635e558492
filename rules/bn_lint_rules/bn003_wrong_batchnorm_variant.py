from __future__ import annotations

from collections.abc import Iterator

from bn_lint.facts import RANKS, BatchNormCall, BatchNormFollowed, Evidence
from bn_lint.facts.comparison import Comparison, compare
from bn_lint.facts.dims import describe
from bn_lint.rule import Applicability, Confirmation, Edit, Fix, Severity, Violation, rule
from bn_lint_rules.layout import fits_rank, steps

_VARIANT_OF_RANK = {rank: variant for variant, ranks in RANKS.items() for rank in ranks}
_MEANING = {
    2: "(batch, features)",
    3: "(batch, channels, length)",
    4: "(batch, channels, height, width)",
    5: "(batch, channels, depth, height, width)",
}


@rule(
    "BN003",
    "wrong-batchnorm-variant",
    severity=Severity.ERROR,
    since="0.1.0",
    confirmed_by=Confirmation.CALL,
    same_as=("BN002", "BN004"),
)
def wrong_batchnorm_variant(call: BatchNormCall | BatchNormFollowed) -> Iterator[Violation]:
    """BatchNorm1d, 2d or 3d on an input with another number of dimensions.

    ## What it does
    Follows the number of dimensions of the input to each call of a BatchNorm layer and compares it with what the
    variant takes: `BatchNorm1d` 2 or 3, `BatchNorm2d` 4, `BatchNorm3d` 5. Where nothing is known of the input, what
    comes out is held against the convolution behind it.

    ## Why is this bad?
    The first forward pass fails: `ValueError: expected 4D input (got 2D input)`. An image without its batch axis fails
    in the same way; convolutions accept it, BatchNorm does not.

    ## Example
    ```python
    from torch import nn

    block = nn.Sequential(
        nn.Conv2d(3, 16, kernel_size=3),
        nn.BatchNorm1d(16),
    )
    ```

    ## Use instead
    ```python
    from torch import nn

    block = nn.Sequential(
        nn.Conv2d(3, 16, kernel_size=3),
        nn.BatchNorm2d(16),
    )
    ```

    ## Fix safety
    Unsafe: the code fails as it is, and the fix names the one variant that takes the input; that the input has the
    right number of dimensions is an assumption. It is offered only directly behind a convolution or `nn.Linear`: where
    the tensor was reshaped on the way, the mistake may be there. The variants have the same parameters and buffers, so
    checkpoints still fit.

    ## Known limits
    A convolution whose input is not known is taken to be fed with a batch.

    ## References
    - [torch.nn.BatchNorm1d](https://docs.pytorch.org/docs/stable/generated/torch.nn.BatchNorm1d.html)
    """
    if isinstance(call, BatchNormFollowed):
        yield from _followed(call)
        return
    layer, shape = call.layer, call.shape
    ranks = RANKS.get(layer.variant)
    if shape is None or ranks is None:
        return
    takes = " or ".join(str(rank) for rank in ranks)
    if not fits_rank(call):
        rank = len(shape.axes)
        sizes = ", ".join([*(describe(axis.size) for axis in shape.axes[:8]), *(["..."] if rank > 8 else [])])
        yield Violation(
            f"`{layer.name}` is a {layer.class_name}, which takes {takes} dimensions; its input ({sizes}) has {rank}",
            layer.built,
            steps(call, shape.made_by),
            help=_help(call, rank),
            fix=_other_variant(call, rank),
        )
    elif not shape.ranked and layer.variant in ("2d", "3d") and shape.axes and shape.axes[-1].features:
        last = shape.axes[-1]
        if compare(last.size, layer.num_features) is Comparison.SAME:
            yield Violation(
                f"`{layer.name}` is a {layer.class_name}, which takes {takes} dimensions with the channels second; its "
                f"input ends in {describe(last.size)} features",
                layer.built,
                steps(call, last.made_by),
                help=f"use BatchNorm1d({describe(layer.num_features)}) on (batch, features)",
            )


def _followed(call: BatchNormFollowed) -> Iterator[Violation]:
    layer, ranks = call.layer, RANKS.get(call.layer.variant, ())
    # Convolutions also take a single sample, without the batch axis.
    if call.rank is None or any(rank in (call.rank, call.rank - 1) for rank in ranks):
        return
    gives = " or ".join(str(rank) for rank in ranks)
    behind = Evidence(f"`{call.follower}` behind it takes {call.rank} dimensions", call.place)
    yield Violation(
        f"`{layer.name}` is a {layer.class_name}, which takes and gives {gives} dimensions; `{call.follower}` behind "
        f"it takes {call.rank}",
        layer.built,
        (behind, *call.path),
        help=f"an input {_MEANING[call.rank]} needs BatchNorm{_VARIANT_OF_RANK[call.rank]}",
    )


def _other_variant(call: BatchNormCall, rank: int) -> Fix | None:
    place, right = call.layer.class_place, _VARIANT_OF_RANK.get(rank)
    if place is None or right is None or not call.follows_layer or _other_axes(call, rank):
        return None
    prefix = call.layer.class_prefix
    if prefix is None:
        return None
    return Fix(Applicability.UNSAFE, (Edit(place, prefix + call.layer.class_name[: -len(right)] + right),))


def _help(call: BatchNormCall, rank: int) -> str | None:
    right = _VARIANT_OF_RANK.get(rank)
    return _other_axes(call, rank) or (f"an input {_MEANING[rank]} needs BatchNorm{right}" if right else None)


def _other_axes(call: BatchNormCall, rank: int) -> str | None:
    """The help where an axis is missing, or in the wrong place, and the variant may be right."""
    layer, shape = call.layer, call.shape
    assert shape is not None
    width = describe(layer.num_features)
    last = shape.axes[-1] if shape.axes else None
    if rank == 3 and last is not None and last.features and compare(last.size, layer.num_features) is Comparison.SAME:
        return (
            f"the input is (batch, sequence, features): use BatchNorm1d({width}) on x.transpose(1, 2), or on "
            f"x.reshape(-1, {width})"
        )
    if rank in (3, 4) and layer.variant in ("2d", "3d") and rank == RANKS[layer.variant][0] - 1:
        first = shape.axes[0]
        if compare(first.size, layer.num_features) is Comparison.SAME:
            return f"the batch axis is missing: x.unsqueeze(0) adds it; if it is there, take layers of {rank - 2}d"
    return None
