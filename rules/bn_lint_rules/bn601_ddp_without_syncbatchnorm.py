from __future__ import annotations

from collections.abc import Iterator

from bn_lint.facts import BatchNormCall, Mode
from bn_lint.rule import Severity, Violation, rule

#: Parts of at least this many samples give usable statistics by themselves.
_LARGE = 16


@rule("BN601", "ddp-without-syncbatchnorm", severity=Severity.INFO, since="0.1.0")
def ddp_without_syncbatchnorm(call: BatchNormCall) -> Iterator[Violation]:
    """Processes that train one model each compute their own BatchNorm statistics.

    ## What it does
    Reports BatchNorm layers, other than SyncBatchNorm, that are trained by several processes with fewer than 16
    samples for each.

    ## Why is this bad?
    DistributedDataParallel averages gradients, not batch statistics: every process normalizes with its own part of the
    batch. With large parts this is fine and fast; with small ones the noise is that of the small batch.

    ## Example
    ```python
    import torch
    from torch import nn
    from torch.nn.parallel import DistributedDataParallel

    # one of several processes that torchrun starts
    torch.distributed.init_process_group()
    net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8))
    net = DistributedDataParallel(net)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    for _ in range(2):
        optimizer.zero_grad()
        net(torch.randn(2, 3, 8, 8)).square().mean().backward()
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
    net = nn.SyncBatchNorm.convert_sync_batchnorm(net)
    net = DistributedDataParallel(net)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    for _ in range(2):
        optimizer.zero_grad()
        net(torch.randn(2, 3, 8, 8)).square().mean().backward()
        optimizer.step()
    torch.distributed.destroy_process_group()
    ```

    ## References
    - [torch.nn.SyncBatchNorm](https://docs.pytorch.org/docs/stable/generated/torch.nn.SyncBatchNorm.html)
    """
    if call.mode is not Mode.TRAINING or (call.ranks or 1) < 2 or call.layer.may_synchronize or call.shape is None:
        return
    batch = call.shape.axes[0].size if call.shape.ranked and call.shape.axes else None
    if not isinstance(batch, int) or batch >= _LARGE or call.usual is False:
        return
    place, path = (call.path[0].place, call.path[1:]) if call.path else (call.place, ())
    yield Violation(
        f"each of {call.ranks} processes normalizes with its own {batch} samples",
        place,
        path,
        help="convert the model with nn.SyncBatchNorm.convert_sync_batchnorm before wrapping it",
    )
