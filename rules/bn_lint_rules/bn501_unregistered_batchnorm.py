from __future__ import annotations

from collections.abc import Iterator

from bn_lint.facts import PlainContainer
from bn_lint.rule import Severity, Verdict, rule

_REGISTERED = {"list": "nn.ModuleList", "tuple": "nn.ModuleList", "dict": "nn.ModuleDict"}


@rule("BN501", "unregistered-batchnorm", severity=Severity.ERROR, since="0.1.0")
def unregistered_batchnorm(container: PlainContainer) -> Iterator[Verdict]:
    """BatchNorm layers in a plain Python list or dict, unknown to PyTorch.

    ## What it does
    Reports a module that keeps BatchNorm layers in a list, tuple or dict which is never wrapped in an `nn.ModuleList`,
    `nn.ModuleDict` or `nn.Sequential`.

    ## Why is this bad?
    PyTorch finds sub-modules through attributes that are modules; it does not look into Python containers. `eval()`
    does not reach these layers, so they go on with batch statistics. `parameters()` does not list them, so they are not
    trained; `state_dict()` does not save them; `.to()` does not move them.

    ## Example
    ```python
    from torch import nn


    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.norms = [nn.BatchNorm2d(8) for _ in range(3)]

        def forward(self, x):
            for norm in self.norms:
                x = norm(x)
            return x
    ```

    ## Use instead
    ```python
    from torch import nn


    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.norms = nn.ModuleList([nn.BatchNorm2d(8) for _ in range(3)])

        def forward(self, x):
            for norm in self.norms:
                x = norm(x)
            return x
    ```

    ## References
    - [torch.nn.ModuleList](https://docs.pytorch.org/docs/stable/generated/torch.nn.ModuleList.html)
    """
    layers = "a BatchNorm layer" if container.layers == 1 else f"{container.layers} BatchNorm layers"
    yield Verdict(
        f"the {container.container} `{container.attribute}` hides {layers} from PyTorch: "
        "not trained, not saved, never in eval mode",
        container.place,
        help=f"use {_REGISTERED.get(container.container, 'nn.ModuleList')}",
    )
