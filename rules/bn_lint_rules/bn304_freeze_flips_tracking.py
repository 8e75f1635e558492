from __future__ import annotations

from collections.abc import Iterator

from bn_lint.facts import TrackingSwitched
from bn_lint.rule import Severity, Violation, rule


@rule("BN304", "freeze-flips-tracking", severity=Severity.WARNING, since="0.1.0")
def freeze_flips_tracking(switched: TrackingSwitched) -> Iterator[Violation]:
    """BatchNorm frozen by `track_running_stats = False`, which freezes only half of it.

    ## What it does
    Reports `layer.track_running_stats = False` on a finished layer, in code that freezes it, unless that code puts the
    layer in evaluation mode too; and in a function that evaluates a model with `eval()`, where the file trains it too
    and nothing sets the flag back.

    ## Why is this bad?
    The flag decides whether the running statistics are *updated*. In training mode the layer goes on to normalize with
    the statistics of each batch, so its output changes with the batch, and what is trained behind it adapts to that.
    In evaluation mode it switches to the old running statistics, which no longer describe what it was used with. A
    layer that is frozen must use its running statistics: it must be in evaluation mode.

    An evaluation needs no more than `eval()`. If it sets the flag, too, the statistics stay those of the first
    epoch, for the training that follows no longer updates them.

    ## Example
    ```python
    from torch import nn


    def freeze(model):
        for module in model.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.track_running_stats = False
                module.requires_grad_(False)
    ```

    ## Use instead
    ```python
    from torch import nn


    def freeze(model):
        for module in model.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()
                module.requires_grad_(False)
    ```

    `model.train()` puts the layers back in training mode, so call it after that, or override `train`.

    ## Known limits
    Code that removes the running statistics as well (`layer.running_mean = None`) wants the statistics of the batch,
    and code that restores the flag wants no updates for a while. Neither is reported.

    ## References
    - [torch.nn.BatchNorm2d](https://docs.pytorch.org/docs/stable/generated/torch.nn.BatchNorm2d.html)
    - [pytorch/pytorch#37823](https://github.com/pytorch/pytorch/issues/37823)
    """
    if switched.evaluation is not None:
        yield Violation(
            f"`{switched.receiver}.track_running_stats = False` outlasts the evaluation: from then on training does "
            "not update the running statistics",
            switched.place,
            (switched.evaluation,),
            help="leave it out: in evaluation mode the layers use their running statistics, and do not update them",
        )
    if switched.freezes is None or switched.evaluates is not False:
        return
    yield Violation(
        f"`{switched.receiver}.track_running_stats = False` stops the updates only: in training mode "
        f"`{switched.receiver}` still normalizes with each batch",
        switched.place,
        (switched.freezes,),
        help=f"put it in evaluation mode with `{switched.receiver}.eval()`, after every `train()` of the model",
    )
