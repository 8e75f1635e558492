from __future__ import annotations

from collections.abc import Iterator

from bn_lint.facts import Mode, ModeChange
from bn_lint.rule import Applicability, Confirmation, Edit, Fix, Severity, Violation, rule
from bn_lint_rules.switching import freezing_again


@rule("BN302", "frozen-batchnorm-reenabled", severity=Severity.WARNING, since="0.1.0", confirmed_by=Confirmation.SWITCH)
def frozen_batchnorm_reenabled(change: ModeChange) -> Iterator[Violation]:
    """`train()` puts BatchNorm layers that had been frozen back in training mode.

    ## What it does
    Reports a call of `train()` on a model some of whose BatchNorm layers had been put in evaluation mode by
    themselves.

    ## Why is this bad?
    `train()` reaches every layer inside. Layers that were frozen once, when the model was built, learn statistics
    again from the first epoch on, usually those of the small batches that they were frozen for.

    ## Example
    ```python
    import torch
    from torch import nn

    net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.Flatten(), nn.Linear(8 * 36, 10))
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    images, labels = torch.randn(16, 3, 8, 8), torch.randint(10, (16,))


    def freeze_batchnorm():
        for module in net.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()


    freeze_batchnorm()
    for _ in range(3):
        net.train()
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(images), labels).backward()
        optimizer.step()
    ```

    ## Use instead
    ```python
    import torch
    from torch import nn

    net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.Flatten(), nn.Linear(8 * 36, 10))
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    images, labels = torch.randn(16, 3, 8, 8), torch.randint(10, (16,))


    def freeze_batchnorm():
        for module in net.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()


    for _ in range(3):
        net.train()
        freeze_batchnorm()
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(images), labels).backward()
        optimizer.step()
    ```

    ## Fix safety
    Unsafe, because the layers stay frozen from then on. Where the class of the model freezes them in `__init__`, the
    fix gives it a `train` that freezes them again; else it repeats behind `train()` the statement that froze them, if
    that means the same there.

    ## Known limits
    A part of the model for which something undecided, such as an option, chooses between networks with BatchNorm and
    without is not reported. Nor is `train(before)` that gives a model the mode back which the same function has read.

    ## References
    - [torch.nn.BatchNorm2d](https://docs.pytorch.org/docs/stable/generated/torch.nn.BatchNorm2d.html)
    """
    if change.mode is Mode.TRAINING and change.reenabled is not None:
        again = change.again
        yield Violation(
            f"`{change.model}.train()` puts frozen BatchNorm layers back in training mode",
            change.place,
            (change.reenabled,),
            help=freezing_again(change.model),
            fix=None if again is None else Fix(Applicability.UNSAFE, (Edit(again.place, again.text),)),
        )
