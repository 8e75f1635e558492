"""`torch.func`: functions of a model that are differentiated, or mapped over a batch or over models."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bn_lint.facts import Evidence, Shows, TransformedBatchNorm
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


@dataclass(frozen=True)
class Transform:
    """A transform of `torch.func` that is applied to a function."""

    name: str
    ref: NodeRef

    @property
    def differentiates(self) -> bool:
        return self.name != "vmap"


def _run(
    interpreter: Interpreter, transform: Transform, function: Value, arguments: Arguments, called: NodeRef
) -> None:
    from bn_lint.static.interpreter.calls import call

    events_of(interpreter).transforms.append(transform)
    try:
        call(interpreter, function, arguments, called, interpreter.frame)
    finally:
        events_of(interpreter).transforms.pop()


def _vmap(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
    function, dims = arguments.get(0, "func"), arguments.get(1, "in_dims", 0)

    def mapped(interpreter: Interpreter, given: Arguments, called: NodeRef) -> Value:
        along = dims.items if isinstance(dims, List) else dims if isinstance(dims, tuple) else ()
        positional = [
            value if index < len(along) and along[index] is None else Mapped("mapped", "`vmap` maps over it")
            for index, value in enumerate(given.positional)
        ]
        keywords: dict[str, Value] = {name: Mapped(name, "`vmap` maps over it") for name in given.keywords}
        _run(interpreter, Transform("vmap", ref), function, Arguments(positional, keywords), called)
        return Unknown("vmap", "what `vmap` gives is not followed")

    return Builtin("vmap", mapped)


def _derivative(name: str) -> Builtin:
    """A transform that makes a function of a function: `grad`, `jacrev`."""

    def transform(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
        function = arguments.get(0, "func")

        def gradients(interpreter: Interpreter, given: Arguments, called: NodeRef) -> Value:
            _run(interpreter, Transform(name, ref), function, given, called)
            return Unknown("gradients", "gradients are not followed")

        return Builtin(name, gradients)

    return Builtin(name, transform)


def _vjp(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
    primals = Arguments(list(arguments.positional[1:]))
    _run(interpreter, Transform("vjp", ref), arguments.get(0, "func"), primals, ref)
    return Unknown("vjp", "gradients are not followed")


def _jvp(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
    given = arguments.get(1, "primals")
    if isinstance(given, tuple) or (isinstance(given, List) and not given.rest):
        primals = Arguments(list(given if isinstance(given, tuple) else given.items))
        _run(interpreter, Transform("jvp", ref), arguments.get(0, "func"), primals, ref)
    return Unknown("jvp", "gradients are not followed")


def _functional_call(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
    module, state = arguments.get(0, "module"), arguments.get(1, "parameter_and_buffer_dicts")
    transforms = events_of(interpreter).transforms
    if transforms and isinstance(module, Instance):
        # A derivative needs running statistics among its arguments; `vmap` has to map over them.
        mapping = any(not one.differentiates for one in transforms)
        if not _holds_mapped(state) if mapping else _has_parameters_alone(state):
            note_transformed(interpreter, module, ref)
    return Unknown("functional_call", "what `functional_call` gives is not followed")


def _holds_mapped(state: Value, depth: int = 0) -> bool:
    """Whether any of the tensors that stand in for those of the model is a part that `vmap` hands in."""
    if isinstance(state, (List, tuple)) and depth < 3:
        items = (*state.items, *state.rest) if isinstance(state, List) else state
        return any(_holds_mapped(one, depth + 1) for one in items)
    if isinstance(state, Dict) and depth < 3:
        return any(_holds_mapped(one, depth + 1) for _, one in state.entries())
    return isinstance(state, Mapped)


def _has_parameters_alone(state: Value) -> bool:
    """Whether the tensors that stand in for those of the model are known by name, and none is a buffer."""
    if isinstance(state, tuple):
        return all(map(_has_parameters_alone, state))
    if not isinstance(state, Dict) or state.is_open:
        return False
    names = [name for name, _ in state.entries()]
    return bool(names) and all(isinstance(name, str) and name.endswith(("weight", "bias")) for name in names)


def note_transformed(interpreter: Interpreter, model: Instance, ref: NodeRef) -> None:
    """Note that a transform runs a model with BatchNorm layers that update their own statistics."""
    from bn_lint.static.torch_model.describing import label_of, path_to
    from bn_lint.static.torch_model.happened import batchnorm_layers

    events = events_of(interpreter)
    # In a mix, the derivative is what PyTorch complains of.
    transform = max(reversed(events.transforms), key=lambda one: one.differentiates)
    for layer in batchnorm_layers(model) if id(model) not in events.replaced else ():
        modes = modes_of(layer, events)
        if agreed(modes) is True and layer.built is not None:
            switched = modes[0].ref
            collector_of(interpreter).programmed(
                [
                    TransformedBatchNorm(
                        label_of(layer),
                        ref.place,
                        transform.name,
                        Evidence(f"`{transform.name}` transforms the function here", transform.ref.place),
                        Evidence.of(Shows.CONSTRUCTION, layer.built.place, label_of(layer)),
                        None if switched is None else Evidence("it is put in training mode here", switched.place),
                        path_to(interpreter.frame),
                    )
                ]
            )
            return


_MAPS = Builtin("vmap", _vmap)
_CALLS = Builtin("functional_call", _functional_call)
TRANSFORMS: dict[str, Value] = {
    **dict.fromkeys(("torch.vmap", "torch.func.vmap", "functorch.vmap", "torch._functorch.vmap.vmap"), _MAPS),
    **{
        f"{library}.{name}": transform
        for library in ("torch.func", "functorch")
        for name, transform in (
            *((name, _derivative(name)) for name in ("grad", "grad_and_value", "jacrev", "jacfwd", "hessian")),
            ("vjp", Builtin("vjp", _vjp)),
            ("jvp", Builtin("jvp", _jvp)),
        )
    },
    **dict.fromkeys(("torch.func.functional_call", "torch.nn.utils.stateless.functional_call"), _CALLS),
}
