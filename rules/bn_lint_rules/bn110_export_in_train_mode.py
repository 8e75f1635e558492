from __future__ import annotations

from collections.abc import Iterator

from bn_lint.facts import Mode, ModelCall, Purpose
from bn_lint.rule import Severity, Violation, rule
from bn_lint_rules.switching import with_eval


@rule("BN110", "export-in-train-mode", severity=Severity.WARNING, since="0.1.0")
def export_in_train_mode(call: ModelCall) -> Iterator[Violation]:
    """A model is exported while BatchNorm is in training mode.

    ## What it does
    Reports `torch.jit.trace` and `torch.export.export` of a model in training mode.

    ## Why is this bad?
    The exported program keeps the mode it was made in: it normalizes with the statistics of each batch, and
    `eval()` on the result changes nothing.

    ## Example
    ```python
    import torch
    from torch import nn

    net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8))
    traced = torch.jit.trace(net, torch.zeros(2, 3, 8, 8))
    ```

    ## Use instead
    ```python
    import torch
    from torch import nn

    net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8)).eval()
    traced = torch.jit.trace(net, torch.zeros(2, 3, 8, 8))
    ```

    ## Fix safety
    Unsafe, because the program computes with other statistics afterward. The fix calls `eval()` before the lines
    that the model is called for, and `train()` behind them if training goes on and nothing else switches the model
    on. It is offered where the model has a name there.

    ## References
    - [torch.nn.Module.eval](https://docs.pytorch.org/docs/stable/generated/torch.nn.Module.html#torch.nn.Module.eval)
    """
    if call.purpose is Purpose.EXPORT and call.mode is Mode.TRAINING:
        yield Violation(
            f"`{call.model}` is exported in training mode: the result normalizes by batch for ever",
            call.place,
            tuple(step for step in (call.switch, *call.path) if step is not None),
            help=f"call {call.model}.eval() before",
            fix=with_eval(call),
        )
