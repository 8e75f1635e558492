"""From the record of an entry point to facts: which calls train, which evaluate, and in which mode."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import libcst as cst

from bn_lint.dims import Expression
from bn_lint.facts import Axis, BatchNormCall, BatchNormLayer, Evidence, Fact, LastBatch, ModeChange, ModelCall, Shape
from bn_lint.static.modes.program import Call, Program, Switch, batchnorm_layers
from bn_lint.static.modes.state import Mode, agreed
from bn_lint.static.places import NodePlace
from bn_lint.static.values import Instance, Spot

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bn_lint.static.frames import Frame
    from bn_lint.static.modes.loaders import Batches


def facts_of(program: Program, last_calls: Mapping[cst.CSTNode, BatchNormCall]) -> Iterator[Fact]:
    """State what one entry point showed.

    Args:
        last_calls: The latest call of the BatchNorm layers that are built at a place.
    """
    trained = {id(call.model) for call in program.calls if call.purpose == "training"}
    for call in program.calls:
        yield from _call_facts(program, call, trained)
        if call.purpose == "training" and call.batches is not None:
            yield from _batch_facts(call, call.batches, last_calls)
    for switch in program.switches:
        yield from _reenabled(program, switch)


def _call_facts(program: Program, call: Call, trained: set[int]) -> Iterator[Fact]:
    if call.purpose in ("export", "fusion", "inspection"):
        if True in call.states:
            yield ModelCall(
                _text(call.spot, call.model),
                NodePlace(call.spot),
                training=True,
                grad=call.grad,
                purpose=call.purpose,
                because=None,
                mode=_mode_evidence(next(m[0] for m in call.modes if agreed(m) is True)),
                path=_path(call.frame),
            )
        return
    purpose = call.purpose or ("evaluation" if _evaluates(program, call) else None)
    if purpose is None:
        return
    if purpose == "evaluation" and id(call.model) not in trained and _serves_training(program, call):
        purpose = "reference"
    training, mode = _state(call, purpose)
    if training is None:
        return
    yield ModelCall(
        _text(call.spot),
        NodePlace(call.spot),
        training=training,
        grad=call.grad,
        purpose=purpose,
        because=_evidence(call.why, call.because),
        mode=_mode_evidence(mode),
        mode_is_local=mode is not None and _is_local(program, call, mode),
        certain=not call.uncertain and len(call.modes) > 0 and None not in call.states,
        switched=tuple(_others(program, call)) if purpose == "evaluation" and training else (),
        frozen=_evidence("the parameters are frozen here", call.frozen),
        path=_path(call.frame),
    )


def _batch_facts(
    call: Call, batches: Batches, last_calls: Mapping[cst.CSTNode, BatchNormCall]
) -> Iterator[BatchNormCall | LastBatch]:
    """What the size of the batches means for the layers that are trained on them."""
    if batches.size is None:
        return
    loader = Evidence(f"batches of {batches.size} come from here", NodePlace(batches.spot))
    for layer, modes in zip(batchnorm_layers(call.model), call.modes):
        known = _of_zoo(call, layer) if layer.built is None else last_calls.get(layer.built.node)
        if agreed(modes) is not True or known is None or known.shape is None or not known.shape.ranked:
            continue
        axes = known.shape.axes
        if not axes or isinstance(axes[0].size, Expression):
            continue  # rows that are no samples: nodes of a graph, points of a cloud
        shape = replace(known.shape, axes=(replace(axes[0], size=batches.size), *axes[1:]))
        fact = replace(known, shape=shape, training=True, grad=True, path=(loader, *_path(call.frame)))
        yield fact
        if batches.last == 1 and all(axis.size == 1 for axis in axes[2:]):
            reached = Evidence(f"`{_text(call.spot)}` is trained on them here", NodePlace(call.spot))
            yield LastBatch(known.layer, 1, batches.size, batches.length or 0, loader.place, reached)


def _of_zoo(call: Call, layer: Instance) -> BatchNormCall | None:
    """A call of the one layer that stands for those of a library's model: on feature maps."""
    if layer.owner is None or layer.owner.built is None:
        return None
    place = NodePlace(layer.owner.built)
    described = BatchNormLayer(layer.name or "bn1", "2d", "BatchNorm2d", None, place)
    return BatchNormCall(described, Shape((Axis(), Axis(), Axis(), Axis())), NodePlace(call.spot))


def _evaluates(program: Program, call: Call) -> bool:
    """Whether a call that is not trained on is there for its result."""
    if call.dropped or call.noise or call.prepared is None:
        return False
    return call.grad is False or (call.grad is True and not program.steps)


def _serves_training(program: Program, call: Call) -> bool:
    """Whether, in the same pass of the same loop, another model is trained: the result is its target."""
    return any(
        other.purpose == "training" and other.loops == call.loops and other.loops and other.caller[0] is call.caller[0]
        for other in program.calls
    )


def _state(call: Call, purpose: str) -> tuple[bool | None, Mode | None]:
    """The mode that matters for the purpose, and what switched it."""
    if purpose == "training":
        # A layer that alone is in evaluation mode is frozen on purpose; the whole model is not.
        if all(state is False for state in call.states):
            whole = next((m[0] for m in call.modes if m[0].root and _is_part_of(call.model, m[0].root)), None)
            return (False, whole) if whole is not None else (None, None)
        left = _left_in_evaluation(call)
        if left is not None:
            return False, left
        return (True, call.modes[0][0]) if call.states == {True} or True in call.states else (None, None)
    for modes in call.modes:
        if agreed(modes) is True:
            return True, modes[0]
    return (False, None) if call.states == {False} else (None, None)


def _left_in_evaluation(call: Call) -> Mode | None:
    """The `eval()` that one way here leaves behind, when nothing switches the model back on any."""
    found: Mode | None = None
    for modes in call.modes:
        off = [mode for mode in modes if mode.training is False]
        on = [mode for mode in modes if mode.training is True]
        if len(off) != 1 or len(off) + len(on) != len(modes) or (found is not None and off[0] is not found):
            return None
        if any(mode.order > off[0].order for mode in on) or off[0].alone:
            return None
        found = off[0]
    return found


def _is_local(program: Program, call: Call, mode: Mode) -> bool:
    """Whether a switch was made for this call, rather than for something before it."""
    if mode.spot is None:
        return False
    between = [c for c in program.calls if c.model is call.model and mode.order < c.order < call.order]
    if call.purpose == "training":
        # `eval()` for an evaluation: something was evaluated since.
        return not any(c.purpose is None and c.grad is False for c in between)
    return not any(c.purpose == "training" for c in between) and (mode.grad is False or mode.loops == call.loops)


def _others(program: Program, call: Call) -> Iterator[Evidence]:
    """Other networks that were put in evaluation mode for the same evaluation."""
    for switch in program.switches:
        same = switch.mode.loops == call.loops[: len(switch.mode.loops)] and switch.mode.order < call.order
        other = switch.mode.training is False and not _is_part_of(call.model, switch.model)
        if same and other and switch.frame in call.caller:
            yield Evidence(f"`{_text(switch.mode.spot)}` is switched here", NodePlace(_spot(switch.mode)))
            return


def _is_part_of(module: Instance, whole: Instance) -> bool:
    owner: Instance | None = module
    while owner is not None:
        if owner is whole:
            return True
        owner = owner.owner
    return False


def _reenabled(program: Program, switch: Switch) -> Iterator[Fact]:
    """`train()` on a model some of whose layers had been put in evaluation mode by themselves."""
    if switch.mode.training is not True or not any(
        c.purpose == "training" and c.order > switch.mode.order and _holds(c.model, switch.model) for c in program.calls
    ):
        return
    after = {id(layer) for call in program.calls if call.order > switch.mode.order for layer in _eval_layers(call)}
    for layer, modes in switch.before:
        frozen = modes[0]
        alone = frozen.training is False and agreed(modes) is False and frozen.root is not None
        if not alone or id(layer) in after or (frozen.root and _is_part_of(switch.model, frozen.root)):
            continue
        if any(c.purpose is None and c.grad is False and c.order > frozen.order for c in program.calls):
            continue
        place = NodePlace(_spot(switch.mode))
        text = _text(switch.mode.spot)
        yield ModeChange(text, True, place, Evidence("they were put in evaluation mode here", NodePlace(_spot(frozen))))
        return


def _eval_layers(call: Call) -> Iterator[Instance]:
    for layer, modes in zip(batchnorm_layers(call.model), call.modes):
        if agreed(modes) is False:
            yield layer


def _holds(model: Instance, other: Instance) -> bool:
    return _is_part_of(model, other) or _is_part_of(other, model)


# -- words --------------------------------------------------------------------------------------------------------


def _text(spot: Spot | None, given: Instance | None = None) -> str:
    """The model as the caller writes it: what is called, what a method is called on, or what a tool is given."""
    node = spot.node if spot is not None else None
    if not isinstance(node, cst.Call):
        return "the model"
    if given is not None:
        return cst.Module([]).code_for_node(node.args[0].value) if node.args else "the model"
    target = node.func
    if isinstance(target, cst.Attribute) and target.attr.value in ("train", "eval", "forward", "__call__"):
        target = target.value
    return cst.Module([]).code_for_node(target)


def _evidence(text: str, spot: Spot | None) -> Evidence | None:
    return None if spot is None else Evidence(text, NodePlace(spot))


def _mode_evidence(mode: Mode | None) -> Evidence | None:
    if mode is None or mode.spot is None:
        return None
    name = "training" if mode.training else "evaluation"
    return Evidence(f"`{_text(mode.spot)}` is put in {name} mode here", NodePlace(mode.spot))


def _spot(mode: Mode) -> Spot:
    assert mode.spot is not None, "a mode that a program set has a place"
    return mode.spot


def _path(frame: Frame | None) -> tuple[Evidence, ...]:
    from bn_lint.static.observe import path_to

    return path_to(frame)
