"""Frozen parts of models that are trained: which of them are meant to stay as they are."""

from __future__ import annotations

import re

from bn_lint.facts import Purpose
from bn_lint.static.interpreter.values import Instance, LibraryClass
from bn_lint.static.syntax.places import NodeRef
from bn_lint.static.torch_model.events import EventLog
from bn_lint.static.torch_model.happened import Call, has_batchnorm_for_sure, owners
from bn_lint.static.torch_model.mode import LOADED
from bn_lint.static.torch_model.module_methods import descendants
from bn_lint.static.torch_model.operations.convolution import takes_pictures

#: Both are in names such as `freeze_bn` and `norm_frozen`.
_FREEZES = re.compile("freez|froz|fix", re.IGNORECASE)
_NORMALIZES = re.compile("bn|norm", re.IGNORECASE)


def follows_another(events: EventLog, model: Instance) -> bool:
    """Whether the weights of a model, or of one around it, may be computed from others, as moving averages are."""
    followers = events.averaged | events.handed_together
    return _is_averaged(events, model) or any(id(one) in followers for _, one in descendants(model))


def is_a_copy(events: EventLog, call: Call, part: Instance) -> bool:
    """Whether a frozen part of a model has the weights of another part that is trained, as a target network begins.

    A copy stands where its original does in the code, and both were trained or loaded by the same line, if at all.
    """
    layers = {id(layer) for layer, _ in call.frozen_layers}
    return part.built is not None and any(
        one.built == part.built
        and one.cls is part.cls
        and events.prepared.get(id(one)) == events.prepared.get(id(part))
        and not any(id(below) in layers for below in one.possible_descendants())
        for one in call.model.possible_descendants()
        if one is not part
    )


def is_switched_off(call: Call) -> bool:
    """Whether an option of the model, or of a function on the way to a call, says not to freeze BatchNorm."""
    options = [call.model.cells, *(frame.cells for frame in call.caller)]
    return any(
        value is False and isinstance(name, str) and _FREEZES.search(name) and _NORMALIZES.search(name)
        for cells in options
        for name, value in cells.items()
    )


def _is_averaged(events: EventLog, part: Instance) -> bool:
    """Whether the weights of a part are those of an average, or of one that holds it."""
    return any(id(one) in events.averaged for one in owners(part))


def frozen_and_trained(events: EventLog, call: Call, purpose: Purpose) -> NodeRef | None:
    """Where BatchNorm parameters were frozen of parts that the training runs through.

    Not those that are trained in the same pass of a loop, or step, as well: they are spared one of several losses. Nor
    those that are trained later, statistics and all, once a new head fits; averages; and those that are loaded from
    others again and again: nothing of these is meant to stay as it is.
    Where the line trains one of several models, it says nothing of one unless all of them have frozen layers.
    What a model asks under `no_grad` is a teacher of its own, unless the model is one itself.
    Statistics that were measured behind another first convolution fit nothing that follows the new one.
    """
    others = (one for one in events.calls if one.ref.node is call.ref.node and one.loops == call.loops)
    if not call.frozen_layers or not all(one.frozen_layers for one in others if one.purpose is Purpose.TRAINING):
        return None
    inside = () if purpose is Purpose.REFERENCE else call.inside
    spared = [*(part.model for part in inside), *events.copies]
    trained: set[int] = set()
    for one in events.calls:
        if one.purpose is Purpose.TRAINING:
            is_step = one.frame is call.frame and call.frame.function is not None  # of a loop that is out of view
            if one.loops == call.loops and (one.loops or is_step):
                trained |= {id(layer) for layer in one.layers} - {id(layer) for layer, _ in one.frozen_layers}
            elif one.order > call.order:
                trained |= _learning(one)
    frozen = {
        id(layer): ref
        for layer, ref in call.frozen_layers
        if id(layer) not in trained
        and not _is_averaged(events, layer)
        and not _is_behind_new(events, layer)
        and (purpose is not Purpose.TRAINING or _may_have_learned(events, call, layer))
        and not any(events.is_part_of(layer, part) for part in spared)
    }
    # Of what may not be in the model nobody knows whether it is there where something is frozen.
    return next(iter(frozen.values()), None) if has_batchnorm_for_sure(call.model, frozen) else None


def _may_have_learned(events: EventLog, call: Call, layer: Instance) -> bool:
    """Whether a frozen layer may have statistics to keep: it was loaded or trained before, or is of a library.

    Of a random network that is frozen as it is, such as the target of a distillation, they describe nothing.
    """
    steps = {step.ref.node for step in events.steps}
    for one in owners(layer):
        prepared = events.prepared.get(id(one))
        if (prepared is not None and prepared.node not in steps) or LOADED.of(one) is not None:
            return True
        if isinstance(one.cls, LibraryClass) and one.cls.stands_in:
            return True
        if id(one) in events.handled | events.replaced or one.built is None:
            return True
        if one is call.caller[-1].receiver:
            return True  # a method that nobody in view calls, of an object that may be loaded anywhere
    return any(
        one.purpose is Purpose.TRAINING and one.order < call.order and id(layer) in _learning(one)
        for one in events.calls
    )


def _is_behind_new(events: EventLog, layer: Instance) -> bool:
    """Whether a network was loaded, and was given another first convolution: one for pictures of one channel, say."""
    loaded = events.prepared.get(id(layer))
    if loaded is None:
        return False
    network = [one for one in owners(layer) if events.prepared.get(id(one)) is loaded][-1]
    convolutions = [one for _, one in descendants(network) if "in_channels" in one.cells]
    if convolutions and (_is_in_order(network) or convolutions[0].owner is network):
        return events.prepared.get(id(convolutions[0])) is not loaded
    return events.has_hidden_first_layer or any(
        takes_pictures(one) and events.prepared.get(id(one)) is not loaded for one in convolutions
    )


def _is_in_order(network: Instance) -> bool:
    """Whether all layers of a network are known: of one from a library only those are that the program gave it."""
    return not isinstance(network.cls, LibraryClass) or network.cls.name.startswith("torch.nn.")


def _learning(call: Call) -> set[int]:
    """The layers that learn in a call, parameters and statistics."""
    in_training = {id(layer) for layer, modes in zip(call.layers, call.modes) if any(mode.training for mode in modes)}
    return in_training - {id(layer) for layer, _ in call.frozen_layers}
