"""DeepSpeed: its engine is called, and switched, like the model. Its options are added to a parser of the program."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bn_lint.static.interpreter.values import Arguments, Builtin, Unknown, Value
from bn_lint.static.syntax.places import NodeRef

if TYPE_CHECKING:
    from bn_lint.static.interpreter.interpreter import Interpreter


def _initialize(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
    """`deepspeed.initialize(args, model, optimizer)`."""
    return (arguments.get(1, "model"), Unknown("optimizer"), Unknown("training_dataloader"), Unknown("lr_scheduler"))


def _add_config_arguments(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
    """`deepspeed.add_config_arguments(parser)` returns the parser that it is given."""
    return arguments.get(0, "parser")


INITIALIZE: dict[str, Value] = {
    "deepspeed.initialize": Builtin("initialize", _initialize),
    "deepspeed.add_config_arguments": Builtin("add_config_arguments", _add_config_arguments),
}
