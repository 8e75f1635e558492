from __future__ import annotations

from collections.abc import Iterator

from bn_lint.facts import TransformedBatchNorm
from bn_lint.rule import Severity, Violation, rule


@rule("BN702", "vmap-batchnorm", severity=Severity.ERROR, since="0.1.0")
def vmap_batchnorm(call: TransformedBatchNorm) -> Iterator[Violation]:
    """A BatchNorm layer in training mode inside of `torch.vmap`, or of a derivative from `torch.func`.

    ## What it does
    Reports calls of a model in training mode from a function that `vmap` maps over, when its running statistics are
    not mapped with it. Also from one that `grad`, `grad_and_value`, `jacrev`, `jacfwd`, `hessian`, `vjp` or `jvp` of
    `torch.func` differentiates.

    ## Why is this bad?
    The layer would have to write one running mean in place for all parts at once. PyTorch refuses that: `Batch norm
    got a batched tensor as input while the running_mean or running_var [...] were not batched`. Derivatives are
    computed by a function without side effects, and PyTorch refuses to count the batch: `the function provided
    attempted to call in-place operation (aten::add_.Tensor) that would mutate a captured Tensor`.

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
    `functional_call` is reported inside of `vmap` where its parameters and buffers are not mapped, and inside of a
    derivative where it is known to get no buffers. Whether a batch of models maps its buffers is not looked at.
    `torch.autograd.functional` and `torch.autograd.grad` work in training mode.

    ## References
    - [Patching batch norm](https://docs.pytorch.org/docs/stable/func.batch_norm.html)
    """
    harm = "map over" if call.transform == "vmap" else "differentiate"
    reason = "it has one running mean for all" if call.transform == "vmap" else "it changes its running mean in place"
    yield Violation(
        f"`{call.transform}` cannot {harm} `{call.layer}` in training mode: {reason}",
        call.place,
        tuple(step for step in (call.transformed, call.built, call.switch, *call.path) if step is not None),
        help="build it with track_running_stats=False, or call eval() before",
    )
