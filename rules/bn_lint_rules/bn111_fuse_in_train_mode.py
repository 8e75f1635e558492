from __future__ import annotations

from collections.abc import Iterator

from bn_lint.facts import Mode, ModelCall, Purpose
from bn_lint.rule import Severity, Violation, rule
from bn_lint_rules.switching import with_eval


@rule("BN111", "fuse-in-train-mode", severity=Severity.ERROR, since="0.1.0")
def fuse_in_train_mode(call: ModelCall) -> Iterator[Violation]:
    """Layers are fused with BatchNorm in training mode.

    ## What it does
    Reports `fuse_modules` and `fuse_conv_bn_eval` of a model in training mode.

    ## Why is this bad?
    Fusing folds the running statistics into a convolution, which is only right in evaluation mode. PyTorch refuses:
    `AssertionError: Fusion only for eval!`. For quantization-aware training there is `fuse_modules_qat`.

    ## Example
    ```python
    from torch import nn
    from torch.ao.quantization import fuse_modules

    net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8))
    fuse_modules(net, [["0", "1"]])
    ```

    ## Use instead
    ```python
    from torch import nn
    from torch.ao.quantization import fuse_modules

    net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8)).eval()
    fuse_modules(net, [["0", "1"]])
    ```

    ## Fix safety
    Unsafe, because the program computes with other statistics afterward. The fix calls `eval()` before the lines
    that the model is called for, and `train()` behind them if training goes on and nothing else switches the model
    on. It is offered where the model has a name there.

    ## References
    - [torch.nn.Module.eval](https://docs.pytorch.org/docs/stable/generated/torch.nn.Module.html#torch.nn.Module.eval)
    """
    if call.purpose is Purpose.FUSION and call.mode is Mode.TRAINING:
        yield Violation(
            f"`{call.model}` is fused in training mode: PyTorch refuses this",
            call.place,
            tuple(step for step in (call.switch, *call.path) if step is not None),
            help=f"call {call.model}.eval() before",
            fix=with_eval(call),
        )
