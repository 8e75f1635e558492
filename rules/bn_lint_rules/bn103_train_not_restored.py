from __future__ import annotations

from collections.abc import Iterator

from bn_lint.facts import Mode, ModelCall, Purpose
from bn_lint.rule import Confirmation, Severity, Violation, rule
from bn_lint_rules.switching import with_train


@rule(
    "BN103",
    "train-not-restored",
    severity=Severity.WARNING,
    since="0.1.0",
    confirmed_by=Confirmation.MODEL_CALL,
    same_as=("BN105",),
)
def train_not_restored(call: ModelCall) -> Iterator[Violation]:
    """Training goes on in evaluation mode after an evaluation.

    ## What it does
    Reports optimizer steps on a model whose BatchNorm layers are in evaluation mode because an earlier evaluation
    called `eval()` and nothing called `train()` afterward.

    ## Why is this bad?
    BatchNorm then normalizes with the running statistics and stops learning them, and Dropout is off. Training seems
    to work until the first evaluation, and is worse ever after.

    ## Example
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
        net.eval()
        with torch.no_grad():
            accuracy = (net(images).argmax(1) == labels).float().mean()
    ```

    ## Use instead
    ```python
    import torch
    from torch import nn

    net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.Flatten(), nn.Linear(8 * 36, 10))
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    images, labels = torch.randn(16, 3, 8, 8), torch.randint(10, (16,))

    for _ in range(3):
        net.train()
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(images), labels).backward()
        optimizer.step()
        net.eval()
        with torch.no_grad():
            accuracy = (net(images).argmax(1) == labels).float().mean()
    ```

    ## Fix safety
    Unsafe, because the model learns statistics again. The fix calls `train()` where the training begins that
    follows the evaluation.

    ## Known limits
    Layers that are kept in evaluation mode while the model around them trains are considered intentionally frozen.

    A model that is made out of view, such as a parameter or what `torch.load` gives, is checked by what the program
    does to it, in projects that build BatchNorm.

    ## References
    - [torch.nn.Module.eval](https://docs.pytorch.org/docs/stable/generated/torch.nn.Module.html#torch.nn.Module.eval)
    - [Autograd mechanics: locally disabling gradients, and evaluation mode](https://docs.pytorch.org/docs/stable/notes/autograd.html#evaluation-mode-nn-module-eval)
    """
    if (
        call.purpose is not Purpose.TRAINING
        or call.mode is not Mode.EVALUATION
        or call.switch is None
        or call.switch_is_local
    ):
        return
    yield Violation(
        f"`{call.model}` is still in evaluation mode when its training goes on: BatchNorm no longer learns statistics",
        call.place,
        tuple(step for step in (call.likely, call.switch, call.because, *call.path) if step is not None),
        help=f"call {call.model}.train() after the evaluation",
        severity=Severity.ERROR if call.certain else None,
        fix=with_train(call),
    )
