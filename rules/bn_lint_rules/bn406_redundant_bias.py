from __future__ import annotations

from collections.abc import Iterator

from bn_lint.facts import BeforeBatchNorm, Evidence
from bn_lint.rule import Applicability, Edit, Fix, Severity, Violation, rule


@rule("BN406", "redundant-bias", severity=Severity.INFO, since="0.1.0")
def redundant_bias(layer: BeforeBatchNorm) -> Iterator[Violation]:
    """A bias that the BatchNorm layer behind it takes out again.

    ## What it does
    Reports a convolution or linear layer with a bias whose output goes to a BatchNorm layer and nowhere else.

    ## Why is this bad?
    BatchNorm subtracts the mean of each channel, and with it any constant that was added before; then it adds a bias
    of its own. The first bias has no effect on the output and a gradient of zero: memory and time for nothing.

    ## Example
    ```python
    from torch import nn

    block = nn.Sequential(
        nn.Conv2d(3, 64, kernel_size=3),
        nn.BatchNorm2d(64),
    )
    ```

    ## Use instead
    ```python
    from torch import nn

    block = nn.Sequential(
        nn.Conv2d(3, 64, kernel_size=3, bias=False),
        nn.BatchNorm2d(64),
    )
    ```

    ## Fix safety
    The fix adds `bias=False`. Checkpoints that were saved before have the bias, so loading them with `strict=True`
    fails, and dropping it changes what a *trained* model computes in evaluation mode: the running mean contains it.
    No fix is offered where the file reads the bias of such layers without asking whether they have one
    (`m.bias.data.zero_()`): ask `if m.bias is not None` first.

    ## Known limits
    A BatchNorm layer that stays in evaluation mode does not take the bias out; whether it does is not looked at.
    Neither are other files that initialize the layers.

    ## References
    - [Performance tuning guide](https://docs.pytorch.org/tutorials/recipes/recipes/tuning_guide.html)
    """
    if layer.kind != "bias" or layer.argument is None:
        return
    if layer.is_given:
        edit = Edit(layer.argument, "False")
    else:
        end = layer.argument.end_line, layer.argument.end_column
        edit = Edit(type(layer.argument)(layer.argument.path, *end, *end), ", bias=False")
    yield Violation(
        f"the bias of this {layer.class_name.rpartition('.')[2]} has no effect: BatchNorm takes it out again",
        layer.place,
        (Evidence("the BatchNorm layer behind it", layer.batchnorm),),
        help="build it with bias=False",
        fix=None if layer.bias_read else Fix(Applicability.UNSAFE, (edit,)),
    )
