from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from bn_lint.facts import PlainContainer
from bn_lint.rule import Applicability, Edit, Fix, Severity, Violation, rule

_REGISTERED = {"list": "ModuleList", "tuple": "ModuleList", "dict": "ModuleDict"}


@rule("BN501", "unregistered-batchnorm", severity=Severity.ERROR, since="0.1.0")
def unregistered_batchnorm(container: PlainContainer) -> Iterator[Violation]:
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

    ## Fix safety
    Unsafe, because the layers become part of the model: they are trained, switch to evaluation mode, and appear in
    `state_dict()`, so that older checkpoints need `strict=False`. The fix wraps the container where it is assigned. It
    is offered where all its elements are modules, the module is initialized before, and nothing is done with the
    attribute that `nn.ModuleList` or `nn.ModuleDict` cannot do.

    ## References
    - [torch.nn.ModuleList](https://docs.pytorch.org/docs/stable/generated/torch.nn.ModuleList.html)
    """
    layers = "a BatchNorm layer" if container.layers == 1 else f"{container.layers} BatchNorm layers"
    yield Violation(
        f"the {container.container} `{container.attribute}` hides {layers} from PyTorch: "
        "not in parameters(), not saved, never in eval mode",
        container.place,
        help=f"use nn.{_REGISTERED[container.container]}",
        fix=_wrapped(container),
    )


def _wrapped(container: PlainContainer) -> Fix | None:
    value, torch_nn = container.value, container.torch_nn
    if value is None or torch_nn is None:
        return None
    before = replace(value, end_line=value.line, end_column=value.column)
    behind = replace(value, line=value.end_line, column=value.end_column)
    edits = Edit(before, f"{torch_nn}.{_REGISTERED[container.container]}("), Edit(behind, ")")
    return Fix(Applicability.UNSAFE, edits)
