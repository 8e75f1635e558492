from __future__ import annotations

from collections.abc import Iterator

from bn_lint.facts import Evidence, Mode
from bn_lint.facts.traced import StatisticsDrift
from bn_lint.rule import Severity, Violation, rule

#: A mean that is off by more, in running standard deviations, and a variance that is off by a larger factor.
_SHIFT = 1.0
_SPREAD = 4.0


@rule("BN804", "batch-running-drift", severity=Severity.WARNING, since="0.1.0")
def batch_running_drift(drift: StatisticsDrift) -> Iterator[Violation]:
    """What arrives at BatchNorm layers is not what their running statistics describe.

    ## What it does
    With `--stats`, compares batches with the running statistics: in training every few optimizer steps, in evaluation
    for the first batches of four samples or more. Reports a layer whose batch means are off by more than a standard
    deviation, or whose variances by a factor of four, on average.

    In evaluation, the layer that is called first decides. Deeper ones get other values also where nothing is wrong:
    while weights change fast, the statistics of each layer lag behind, and test data that is sorted by class comes in
    batches of one class.

    ## Why is this bad?
    In training it means that consecutive batches come from different distributions, so that the running average fits
    none of them. In evaluation the data differs from the training data: another normalization of the images, another
    domain.

    ## Example
    ```python
    import torch
    from torch import nn

    net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8))
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
    for _ in range(60):
        optimizer.zero_grad()
        net(torch.randn(16, 3, 8, 8)).square().mean().backward()
        optimizer.step()
    net.eval()
    with torch.no_grad():
        for _ in range(4):
            net(4 * torch.randn(16, 3, 8, 8) + 3)
    ```

    ## Use instead
    ```python
    import torch
    from torch import nn

    net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8))
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
    for _ in range(60):
        optimizer.zero_grad()
        net(torch.randn(16, 3, 8, 8)).square().mean().backward()
        optimizer.step()
    net.eval()
    with torch.no_grad():
        for _ in range(4):
            net(torch.randn(16, 3, 8, 8))
    ```

    ## Known limits
    This rule needs a run: `bn-lint trace` and the other tracing commands report it, `bn-lint check` does not.

    ## References
    - [torch.nn.BatchNorm2d](https://docs.pytorch.org/docs/stable/generated/torch.nn.BatchNorm2d.html)
    """
    wide = drift.spread is not None and not 1 / _SPREAD <= drift.spread <= _SPREAD
    if drift.shift < _SHIFT and not wide:
        return
    spread = "" if drift.spread is None else f", and variances are {drift.spread:.2g} times as large"
    yield Violation(
        f"in {drift.mode}, batches at `{drift.layers[0].name}` are off by {drift.shift:.2g} running sigma{spread}",
        drift.place,
        (
            Evidence(
                f"`{drift.layers[0].name}` is built here; {drift.batches} batches were compared", drift.layers[0].built
            ),
        ),
        help="see whether the batches are shuffled"
        if drift.mode is Mode.TRAINING
        else "see whether the inputs are prepared as in training",
    )
