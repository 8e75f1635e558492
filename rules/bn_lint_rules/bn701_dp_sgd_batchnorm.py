from __future__ import annotations

from collections.abc import Iterator

from bn_lint.facts import PrivateBatchNorm
from bn_lint.rule import Severity, Violation, rule


@rule("BN701", "dp-sgd-batchnorm", severity=Severity.ERROR, since="0.1.0")
def dp_sgd_batchnorm(private: PrivateBatchNorm) -> Iterator[Violation]:
    """Training with differential privacy of a model with BatchNorm.

    ## What it does
    Reports a model with BatchNorm layers that is given to `PrivacyEngine.make_private` of Opacus or to
    `make_private_with_epsilon`.

    ## Why is this bad?
    DP-SGD clips the gradient of each sample. BatchNorm normalizes a sample with the others of its batch, so no sample
    has a gradient of its own, and Opacus refuses the model.

    ## Example
    ```python
    import torch
    from opacus import PrivacyEngine
    from torch import nn
    from torch.utils.data import DataLoader, TensorDataset

    net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.Flatten(), nn.Linear(8 * 36, 10))
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    loader = DataLoader(TensorDataset(torch.randn(64, 3, 8, 8), torch.randint(10, (64,))), batch_size=16)
    net, optimizer, loader = PrivacyEngine().make_private(
        module=net, optimizer=optimizer, data_loader=loader, noise_multiplier=1.0, max_grad_norm=1.0
    )
    ```

    ## Use instead
    ```python
    import torch
    from opacus import PrivacyEngine
    from torch import nn
    from torch.utils.data import DataLoader, TensorDataset

    net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.GroupNorm(4, 8), nn.Flatten(), nn.Linear(8 * 36, 10))
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    loader = DataLoader(TensorDataset(torch.randn(64, 3, 8, 8), torch.randint(10, (64,))), batch_size=16)
    net, optimizer, loader = PrivacyEngine().make_private(
        module=net, optimizer=optimizer, data_loader=loader, noise_multiplier=1.0, max_grad_norm=1.0
    )
    ```

    `ModuleValidator.fix(net)` replaces the layers of a finished model. It returns a copy, so make the optimizer
    afterward.

    ## Known limits
    Layers without trained parameters (frozen, or `affine=False`) are not reported: Opacus lets them pass.

    ## References
    - [Opacus: module validation](https://opacus.ai/api/validator.html)
    - [meta-pytorch/opacus#319](https://github.com/meta-pytorch/opacus/issues/319)
    """
    yield Violation(
        f"Opacus refuses `{private.model}`: with BatchNorm no sample has a gradient of its own",
        private.place,
        (private.layer, *private.path),
        help="replace the layers by GroupNorm, as ModuleValidator.fix() does, before the optimizer is made",
    )
