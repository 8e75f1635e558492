from __future__ import annotations

from collections.abc import Iterator

from bn_lint.facts import Place, TrainOverride
from bn_lint.rule import Applicability, Edit, Fix, Severity, Violation, rule


@rule("BN107", "train-override-returns-none", severity=Severity.WARNING, since="0.1.0")
def train_override_returns_none(override: TrainOverride) -> Iterator[Violation]:
    """A `train` override that returns nothing, so that `model = model.eval()` gives None.

    ## What it does
    Reports a class that overrides `nn.Module.train` without returning the module. The finding is a warning where the
    program uses the result of `eval()` on such a module, and otherwise of severity `info`.

    ## Why is this bad?
    `train()` and `eval()` return the module, and programs rely on it: `model = model.to(device).eval()`. `eval()`
    returns whatever `train(False)` returns, so with this override the model becomes None.

    ## Example
    ```python
    from torch import nn


    class Encoder(nn.Sequential):
        def train(self, mode=True):
            super().train(mode)
            self[0].eval()


    encoder = Encoder(nn.BatchNorm1d(8)).eval()
    ```

    ## Use instead
    ```python
    from torch import nn


    class Encoder(nn.Sequential):
        def train(self, mode=True):
            super().train(mode)
            self[0].eval()
            return self


    encoder = Encoder(nn.BatchNorm1d(8)).eval()
    ```

    ## Fix safety
    Safe: the override does what it did, and a caller that ignored None can ignore the module. It is offered where the
    end of the method is the only way out without a value.

    ## Known limits
    Most programs write `model.eval()` as a statement, and lose nothing. Released packages have a hundred such classes
    and hardly a caller that uses what they return, so without such a caller the finding is off by default. Only calls
    of `eval()`, and of `train()` from outside of models, are looked at. Select BN107 for a library whose classes others
    will use.

    ## References
    - [torch.nn.Module.train](https://docs.pytorch.org/docs/stable/generated/torch.nn.Module.html#torch.nn.Module.train)
    """
    if override.returns_self is False:
        yield Violation(
            f"`{override.class_name}.train` returns None, so `model = model.eval()` loses the model",
            override.place,
            (override.used,) if override.used is not None else (),
            severity=Severity.INFO if override.used is None else None,
            help="end it with `return self`",
            fix=_returning(override.ending) if override.ending else None,
        )


def _returning(ending: Place) -> Fix:
    after = Place(ending.path, ending.end_line, ending.end_column, ending.end_line, ending.end_column)
    return Fix(Applicability.SAFE, (Edit(after, f"\n{' ' * (ending.column - 1)}return self"),))
