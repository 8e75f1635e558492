"""`torch.func`: functions of a model that are mapped over a batch or over models."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bn_lint.facts import Evidence, VmappedBatchNorm
from bn_lint.static.modes.state import agreed, modes_of
from bn_lint.static.places import NodePlace
from bn_lint.static.values import Arguments, Builtin, Dict, Instance, List, Spot, Unknown, Value

if TYPE_CHECKING:
    from bn_lint.static.run import Run


class Mapped(Unknown):
    """What `vmap` hands to a function: one part of an argument."""

    __slots__ = ()


def _vmap(run: Run, arguments: Arguments, spot: Spot) -> Value:
    function, dims = arguments.get(0, "func"), arguments.get(1, "in_dims", 0)

    def mapped(run: Run, given: Arguments, called: Spot) -> Value:
        from bn_lint.static.calls import call

        along = dims.items if isinstance(dims, List) else dims if isinstance(dims, tuple) else ()
        positional = [
            value if index < len(along) and along[index] is None else Mapped("mapped", "`vmap` maps over it")
            for index, value in enumerate(given.positional)
        ]
        keywords: dict[str, Value] = {name: Mapped(name, "`vmap` maps over it") for name in given.keywords}
        run.program.vmapped.append(spot)
        try:
            call(run, function, Arguments(positional, keywords), called, run.frame)
        finally:
            run.program.vmapped.pop()
        return Unknown("vmap", "what `vmap` gives is not followed")

    return Builtin("vmap", mapped)


def _grad(run: Run, arguments: Arguments, spot: Spot) -> Value:
    function = arguments.get(0, "func")

    def gradients(run: Run, given: Arguments, called: Spot) -> Value:
        if run.program.vmapped:
            from bn_lint.static.calls import call

            call(run, function, given, called, run.frame)
        return Unknown("gradients", "gradients are not followed")

    return Builtin("grad", gradients)


def _functional_call(run: Run, arguments: Arguments, spot: Spot) -> Value:
    module, state = arguments.get(0, "module"), arguments.get(1, "parameter_and_buffer_dicts")
    if run.program.vmapped and isinstance(module, Instance) and not _holds_mapped(state):
        note_vmapped(run, module, spot)
    return Unknown("functional_call", "what `functional_call` gives is not followed")


def _holds_mapped(state: Value, depth: int = 0) -> bool:
    """Whether any of the tensors that stand in for those of the model is a part that `vmap` hands in."""
    if isinstance(state, (List, tuple)) and depth < 3:
        items = (*state.items, *state.rest) if isinstance(state, List) else state
        return any(_holds_mapped(one, depth + 1) for one in items)
    if isinstance(state, Dict) and depth < 3:
        return any(_holds_mapped(one, depth + 1) for _, one in state.entries())
    return isinstance(state, Mapped)


def note_vmapped(run: Run, model: Instance, spot: Spot) -> None:
    """Note that a model is called inside of `vmap` with BatchNorm layers that update their own statistics."""
    from bn_lint.static.describing import label_of, path_to
    from bn_lint.static.modes.program import batchnorm_layers

    for layer in batchnorm_layers(model) if id(model) not in run.program.replaced else ():
        modes = modes_of(layer, run.program)
        if agreed(modes) is True and layer.built is not None:
            switched = modes[0].spot
            run.observer.programmed(
                [
                    VmappedBatchNorm(
                        label_of(layer),
                        NodePlace(spot),
                        Evidence("`vmap` maps the function here", NodePlace(run.program.vmapped[-1])),
                        Evidence(f"`{label_of(layer)}` is built here", NodePlace(layer.built)),
                        None if switched is None else Evidence("it is put in training mode here", NodePlace(switched)),
                        path_to(run.frame),
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
