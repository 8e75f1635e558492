from __future__ import annotations

from collections.abc import Iterator

from bn_lint.facts.traced import UnfitStatistics
from bn_lint.rule import Severity, Violation, rule


@rule("BN803", "collapsed-variance", severity=Severity.WARNING, since="0.1.0")
def collapsed_variance(unfit: UnfitStatistics) -> Iterator[Violation]:
    """The running variance of most channels is smaller than eps.

    ## What it does
    Reports layers of which half of the channels or more have a running variance below `eps` at the end of a run; fewer
    channels are reported with severity `info`.

    ## Why is this bad?
    Such channels are constant: what is left after normalization is noise, divided by `sqrt(eps)`. In evaluation any
    value that differs from the constant is blown up by a factor of hundreds.

    ## Example
    ```python
    import torch
    from torch import nn

    net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.Flatten(), nn.Linear(8 * 36, 10))
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    images, labels = torch.zeros(16, 3, 8, 8), torch.randint(10, (16,))

    for _ in range(200):
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

    for _ in range(200):
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(images), labels).backward()
        optimizer.step()
    ```

    ## Known limits
    This rule needs a run: `bn-lint trace` and the other tracing commands report it, `bn-lint check` does not.

    ## References
    - [torch.nn.BatchNorm2d](https://docs.pytorch.org/docs/stable/generated/torch.nn.BatchNorm2d.html)
    """
    if unfit.not_finite or not unfit.collapsed:
        return
    name = unfit.layers[0].name
    yield Violation(
        f"{unfit.collapsed} of {unfit.channels} channels of `{name}` are constant: their running variance is below eps",
        unfit.place,
        tuple(step for step in (unfit.called,) if step is not None),
        help="see whether the input of the layer is constant: dead ReLUs, zero images, a broken loader",
        severity=None if unfit.collapsed * 2 >= unfit.channels else Severity.INFO,
    )
