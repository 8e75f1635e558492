"""What the size of batches means for the layers of the models that are trained on them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bn_lint.facts import Axis, BatchNormCall, BatchNormLayer, Evidence, LastBatch, Mode, Place, Purpose, Shape
from bn_lint.static.interpreter.values import Instance
from bn_lint.static.torch_model.batches import GIVEN_SAMPLES
from bn_lint.static.torch_model.batchnorm import batchnorm_class, variant_of
from bn_lint.static.torch_model.describing import path_to
from bn_lint.static.torch_model.events import EventLog
from bn_lint.static.torch_model.happened import Call, owners
from bn_lint.static.torch_model.mode import agreed
from bn_lint.static.torch_model.parallel import devices_of
from bn_lint.static.training.adversaries import is_adversarial
from bn_lint.static.training.drafts import LoaderOption
from bn_lint.static.training.evidence import model_of
from bn_lint.static.training.layers_only import applies_layers_only

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bn_lint.static.training.facts_from_layers import FactCollector


def batch_facts(events: EventLog, call: Call, collector: FactCollector) -> Iterator[BatchNormCall | LastBatch]:
    """What the size of the batches means for the layers that are trained on them."""
    batches, devices = call.batches, devices_of(call.model)
    size = None if batches is None or batches.size is None else max(batches.size // devices, 1)
    for layer, modes in zip(call.layers, call.modes):
        if agreed(modes) is True:
            collector.pooled_calls.trained_on(layer, size, call.samples)
    if batches is None or batches.size is None or size is None:
        return
    among = f", for {devices} devices" if devices > 1 else ""
    loader = Evidence(f"batches of {batches.size} come from here{among}", batches.ref.place)
    for layer, modes in zip(call.layers, call.modes):
        if agreed(modes) is not True:
            continue
        known = _of_zoo(call, layer) if layer.built is None else collector.last_calls.get(layer.built.node)
        if known is not None and layer.built is not None and not collector.given_samples.are_given(layer, call):
            continue  # rows that are no samples: nodes of a graph, points of a cloud, pictures of a clip
        if known is None or known.shape is None or not known.shape.ranked:
            known = _by_class(call, layer) or known
        if known is None or known.shape is None:
            continue
        axes = known.shape.axes
        if not known.shape.ranked:
            if known.layer.variant != "1d" or known.channels is None or batches.is_collated:
                continue
            if batches.size == 1 or not applies_layers_only(call.model):
                continue  # single items are often whole batches, which the program unpacks
            axes = (Axis(), known.channels)  # vectors of features, as `BatchNormCall.channels` takes them
        if not axes:
            continue
        shape = Shape((replace(axes[0], size=size), *axes[1:]), made_by=known.shape.made_by)
        fact = replace(
            known,
            shape=shape,
            mode=Mode.TRAINING,
            grad=True,
            loader=loader,
            path=path_to(call.frame),
            adversarial=size == 1 and is_adversarial(events, call) and _is_all_given_data(events),
        )
        yield fact
        if (batches.last == 1 or batches.may_be_left_over) and all(axis.size == 1 for axis in axes[2:]):
            reached = Evidence(f"`{model_of(call)}` is trained on them here", call.ref.place)
            shared = any(
                one.purpose is not Purpose.TRAINING
                and one.batches is not None
                and one.batches.ref.node is batches.ref.node
                for one in events.calls
            )
            draft = collector.draft(LoaderOption(batches.ref, shared=shared, hidden=batches.is_told))
            yield LastBatch(known.layer, batches.last, batches.size, batches.length, loader.place, reached, draft=draft)


def _is_all_given_data(events: EventLog) -> bool:
    """Whether all that is trained is given batches of a loader, as by who translates pictures one by one.

    A generator that makes pictures of noise learns nothing of a single one.
    """
    trained = [call for call in events.calls if call.purpose is Purpose.TRAINING]
    given = {id(call.model) for call in trained if call.batches is not None}
    return all(id(call.model) in given for call in trained)


def has_single_samples_alone(events: EventLog, call: Call) -> bool:
    """Whether a model is trained and evaluated with batches of one: each sample is normalized by itself in both.

    So what it has learned in training mode fits that mode, and nothing was learned for the running statistics.
    """
    if call.samples != 1:
        return False
    trained = [
        one.samples for one in events.calls if one.purpose is Purpose.TRAINING and events.related(one.model, call.model)
    ]
    return set(trained) == {1}


def single_sample(call: Call) -> tuple[Place, ...]:
    """Where the BatchNorm layers of a model are built that is called on one sample, where all are known."""
    built = [layer.built.place for layer in call.layers if layer.built is not None]
    return tuple(dict.fromkeys(built)) if call.samples == 1 and len(built) == len(call.layers) else ()


def _of_zoo(call: Call, layer: Instance) -> BatchNormCall | None:
    """A call of the one layer that stands for those of a library's model: on feature maps."""
    if layer.owner is None or layer.owner.built is None:
        return None
    if any(GIVEN_SAMPLES.of(one) is False for one in owners(layer)):
        return None
    place = layer.owner.built.place
    described = BatchNormLayer(layer.name or "bn1", "2d", "BatchNorm2d", None, place)
    return BatchNormCall(described, Shape((Axis(), Axis(), Axis(), Axis())), call.ref.place)


def _by_class(call: Call, layer: Instance) -> BatchNormCall | None:
    """A call of a layer that takes inputs of one rank only, where its input was not followed."""
    cls = batchnorm_class(layer)
    rank = {"2d": 4, "3d": 5}.get(variant_of(cls.short_name)) if cls is not None else None
    if rank is None or cls is None or layer.built is None:
        return None
    described = BatchNormLayer(layer.name or "bn", variant_of(cls.short_name), cls.short_name, None, layer.built.place)
    return BatchNormCall(described, Shape((Axis(),) * rank), call.ref.place)
