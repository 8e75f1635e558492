"""Averages of models: `torch.optim.swa_utils`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bn_lint.static.clone import clone
from bn_lint.static.values import Arguments, Builtin, Instance, LibraryClass, Spot, Unknown, Value

if TYPE_CHECKING:
    from bn_lint.static.run import Run


def averaged_model(wrapper: LibraryClass) -> LibraryClass:
    """`AveragedModel`: a wrapper around a copy of the model."""

    def init(run: Run, arguments: Arguments, spot: Spot) -> None:
        from bn_lint.static.assign import register

        copy = clone(arguments.get(1, "model", Unknown("model")))
        if isinstance(copy, Instance):
            copy.owner = None
        register(run, arguments.positional[0], "module", copy)

    def update(run: Run, arguments: Arguments, spot: Spot) -> Value:
        run.program.averaged.add(id(arguments.positional[0]))
        run.program.prepare(arguments.positional[0], spot)
        return None

    methods = {"__init__": Builtin("__init__", init), "update_parameters": Builtin("update_parameters", update)}
    return LibraryClass("torch.optim.swa_utils.AveragedModel", (wrapper,), (), methods)


def _update_statistics(run: Run, arguments: Arguments, spot: Spot) -> None:
    """`update_bn` runs the model in training mode and puts back the mode it found."""


AVERAGES: dict[str, Value] = {"torch.optim.swa_utils.update_bn": Builtin("update_bn", _update_statistics)}
