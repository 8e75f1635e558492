from __future__ import annotations

from collections.abc import Iterator

from bn_lint.facts import Mode, ModelCall, Purpose
from bn_lint.rule import Confirmation, Severity, Violation, rule
from bn_lint_rules.switching import with_other_switch


@rule(
    "BN104",
    "train-mode-in-validation",
    severity=Severity.ERROR,
    since="0.1.0",
    confirmed_by=Confirmation.MODEL_CALL,
    same_as=("BN101",),
)
def train_mode_in_validation(call: ModelCall) -> Iterator[Violation]:
    """The code that evaluates a model puts it in training mode.

    ## What it does
    Reports a call of a model whose result is only looked at, where the evaluation itself called `train()`.

    ## Why is this bad?
    The usual cause is a copy of the training loop. BatchNorm learns from the validation data, and what is measured is
    not the model that will be used.

    ## Example
    ```python
    import torch
    from torch import nn

    net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.Flatten(), nn.Linear(8 * 36, 10))
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    images, labels = torch.randn(16, 3, 8, 8), torch.randint(10, (16,))

    for _ in range(3):
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(images), labels).backward()
        optimizer.step()
    net.eval()
    with torch.no_grad():
        for _ in range(2):
            net.train()
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
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(images), labels).backward()
        optimizer.step()
    net.eval()
    with torch.no_grad():
        for _ in range(2):
            accuracy = (net(images).argmax(1) == labels).float().mean()
    ```

    Monte Carlo dropout, which samples predictions with dropout on, needs training mode in the `Dropout` layers alone:

    ```python
    import torch
    from torch import nn

    net = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Dropout(), nn.Linear(8, 3))
    net.eval()
    for module in net.modules():
        if isinstance(module, nn.Dropout):
            module.train()
    with torch.no_grad():
        samples = [net(torch.randn(16, 4)) for _ in range(10)]
    ```

    ## Fix safety
    Unsafe, because the program computes with other statistics afterward, and dropout is off. The fix writes `eval` for
    `train`, where the switch is made for the evaluation alone.

    ## Known limits
    Intentionally recomputed running statistics (`update_bn`, precise BatchNorm) are not reported. Where two
    networks take turns in training, as in a GAN, and where an `eval()` for a model of this name is commented out in the
    file, the finding is of severity `info`. So it is in a program that only loads a model and evaluates it: no training
    loop is there whose copy this could be, and of those that call `train()` all the same most say in a comment that
    they want to. It is a warning where not all is proven: that the model was trained, what
    its mode is, and that BatchNorm is in it whatever an option says.

    ## References
    - [torch.nn.Module.eval](https://docs.pytorch.org/docs/stable/generated/torch.nn.Module.html#torch.nn.Module.eval)
    - [Autograd mechanics: locally disabling gradients, and evaluation mode](https://docs.pytorch.org/docs/stable/notes/autograd.html#evaluation-mode-nn-module-eval)
    """
    if (
        call.purpose is not Purpose.EVALUATION
        or call.mode is not Mode.TRAINING
        or call.switch is None
        or not call.switch_is_local
        or call.override is not None  # it called eval(): BN101
    ):
        return
    yield Violation(
        f"`{call.model}` is put in training mode for an evaluation: BatchNorm learns from the data it is measured on",
        call.place,
        tuple(step for step in (call.switch, call.because, *call.path) if step is not None),
        help=f"call {call.model}.eval() instead of {call.model}.train(); to keep dropout on (MC dropout), call "
        "train() on the Dropout layers alone after it",
        severity=_severity(call),
        fix=with_other_switch(call, "eval"),
    )


def _severity(call: ModelCall) -> Severity | None:
    """As it is only where the program trains the model as well, and proves all that is said."""
    if call.adversarial or call.is_declined or call.only_evaluated:
        return Severity.INFO
    return None if call.certain else Severity.WARNING
