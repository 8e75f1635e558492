from __future__ import annotations

from collections.abc import Iterator

from bn_lint.facts import SyncConversion
from bn_lint.rule import Severity, Violation, rule


@rule("BN602", "syncbatchnorm-order", severity=Severity.ERROR, since="0.1.0")
def syncbatchnorm_order(conversion: SyncConversion) -> Iterator[Violation]:
    """A model is converted to SyncBatchNorm too late.

    ## What it does
    Reports the conversion of BatchNorm layers to SyncBatchNorm after `DistributedDataParallel` has wrapped the model,
    and with Apex also after an optimizer was given its parameters.

    ## Why is this bad?
    Apex's `convert_syncbn_model` builds layers with parameters of their own. An optimizer that was made before holds
    those of layers that are gone, so the new ones are never trained; a wrapper that was made before does not
    synchronize their gradients. `torch.nn.SyncBatchNorm.convert_sync_batchnorm` keeps the parameters, and the severity
    is `info`: PyTorch documents it for models that are not wrapped yet, but only in old versions the layers refuse to
    run then.

    ## Example
    ```python
    import torch
    from torch import nn
    from torch.nn.parallel import DistributedDataParallel


    def main(rank):
        torch.distributed.init_process_group("nccl")
        net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8)).to(rank)
        net = DistributedDataParallel(net, device_ids=[rank])
        net = nn.SyncBatchNorm.convert_sync_batchnorm(net)
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

    ## References
    - [torch.nn.SyncBatchNorm](https://docs.pytorch.org/docs/stable/generated/torch.nn.SyncBatchNorm.html)
    - [NVIDIA/apex: convert_syncbn_model](https://nvidia.github.io/apex/parallel.html)
    """
    if conversion.copies:
        message = f"the conversion gives `{conversion.model}` new parameters, and nothing trains those"
        if not conversion.by_optimizer:
            message = (
                f"the conversion gives `{conversion.model}` new parameters, and their gradients are not synchronized"
            )
    else:
        message = f"`{conversion.model}` is converted to SyncBatchNorm after it was wrapped"
    yield Violation(
        message,
        conversion.place,
        (conversion.before,),
        help="convert the model first",
        severity=None if conversion.copies else Severity.INFO,
    )
