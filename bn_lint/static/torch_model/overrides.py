"""`train` methods of the program, which `eval()` calls."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bn_lint.facts import Evidence, OverriddenEval
from bn_lint.static.interpreter.values import Arguments, Function, Instance, Value
from bn_lint.static.syntax import nodes as cst
from bn_lint.static.syntax.places import NodeRef
from bn_lint.static.syntax.tree import walk
from bn_lint.static.torch_model.mode import agreed, modes_of
from bn_lint.static.torch_model.watchers import collector_of, events_of

if TYPE_CHECKING:
    from bn_lint.static.interpreter.interpreter import Interpreter


def call_train(interpreter: Interpreter, override: Function, module: Instance, mode: Value, ref: NodeRef) -> Value:
    """Call the `train` of a module, and note what of `eval()` it leaves undone."""
    from bn_lint.static.interpreter.calls import call

    before = events_of(interpreter).count
    result = call(interpreter, override, Arguments([module, mode]), ref, interpreter.frame)
    node, owner = override.node, override.owner
    if mode is not False or owner is None or not isinstance(node, cst.FunctionDef) or _calls_the_inherited(node):
        return result  # what the text alone shows is judged as text
    accepts = len(override.params.positional) > 1 or override.params.star is not None
    switches = events_of(interpreter).count > before or _assigns_training(node)
    left_out = _left_out(interpreter, module) if accepts and switches else ()
    if left_out or not accepts:
        place = NodeRef(override.file, node.name).place
        called = Evidence("eval() is called here", ref.place)
        collector_of(interpreter).programmed([OverriddenEval(owner.name, place, called, accepts, left_out)])
    return result


def _left_out(interpreter: Interpreter, module: Instance) -> tuple[str, ...]:
    """The parts of a module with BatchNorm layers that nothing has switched since they were built."""
    from bn_lint.static.torch_model.happened import batchnorm_layers

    events = events_of(interpreter)
    return tuple(
        child.name
        for child in module.possible_children()
        if child.name is not None
        and any(
            agreed(modes) is True and all(mode.ref is None for mode in modes)
            for modes in (modes_of(layer, events) for layer in batchnorm_layers(child))
        )
    )


def _calls_the_inherited(node: cst.FunctionDef) -> bool:
    """Whether a method calls `super().train`, or `Base.train(self)`."""
    for one in walk(node.body):
        match one:
            case cst.Call(func=cst.Attribute(value=cst.Call(func=cst.Name("super")), attr=cst.Name("train"))):
                return True
            case cst.Call(func=cst.Attribute(attr=cst.Name("train")), args=[cst.Arg(value=cst.Name("self")), *_]):
                return True
    return False


def _assigns_training(node: cst.FunctionDef) -> bool:
    """Whether a method sets the `training` of a module itself."""
    return any(
        isinstance(one, cst.AssignTarget)
        and isinstance(one.target, cst.Attribute)
        and one.target.attr.value == "training"
        for one in walk(node.body)
    )
