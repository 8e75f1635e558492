from __future__ import annotations

from collections.abc import Iterator

from bn_lint.facts.traced import StatisticsNotLoaded
from bn_lint.rule import Severity, Violation, rule


@rule("BN609", "missing-running-stats-loaded", severity=Severity.WARNING, since="0.1.0")
def missing_running_stats_loaded(load: StatisticsNotLoaded) -> Iterator[Violation]:
    """A checkpoint without running statistics is loaded, and the model is evaluated.

    ## What it does
    Reports `load_state_dict` with the weight of a BatchNorm layer but without its running mean and variance, when the
    layer is evaluated before it is trained.

    ## Why is this bad?
    `strict=False` only returns the missing keys. The layer then normalizes with mean 0 and variance 1, or with what
    was there before, and the outputs are wrong without an error.

    ## Example
    ```python
    import torch
    from torch import nn

    net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.Flatten(), nn.Linear(8 * 36, 10))
    checkpoint = net.state_dict()
    del checkpoint["1.running_mean"], checkpoint["1.running_var"]
    net.load_state_dict(checkpoint, strict=False)
    net.eval()
    with torch.no_grad():
        net(torch.randn(16, 3, 8, 8))
    ```

    ## Use instead
    ```python
    import torch
    from torch import nn

    net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.Flatten(), nn.Linear(8 * 36, 10))
    checkpoint = net.state_dict()

    net.load_state_dict(checkpoint, strict=False)
    net.eval()
    with torch.no_grad():
        net(torch.randn(16, 3, 8, 8))
    ```

    ## Known limits
    This rule needs a run: `bn-lint trace` and the other tracing commands report it, `bn-lint check` does not.

    ## References
    - [torch.nn.Module.load_state_dict](https://docs.pytorch.org/docs/stable/generated/torch.nn.Module.html#torch.nn.Module.load_state_dict)
    """
    first, more = load.layers[0], len(load.layers) - 1
    which = f"`{first.name}`" + (f" and {more} more BatchNorm layers" if more else "")
    yield Violation(
        f"the checkpoint has no running statistics for {which}, and the model is evaluated with the initial ones",
        load.place,
        (load.evaluated,),
        help="save the whole state_dict, buffers included, and look at the missing keys that load_state_dict returns",
    )
