from __future__ import annotations

from collections.abc import Iterator

from bn_lint.facts import Evidence, LastBatch, Shows
from bn_lint.rule import Applicability, Confirmation, Edit, Fix, Severity, Violation, rule


@rule(
    "BN202",
    "last-batch-of-one",
    severity=Severity.WARNING,
    since="0.1.0",
    confirmed_by=Confirmation.TRAINING,
    same_as=("BN201",),
)
def last_batch_of_one(batch: LastBatch) -> Iterator[Violation]:
    """The last batch of an epoch has one sample, and BatchNorm refuses it.

    ## What it does
    Reports a training loader without `drop_last` whose data set leaves one sample over, when the model normalizes
    vectors or maps of one pixel: then each channel has a single value.

    ## Why is this bad?
    Training stops at the end of the first epoch: `ValueError: Expected more than 1 value per channel when training`.

    ## Example
    ```python
    import torch
    from torch import nn
    from torch.utils.data import DataLoader, TensorDataset

    net = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Linear(8, 3))
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    loader = DataLoader(TensorDataset(torch.randn(65, 4), torch.randint(3, (65,))), batch_size=16)

    for x, y in loader:
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(x), y).backward()
        optimizer.step()
    ```

    ## Use instead
    ```python
    import torch
    from torch import nn
    from torch.utils.data import DataLoader, TensorDataset

    net = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Linear(8, 3))
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    loader = DataLoader(TensorDataset(torch.randn(65, 4), torch.randint(3, (65,))), batch_size=16, drop_last=True)

    for x, y in loader:
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(x), y).backward()
        optimizer.step()
    ```

    ## Fix safety
    Unsafe, because the samples that are left out are no longer trained on in that epoch. Where the same call makes the
    loaders for training and for evaluation, the fix follows what decides about `shuffle`, or is not offered.

    ## Known limits
    The length of a data set is known for tensors of known size, for splits of them, and for some data sets of
    torchvision. Where it is not, the finding has severity `info`: with batches of 32, one length of 32 fails.

    ## References
    - [torch.utils.data.DataLoader](https://docs.pytorch.org/docs/stable/data.html#torch.utils.data.DataLoader)
    """
    unknown = batch.length is None
    if (unknown or batch.size == 1) and batch.batch_size > 1:
        left_out = batch.left_out
        refuses = f"`{batch.layer.name}` cannot normalize a single value per channel"
        yield Violation(
            f"training fails whenever len(data) % {batch.batch_size} == 1: {refuses}"
            if unknown
            else f"{batch.length} samples in batches of {batch.batch_size} leave one over: {refuses}",
            batch.place,
            (batch.call, Evidence.of(Shows.CONSTRUCTION, batch.layer.built, batch.layer.name)),
            help="pass drop_last=True to the training DataLoader",
            severity=Severity.INFO if unknown else None,
            fix=None if left_out is None else Fix(Applicability.UNSAFE, (Edit(left_out.place, left_out.text),)),
        )
