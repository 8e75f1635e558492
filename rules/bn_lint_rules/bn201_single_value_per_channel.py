from __future__ import annotations

from collections.abc import Iterator

from bn_lint.facts import BatchNormCall, Mode
from bn_lint.facts.comparison import Comparison, compare
from bn_lint.facts.dims import describe
from bn_lint.rule import Confirmation, Severity, Violation, rule
from bn_lint_rules.layout import fits_rank, steps_to_layer


@rule("BN201", "single-value-per-channel", severity=Severity.ERROR, since="0.1.0", confirmed_by=Confirmation.CALL)
def single_value_per_channel(call: BatchNormCall) -> Iterator[Violation]:
    """BatchNorm gets one value per channel in training mode.

    ## What it does
    Reports a call in which each channel's mean and variance would be those of a single number: a batch of one with
    vectors, or with maps of 1x1. A layer without running statistics needs batch statistics in evaluation mode too.

    ## Why is this bad?
    The variance of one number is nothing to normalize with, so PyTorch refuses: `ValueError: Expected more than 1
    value per channel when training, got input size torch.Size([1, 8])`. Usually it happens with the last batch of an
    epoch.

    ## Example
    ```python
    import torch
    from torch import nn

    net = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8))
    net(torch.randn(1, 4))
    ```

    ## Use instead
    ```python
    import torch
    from torch import nn

    net = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8))
    net(torch.randn(2, 4))
    ```

    ## References
    - [torch.nn.BatchNorm2d](https://docs.pytorch.org/docs/stable/generated/torch.nn.BatchNorm2d.html)
    """
    if call.values_per_channel != 1 or not fits_rank(call) or call.shape is None:
        return
    width = call.shape.axes[1].size
    if compare(width, call.layer.num_features) is not Comparison.SAME:
        return  # another mistake comes first: BN002
    untracked = call.layer.track_running_stats is False
    if call.mode is not Mode.TRAINING and not (call.mode is Mode.EVALUATION and untracked):
        return
    sizes = ", ".join(describe(axis.size) for axis in call.shape.axes)
    training = call.mode is Mode.TRAINING
    why = "in training mode" if training else "even in evaluation mode, because it has no running statistics"
    looked_at = training and call.grad is False and call.loader is None
    more = "train with batches of two or more; drop_last=True in the training DataLoader leaves out a last one"
    yield Violation(
        f"`{call.layer.name}` gets one value per channel ({sizes}) {why}: PyTorch raises `Expected more "
        "than 1 value per channel when training`",
        call.place if call.loader is None else call.loader.place,
        steps_to_layer(call, None),
        help="call eval() on the model before: evaluation uses the running statistics" if looked_at else more,
    )
