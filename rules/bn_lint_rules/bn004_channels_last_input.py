from __future__ import annotations

from collections.abc import Iterator

from bn_lint.facts import BatchNormCall
from bn_lint.facts.comparison import Comparison, compare
from bn_lint.facts.dims import describe
from bn_lint.rule import Confirmation, Severity, Violation, rule
from bn_lint_rules.layout import fits_rank, is_channels_last, steps_to_layer


@rule(
    "BN004",
    "channels-last-input",
    severity=Severity.WARNING,
    since="0.1.0",
    confirmed_by=Confirmation.CALL,
    same_as=("BN002", "BN003"),
)
def channels_last_input(call: BatchNormCall) -> Iterator[Violation]:
    """The features are on the last axis; BatchNorm normalizes the second.

    ## What it does
    Reports `(batch, sequence, features)` into a `BatchNorm1d(features)`, and `(batch, height, width, features)` into a
    `BatchNorm2d(features)`: layers such as `nn.Linear`, `nn.Embedding` and `nn.LSTM` put features on the last axis.
    Any input whose last axis has `num_features` elements and whose second axis has another number is reported, unless
    a layer such as a convolution made the second axis its channels: then `num_features` is wrong (BN002).

    ## Why is this bad?
    BatchNorm takes the second axis for the channels. PyTorch raises `running_mean should contain 50 elements not 64`
    when the sequence is not as long as there are features; then the finding is an error. When the two happen to be
    equal nothing fails: each *position* is normalized over batch and features, which is not what was meant.

    ## Example
    ```python
    import torch
    from torch import nn

    tokens = torch.zeros(8, 50, dtype=torch.long)
    embedded = nn.Embedding(1000, 64)(tokens)
    normalized = nn.BatchNorm1d(64)(embedded)
    ```

    ## Use instead
    ```python
    import torch
    from torch import nn

    tokens = torch.zeros(8, 50, dtype=torch.long)
    embedded = nn.Embedding(1000, 64)(tokens)
    normalized = nn.BatchNorm1d(64)(embedded.transpose(1, 2)).transpose(1, 2)
    ```

    ## Known limits
    Intentional normalization over time, with `num_features` equal to the sequence's length, is not reported unless the
    length equals the number of features.

    ## References
    - [torch.nn.BatchNorm1d](https://docs.pytorch.org/docs/stable/generated/torch.nn.BatchNorm1d.html)
    """
    shape, layer = call.shape, call.layer
    if shape is None or not fits_rank(call) or not is_channels_last(call):
        return
    second, last = shape.axes[1], shape.axes[-1]
    width = describe(layer.num_features)
    sizes = ", ".join(describe(axis.size) for axis in shape.axes)
    is_single = shape.rank == 3 and second.size == 1
    fails = compare(second.size, layer.num_features) is Comparison.DIFFERENT
    consequence = "PyTorch refuses this" if fails else "it is normalized along the wrong axis"
    back = "transpose(1, 2)" if shape.rank == 3 else "movedim(-1, 1)"
    turned = f"normalize x.{back} and turn the result back, or normalize x.reshape(-1, {width})"
    yield Violation(
        f"the {width} features of ({sizes}) are on the last axis, but `{layer.name}` normalizes the second: "
        f"{consequence}",
        call.place,
        steps_to_layer(call, last.made_by),
        help=f"normalize x.squeeze(1), which is (batch, features), or x.{back}" if is_single else turned,
        severity=Severity.ERROR if fails else None,
    )
