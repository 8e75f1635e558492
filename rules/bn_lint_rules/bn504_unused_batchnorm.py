from __future__ import annotations

from collections.abc import Iterator

from bn_lint.facts import UncalledBatchNorm
from bn_lint.rule import Applicability, Edit, Fix, Severity, Violation, rule


@rule("BN504", "unused-batchnorm", severity=Severity.INFO, since="0.1.0")
def unused_batchnorm(unused: UncalledBatchNorm) -> Iterator[Violation]:
    """A BatchNorm layer is part of a model and never applied.

    ## What it does
    Reports layers that a module builds in `__init__` and that nothing in its file mentions again, and layers that a
    run never reached although it ran the model they belong to.

    ## Why is this bad?
    The layer is in the checkpoint and in the optimizer, and does nothing. Often `forward` applies another layer in its
    place, by a copied name: where `bn1` normalizes what `conv1` gives and what `conv2` gives, and `bn2` nothing, the
    running statistics of `bn1` are those of neither, and the severity is warning.

    ## Example
    ```python
    import torch
    from torch import nn


    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 8, 3)
            self.bn1 = nn.BatchNorm2d(8)
            self.bn2 = nn.BatchNorm2d(8)

        def forward(self, x):
            return torch.relu(self.bn1(self.conv(x)))


    Block()(torch.randn(4, 3, 8, 8))
    ```

    ## Use instead
    ```python
    import torch
    from torch import nn


    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 8, 3)
            self.bn1 = nn.BatchNorm2d(8)

        def forward(self, x):
            return torch.relu(self.bn1(self.conv(x)))


    Block()(torch.randn(4, 3, 8, 8))
    ```

    ## Fix safety
    The fix removes the statement that builds the layer. Checkpoints that were saved before have its weights, so
    loading them with `strict=True` fails. It is not offered where another BatchNorm layer of the class is applied twice
    or `forward` builds one: then this layer is likely the one that was meant.

    ## Known limits
    In source text, classes with bases from other files and classes that reach their layers without naming them
    (`children()`, `getattr`) are left alone; a subclass in another file that applies the layer is not seen. In a run,
    branches that it did not take are reported too.

    ## References
    - [torch.nn.BatchNorm2d](https://docs.pytorch.org/docs/stable/generated/torch.nn.BatchNorm2d.html)
    """
    first, more = unused.layers[0], len(unused.layers) - 1
    which = f"`{first.name}`" + (f" and {more} more of {unused.model} are" if more else f" of {unused.model} is")
    lines = unused.statement
    fix = Fix(Applicability.UNSAFE, (Edit(lines, ""),)) if lines is not None else None
    if unused.instead is not None:
        yield Violation(
            f"{which} never applied: another layer stands in its place",
            unused.place,
            (unused.instead,),
            help=f"apply `{first.name}` there",
            severity=Severity.WARNING,
        )
        return
    yield Violation(f"{which} never applied", unused.place, (unused.called,), help="apply it, or leave it out", fix=fix)
