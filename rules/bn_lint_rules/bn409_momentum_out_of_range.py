from __future__ import annotations

from collections.abc import Iterator

from bn_lint.facts import BatchNormBuilt
from bn_lint.rule import Confirmation, Severity, Violation, rule


@rule("BN409", "momentum-out-of-range", severity=Severity.ERROR, since="0.1.0", confirmed_by=Confirmation.CONSTRUCTION)
def momentum_out_of_range(built: BatchNormBuilt) -> Iterator[Violation]:
    """BatchNorm momentum below 0 or above 1.

    ## What it does
    Reports a `momentum` that is negative or larger than 1.

    ## Why is this bad?
    The running statistics are a weighted average: `running = (1 - momentum) * running + momentum * batch`. With a
    weight outside of 0 to 1 it is no average any more. With a negative momentum, or one above 2, the statistics grow
    with every batch. The running variance becomes negative, and evaluation gives NaN. PyTorch accepts any number.

    ## Example
    ```python
    from torch import nn

    layer = nn.BatchNorm2d(64, momentum=-0.1)
    ```

    ## Use instead
    ```python
    from torch import nn

    layer = nn.BatchNorm2d(64, momentum=0.1)
    ```

    ## Known limits
    Where there are no running statistics (`track_running_stats=False`), momentum does nothing. Momentum 0 is BN402, and
    one that follows the convention of Keras is BN401.

    ## References
    - [torch.nn.BatchNorm2d](https://docs.pytorch.org/docs/stable/generated/torch.nn.BatchNorm2d.html)
    """
    momentum = built.layer.momentum
    if built.layer.track_running_stats is False:
        return  # there is nothing to update
    if isinstance(momentum, float) and not 0 <= momentum <= 1:
        yield Violation(
            f"momentum {momentum:.7g} is no weight: the running statistics are not an average of those of the batches",
            built.place,
            help="momentum is the weight of the newest batch, between 0 and 1; the default is 0.1",
        )
