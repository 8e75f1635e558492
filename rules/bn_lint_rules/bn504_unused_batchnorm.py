from __future__ import annotations

from collections.abc import Iterator

from bn_lint.observed import UncalledBatchNorm
from bn_lint.rule import Severity, Verdict, rule


@rule("BN504", "unused-batchnorm", severity=Severity.INFO, since="0.1.0")
def unused_batchnorm(unused: UncalledBatchNorm) -> Iterator[Verdict]:
    """A BatchNorm layer is part of a model and never applied.

    ## What it does
    Reports layers that a run never reached although it ran the model they belong to.

    ## Why is this bad?
    The layer is in the checkpoint and in the optimizer, and does nothing. Often `forward` applies another layer in its
    place, by a copied name.

    ## Example
    ```python
    import torch
    from torch import nn


    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 8, 3)
            self.bn1 = nn.BatchNorm2d(8)
            self.bn2 = nn.BatchNorm2d(8)

        def forward(self, x):
            return torch.relu(self.bn1(self.conv(x)))


    Block()(torch.randn(4, 3, 8, 8))
    ```

    ## Use instead
    ```python
    import torch
    from torch import nn


    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 8, 3)
            self.bn1 = nn.BatchNorm2d(8)

        def forward(self, x):
            return torch.relu(self.bn1(self.conv(x)))


    Block()(torch.randn(4, 3, 8, 8))
    ```

    ## Known limits
    Branches that a run did not take are reported too. Only a run can tell: `bn-lint trace` and its like report this
    rule, `bn-lint check` never does.

    ## References
    - [torch.nn.BatchNorm2d](https://docs.pytorch.org/docs/stable/generated/torch.nn.BatchNorm2d.html)
    """
    first, more = unused.layers[0], len(unused.layers) - 1
    which = f"`{first.name}`" + (f" and {more} more of {unused.model} are" if more else f" of {unused.model} is")
    yield Verdict(f"{which} never applied", unused.place, (unused.called,), help="apply it, or leave it out")
