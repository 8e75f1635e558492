from __future__ import annotations

from collections.abc import Iterator

from bn_lint.facts import BatchNormCall
from bn_lint.facts.comparison import Comparison, compare
from bn_lint.facts.dims import describe, origin_of
from bn_lint.rule import Applicability, Edit, Fix, Severity, Violation, rule
from bn_lint_rules.layout import fits_rank, is_channels_last, steps


@rule("BN005", "hard-coded-num-features", severity=Severity.WARNING, since="0.1.0", covered_by=("BN002",))
def hard_coded_num_features(call: BatchNormCall) -> Iterator[Violation]:
    """`num_features` is a number where the channels depend on a parameter.

    ## What it does
    Reports a BatchNorm layer whose width is written as a number, behind a layer whose width is a parameter of the same
    class. If a caller in the project passes another one, BN002 reports that instead.

    ## Why is this bad?
    The class works for one value of the parameter only, usually its default. Whoever passes another one gets
    `RuntimeError: running_mean should contain ...` from a line that looks unrelated.

    ## Example
    ```python
    from torch import nn


    class Head(nn.Module):
        def __init__(self, in_features, hidden=2048):
            super().__init__()
            self.fc = nn.Linear(in_features, hidden)
            self.bn = nn.BatchNorm1d(2048)

        def forward(self, x):
            return self.bn(self.fc(x))
    ```

    ## Use instead
    ```python
    from torch import nn


    class Head(nn.Module):
        def __init__(self, in_features, hidden=2048):
            super().__init__()
            self.fc = nn.Linear(in_features, hidden)
            self.bn = nn.BatchNorm1d(hidden)

        def forward(self, x):
            return self.bn(self.fc(x))
    ```

    ## Fix safety
    Safe: whenever the layer is called without an error, the parameter has just the value that was written. The fix
    puts the parameter, or what the layer before says about its own width, in the place of the number. It is offered
    where these names mean the same.

    ## References
    - [torch.nn.BatchNorm1d](https://docs.pytorch.org/docs/stable/generated/torch.nn.BatchNorm1d.html)
    """
    layer, channels = call.layer, call.channels
    if channels is None or not layer.literal_width or not fits_rank(call) or is_channels_last(call):
        return
    origin = origin_of(channels.size)
    if origin is None or not origin.is_free:
        return
    if compare(channels.size, layer.num_features) in (Comparison.SAME, Comparison.INDEPENDENT):
        yield Violation(
            f"`{layer.name}` is built for {describe(layer.num_features)} channels; its input has `{origin}`, which may "
            "be another number",
            layer.built,
            steps(call, channels.made_by),
            help=f"build it with num_features={origin}",
            fix=_parametrized(call),
        )


def _parametrized(call: BatchNormCall) -> Fix | None:
    place, width = call.layer.width_place, call.arriving
    return None if place is None or width is None else Fix(Applicability.SAFE, (Edit(place, width),))
