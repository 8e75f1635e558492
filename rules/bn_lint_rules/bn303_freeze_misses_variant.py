from __future__ import annotations

from collections.abc import Iterator

from bn_lint.facts import FreezeLoop
from bn_lint.rule import Applicability, Edit, Fix, Severity, Violation, rule


@rule("BN303", "freeze-misses-variant", severity=Severity.WARNING, since="0.1.0")
def freeze_misses_variant(loop: FreezeLoop) -> Iterator[Violation]:
    """A loop that freezes BatchNorm layers, but tests for one class while the model has others.

    ## What it does
    Reports `isinstance(m, nn.BatchNorm2d)` in a loop, or in a function that `model.apply` is given, which puts layers
    in evaluation mode or switches their gradients off, when the same file builds BatchNorm layers of another class, or
    when the program converts its layers to SyncBatchNorm.

    ## Why is this bad?
    The classes do not inherit from each other: `isinstance(m, nn.BatchNorm2d)` is False for a BatchNorm1d, a
    BatchNorm3d and a SyncBatchNorm. The layers that the loop misses go on with batch statistics, and go on learning,
    while the rest of the model is frozen. In a distributed run that converts to SyncBatchNorm the loop does nothing at
    all.

    ## Example
    ```python
    from torch import nn

    model = nn.Sequential(
        nn.Conv2d(3, 8, 3, bias=False), nn.BatchNorm2d(8), nn.Flatten(), nn.LazyLinear(8), nn.BatchNorm1d(8)
    )
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eval()
    ```

    ## Use instead
    ```python
    from torch import nn

    model = nn.Sequential(
        nn.Conv2d(3, 8, 3, bias=False), nn.BatchNorm2d(8), nn.Flatten(), nn.LazyLinear(8), nn.BatchNorm1d(8)
    )
    for module in model.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.eval()
    ```

    ## Fix safety
    Unsafe, because more layers are frozen from then on. The fix tests for `nn.modules.batchnorm._BatchNorm`, which all
    classes inherit from. It is offered where the class is named as in `nn.BatchNorm2d` and stands alone.

    ## Known limits
    Which model the loop is given is not followed. Where the layers that are frozen come from a library or another file,
    those of this file are taken for a new head, which has to learn. Where it is a part of an object, as in
    `self.backbone.modules()`, other layers of the file may be beside it, and only a conversion to SyncBatchNorm counts.
    Where the layers become SyncBatchNorm in a file that does not mention the class or function of the loop, and where
    nothing in the program calls the function or method around it, the finding has severity `info`. A loop that leaves
    the other layers alone on purpose can say so with a comment: `# bn-lint: ignore[BN303]`.

    ## References
    - [torch.nn.SyncBatchNorm](https://docs.pytorch.org/docs/stable/generated/torch.nn.SyncBatchNorm.html)
    """
    if loop.missed is None:
        return
    others = (
        "SyncBatchNorm layers, which the project makes elsewhere, would" if loop.elsewhere else "other BatchNorm layers"
    )
    what = "function" if loop.is_applied else "loop"
    yield Violation(
        f"this {what} freezes {' and '.join(loop.class_names)} only; {others} go on learning",
        loop.place,
        (loop.missed,),
        help="test for nn.modules.batchnorm._BatchNorm, which all of them inherit from",
        fix=_for_all(loop),
        severity=Severity.INFO if loop.elsewhere or loop.unused else None,
    )


def _for_all(loop: FreezeLoop) -> Fix | None:
    if loop.class_place is None:
        return None
    return Fix(Applicability.UNSAFE, (Edit(loop.class_place, "modules.batchnorm._BatchNorm"),))
