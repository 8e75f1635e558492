from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TypeGuard

from bn_lint.facts import Argument, BatchNormBuilt, Place
from bn_lint.rule import Applicability, Edit, Fix, Severity, Violation, rule

#: From here on `eps` visibly weakens the normalization, and is not what anybody means by epsilon.
LARGEST_EPS = 0.1
_MOMENTUM = re.compile(r"momentum|(?:^|_)mom(?:_|$)|decay", re.IGNORECASE)
#: What somebody has made of Keras' momentum already; what needs no brackets.
_CONVERTED = re.compile(r"1(?:\.0*)?\s*-")
_NAME = re.compile(r"[\w.]+")


@rule("BN403", "positional-eps", severity=Severity.ERROR, since="0.1.0")
def positional_eps(built: BatchNormBuilt) -> Iterator[Violation]:
    """A second positional argument that becomes `eps`, though something else was meant.

    ## What it does
    Reports a BatchNorm layer whose positional `eps` cannot be one: a channel count, as in `BatchNorm2d(64, 64)`, a
    momentum, as in `BatchNorm2d(64, 0.8)`, or a truth value, as in `BatchNorm2d(64, False)`.

    ## Why is this bad?
    The second parameter of BatchNorm is `eps`, which is added to the variance. With `eps=64` the output is hardly
    normalized: activations with variance 1 shrink to a standard deviation of 0.12. Nothing raises an error.

    ## Example
    ```python
    from torch import nn

    layer = nn.BatchNorm2d(64, 0.8)
    ```

    ## Use instead
    ```python
    from torch import nn

    layer = nn.BatchNorm2d(64, momentum=0.2)
    ```

    ## Fix safety
    Unsafe, because the fix takes the second width away and eps becomes 1e-5: the layer then normalizes, which it hardly
    did before, and weights that were trained with the mistake no longer fit. A mistaken momentum is left to the author,
    who knows which convention it follows.

    ## Known limits
    Arguments whose name contains `eps` are taken at their word.

    ## References
    - [torch.nn.BatchNorm2d](https://docs.pytorch.org/docs/stable/generated/torch.nn.BatchNorm2d.html)
    """
    eps = mistaken_eps(built)
    if eps is None:
        return
    width = None if built.layer.lazy else _positional(built, 0)
    if width is not None and (eps.text == width.text or _is_count(eps.value)):
        # A third one would be taken as eps then.
        fix = Fix(Applicability.UNSAFE, (Edit(_between(width.place, eps.place), ""),))
        yield Violation(
            f"`{eps.text}` is taken as eps, not as a second channel count: the output is hardly normalized",
            built.place,
            help=f"BatchNorm has one width: {built.layer.class_name}({width.text})",
            fix=fix if _positional(built, 2) is None else None,
        )
    elif width is None and _is_count(eps.value):
        yield Violation(
            f"`{eps.text}` is taken as eps, not as a width: {built.layer.class_name} finds its width by itself",
            built.place,
            help=f"write {built.layer.class_name}()",
        )
    elif isinstance(eps.value, bool):
        # Recent versions refuse to train with 0; before, a channel of equal values became nan.
        harm = "eps is 1: the output is hardly normalized" if eps.value else "eps is 0, with which it cannot be trained"
        yield Violation(
            f"`{eps.text}` is taken as eps, not as affine or track_running_stats; {harm}",
            built.place,
            help=f"pass it by name: {built.layer.class_name}(..., affine={eps.text})",
        )
    else:
        # A small one leaves the output as it should be, and is PyTorch's way of counting.
        small = _is_number(eps.value) and eps.value < LARGEST_EPS
        harm = "momentum stays 0.1" if small else "the output is hardly normalized"
        usual = (eps.literal and _is_number(eps.value) and eps.value <= 0.5) or _CONVERTED.match(eps.text) is not None
        keras = "" if usual else f"; if {eps.text} was Keras' momentum, write `{_converted(eps)}`"
        yield Violation(
            f"`{eps.text}` is taken as eps, not as momentum: {harm}",
            built.place,
            help=f"pass momentum by name{keras}",
        )


def mistaken_eps(built: BatchNormBuilt) -> Argument | None:
    """The positional argument that lands in `eps` without being one."""
    eps = _positional(built, 0 if built.layer.lazy else 1)
    if eps is None or "eps" in eps.text.lower():
        return None
    width = None if built.layer.lazy else _positional(built, 0)
    same = width is not None and width.text == eps.text and not eps.literal
    large = eps.literal and _is_number(eps.value) and eps.value >= LARGEST_EPS
    if same or large or _is_count(eps.value) or isinstance(eps.value, bool) or _MOMENTUM.search(eps.text):
        return eps
    return None


def _converted(momentum: Argument) -> str:
    """The argument that means in PyTorch what a number means in Keras."""
    value = momentum.value
    if momentum.literal and _is_number(value):
        return f"momentum={round(1 - value, 6):g}"
    return f"momentum=1 - {momentum.text if _NAME.fullmatch(momentum.text) else f'({momentum.text})'}"


def _positional(built: BatchNormBuilt, position: int) -> Argument | None:
    for argument in built.arguments:
        if argument.name is None and argument.position == position:
            return argument
    return None


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _between(first: Place, second: Place) -> Place:
    """From the end of the first argument to the end of the second: the comma and the argument."""
    return Place(first.path, first.end_line, first.end_column, second.end_line, second.end_column)
