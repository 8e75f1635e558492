"""DeepSpeed: its engine is called, and switched, like the model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bn_lint.static.interpreter.values import Arguments, Builtin, Unknown, Value
from bn_lint.static.syntax.places import NodeRef

if TYPE_CHECKING:
    from bn_lint.static.interpreter.interpreter import Interpreter


def _initialize(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
    """`deepspeed.initialize(args, model, optimizer)`."""
    return (arguments.get(1, "model"), Unknown("optimizer"), Unknown("training_dataloader"), Unknown("lr_scheduler"))


INITIALIZE: dict[str, Value] = {"deepspeed.initialize": Builtin("initialize", _initialize)}
