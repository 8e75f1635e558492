from __future__ import annotations

from collections.abc import Iterator

from bn_lint.facts import BeforeBatchNorm, Evidence
from bn_lint.rule import Severity, Violation, rule


@rule("BN408", "dropout-before-batchnorm", severity=Severity.INFO, since="0.1.0")
def dropout_before_batchnorm(layer: BeforeBatchNorm) -> Iterator[Violation]:
    """Dropout directly in front of BatchNorm, whose running variance then fits training only.

    ## What it does
    Reports dropout whose output goes to a BatchNorm layer.

    ## Why is this bad?
    Dropout keeps the mean of its input and raises the variance: zeros come in, and what is left is scaled up. In
    evaluation mode dropout does nothing, and the variance is smaller than the running variance says, so everything
    behind the layer is smaller than it was in training (with p=0.5 and inputs of mean 0: by a factor of 0.7).

    ## Example
    ```python
    from torch import nn

    head = nn.Sequential(
        nn.Linear(64, 32, bias=False),
        nn.Dropout(0.5),
        nn.BatchNorm1d(32),
        nn.ReLU(),
    )
    ```

    ## Use instead
    ```python
    from torch import nn

    head = nn.Sequential(
        nn.Linear(64, 32, bias=False),
        nn.BatchNorm1d(32),
        nn.ReLU(),
        nn.Dropout(0.5),
    )
    ```

    ## Known limits
    `F.dropout` whose `training` does not follow the mode is left alone: it drops in evaluation mode too, or never.
    Dropout with other layers between it and BatchNorm shifts the variance too; a linear layer in between averages it
    out the more inputs it has.

    ## References
    - [Understanding the Disharmony between Dropout and Batch Normalization](https://arxiv.org/abs/1801.05134)
    """
    if layer.kind == "dropout":
        yield Violation(
            "dropout in front of BatchNorm: in evaluation mode the variance is smaller than the running variance",
            layer.place,
            (Evidence("the BatchNorm layer behind it", layer.batchnorm),),
            help="move the dropout behind BatchNorm and the activation",
        )
