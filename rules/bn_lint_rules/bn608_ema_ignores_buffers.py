from __future__ import annotations

from collections.abc import Iterator

from bn_lint.facts import StaleStatistics
from bn_lint.rule import Severity, Violation, rule


@rule("BN608", "ema-ignores-buffers", severity=Severity.WARNING, since="0.1.0")
def ema_ignores_buffers(average: StaleStatistics) -> Iterator[Violation]:
    """A moving average of the parameters of a model, without its running statistics.

    ## What it does
    Reports a copy of a model whose `parameters()` follow those of the trained one and that is used in evaluation mode,
    when nothing touches its buffers.

    ## Why is this bad?
    The running mean and variance are buffers, so `parameters()` leaves them out. The copy normalizes with the
    statistics that it was made with: those of a fresh model, mostly a mean of 0 and a variance of 1.

    ## Example
    ```python
    import copy

    import torch
    from torch import nn

    net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.Flatten(), nn.Linear(8 * 36, 10))
    ema = copy.deepcopy(net).eval()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    images, labels = torch.randn(16, 3, 8, 8), torch.randint(10, (16,))

    for _ in range(3):
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(images), labels).backward()
        optimizer.step()
        with torch.no_grad():
            for average, parameter in zip(ema.parameters(), net.parameters()):
                average.lerp_(parameter, 0.01)
    with torch.no_grad():
        accuracy = (ema(images).argmax(1) == labels).float().mean()
    ```

    ## Use instead
    ```python
    import copy

    import torch
    from torch import nn

    net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.Flatten(), nn.Linear(8 * 36, 10))
    ema = copy.deepcopy(net).eval()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    images, labels = torch.randn(16, 3, 8, 8), torch.randint(10, (16,))

    for _ in range(3):
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(images), labels).backward()
        optimizer.step()
        with torch.no_grad():
            for average, parameter in zip(ema.parameters(), net.parameters()):
                average.lerp_(parameter, 0.01)
            for average, buffer in zip(ema.buffers(), net.buffers()):
                average.copy_(buffer)
    with torch.no_grad():
        accuracy = (ema(images).argmax(1) == labels).float().mean()
    ```

    `torch.optim.swa_utils.AveragedModel` does this with `use_buffers=True`.

    ## Known limits
    A copy that runs in training mode, such as the targets of BYOL, learns statistics of its own and is not reported.
    Averages in a dictionary, whose values are put into the model for an evaluation, are not followed.

    ## References
    - [torch.optim.swa_utils](https://docs.pytorch.org/docs/stable/optim.html#weight-averaging-swa-and-ema)
    """
    yield Violation(
        f"the weights of `{average.model}` are averages, but its running statistics stay as they were in the beginning",
        average.place,
        (average.used, *average.path),
        help="copy or average the buffers too",
    )
