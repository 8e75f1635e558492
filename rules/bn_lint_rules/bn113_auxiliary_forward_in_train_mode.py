from __future__ import annotations

from collections.abc import Iterator

from bn_lint.facts import ModelCall
from bn_lint.rule import Severity, Verdict, rule


@rule("BN113", "auxiliary-forward-in-train-mode", severity=Severity.WARNING, since="0.1.0")
def auxiliary_forward_in_train_mode(call: ModelCall) -> Iterator[Verdict]:
    """A tool runs a model in training mode.

    ## What it does
    Reports a call of a model by something that only looks at it (a summary, a FLOP counter, a graph writer, a
    saliency map) while BatchNorm layers inside are in training mode.

    ## Why is this bad?
    The input is often random or zero, and the running statistics learn from it; with a batch of one, the call fails.

    ## Example
    ```python
    import torch
    from torch import nn
    from torch.fx.passes.shape_prop import ShapeProp

    net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8))
    ShapeProp(torch.fx.symbolic_trace(net)).propagate(torch.zeros(2, 3, 8, 8))
    ```

    ## Use instead
    ```python
    import torch
    from torch import nn
    from torch.fx.passes.shape_prop import ShapeProp

    net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8)).eval()
    ShapeProp(torch.fx.symbolic_trace(net)).propagate(torch.zeros(2, 3, 8, 8))
    ```

    ## References
    - [torch.nn.Module.eval](https://docs.pytorch.org/docs/stable/generated/torch.nn.Module.html#torch.nn.Module.eval)
    - [Autograd mechanics: locally disabling gradients, and evaluation mode](https://docs.pytorch.org/docs/stable/notes/autograd.html#evaluation-mode-nn-module-eval)
    """
    if call.purpose != "inspection" or call.training is not True:
        return
    yield Verdict(
        f"`{call.model}` is looked at in training mode: BatchNorm learns from the input of the tool",
        call.place,
        tuple(step for step in (call.because, call.mode, *call.path) if step is not None),
        help=f"call {call.model}.eval() before, and {call.model}.train() afterwards",
    )
