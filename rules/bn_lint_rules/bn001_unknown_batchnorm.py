from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import get_close_matches

from bn_lint.facts import RANKS, BatchNormBuilt, UnknownBatchNorm
from bn_lint.rule import Applicability, Edit, Fix, Severity, Violation, rule

_PARAMETERS = ("num_features", "eps", "momentum", "affine", "track_running_stats", "device", "dtype")
_WIDTH = "the width is num_features"
_MODE = "PyTorch switches the mode with model.train() and model.eval()"
#: What other libraries call it, and what PyTorch has for it.
_MEANT = {
    "num_channels": _WIDTH,
    "channels": _WIDTH,
    "in_channels": _WIDTH,
    "out_channels": _WIDTH,
    "features": _WIDTH,
    "n_features": _WIDTH,
    "num_feature": _WIDTH,
    "input_shape": _WIDTH,
    "normalized_shape": f"{_WIDTH}; normalized_shape belongs to LayerNorm",
    "axis": "PyTorch always normalizes dimension 1: move the channels there",
    "dim": "PyTorch always normalizes dimension 1: move the channels there",
    "epsilon": "the keyword is eps",
    "decay": "momentum is 1 - decay",
    "momentun": "the keyword is momentum",
    "moving_average_fraction": "momentum is 1 - moving_average_fraction",
    "center": "affine=False leaves out scale and offset",
    "scale": "affine=False leaves out scale and offset",
    "use_scale": "affine=False leaves out scale and offset",
    "use_bias": "affine=False leaves out scale and offset",
    "elementwise_affine": "the keyword is affine",
    "training": _MODE,
    "is_training": _MODE,
    "use_running_average": _MODE,
    "use_global_stats": _MODE,
    "trainable": "freeze a layer with requires_grad_(False) and eval()",
}

#: Names that mean BatchNorm alone, and not a block that has it inside.
_NOTHING_ELSE = re.compile(r"batchnorm(?:ali[sz]ation)?(?:[123]d)?")
#: Those of them that mean a parameter of PyTorch by another name.
_RENAMED = {
    **{name: "num_features" for name, meaning in _MEANT.items() if meaning == _WIDTH},
    "epsilon": "eps",
    "momentun": "momentum",
    "elementwise_affine": "affine",
}


@rule("BN001", "unknown-batchnorm", severity=Severity.ERROR, since="0.1.0")
def unknown_batchnorm(fact: UnknownBatchNorm | BatchNormBuilt) -> Iterator[Violation]:
    """A BatchNorm class or argument that PyTorch does not have.

    ## What it does
    Reports names such as `nn.BatchNorm` or `nn.Batchnorm2d`, and keyword arguments such as `num_channels=`, `axis=`
    or `epsilon=`, which come from other libraries.

    ## Why is this bad?
    The program raises an AttributeError or a TypeError when it builds the model. PyTorch has one class for each number
    of dimensions: BatchNorm1d for `(N, C)` and `(N, C, L)`, BatchNorm2d for `(N, C, H, W)`, BatchNorm3d for
    `(N, C, D, H, W)`.

    ## Example
    ```python
    from torch import nn


    def block():
        return nn.Sequential(nn.Conv2d(3, 8, 3, bias=False), nn.BatchNorm(8))
    ```

    ## Use instead
    ```python
    from torch import nn


    def block():
        return nn.Sequential(nn.Conv2d(3, 8, 3, bias=False), nn.BatchNorm2d(8))
    ```

    ## Fix safety
    The code as it is raises an exception, so no program that works can change. Another spelling of the same word is
    corrected as a safe fix. A class that is chosen by the number of dimensions that arrive is an unsafe fix: it fits
    the input, but another kind of normalization may have been meant. Nothing is offered where the name is imported by
    itself.

    ## References
    - [Normalization layers](https://docs.pytorch.org/docs/stable/nn.html#normalization-layers)
    """
    if isinstance(fact, UnknownBatchNorm):
        yield Violation(f"torch.nn has no `{fact.name}`", fact.place, help=_variant(fact), fix=_renamed(fact))
        return
    for keyword in fact.unexpected:
        yield Violation(
            f"{fact.layer.class_name} has no argument `{keyword}`",
            next((one.keyword for one in fact.arguments if one.name == keyword and one.keyword), fact.place),
            help=_meant(keyword) if not fact.layer.lazy or keyword != "num_features" else _LAZY,
            fix=_keyword_fix(fact, keyword),
        )


_LAZY = "a lazy layer takes its width from the first input"


def _variant(fact: UnknownBatchNorm) -> str:
    for variant, ranks in RANKS.items():
        if fact.rank in ranks:
            return f"an input of {fact.rank} dimensions needs BatchNorm{variant}"
    for variant in RANKS:
        if fact.name.lower().endswith(variant):
            return f"the class is BatchNorm{variant}"
    return "use BatchNorm1d for (N, C) and (N, C, L), BatchNorm2d for (N, C, H, W), BatchNorm3d for (N, C, D, H, W)"


def _renamed(fact: UnknownBatchNorm) -> Fix | None:
    letters = fact.name.lower().replace("_", "")
    if fact.name_place is None or not _NOTHING_ELSE.fullmatch(letters):
        return None
    for variant, ranks in RANKS.items():
        right = f"BatchNorm{variant}"
        if fact.rank in ranks or (fact.rank is None and letters == right.lower()):
            applicability = Applicability.SAFE if letters == right.lower() else Applicability.UNSAFE
            return Fix(applicability, (Edit(fact.name_place, right),))
    return None


def _keyword_fix(fact: BatchNormBuilt, keyword: str) -> Fix | None:
    """The right keyword, where it has the same meaning and is not given as well."""
    right = _RENAMED.get(keyword) or next(iter(get_close_matches(keyword.lower(), _PARAMETERS, n=1)), None)
    if (
        right is None
        or (keyword in _MEANT and keyword not in _RENAMED)
        or (fact.layer.lazy and right == _PARAMETERS[0])
    ):
        return None
    order = _PARAMETERS.index(right)
    given = any(one.name == right or (one.name is None and one.position == order) for one in fact.arguments)
    place = next((one.keyword for one in fact.arguments if one.name == keyword), None)
    return None if given or fact.unpacks or place is None else Fix(Applicability.SAFE, (Edit(place, right),))


def _meant(keyword: str) -> str | None:
    if keyword in _MEANT:
        return _MEANT[keyword]
    close = get_close_matches(keyword.lower(), _PARAMETERS, n=1)
    return f"the keyword is {close[0]}" if close else None
