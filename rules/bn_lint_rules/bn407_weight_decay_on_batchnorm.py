from __future__ import annotations

from collections.abc import Iterator

from bn_lint.facts import WeightDecay
from bn_lint.rule import Severity, Violation, rule


@rule("BN407", "weight-decay-on-batchnorm", severity=Severity.INFO, since="0.1.0")
def weight_decay_on_batchnorm(optimizer: WeightDecay) -> Iterator[Violation]:
    """Weight decay on the weight and bias of BatchNorm.

    ## What it does
    Reports an optimizer with weight decay that is given all parameters of a model with BatchNorm.

    ## Why is this bad?
    Decay is meant to keep a network from fitting noise with large weights. Behind BatchNorm the scale of the layers in
    front has no effect, and the weight of BatchNorm sets the scale of what comes out; pulling it to zero makes the
    signal smaller and restrains nothing. Recipes for training image networks leave it out, and gain a little.

    ## Example
    ```python
    import torch
    from torch import nn

    model = nn.Sequential(nn.Conv2d(3, 8, 3, bias=False), nn.BatchNorm2d(8), nn.ReLU())
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, weight_decay=1e-4)
    ```

    ## Use instead
    ```python
    import torch
    from torch import nn

    model = nn.Sequential(nn.Conv2d(3, 8, 3, bias=False), nn.BatchNorm2d(8), nn.ReLU())
    decay = [p for p in model.parameters() if p.ndim > 1]
    no_decay = [p for p in model.parameters() if p.ndim <= 1]
    optimizer = torch.optim.SGD(
        [{"params": decay, "weight_decay": 1e-4}, {"params": no_decay, "weight_decay": 0.0}], lr=0.1
    )
    ```

    ## Known limits
    Only `model.parameters()` as it is, as the first argument, is reported. How much it matters is disputed, and small.

    ## References
    - [Bag of Tricks for Image Classification](https://arxiv.org/abs/1812.01187)
    """
    layers = "a BatchNorm layer" if optimizer.layers == 1 else f"{optimizer.layers or 'the'} BatchNorm layers"
    yield Violation(
        f"weight decay {optimizer.decay:g} also shrinks the weight and bias of {layers} in `{optimizer.model}`",
        optimizer.place,
        (optimizer.first,) if optimizer.first is not None else (),
        help="give parameters with one dimension a group of their own, with weight_decay=0",
    )
