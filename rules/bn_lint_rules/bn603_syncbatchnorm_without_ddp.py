from __future__ import annotations

from collections.abc import Iterator

from bn_lint.facts import UnsynchronizedBatchNorm
from bn_lint.rule import Severity, Violation, rule


@rule("BN603", "syncbatchnorm-without-ddp", severity=Severity.ERROR, since="0.1.0")
def syncbatchnorm_without_ddp(model: UnsynchronizedBatchNorm) -> Iterator[Violation]:
    """SyncBatchNorm where there is nothing to synchronize with.

    ## What it does
    Reports models with SyncBatchNorm layers in `DataParallel`, and, as a warning, trainings of such models in programs
    that show nothing of a second process.

    ## Why is this bad?
    SyncBatchNorm synchronizes processes. `DataParallel` has one process with a thread for each device: every replica
    normalizes with the statistics of its own part of the batch, and only those of the first device are kept. In old
    versions of PyTorch the layers raise an exception without `DistributedDataParallel`.

    ## Example
    ```python
    from torch import nn

    net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8))
    net = nn.SyncBatchNorm.convert_sync_batchnorm(net)
    net = nn.DataParallel(net)
    ```

    ## Use instead
    ```python
    import torch
    from torch import nn
    from torch.nn.parallel import DistributedDataParallel


    def main(rank):
        torch.distributed.init_process_group("nccl")
        net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8)).to(rank)
        net = nn.SyncBatchNorm.convert_sync_batchnorm(net)
        net = DistributedDataParallel(net, device_ids=[rank])
    ```

    ## Known limits
    A program whose processes are started and connected by a library that bn-lint does not know is reported if it
    mentions nothing of the kind. Then say so with a suppression comment.

    ## References
    - [torch.nn.SyncBatchNorm](https://docs.pytorch.org/docs/stable/generated/torch.nn.SyncBatchNorm.html)
    """
    if model.in_data_parallel:
        yield Violation(
            f"`DataParallel` does not synchronize the SyncBatchNorm layers of `{model.model}`",
            model.place,
            (model.shown,),
            help="use DistributedDataParallel, or plain BatchNorm",
        )
    else:
        yield Violation(
            "nothing here starts a second process, so SyncBatchNorm synchronizes nothing",
            model.place,
            (model.shown,),
            help="use DistributedDataParallel, or plain BatchNorm",
            severity=Severity.WARNING,
        )
