from __future__ import annotations

from collections.abc import Iterator

from bn_lint.facts import BatchNormBuilt
from bn_lint.rule import Severity, Violation, rule


@rule("BN502", "batchnorm-built-in-forward", severity=Severity.ERROR, since="0.1.0")
def batchnorm_built_in_forward(built: BatchNormBuilt) -> Iterator[Violation]:
    """A BatchNorm layer that is rebuilt for every input.

    ## What it does
    Reports a BatchNorm constructor that runs inside `forward`, or whose result is called at once.

    ## Why is this bad?
    A layer that is built in `forward` starts from zero each time. Its weight and bias are never trained, its running
    statistics never used and never saved, `model.eval()` does not reach it: it normalizes with the statistics of the
    batch in evaluation too. On a GPU it also sits on the wrong device.

    ## Example
    ```python
    from torch import nn


    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 8, 3, bias=False)

        def forward(self, x):
            return nn.BatchNorm2d(8)(self.conv(x))
    ```

    ## Use instead
    ```python
    from torch import nn


    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 8, 3, bias=False)
            self.norm = nn.BatchNorm2d(8)

        def forward(self, x):
            return self.norm(self.conv(x))
    ```

    ## References
    - [torch.nn.functional.batch_norm](https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.batch_norm.html),
      for intentional normalization with the statistics of one batch
    """
    if built.per_call:
        yield Violation(
            f"a new {built.layer.class_name} is built for every input: never trained, never saved, never in eval mode",
            built.layer.built,
            built.path,
            help="build it in `__init__`, as an attribute of the module",
        )
