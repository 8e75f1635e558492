from __future__ import annotations

from collections.abc import Iterator

from bn_lint.facts import BatchNormCall, Evidence, Mode
from bn_lint.rule import Confirmation, Severity, Violation, rule


@rule("BN405", "no-running-stats-in-eval", severity=Severity.WARNING, since="0.1.0", confirmed_by=Confirmation.CALL)
def no_running_stats_in_eval(call: BatchNormCall) -> Iterator[Violation]:
    """A BatchNorm layer without running statistics is evaluated.

    ## What it does
    Reports calls in evaluation mode of layers that were built with `track_running_stats=False`.

    ## Why is this bad?
    There is nothing else to normalize with than the batch, so `eval()` changes nothing: a prediction depends on the
    others of its batch, a single vector fails, and a constant difference between two batches is lost.

    ## Example
    ```python
    import torch
    from torch import nn

    net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8, track_running_stats=False))
    net.eval()
    net(torch.randn(4, 3, 8, 8))
    ```

    ## Use instead
    ```python
    import torch
    from torch import nn

    net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8))
    net.eval()
    net(torch.randn(4, 3, 8, 8))
    ```

    ## Known limits
    Test-time adaptation and style transfer use batch statistics intentionally.

    ## References
    - [torch.nn.BatchNorm2d](https://docs.pytorch.org/docs/stable/generated/torch.nn.BatchNorm2d.html)
    """
    if call.mode is not Mode.EVALUATION or call.layer.track_running_stats is not False:
        return
    yield Violation(
        f"`{call.layer.name}` has no running statistics: in evaluation mode it normalizes with those of the batch",
        call.layer.built,
        (Evidence(f"`{call.layer.name}` is called in evaluation mode here", call.place), *call.path),
        help="build it without track_running_stats=False, or use InstanceNorm or GroupNorm if no statistics are wanted",
    )
