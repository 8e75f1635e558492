"""A layer of a trace in the vocabulary of rules."""

from __future__ import annotations

from bn_lint.facts import BatchNormLayer, Place
from bn_lint.runtime.document.document import LayerTrace


def layer_fact(layer: LayerTrace) -> BatchNormLayer:
    """The layer in the vocabulary of rules."""
    return BatchNormLayer(
        name=layer.name,
        variant=layer.variant,
        class_name=layer.class_name,
        num_features=layer.num_features,
        built=layer.built or usual_call(layer) or Place("<unknown>", 1, 1, 1, 1),
        literal_width=False,
        lazy=layer.lazy,
        eps=None if layer.eps is None else float(layer.eps),
        momentum=None if layer.momentum is None else float(layer.momentum),
        affine=layer.affine,
        track_running_stats=layer.track_running_stats,
    )


def usual_call(layer: LayerTrace) -> Place | None:
    """A line that applies the layer."""
    return next((one.call for calls in layer.calls for one in calls.reached if one.call is not None), None)
