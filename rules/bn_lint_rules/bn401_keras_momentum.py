from __future__ import annotations

from collections.abc import Iterator

from bn_lint.facts import BatchNormBuilt
from bn_lint.rule import Confirmation, Severity, Violation, rule


@rule("BN401", "keras-momentum", severity=Severity.WARNING, since="0.1.0", confirmed_by=Confirmation.CONSTRUCTION)
def keras_momentum(built: BatchNormBuilt) -> Iterator[Violation]:
    """BatchNorm momentum that follows the convention of Keras, not of PyTorch.

    ## What it does
    Reports a `momentum` between 0.5 and 1, both not included.

    ## Why is this bad?
    In PyTorch momentum is the weight of the *new* batch: `running = (1 - momentum) * running + momentum * batch`.
    Keras, TensorFlow, Caffe and MXNet use the opposite convention. With 0.99 the running statistics are nearly those of
    the last batch alone, and evaluation becomes noisy.

    ## Example
    ```python
    from torch import nn

    layer = nn.BatchNorm2d(64, momentum=0.99)
    ```

    ## Use instead
    ```python
    from torch import nn

    layer = nn.BatchNorm2d(64, momentum=0.01)
    ```

    ## Known limits
    0.5 means the same in both conventions. `momentum=1.0` is taken as the deliberate wish for the statistics of the
    last batch. Where there are no running statistics (`track_running_stats=False`), momentum does nothing. Nor does it
    where the model's own `train()` keeps the layer in evaluation mode, or where the program puts the model in
    evaluation mode wherever it makes it, and leaves it so: then the finding has severity `info`.

    ## References
    - [torch.nn.BatchNorm2d](https://docs.pytorch.org/docs/stable/generated/torch.nn.BatchNorm2d.html)
    """
    momentum = built.layer.momentum
    if built.layer.track_running_stats is False:
        return
    if isinstance(momentum, float) and 0.5 < momentum < 1:
        yield Violation(
            f"momentum {momentum:g} gives the newest batch {100 * momentum:g}% of the running statistics",
            built.place,
            severity=Severity.INFO if built.stays_in_eval else None,
            help=f"PyTorch counts momentum the other way than Keras: use momentum={round(1 - momentum, 6):g}",
        )
