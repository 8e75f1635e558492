"""Optimizers of `torch.optim`, as far as modes are concerned: they step."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bn_lint.static.values import Arguments, Builtin, LibraryClass, Spot, Unknown, Value

if TYPE_CHECKING:
    from bn_lint.static.run import Run


def _step(run: Run, arguments: Arguments, spot: Spot) -> Value:
    closure = arguments.get(1, "closure")
    if closure is not None and not isinstance(closure, Unknown):
        from bn_lint.static.calls import call

        call(run, closure, Arguments(), spot, run.frame)
    run.program.stepped(run, spot)
    return Unknown("loss", "an optimizer returns what its closure gives")


def _nothing(run: Run, arguments: Arguments, spot: Spot) -> Value:
    return None


OPTIMIZER = LibraryClass(
    "torch.optim.Optimizer",
    (),
    (),
    {
        "__init__": Builtin("__init__", _nothing),
        "step": Builtin("step", _step),
        "zero_grad": Builtin("zero_grad", _nothing),
        "load_state_dict": Builtin("load_state_dict", _nothing),
    },
)
OPTIMIZERS: dict[str, Value] = {
    f"torch.optim.{name}": LibraryClass(f"torch.optim.{name}", (OPTIMIZER,))
    for name in (
        "SGD Adam AdamW Adamax Adagrad Adadelta Adafactor ASGD LBFGS NAdam RAdam RMSprop Rprop SparseAdam Muon "
        "Optimizer"
    ).split()
}
