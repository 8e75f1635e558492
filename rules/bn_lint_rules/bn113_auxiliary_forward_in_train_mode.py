from __future__ import annotations

from collections.abc import Iterator

from bn_lint.facts import Mode, ModelCall, Purpose
from bn_lint.rule import Severity, Violation, rule
from bn_lint_rules.switching import with_eval


@rule("BN113", "auxiliary-forward-in-train-mode", severity=Severity.WARNING, since="0.1.0")
def auxiliary_forward_in_train_mode(call: ModelCall) -> Iterator[Violation]:
    """A tool runs a model in training mode.

    ## What it does
    Reports a call of a model whose weights were trained or loaded by something that only looks at it (a summary, a
    FLOP counter, a graph writer, a saliency map) while BatchNorm layers inside are in training mode. A model that
    a tool describes, and that nothing uses afterward, is not reported.

    ## Why is this bad?
    The input is often random or zero, and the running statistics learn from it; with a batch of one, the call fails.

    ## Example
    ```python
    import torch
    from torchsummary import summary
    from torchvision.models import resnet18

    model = resnet18(weights="DEFAULT")
    summary(model, (3, 224, 224))
    torch.save(model.state_dict(), "model.pt")
    ```

    ## Use instead
    ```python
    import torch
    from torchsummary import summary
    from torchvision.models import resnet18

    model = resnet18(weights="DEFAULT").eval()
    summary(model, (3, 224, 224))
    torch.save(model.state_dict(), "model.pt")
    ```

    ## Fix safety
    Unsafe, because the program computes with other statistics afterward. The fix calls `eval()` before the lines
    that the model is called for, and `train()` behind them if training goes on and nothing else switches the model
    on. It is offered where the model has a name there.

    ## Known limits
    The finding is of severity `info`, and so off by default, unless the same program has trained the model and all of
    this is proven: programs that describe a model mostly throw it away.

    ## References
    - [torch.nn.Module.eval](https://docs.pytorch.org/docs/stable/generated/torch.nn.Module.html#torch.nn.Module.eval)
    - [Autograd mechanics: locally disabling gradients, and evaluation mode](https://docs.pytorch.org/docs/stable/notes/autograd.html#evaluation-mode-nn-module-eval)
    """
    if call.purpose is not Purpose.INSPECTION or call.mode is not Mode.TRAINING:
        return
    yield Violation(
        f"`{call.model}` runs in training mode, though nothing is trained here: BatchNorm learns from this input",
        call.place,
        tuple(step for step in (call.because, call.switch, *call.path) if step is not None),
        help=f"call {call.model}.eval() before, and {call.model}.train() afterward",
        severity=None if call.certain else Severity.INFO,
        fix=with_eval(call),
    )
