from __future__ import annotations

from collections.abc import Iterator

from bn_lint.facts import BatchNormCall, Evidence, Mode, Shows
from bn_lint.rule import Confirmation, Severity, Thresholds, Violation, rule


@rule("BN203", "tiny-batch", severity=Severity.WARNING, since="0.1.0", confirmed_by=Confirmation.CALL)
def tiny_batch(call: BatchNormCall, thresholds: Thresholds) -> Iterator[Violation]:
    """A model with BatchNorm is trained on tiny batches.

    ## What it does
    Reports training in which a BatchNorm layer usually sees fewer samples at once than `min-batch-size` (by default
    2), on each device. SyncBatchNorm counts the samples of all processes.

    ## Why is this bad?
    Mean and variance of so few samples are noise. With one sample there is no batch: each image is normalized by
    itself in training, and by running statistics of something else in evaluation. Accumulating gradients does not
    help.

    ## Example
    ```python
    import torch
    from torch import nn

    net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.Flatten(), nn.Linear(8 * 36, 10))
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    images, labels = torch.randn(16, 3, 8, 8), torch.randint(10, (16,))
    loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(images, labels), batch_size=1)

    for x, y in loader:
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(x), y).backward()
        optimizer.step()
    ```

    ## Use instead
    ```python
    import torch
    from torch import nn

    net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.Flatten(), nn.Linear(8 * 36, 10))
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    images, labels = torch.randn(16, 3, 8, 8), torch.randint(10, (16,))
    loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(images, labels), batch_size=8)

    for x, y in loader:
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(x), y).backward()
        optimizer.step()
    ```

    ## Known limits
    Inputs of two dimensions are checked for two rows only, because rows may be nodes, points or tokens of one sample.
    A run of a few optimizer steps says nothing about what is usual. Where two networks take turns in training to
    translate images, as in pix2pix, batches of one are often meant, so that each image is normalized by itself: the
    finding is of severity `info`. A GAN that makes images of noise is no such case.

    ## References
    - [torch.nn.BatchNorm2d](https://docs.pytorch.org/docs/stable/generated/torch.nn.BatchNorm2d.html)
    """
    if call.mode is not Mode.TRAINING or call.usual is False or call.shape is None or not call.shape.ranked:
        return
    if call.layer.may_synchronize and (call.ranks or 1) > 1:
        return
    batch = call.shape.axes[0].size if call.shape.axes else None
    two = call.values_per_channel == 2 and batch == 2 and _is_usual(call)
    # Rows of a matrix need not be samples: nodes of a graph, points of a cloud.
    few = len(call.shape.axes) > 2 and call.values_per_channel != 1 and not two
    if isinstance(batch, int) and (
        (two and thresholds.min_batch_size > 1) or (few and 0 < batch < thresholds.min_batch_size)
    ):
        place, path = (call.path[0].place, call.path[1:]) if call.path else (call.place, ())
        if call.loader is not None:
            place, path = call.loader.place, call.path
        samples = "a single sample" if batch == 1 else f"{batch} samples"
        yield Violation(
            "BatchNorm is trained on two values per channel: whatever they are, they become about +1 and -1"
            if two
            else f"BatchNorm is trained on batches of {batch}: its statistics are those of {samples}",
            place,
            (Evidence.of(Shows.CONSTRUCTION, call.layer.built, call.layer.name), *path),
            help="use larger batches, GroupNorm, or BatchNorm layers that are frozen in evaluation mode",
            severity=Severity.INFO if call.adversarial and batch == 1 else None,
        )


def _is_usual(call: BatchNormCall) -> bool:
    """Whether it is certain that the layer is trained on such inputs: tests of one step have batches of two as well."""
    vectors = call.shape is not None and len(call.shape.axes) == 2
    return bool(call.usual) or (vectors and call.loader is not None)
