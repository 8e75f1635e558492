from __future__ import annotations

from collections.abc import Iterator

from bn_lint.facts import Evidence, Shows
from bn_lint.facts.traced import DivergedStatistics
from bn_lint.rule import Severity, Violation, rule


@rule("BN604", "buffers-diverge", severity=Severity.WARNING, since="0.1.0")
def buffers_diverge(diverged: DivergedStatistics) -> Iterator[Violation]:
    """Processes that train one model have different running statistics.

    ## What it does
    Compares the running means of all processes at the end of a distributed run.

    ## Why is this bad?
    Each process evaluates, and saves, another model. Which one is kept depends on who writes the checkpoint.

    ## Example
    ```python
    import torch
    from torch import nn
    from torch.nn.parallel import DistributedDataParallel

    # one of several processes that torchrun starts
    torch.distributed.init_process_group()
    net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8))
    net = DistributedDataParallel(net, broadcast_buffers=False)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    for _ in range(3):
        optimizer.zero_grad()
        net(torch.randn(8, 3, 8, 8) + torch.distributed.get_rank()).square().mean().backward()
        optimizer.step()
    torch.distributed.destroy_process_group()
    ```

    ## Use instead
    ```python
    import torch
    from torch import nn
    from torch.nn.parallel import DistributedDataParallel

    # one of several processes that torchrun starts
    torch.distributed.init_process_group()
    net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8))
    net = DistributedDataParallel(net)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    for _ in range(3):
        optimizer.zero_grad()
        net(torch.randn(8, 3, 8, 8) + torch.distributed.get_rank()).square().mean().backward()
        optimizer.step()
    torch.distributed.destroy_process_group()
    ```

    ## Known limits
    With `broadcast_buffers=True` the statistics differ by one batch at the end, which is reported with severity
    `info`. This rule needs a run: `bn-lint trace` and the other tracing commands report it, `bn-lint check` does not.

    ## References
    - [DistributedDataParallel](https://docs.pytorch.org/docs/stable/generated/torch.nn.parallel.DistributedDataParallel.html)
    """
    first, more = diverged.layers[0], len(diverged.layers) - 1
    which = f"`{first.name}`" + (f" and {more} more layers" if more else "")
    yield Violation(
        f"the running means of {which} differ by {diverged.shift:.2g} sigma between {diverged.ranks} processes",
        diverged.place,
        (Evidence.of(Shows.CONSTRUCTION, first.built, first.name),),
        help="use SyncBatchNorm, or leave broadcast_buffers=True and evaluate and save on rank 0",
        # Buffers that are sent before each forward pass differ by the last batch only.
        severity=Severity.INFO if diverged.broadcast else None,
    )
