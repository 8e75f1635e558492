from __future__ import annotations

from collections.abc import Iterator

from bn_lint.facts import BatchNormBuilt
from bn_lint.rule import Severity, Violation, rule
from bn_lint_rules.bn403_positional_eps import LARGEST_EPS, mistaken_eps


@rule("BN404", "eps-out-of-range", severity=Severity.ERROR, since="0.1.0")
def eps_out_of_range(built: BatchNormBuilt) -> Iterator[Violation]:
    """An `eps` of zero or less, or one so large that it weakens the normalization.

    ## What it does
    Reports an `eps` of zero or less as an error, and one of 0.1 or more as a warning.

    ## Why is this bad?
    BatchNorm divides by `sqrt(variance + eps)`. With `eps=0` a channel that is constant in a batch gives NaN, and
    recent versions of PyTorch refuse to train: `batch_norm eps must be positive`. With 0.1 and more, channels of small
    variance are no longer brought to variance 1.

    ## Example
    ```python
    from torch import nn

    layer = nn.BatchNorm2d(64, eps=0)
    ```

    ## Use instead
    ```python
    from torch import nn

    layer = nn.BatchNorm2d(64, eps=1e-5)
    ```

    ## References
    - [torch.nn.BatchNorm2d](https://docs.pytorch.org/docs/stable/generated/torch.nn.BatchNorm2d.html)
    """
    eps = built.layer.eps
    if not isinstance(eps, float) or mistaken_eps(built) is not None:
        return
    if eps <= 0:
        yield Violation(
            f"eps={eps:g} must be positive: constant channels give NaN, and PyTorch refuses to train",
            built.place,
            help="the default is 1e-5",
        )
    elif eps >= LARGEST_EPS:
        yield Violation(
            f"eps={eps:g} is added to the variance: channels of small variance are not normalized",
            built.place,
            help="the default is 1e-5; Keras uses 1e-3",
            severity=Severity.WARNING,
        )
