from __future__ import annotations

from collections.abc import Iterator

from bn_lint.facts import Argument, BatchNormBuilt
from bn_lint.rule import Severity, Violation, rule


@rule("BN006", "invalid-num-features", severity=Severity.ERROR, since="0.1.0")
def invalid_num_features(built: BatchNormBuilt) -> Iterator[Violation]:
    """A `num_features` that is no channel count.

    ## What it does
    Reports a `num_features` that is a float, a string or None, zero or negative, a tuple of several sizes, or a whole
    shape.

    ## Why is this bad?
    `num_features` is the number of channels, a positive integer. `channels / 2` is a float in Python 3 and raises a
    TypeError. A tuple or `x.shape` is accepted by the constructor, which then keeps statistics for every element of
    that shape and fails when the layer is first called.

    ## Example
    ```python
    from torch import nn


    def norm(channels=64):
        return nn.BatchNorm2d(channels / 2)
    ```

    ## Use instead
    ```python
    from torch import nn


    def norm(channels=64):
        return nn.BatchNorm2d(channels // 2)
    ```

    ## Known limits
    A tuple of one element works, and is not reported. Nor is a layer behind another one that PyTorch refuses, such as a
    convolution with a float for its channels: the program ends there.

    ## References
    - [torch.nn.BatchNorm2d](https://docs.pytorch.org/docs/stable/generated/torch.nn.BatchNorm2d.html)
    """
    argument = _width(built)
    if argument is None:
        return
    problem, advice = _problem(argument)
    if problem is not None and not built.follows_error:
        yield Violation(f"num_features is {problem}", built.place, help=advice)


def _width(built: BatchNormBuilt) -> Argument | None:
    """The argument for num_features; lazy layers have none."""
    if built.layer.lazy:
        return None
    for argument in built.arguments:
        if argument.name == "num_features" or (argument.name is None and argument.position == 0):
            return argument
    return None


def _problem(argument: Argument) -> tuple[str | None, str | None]:
    value, text = argument.value, argument.text
    if value is None and argument.text != "None":
        return None, None  # the default of a parameter that callers must pass
    if isinstance(value, (bool, str)) or value is None:
        return f"{value!r}, which is no channel count", None
    if isinstance(value, int):
        # A computed 0 builds, and may belong to a layer that is then never called; a negative width does not build.
        invalid = value < 0 or (value == 0 and argument.literal)
        return (f"{value}: a layer needs at least one channel", None) if invalid else (None, None)
    if isinstance(value, float):
        whole = (
            "use `//`, which divides integers"
            if argument.quotient
            else f"write {value:.0f}"
            if argument.literal and value % 1 == 0
            else "make it an integer: `//` divides without a remainder, and int() rounds"
        )
        return f"the float {value:g}; PyTorch raises TypeError", whole
    if text.endswith((".shape", ".size()")):
        return f"the whole shape `{text}`", f"pass the number of channels: `{text}[1]`"
    if isinstance(value, tuple) and len(value) > 1:
        return f"`{text}`, several sizes instead of one", "pass the number of channels alone"
    if argument.quotient:
        return f"the float `{text}`; PyTorch raises TypeError", "use `//`, which divides integers"
    return None, None
