from __future__ import annotations

from collections.abc import Iterator

from bn_lint.facts.traced import UnfitStatistics
from bn_lint.rule import Severity, Violation, rule


@rule("BN802", "running-stats-not-finite", severity=Severity.ERROR, since="0.1.0")
def running_stats_not_finite(unfit: UnfitStatistics) -> Iterator[Violation]:
    """Running statistics hold NaN or infinity.

    ## What it does
    Reports layers whose running mean or variance is not finite at the end of a run; with `--stats`, also since which
    optimizer step.

    ## Why is this bad?
    One bad batch is enough, and they never recover: each update mixes NaN into NaN. Training may look healthy, because
    it does not use them; evaluation gives NaN.

    ## Example
    ```python
    import torch
    from torch import nn

    net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.Flatten(), nn.Linear(8 * 36, 10))
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    images, labels = torch.randn(16, 3, 8, 8), torch.randint(10, (16,))

    for step in range(3):
        if step == 1:
            images[0, 0, 0, 0] = float("nan")
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

    for step in range(3):
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(images), labels).backward()
        optimizer.step()
    ```

    ## Known limits
    This rule needs a run: `bn-lint trace` and the other tracing commands report it, `bn-lint check` does not.

    ## References
    - [torch.nn.BatchNorm2d](https://docs.pytorch.org/docs/stable/generated/torch.nn.BatchNorm2d.html)
    """
    if not unfit.not_finite:
        return
    first, more = unfit.layers[0], len(unfit.layers) - 1
    which = f"`{first.name}`" + (f" and {more} more layers" if more else "")
    since = "" if unfit.since is None else f" since step {unfit.since}"
    yield Violation(
        f"the running statistics of {which} are not finite{since}",
        unfit.place,
        tuple(step for step in (unfit.called,) if step is not None),
        help="look for NaN in the input and for overflow before this layer, then call reset_running_stats()",
    )
