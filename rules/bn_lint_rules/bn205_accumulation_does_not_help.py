from __future__ import annotations

from collections.abc import Iterator

from bn_lint.facts import BatchNormCall, Mode
from bn_lint.rule import Severity, Violation, rule

#: Batches of at least this many samples give usable statistics by themselves.
_LARGE = 16


@rule("BN205", "accumulation-does-not-help", severity=Severity.INFO, since="0.1.0")
def accumulation_does_not_help(call: BatchNormCall) -> Iterator[Violation]:
    """Gradients of several small batches are accumulated over BatchNorm.

    ## What it does
    Reports optimizer steps that come after several forward passes of fewer than 16 samples each.

    ## Why is this bad?
    Accumulation makes the gradient one of a larger batch. BatchNorm still normalizes, and learns its running
    statistics, from each small batch by itself.

    ## Example
    ```python
    import torch
    from torch import nn

    net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.Flatten(), nn.Linear(8 * 36, 10))
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    images, labels = torch.randn(32, 3, 8, 8), torch.randint(10, (32,))

    for _ in range(2):
        for x, y in zip(images.split(4), labels.split(4)):
            (nn.functional.cross_entropy(net(x), y) / 8).backward()
        optimizer.step()
        optimizer.zero_grad()
    ```

    ## Use instead
    ```python
    import torch
    from torch import nn

    net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.Flatten(), nn.Linear(8 * 36, 10))
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    images, labels = torch.randn(32, 3, 8, 8), torch.randint(10, (32,))

    for _ in range(2):
        nn.functional.cross_entropy(net(images), labels).backward()
        optimizer.step()
        optimizer.zero_grad()
    ```

    ## References
    - [torch.nn.BatchNorm2d](https://docs.pytorch.org/docs/stable/generated/torch.nn.BatchNorm2d.html)
    """
    if call.mode is not Mode.TRAINING or call.per_step is None or call.per_step < 2 or call.shape is None:
        return
    batch = call.shape.axes[0].size if call.shape.ranked and call.shape.axes else None
    if not isinstance(batch, int) or batch >= _LARGE or call.usual is False:
        return
    place, path = (call.path[0].place, call.path[1:]) if call.path else (call.place, ())
    yield Violation(
        f"{call.per_step} batches of {batch} make one optimizer step, but BatchNorm sees {batch} samples at a time",
        place,
        path,
        help="enlarge the batch itself, or use a normalization without batch statistics, such as GroupNorm",
    )
