from __future__ import annotations

from collections.abc import Iterator

from bn_lint.facts.traced import StaleAverage
from bn_lint.rule import Severity, Violation, rule


@rule("BN607", "swa-without-update-bn", severity=Severity.WARNING, since="0.1.0")
def swa_without_update_bn(average: StaleAverage) -> Iterator[Violation]:
    """An averaged model is evaluated without statistics of its own.

    ## What it does
    Reports an `AveragedModel` that is evaluated after `update_parameters` and before `update_bn`.

    ## Why is this bad?
    The weights are averages, the running statistics are those of the last single model. Activations of averaged
    weights have other means and variances, usually smaller ones.

    ## Example
    ```python
    import torch
    from torch import nn
    from torch.optim.swa_utils import AveragedModel, update_bn

    net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.Flatten(), nn.Linear(8 * 36, 10))
    averaged = AveragedModel(net)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    images, labels = torch.randn(16, 3, 8, 8), torch.randint(10, (16,))

    for _ in range(3):
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(images), labels).backward()
        optimizer.step()
        averaged.update_parameters(net)
    averaged.eval()
    with torch.no_grad():
        accuracy = (averaged(images).argmax(1) == labels).float().mean()
    ```

    ## Use instead
    ```python
    import torch
    from torch import nn
    from torch.optim.swa_utils import AveragedModel, update_bn

    net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.Flatten(), nn.Linear(8 * 36, 10))
    averaged = AveragedModel(net)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    images, labels = torch.randn(16, 3, 8, 8), torch.randint(10, (16,))

    for _ in range(3):
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(images), labels).backward()
        optimizer.step()
        averaged.update_parameters(net)
    update_bn([images], averaged)
    averaged.eval()
    with torch.no_grad():
        accuracy = (averaged(images).argmax(1) == labels).float().mean()
    ```

    ## Known limits
    `use_buffers=True` averages the statistics as well, and is not reported. Only a run can tell: `bn-lint trace` and
    its like report this rule, `bn-lint check` never does.

    ## References
    - [torch.optim.swa_utils](https://docs.pytorch.org/docs/stable/optim.html#weight-averaging-swa-and-ema)
    """
    yield Violation(
        f"`{average.model}` is evaluated with running statistics that do not belong to its averaged weights",
        average.place,
        (average.averaged,),
        help="call torch.optim.swa_utils.update_bn(loader, model) before, or build it with use_buffers=True",
    )
