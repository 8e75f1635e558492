from __future__ import annotations

from collections.abc import Iterator

from bn_lint.facts.traced import SharedBatchNorm
from bn_lint.rule import Severity, Violation, rule


def _layers(count: int) -> str:
    return "its BatchNorm layer sees" if count == 1 else f"its {count} BatchNorm layers see"


@rule("BN503", "shared-batchnorm", severity=Severity.WARNING, since="0.1.0")
def shared_batchnorm(shared: SharedBatchNorm) -> Iterator[Violation]:
    """One BatchNorm layer is applied at several positions of a network.

    ## What it does
    Reports a layer that two lines of a model apply in one forward pass. With severity `info` it also reports models
    that run several times, on different data, before an optimizer step.

    ## Why is this bad?
    Running statistics can describe one distribution. What comes from two positions is normalized by itself in
    training, and by a mixture of both in evaluation, which fits neither.

    ## Example
    ```python
    import torch
    from torch import nn


    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv1 = nn.Conv2d(3, 8, 3)
            self.conv2 = nn.Conv2d(8, 8, 3)
            self.bn1 = nn.BatchNorm2d(8)

        def forward(self, x):
            x = torch.relu(self.bn1(self.conv1(x)))
            return torch.relu(self.bn1(self.conv2(x)))


    net = Block()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    for _ in range(3):
        optimizer.zero_grad()
        net(torch.randn(4, 3, 8, 8)).square().mean().backward()
        optimizer.step()
    ```

    ## Use instead
    ```python
    import torch
    from torch import nn


    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv1 = nn.Conv2d(3, 8, 3)
            self.conv2 = nn.Conv2d(8, 8, 3)
            self.bn1 = nn.BatchNorm2d(8)
            self.bn2 = nn.BatchNorm2d(8)

        def forward(self, x):
            x = torch.relu(self.bn1(self.conv1(x)))
            return torch.relu(self.bn2(self.conv2(x)))


    net = Block()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    for _ in range(3):
        optimizer.zero_grad()
        net(torch.randn(4, 3, 8, 8)).square().mean().backward()
        optimizer.step()
    ```

    ## Known limits
    A layer that one line applies again and again, as in recurrent or siamese networks, is not reported. Only a run can
    tell: `bn-lint trace` and the other tracing commands report this rule, `bn-lint check` does not.

    ## References
    - [torch.nn.BatchNorm2d](https://docs.pytorch.org/docs/stable/generated/torch.nn.BatchNorm2d.html)
    """
    first, layers = shared.layers[0], len(shared.layers)
    if shared.same_forward:
        yield Violation(
            f"`{first.name}` is applied at {len(shared.calls)} positions: its running statistics are a mixture",
            shared.place,
            shared.calls,
            help="give each position a BatchNorm layer of its own",
        )
    else:
        yield Violation(
            f"the model runs on {len(shared.calls)} batches before each step: {_layers(layers)} a mixture of them",
            shared.place,
            shared.calls[1:],
            help="if the batches differ, as real and generated images do, the running statistics fit neither",
            severity=Severity.INFO,
        )
