from __future__ import annotations

from collections.abc import Iterator

from bn_lint.facts import BatchNormSkipped, Evidence
from bn_lint.rule import Severity, Violation, rule


@rule("BN109", "batchnorm-skipped", severity=Severity.ERROR, since="0.1.0")
def batchnorm_skipped(skipped: BatchNormSkipped) -> Iterator[Violation]:
    """A BatchNorm layer that some inputs get around.

    ## What it does
    Reports a BatchNorm layer that is applied only in training mode, or only to batches of some size, where the other
    case goes on as if there were no such layer.

    ## Why is this bad?
    What comes after the layer learned from normalized values, with another mean and another scale than what it gets
    without the layer. A single sample is then predicted differently than the same sample in a batch, and evaluation
    differs from training. In evaluation mode the layer takes a single sample, and gives for it what it gives in any
    batch; only in training mode does it need more than one value per channel.

    ## Example
    ```python
    import torch
    from torch import nn


    class Head(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(16, 8)
            self.bn = nn.BatchNorm1d(8)

        def forward(self, x):
            x = self.fc(x)
            if x.size(0) > 1:
                x = self.bn(x)
            return torch.relu(x)
    ```

    ## Use instead
    ```python
    import torch
    from torch import nn


    class Head(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(16, 8)
            self.bn = nn.BatchNorm1d(8)

        def forward(self, x):
            return torch.relu(self.bn(self.fc(x)))
    ```

    Train it with `drop_last=True`, so that no batch has a single sample, and switch to `eval()` for predictions.

    ## Known limits
    Reported is only what differs in nothing but the layer (and activations, and changes of layout around it): where
    the other branch computes something else, it may make up for the layer.

    ## References
    - [torch.nn.BatchNorm1d](https://docs.pytorch.org/docs/stable/generated/torch.nn.BatchNorm1d.html)
    """
    by_mode = skipped.on == "mode"
    when = "in evaluation mode" if by_mode else "for some batch sizes"
    consequence = (
        "the layers behind it get values they never saw in training"
        if by_mode
        else ("the same sample gives another result alone than in a batch")
    )
    yield Violation(
        f"`{skipped.layer}` is left out {when}: {consequence}",
        skipped.place,
        (Evidence(f"`{skipped.layer}` is applied only if `{skipped.condition}`", skipped.call),),
        help=(
            "apply it always: `eval()` already switches it to the running statistics"
            if by_mode
            else "apply it always: in evaluation mode it takes single samples; for training, set drop_last=True"
        ),
    )
