from __future__ import annotations

from collections.abc import Iterator

from bn_lint.facts import Mode, ModelCall, Purpose
from bn_lint.rule import Confirmation, Severity, Violation, rule
from bn_lint_rules.switching import freezing_again


@rule("BN301", "frozen-without-eval", severity=Severity.WARNING, since="0.1.0", confirmed_by=Confirmation.MODEL_CALL)
def frozen_without_eval(call: ModelCall) -> Iterator[Violation]:
    """The parameters of BatchNorm layers are frozen, their running statistics are not.

    ## What it does
    Reports training in which BatchNorm layers have `requires_grad=False` but run in training mode.

    ## Why is this bad?
    `requires_grad` concerns the gradient only. In training mode the running statistics go on moving to the new data,
    and the frozen layers normalize with those of each batch: the part that was meant to stay as it is does not.

    ## Example
    ```python
    import torch
    from torch import nn

    backbone = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.Flatten())
    net = nn.Sequential(backbone, nn.Linear(8 * 36, 10))
    backbone.requires_grad_(False)
    optimizer = torch.optim.SGD(net[1].parameters(), lr=0.1)
    images, labels = torch.randn(16, 3, 8, 8), torch.randint(10, (16,))

    net.train()
    for _ in range(3):
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(images), labels).backward()
        optimizer.step()
    ```

    ## Use instead
    ```python
    import torch
    from torch import nn

    backbone = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.Flatten())
    net = nn.Sequential(backbone, nn.Linear(8 * 36, 10))
    backbone.requires_grad_(False)
    optimizer = torch.optim.SGD(net[1].parameters(), lr=0.1)
    images, labels = torch.randn(16, 3, 8, 8), torch.randint(10, (16,))

    net.train()
    backbone.eval()
    for _ in range(3):
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(images), labels).backward()
        optimizer.step()
    ```

    If the whole model is frozen and gets a new last layer, there is no `backbone` to call. Then freeze the layers
    themselves, after every `train()`:

    ```python
    from torch import nn

    net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.Flatten(), nn.Linear(8 * 36, 10))
    net.train()
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eval()
    ```

    ## Known limits
    Letting the statistics adapt to new data can be meant. Then say so with a suppression comment. Layers that are
    frozen for the first epochs alone, and trained later, are not reported. Nor is a network that was loaded and then
    given another first convolution, or other weights for it: the old statistics do not fit what that one gives. Nor is
    a part of the model for which something undecided, such as an option, chooses between networks with BatchNorm and
    without; nor a network that is frozen as it was built, as nothing has learned its statistics. Where an option
    such as `freeze_bn` is off, the author knows: the finding is of severity `info`.

    ## References
    - [torch.nn.BatchNorm2d](https://docs.pytorch.org/docs/stable/generated/torch.nn.BatchNorm2d.html)
    """
    if call.purpose is not Purpose.TRAINING or call.mode is not Mode.TRAINING or call.frozen is None:
        return
    yield Violation(
        f"`{call.model}` is trained with frozen BatchNorm parameters, but their running statistics keep moving",
        call.place,
        tuple(step for step in (call.frozen, call.switch, *call.path) if step is not None),
        help=freezing_again(call.model),
        severity=Severity.INFO if call.is_declined else None,
    )
