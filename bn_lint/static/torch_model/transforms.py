"""`torch.func`: functions of a model that are mapped over a batch or over models."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bn_lint.facts import Evidence, Shows, VmappedBatchNorm
from bn_lint.static.interpreter.values import Arguments, Builtin, Dict, Instance, List, Unknown, Value
from bn_lint.static.syntax.places import NodeRef
from bn_lint.static.torch_model.mode import agreed, modes_of
from bn_lint.static.torch_model.watchers import collector_of, events_of

if TYPE_CHECKING:
    from bn_lint.static.interpreter.interpreter import Interpreter


class Mapped(Unknown):
    """What `vmap` hands to a function: one part of an argument."""

    __slots__ = ()

    def summary_key(self) -> None:
        return None


def _vmap(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
    function, dims = arguments.get(0, "func"), arguments.get(1, "in_dims", 0)

    def mapped(interpreter: Interpreter, given: Arguments, called: NodeRef) -> Value:
        from bn_lint.static.interpreter.calls import call

        along = dims.items if isinstance(dims, List) else dims if isinstance(dims, tuple) else ()
        positional = [
            value if index < len(along) and along[index] is None else Mapped("mapped", "`vmap` maps over it")
            for index, value in enumerate(given.positional)
        ]
        keywords: dict[str, Value] = {name: Mapped(name, "`vmap` maps over it") for name in given.keywords}
        events_of(interpreter).vmapped.append(ref)
        try:
            call(interpreter, function, Arguments(positional, keywords), called, interpreter.frame)
        finally:
            events_of(interpreter).vmapped.pop()
        return Unknown("vmap", "what `vmap` gives is not followed")

    return Builtin("vmap", mapped)


def _grad(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
    function = arguments.get(0, "func")

    def gradients(interpreter: Interpreter, given: Arguments, called: NodeRef) -> Value:
        if events_of(interpreter).vmapped:
            from bn_lint.static.interpreter.calls import call

            call(interpreter, function, given, called, interpreter.frame)
        return Unknown("gradients", "gradients are not followed")

    return Builtin("grad", gradients)


def _functional_call(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
    module, state = arguments.get(0, "module"), arguments.get(1, "parameter_and_buffer_dicts")
    if events_of(interpreter).vmapped and isinstance(module, Instance) and not _holds_mapped(state):
        note_vmapped(interpreter, module, ref)
    return Unknown("functional_call", "what `functional_call` gives is not followed")


def _holds_mapped(state: Value, depth: int = 0) -> bool:
    """Whether any of the tensors that stand in for those of the model is a part that `vmap` hands in."""
    if isinstance(state, (List, tuple)) and depth < 3:
        items = (*state.items, *state.rest) if isinstance(state, List) else state
        return any(_holds_mapped(one, depth + 1) for one in items)
    if isinstance(state, Dict) and depth < 3:
        return any(_holds_mapped(one, depth + 1) for _, one in state.entries())
    return isinstance(state, Mapped)


def note_vmapped(interpreter: Interpreter, model: Instance, ref: NodeRef) -> None:
    """Note that a model is called inside of `vmap` with BatchNorm layers that update their own statistics."""
    from bn_lint.static.torch_model.describing import label_of, path_to
    from bn_lint.static.torch_model.happened import batchnorm_layers

    events = events_of(interpreter)
    for layer in batchnorm_layers(model) if id(model) not in events.replaced else ():
        modes = modes_of(layer, events)
        if agreed(modes) is True and layer.built is not None:
            switched = modes[0].ref
            collector_of(interpreter).programmed(
                [
                    VmappedBatchNorm(
                        label_of(layer),
                        ref.place,
                        Evidence("`vmap` maps the function here", events.vmapped[-1].place),
                        Evidence.of(Shows.CONSTRUCTION, layer.built.place, label_of(layer)),
                        None if switched is None else Evidence("it is put in training mode here", switched.place),
                        path_to(interpreter.frame),
                    )
                ]
            )
            return


_MAPS = Builtin("vmap", _vmap)
_GRADIENTS = Builtin("grad", _grad)
_CALLS = Builtin("functional_call", _functional_call)
TRANSFORMS: dict[str, Value] = {
    **dict.fromkeys(("torch.vmap", "torch.func.vmap", "functorch.vmap", "torch._functorch.vmap.vmap"), _MAPS),
    **dict.fromkeys(
        ("torch.func.grad", "torch.func.grad_and_value", "functorch.grad", "functorch.grad_and_value"), _GRADIENTS
    ),
    **dict.fromkeys(
        (
            "torch.func.functional_call",
            "torch.nn.utils.stateless.functional_call",
        ),
        _CALLS,
    ),
}
