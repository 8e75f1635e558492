from __future__ import annotations

from collections.abc import Iterator

from bn_lint.facts import PlainStatistics
from bn_lint.rule import Applicability, Edit, Fix, Severity, Violation, rule


@rule("BN505", "running-stats-not-buffers", severity=Severity.ERROR, since="0.1.0")
def running_stats_not_buffers(statistics: PlainStatistics) -> Iterator[Violation]:
    """Running statistics of a hand-written normalization that are not buffers.

    ## What it does
    Reports a module that keeps `running_mean`, `moving_var` and the like in a plain tensor attribute or in a
    parameter that is trained.

    ## Why is this bad?
    PyTorch knows only registered buffers and parameters. A plain tensor is missing from `state_dict()`, so a loaded
    model evaluates with the initial statistics; it stays on the CPU when the model moves to the GPU; and
    DistributedDataParallel does not broadcast it. A parameter is handed to the optimizer, which changes it.

    ## Example
    ```python
    import torch
    from torch import nn


    class Norm(nn.Module):
        def __init__(self, channels):
            super().__init__()
            self.running_mean = torch.zeros(channels)

        def forward(self, x):
            return x - self.running_mean
    ```

    ## Use instead
    ```python
    import torch
    from torch import nn


    class Norm(nn.Module):
        def __init__(self, channels):
            super().__init__()
            self.register_buffer("running_mean", torch.zeros(channels))

        def forward(self, x):
            return x - self.running_mean
    ```

    ## Fix safety
    Unsafe, because the statistics appear in `state_dict()`: older checkpoints need `strict=False`. What the module
    computes from its input stays the same, but a parameter that becomes a buffer is no longer trained. The fix turns
    the assignment into a call of `register_buffer`.

    ## Known limits
    Only what `__init__` assigns is checked, and only in classes whose base classes are `nn.Module` or in the same file.

    ## References
    - [torch.nn.Module.register_buffer](https://docs.pytorch.org/docs/stable/generated/torch.nn.Module.html#torch.nn.Module.register_buffer)
    """
    if statistics.kind == "parameter":
        consequence = "is a parameter, which the optimizer changes"
    else:
        consequence = "is a plain tensor, which `state_dict()` and `.to()` do not see"
    yield Violation(
        f"`{statistics.attribute}` of {statistics.class_name} {consequence}",
        statistics.place,
        help=f'register it: `self.register_buffer("{statistics.attribute}", ...)`',
        fix=_registered(statistics),
    )


def _registered(statistics: PlainStatistics) -> Fix | None:
    before, behind = statistics.before, statistics.behind
    if before is None or behind is None:
        return None
    edits = Edit(before, f'self.register_buffer("{statistics.attribute}", '), Edit(behind, ")")
    return Fix(Applicability.UNSAFE, edits)
