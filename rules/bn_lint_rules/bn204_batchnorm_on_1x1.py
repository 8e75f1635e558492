from __future__ import annotations

from collections.abc import Iterator

from bn_lint.facts import Evidence, PooledBatchNorm, Shows
from bn_lint.rule import Confirmation, Severity, Violation, rule

#: With as many samples, one value of each is enough for statistics.
_ENOUGH = 16
#: With so few, a value is normalized to about +1 or -1, whatever it is.
_TOO_FEW = 2


@rule(
    "BN204",
    "batchnorm-on-1x1",
    severity=Severity.WARNING,
    since="0.1.0",
    confirmed_by=Confirmation.CALL,
    same_as=("BN203",),
)
def batchnorm_on_1x1(call: PooledBatchNorm) -> Iterator[Violation]:
    """BatchNorm behind global pooling, where each sample has only one value per channel.

    ## What it does
    Reports, where the pooling stands, a BatchNorm layer whose input was pooled to 1x1 and whose output is spread over
    the map again: the branch for global context of a network that predicts maps. It is a warning where the program
    is trained with batches of one or two samples. Otherwise it has severity `info`: many published networks have such
    a branch and are trained with batches of four to eight, and are tried out with one or two images. So has other
    BatchNorm behind global pooling, such as that of a gate or of a classifier.

    ## Why is this bad?
    Over a 32x32 map, the statistics of a batch of two come from 2048 values per channel; behind the pooling they come
    from two, and with two values the output is about +1 and -1 whatever they are. A batch of one raises `ValueError:
    Expected more than 1 value per channel when training`. Networks that predict maps (segmentation, depth) are
    trained with batches of this size; all their other layers get along with them.

    ## Example
    ```python
    import torch.nn.functional as F
    from torch import nn


    class Context(nn.Module):
        def __init__(self):
            super().__init__()
            self.pool = nn.AdaptiveAvgPool2d(1)
            self.conv = nn.Conv2d(64, 16, 1, bias=False)
            self.bn = nn.BatchNorm2d(16)

        def forward(self, x):
            y = F.relu(self.bn(self.conv(self.pool(x))))
            return F.interpolate(y, size=x.shape[2:])
    ```

    ## Use instead
    ```python
    import torch.nn.functional as F
    from torch import nn


    class Context(nn.Module):
        def __init__(self):
            super().__init__()
            self.pool = nn.AdaptiveAvgPool2d(1)
            self.conv = nn.Conv2d(64, 16, 1)

        def forward(self, x):
            y = F.relu(self.conv(self.pool(x)))
            return F.interpolate(y, size=x.shape[2:])
    ```

    `nn.GroupNorm` and `nn.LayerNorm` work there too: their statistics come from one sample. Otherwise train with
    batches of 16 and more, and `drop_last=True`.

    ## Known limits
    With batches of 16 or more samples, or with the layer in evaluation mode, there is nothing wrong with it. A batch
    size that the program gives is taken into account. Vectors that only got another axis (`unsqueeze`) are reported
    where they are spread over a map, not in heads.

    ## References
    - [Expected more than 1 value per channel](https://github.com/pytorch/pytorch/issues/4534)
    """
    batch, layer = call.batch, call.layer
    if layer.may_synchronize or (isinstance(batch, int) and batch >= _ENOUGH):
        return
    enlarged = (call.enlarged,) if call.enlarged is not None else ()
    if call.by is not None and not enlarged:
        return  # a vector with another axis: what BatchNorm1d gets in every head
    yield Violation(
        f"behind this {call.by or 'pooling'} `{layer.name}` gets one value per channel and sample: it fails in "
        "training with a batch of one, and is unstable with a few",
        call.pooled.place,
        (
            Evidence.of(Shows.CONSTRUCTION, layer.built, layer.name),
            Evidence.of(Shows.CALL, call.place, layer.name),
            *enlarged,
            *call.path,
        ),
        help="leave BatchNorm out behind global pooling, or use GroupNorm there",
        severity=None if enlarged and call.trained and isinstance(batch, int) and batch <= _TOO_FEW else Severity.INFO,
    )
