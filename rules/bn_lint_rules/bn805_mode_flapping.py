from __future__ import annotations

from collections.abc import Iterator

from bn_lint.facts.traced import ModeFlips
from bn_lint.rule import Severity, Violation, rule


@rule("BN805", "mode-flapping", severity=Severity.WARNING, since="0.1.0")
def mode_flapping(flips: ModeFlips) -> Iterator[Violation]:
    """A model is trained in training mode and in evaluation mode by turns.

    ## What it does
    Reports models whose mode is another one in many optimizer steps than in the step before, without an evaluation
    between them that would explain it.

    ## Why is this bad?
    Steps in evaluation mode use the running statistics and learn none, the others use those of the batch: the
    gradients belong to two different functions.

    ## Example
    ```python
    import torch
    from torch import nn

    net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.Flatten(), nn.Linear(8 * 36, 10))
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    images, labels = torch.randn(16, 3, 8, 8), torch.randint(10, (16,))

    for step in range(12):
        net.train(step % 2 == 0)
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

    for step in range(12):
        net.train()
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(images), labels).backward()
        optimizer.step()
    ```

    ## Known limits
    This rule needs a run: `bn-lint trace` and the other tracing commands report it, `bn-lint check` does not.

    ## References
    - [torch.nn.Module.train](https://docs.pytorch.org/docs/stable/generated/torch.nn.Module.html#torch.nn.Module.train)
    """
    yield Violation(
        f"`{flips.model}` changes its mode {flips.flips} times in {flips.steps} training steps",
        flips.place,
        flips.modes,
        help=f"call {flips.model}.train() before each training step that follows an evaluation",
    )
