from __future__ import annotations

from collections.abc import Iterator

from bn_lint.facts.traced import UntouchedStatistics
from bn_lint.rule import Severity, Violation, rule


@rule("BN801", "running-stats-never-updated", severity=Severity.WARNING, since="0.1.0")
def running_stats_never_updated(untouched: UntouchedStatistics) -> Iterator[Violation]:
    """A model is evaluated with running statistics that were never learned.

    ## What it does
    Reports the evaluation of layers whose running mean is still 0 and variance still 1, although their weights had been
    trained: in a checkpoint that was loaded, or in another model, whose weights were averaged or copied. With severity
    `info` it also reports models of which nothing was
    trained, and statistics that still are mostly their initial values because there were too few training steps.

    ## Why is this bad?
    Evaluation then does not normalize at all, while training did: the outputs have nothing in common.

    ## Example
    ```python
    import torch
    from torch import nn

    net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.Flatten(), nn.Linear(8 * 36, 10))
    net.load_state_dict({**net.state_dict(), "1.weight": torch.rand(8)})  # trained, but never in training mode
    net.eval()
    with torch.no_grad():
        net(torch.randn(16, 3, 8, 8))
    ```

    ## Use instead
    ```python
    import torch
    from torch import nn

    net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.Flatten(), nn.Linear(8 * 36, 10))
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    images, labels = torch.randn(16, 3, 8, 8), torch.randint(10, (16,))

    for _ in range(30):
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(images), labels).backward()
        optimizer.step()
    net.eval()
    with torch.no_grad():
        net(images)
    ```

    ## Known limits
    This rule needs a run: `bn-lint trace` and the other tracing commands report it, `bn-lint check` does not.

    ## References
    - [torch.nn.BatchNorm2d](https://docs.pytorch.org/docs/stable/generated/torch.nn.BatchNorm2d.html)
    """
    first, more = untouched.layers[0], len(untouched.layers) - 1
    which = f"`{first.name}`" + (f" and {more} more layers" if more else "")
    if untouched.initial < 1:
        yield Violation(
            f"{untouched.initial:.0%} of the running statistics of {which} are still the initial values",
            untouched.place,
            help="train for more steps before evaluating, or use a larger momentum",
            severity=Severity.INFO,
        )
        return
    yield Violation(
        f"the running statistics of {which} were never updated: evaluation uses mean 0 and variance 1",
        untouched.place,
        tuple(step for step in (untouched.learned,) if step is not None),
        help="train in training mode first, or load a checkpoint with running statistics",
        severity=None if untouched.learned is not None else Severity.INFO,
    )
