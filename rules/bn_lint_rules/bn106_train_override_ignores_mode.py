from __future__ import annotations

from collections.abc import Iterator

from bn_lint.facts import InheritedTrain, OverriddenEval, TrainOverride
from bn_lint.rule import Applicability, Edit, Fix, Severity, Violation, rule


@rule("BN106", "train-override-ignores-mode", severity=Severity.ERROR, since="0.1.0")
def train_override_ignores_mode(override: TrainOverride | OverriddenEval) -> Iterator[Violation]:
    """A `train` override that drops the mode, so that `eval()` does not work.

    ## What it does
    Reports a class that overrides `nn.Module.train` and does not pass the mode on to `super().train(mode)`, or does
    not accept it at all. An override that does not call the inherited `train` is reported if the program calls
    `eval()`, and the override takes no mode or leaves out parts with BatchNorm.

    ## Why is this bad?
    `model.eval()` is nothing but `model.train(False)`. An override that calls `super().train()` switches the model
    into training mode instead: BatchNorm keeps using, and changing, batch statistics during evaluation. An override
    without the parameter makes `eval()` raise a TypeError.

    ## Example
    ```python
    from torch import nn


    class Encoder(nn.Sequential):
        def train(self, mode=True):
            super().train()
            return self
    ```

    ## Use instead
    ```python
    from torch import nn


    class Encoder(nn.Sequential):
        def train(self, mode=True):
            super().train(mode)
            return self
    ```

    ## Fix safety
    Unsafe, because the fix makes `eval()` work: evaluation then uses the running statistics, as it was meant to, and
    gives other results. It is offered where the inherited `train` is called in one place and nothing else in the method
    switches to training mode.

    ## Known limits
    `super().train(False)` pins a frozen network intentionally and is not reported.

    ## References
    - [torch.nn.Module.train](https://docs.pytorch.org/docs/stable/generated/torch.nn.Module.html#torch.nn.Module.train)
    """
    if isinstance(override, OverriddenEval):
        yield _run(override)
    elif not override.accepts_mode:
        yield Violation(
            f"`{override.class_name}.train` takes no mode, so `eval()`, which is `train(False)`, raises TypeError",
            override.place,
            help="declare it as `def train(self, mode=True)` and pass the mode on",
            fix=_taking_mode(override),
        )
    elif override.passes_mode is False:
        mode = override.mode or "mode"
        call = override.super_call
        yield Violation(
            f"`{override.class_name}.train` drops `{mode}`: `eval()` leaves the module in training mode",
            call.place if call else override.place,
            help=f"pass `{mode}` on to the inherited `train`",
            fix=_passing_mode(override, mode),
        )


def _run(override: OverriddenEval) -> Violation:
    method = f"`{override.class_name}.train`"
    if not override.accepts_mode:
        return Violation(
            f"{method} takes no mode, so `eval()`, which is `train(False)`, raises TypeError",
            override.place,
            (override.called,),
            help="give the method another name, such as `fit`, if it trains; otherwise declare it as "
            "`def train(self, mode=True)`",
        )
    parts = ", ".join(f"`{name}`" for name in override.left_out)
    return Violation(
        f"{method} does not reach {parts}: `eval()` leaves BatchNorm there in training mode",
        override.place,
        (override.called,),
        help="call super().train(mode), which switches every part",
    )


def _taking_mode(override: TrainOverride) -> Fix | None:
    call = _passing_mode(override, "mode")
    if override.only_self is None or call is None:
        return None
    return Fix(call.applicability, (Edit(override.only_self, ", mode=True"), *call.edits))


def _passing_mode(override: TrainOverride, mode: str) -> Fix | None:
    call = override.super_call
    if call is None or not override.switches_once:
        return None
    return Fix(Applicability.UNSAFE, (Edit(call.place, _passing(call, mode)),))


def _passing(call: InheritedTrain, mode: str) -> str:
    """The corrected call."""
    return f"{call.callee}(self, {mode})" if call.takes_self else f"{call.callee}({mode})"
