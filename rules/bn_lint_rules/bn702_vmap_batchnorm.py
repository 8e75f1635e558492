from __future__ import annotations

from collections.abc import Iterator

from bn_lint.facts import VmappedBatchNorm
from bn_lint.rule import Severity, Violation, rule


@rule("BN702", "vmap-batchnorm", severity=Severity.ERROR, since="0.1.0")
def vmap_batchnorm(call: VmappedBatchNorm) -> Iterator[Violation]:
    """A BatchNorm layer in training mode inside of `torch.vmap`.

    ## What it does
    Reports calls of a model in training mode from a function that `vmap` maps over, when its running statistics are
    not mapped with it.

    ## Why is this bad?
    The layer would have to write one running mean in place for all parts at once. PyTorch refuses that: `Batch norm
    got a batched tensor as input while the running_mean or running_var [...] were not batched`.

    ## Example
    ```python
    import torch
    from torch import nn

    net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8))
    each = torch.vmap(net)(torch.randn(4, 2, 3, 8, 8))
    ```

    ## Use instead
    ```python
    import torch
    from torch import nn

    net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8, track_running_stats=False))
    each = torch.vmap(net)(torch.randn(4, 2, 3, 8, 8))
    ```

    Evaluation mode works too, and so does `torch.func.replace_all_batch_norm_modules_(net)` for a finished model.

    ## Known limits
    `functional_call` is reported where its parameters and buffers are not mapped. Whether a batch of models maps its
    buffers is not looked at.

    ## References
    - [Patching batch norm](https://docs.pytorch.org/docs/stable/func.batch_norm.html)
    """
    yield Violation(
        f"`vmap` cannot map over `{call.layer}` in training mode: it has one running mean for all",
        call.place,
        tuple(step for step in (call.mapped, call.built, call.switch, *call.path) if step is not None),
        help="build it with track_running_stats=False, or call eval() before",
    )
