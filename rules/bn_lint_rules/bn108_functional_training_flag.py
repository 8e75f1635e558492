from __future__ import annotations

from collections.abc import Iterator

from bn_lint.facts import FunctionalBatchNorm
from bn_lint.rule import Applicability, Edit, Fix, Severity, Violation, rule


@rule("BN108", "functional-training-flag", severity=Severity.WARNING, since="0.1.0")
def functional_training_flag(call: FunctionalBatchNorm) -> Iterator[Violation]:
    """`F.batch_norm` in a module that always runs in the same mode.

    ## What it does
    Reports a module that passes its running statistics to `F.batch_norm` and leaves out `training`, or passes
    `training=True`, and that looks at its mode nowhere else.

    ## Why is this bad?
    `F.batch_norm` knows nothing of the module around it, and `training` is False by default. Without the argument the
    running statistics are used in training too, and since nothing updates them they stay zeros and ones: the layer
    normalizes nothing. With `training=True`, `eval()` has no effect: predictions depend on the rest of the batch, and
    evaluation moves the running statistics.

    ## Example
    ```python
    import torch.nn.functional as F
    from torch import nn


    class Norm(nn.BatchNorm2d):
        def forward(self, x):
            return F.batch_norm(x, self.running_mean, self.running_var, self.weight, self.bias)
    ```

    ## Use instead
    ```python
    import torch.nn.functional as F
    from torch import nn


    class Norm(nn.BatchNorm2d):
        def forward(self, x):
            return F.batch_norm(
                x,
                self.running_mean,
                self.running_var,
                self.weight,
                self.bias,
                training=self.training,
                momentum=self.momentum,
                eps=self.eps,
            )
    ```

    ## Fix safety
    The fix passes `training=self.training`, which changes what the module computes in one of the modes. That is its
    purpose, but a trained model may have adapted to the mistake.

    ## Known limits
    A literal `training=False` is taken as intended, and so are classes that are named as frozen or that have no
    trained weight. Statistics that are passed in as arguments are not followed; a variable that is assigned once is.

    ## References
    - [torch.nn.functional.batch_norm](https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.batch_norm.html)
    """
    if call.follows_mode is not False:
        return
    flag = f"{call.owner}.training"
    if call.training and call.is_given:
        yield Violation(
            f"`training=True` holds in evaluation too: `eval()` does not switch `{call.class_name}` to "
            f"`{call.statistics}`, and evaluation moves it",
            call.place,
            help=f"pass `training={flag}`",
            fix=Fix(Applicability.UNSAFE, (Edit(call.argument, flag),)),
        )
    elif call.training is False and not call.is_given and call.updated is False and call.trained:
        end = call.argument.end_line, call.argument.end_column
        after = type(call.argument)(call.argument.path, *end, *end)
        yield Violation(
            f"without `training=`, `F.batch_norm` never uses the batch and never updates `{call.statistics}`, "
            "in training neither",
            call.place,
            help=f"pass `training={flag}`",
            fix=Fix(Applicability.UNSAFE, (Edit(after, f", training={flag}"),)),
        )
