from __future__ import annotations

from collections.abc import Iterator

from bn_lint.facts import Mode, ModelCall, Purpose
from bn_lint.rule import Confirmation, Severity, Violation, rule
from bn_lint_rules.switching import with_other_switch


@rule(
    "BN105",
    "training-in-eval-mode",
    severity=Severity.ERROR,
    since="0.1.0",
    confirmed_by=Confirmation.MODEL_CALL,
    same_as=("BN103",),
)
def training_in_eval_mode(call: ModelCall) -> Iterator[Violation]:
    """A model is trained in evaluation mode.

    ## What it does
    Reports optimizer steps on a model whose training code put it in evaluation mode.

    ## Why is this bad?
    BatchNorm normalizes with the running statistics, which then never change: a new model keeps mean 0 and variance 1
    while its weights move away from them.

    ## Example
    ```python
    import torch
    from torch import nn

    net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.Flatten(), nn.Linear(8 * 36, 10))
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    images, labels = torch.randn(16, 3, 8, 8), torch.randint(10, (16,))

    net.eval()
    for _ in range(3):
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(images), labels).backward()
        optimizer.step()
    ```

    ## Use instead
    ```python
    import torch
    from torch import nn

    net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.Flatten(), nn.Linear(8 * 36, 10))
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    images, labels = torch.randn(16, 3, 8, 8), torch.randint(10, (16,))

    net.train()
    for _ in range(3):
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(images), labels).backward()
        optimizer.step()
    ```

    ## Fix safety
    Unsafe, because the model learns statistics again. The fix writes `train` for `eval`, where the switch is made
    for the training alone.

    ## Known limits
    A model of which only other parts are trained, or whose BatchNorm layers alone are in evaluation mode, is not
    reported. The finding is of severity `info`, and so off by default, where not all is proven: that an optimizer
    steps, what the mode is, and that BatchNorm is in the model whatever an option says. So it is where the model has
    learned before, or was loaded: to be fine-tuned in evaluation mode it is put there on purpose, mostly.

    ## References
    - [torch.nn.Module.eval](https://docs.pytorch.org/docs/stable/generated/torch.nn.Module.html#torch.nn.Module.eval)
    - [Autograd mechanics: locally disabling gradients, and evaluation mode](https://docs.pytorch.org/docs/stable/notes/autograd.html#evaluation-mode-nn-module-eval)
    """
    if (
        call.purpose is not Purpose.TRAINING
        or call.mode is not Mode.EVALUATION
        or (call.switch is not None and not call.switch_is_local)
    ):
        return
    yield Violation(
        f"`{call.model}` is trained in evaluation mode: BatchNorm learns no statistics",
        call.place,
        tuple(step for step in (call.switch, call.because, *call.path) if step is not None),
        help=f"call {call.model}.train() before training; to freeze BatchNorm alone, call eval() on its layers",
        severity=None if call.certain and not call.has_learned else Severity.INFO,
        fix=with_other_switch(call, "train"),
    )
