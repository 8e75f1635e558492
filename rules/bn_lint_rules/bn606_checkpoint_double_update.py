from __future__ import annotations

import math
from collections.abc import Iterator

from bn_lint.facts import BatchNormCall, Mode
from bn_lint.rule import Severity, Violation, rule


@rule("BN606", "checkpoint-double-update", severity=Severity.INFO, since="0.1.0")
def checkpoint_double_update(call: BatchNormCall) -> Iterator[Violation]:
    """Activation checkpointing updates the running statistics twice.

    ## What it does
    Reports BatchNorm layers in training mode that `torch.utils.checkpoint` runs a second time in the backward pass.

    ## Why is this bad?
    Both passes update the running statistics with the same batch: momentum 0.1 acts as 0.19, and `num_batches_tracked`
    counts double. It does no harm that shows, but is not the momentum that was asked for.

    ## Example
    ```python
    import torch
    from torch import nn
    from torch.utils.checkpoint import checkpoint

    net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU())
    head = nn.Conv2d(8, 8, 3)
    optimizer = torch.optim.SGD([*net.parameters(), *head.parameters()], lr=0.1)

    for _ in range(3):
        optimizer.zero_grad()
        hidden = checkpoint(net, torch.randn(4, 3, 8, 8), use_reentrant=False)
        head(hidden).square().mean().backward()
        optimizer.step()
    ```

    ## Use instead
    ```python
    import torch
    from torch import nn
    from torch.utils.checkpoint import checkpoint

    net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU())
    head = nn.Conv2d(8, 8, 3)
    optimizer = torch.optim.SGD([*net.parameters(), *head.parameters()], lr=0.1)

    for _ in range(3):
        optimizer.zero_grad()
        hidden = net(torch.randn(4, 3, 8, 8))
        head(hidden).square().mean().backward()
        optimizer.step()
    ```

    ## References
    - [torch.utils.checkpoint](https://docs.pytorch.org/docs/stable/checkpoint.html)
    - [pytorch/pytorch#96136](https://github.com/pytorch/pytorch/issues/96136)
    """
    if call.mode is not Mode.TRAINING or call.recomputed is None:
        return
    momentum = call.layer.momentum
    advice = "1 - sqrt(1 - momentum)"
    if isinstance(momentum, float) and 0 <= momentum <= 1:
        advice = f"momentum={1 - math.sqrt(1 - momentum):.4g}"
    place, path = (call.path[0].place, call.path[1:]) if call.path else (call.place, ())
    yield Violation(
        f"`{call.layer.name}` runs twice for each batch: its statistics are updated by both passes",
        place,
        (call.recomputed, *path),
        help=f"use {advice} for the same effect as without checkpointing",
    )
