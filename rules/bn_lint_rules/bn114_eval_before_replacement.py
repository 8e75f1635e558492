from __future__ import annotations

from collections.abc import Iterator

from bn_lint.facts import Mode, ModelCall, Purpose
from bn_lint.rule import Severity, Violation, rule
from bn_lint_rules.switching import with_eval


@rule("BN114", "eval-before-replacement", severity=Severity.WARNING, since="0.1.0")
def eval_before_replacement(call: ModelCall) -> Iterator[Violation]:
    """BatchNorm layers were put into a model after its `eval()`.

    ## What it does
    Reports an evaluation of a model that was put in evaluation mode, but some of whose BatchNorm layers were built
    and put in later.

    ## Why is this bad?
    New layers are in training mode, whatever they replace. These normalize by batch, and learn from the data that the
    model is evaluated on.

    ## Example
    ```python
    import torch
    from torch import nn

    net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.Flatten(), nn.Linear(8 * 36, 10))
    net.eval()
    net[1] = nn.BatchNorm2d(8, eps=1e-3)
    with torch.no_grad():
        scores = net(torch.randn(4, 3, 8, 8))
    ```

    ## Use instead
    ```python
    import torch
    from torch import nn

    net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.Flatten(), nn.Linear(8 * 36, 10))
    net[1] = nn.BatchNorm2d(8, eps=1e-3)
    net.eval()
    with torch.no_grad():
        scores = net(torch.randn(4, 3, 8, 8))
    ```

    ## Fix safety
    Unsafe, because the program computes with other statistics afterward. The fix calls `eval()` before the lines
    that the model is called for, and `train()` behind them if training goes on and nothing else switches the model
    on. It is offered where the model has a name there.

    ## References
    - [torch.nn.Module.eval](https://docs.pytorch.org/docs/stable/generated/torch.nn.Module.html#torch.nn.Module.eval)
    """
    if call.purpose is Purpose.EVALUATION and call.mode is Mode.TRAINING and call.replaced is not None:
        yield Violation(
            f"`{call.model}` is evaluated with layers that came after its eval(): they are in training mode",
            call.place,
            tuple(step for step in (call.replaced, call.because, *call.path) if step is not None),
            help=f"call {call.model}.eval() after the replacement",
            fix=with_eval(call),
        )
