from __future__ import annotations

from collections.abc import Iterator

from bn_lint.facts import BatchNormBuilt
from bn_lint.rule import Confirmation, Severity, Violation, rule


@rule("BN402", "zero-momentum", severity=Severity.WARNING, since="0.1.0", confirmed_by=Confirmation.CONSTRUCTION)
def zero_momentum(built: BatchNormBuilt) -> Iterator[Violation]:
    """BatchNorm momentum 0: the running statistics never change.

    ## What it does
    Reports `momentum=0`. With severity `info` it also reports `momentum=None`, which is the plain average over all
    batches.

    ## Why is this bad?
    Momentum is the weight of the new batch: with 0 the running mean stays 0 and the running variance 1, and evaluation
    normalizes with these. Often None was meant, or the convention of another framework. None waits for the device in
    every call, which is slow in training, and it never forgets the first batches.

    ## Example
    ```python
    from torch import nn

    layer = nn.BatchNorm2d(64, momentum=0.0)
    ```

    ## Use instead
    ```python
    from torch import nn

    layer = nn.BatchNorm2d(64, momentum=0.1)
    ```

    ## Known limits
    Statistics that are loaded may be frozen in this way intentionally: in a program that calls `load_state_dict`, the
    finding has severity `info`. So it has where the model's own `train()` keeps the layer in evaluation mode.

    ## References
    - [torch.nn.BatchNorm2d](https://docs.pytorch.org/docs/stable/generated/torch.nn.BatchNorm2d.html)
    """
    momentum = built.layer.momentum
    if built.layer.track_running_stats is False:
        return  # there is nothing to update
    if isinstance(momentum, float) and momentum == 0:
        yield Violation(
            "momentum 0 never updates the running statistics: unless they are loaded, they stay mean 0 and variance 1",
            built.place,
            severity=Severity.INFO if built.loads_weights or built.stays_in_eval else None,
            help="leave momentum at its default; to freeze statistics that were learned, call eval() on the layer",
        )
    elif momentum is None:
        yield Violation(
            "momentum None averages over all batches since the beginning, and waits for the device in every call",
            built.place,
            help="use the default in training; None is for recomputing statistics, as update_bn does",
            severity=Severity.INFO,
        )
