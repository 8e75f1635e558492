from __future__ import annotations

from collections.abc import Iterator

from bn_lint.facts import BatchNormCall, Evidence, Mode, Shows
from bn_lint.rule import Confirmation, Severity, Violation, rule


@rule("BN605", "half-precision-running-stats", severity=Severity.WARNING, since="0.1.0", confirmed_by=Confirmation.CALL)
def half_precision_running_stats(call: BatchNormCall) -> Iterator[Violation]:
    """Running statistics are learned in half precision.

    ## What it does
    Reports training calls of BatchNorm layers whose running statistics are float16 or bfloat16.

    ## Why is this bad?
    Each batch moves the statistics by a small step. In bfloat16 steps below 1/256 of the value are lost, so they stop
    before they arrive; in float16 a variance above 65504 is infinite.

    ## Example
    ```python
    import torch
    from torch import nn

    net = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8)).bfloat16()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)

    for _ in range(3):
        optimizer.zero_grad()
        net(torch.randn(16, 4, dtype=torch.bfloat16)).square().mean().backward()
        optimizer.step()
    ```

    ## Use instead
    ```python
    import torch
    from torch import nn

    net = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8))
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)

    for _ in range(3):
        optimizer.zero_grad()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            loss = net(torch.randn(16, 4)).square().mean()
        loss.backward()
        optimizer.step()
    ```

    ## References
    - [Automatic mixed precision](https://docs.pytorch.org/docs/stable/amp.html)
    """
    if call.mode is not Mode.TRAINING or call.statistics not in ("float16", "bfloat16"):
        return
    place, path = (call.path[0].place, call.path[1:]) if call.path else (call.place, ())
    yield Violation(
        f"the running statistics of BatchNorm are {call.statistics}: small updates are lost",
        place,
        (Evidence.of(Shows.CONSTRUCTION, call.layer.built, call.layer.name), *path),
        help="keep the model in float32 and use torch.autocast, or turn the BatchNorm layers back with .float()",
    )
