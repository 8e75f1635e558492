"""Which layers are given the samples of a batch one by one, and which the regions, points or clips made of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bn_lint.static.torch_model.batchnorm import batchnorm_class, variant_of
from bn_lint.static.torch_model.watchers import events_of

if TYPE_CHECKING:
    from bn_lint.static.interpreter.interpreter import Interpreter
    from bn_lint.static.interpreter.values import Instance, Tensor
    from bn_lint.static.torch_model.happened import Call


class GivenSamples:
    """What the layers of one turn were given in the calls of models on batches of a loader."""

    def __init__(self) -> None:
        #: By the `id` of a layer: in each call of a model, whether the first axis of its input is that of the samples.
        self._given: dict[int, tuple[Instance, dict[Call, bool]]] = {}

    def note(self, interpreter: Interpreter, layer: Instance, x: Tensor) -> None:
        """A layer is called. What bn-lint itself calls is no part of the call that came before."""
        call, frame = events_of(interpreter).outermost, interpreter.frame
        if call is None or call.batches is None or frame is None or call.frame not in frame.with_callers():
            return
        _, given = self._given.setdefault(id(layer), (layer, {}))
        given[call] = _has_samples(layer, x) and given.get(call, True)

    def are_given(self, layer: Instance, call: Call) -> bool:
        """Whether a layer was given samples whenever the model was given the batches of a call.

        Where a part of the model was remembered, it was called with other batches before, and was alike.
        """
        _, given = self._given.get(id(layer), (layer, {}))
        of_these = [are_samples for one, are_samples in given.items() if one.batches is call.batches]
        return all(of_these) if of_these else any(given.values())

    def clear(self) -> None:
        self._given.clear()


def _has_samples(layer: Instance, x: Tensor) -> bool:
    """Whether the first axis of an input is that of the samples, as far as is known.

    Maps are those of the samples unless an operation has put something else there. Vectors are often those of regions,
    points or words, so it has to be known of them.
    """
    cls = batchnorm_class(layer)
    are_vectors = x.rank == 2 or (not x.ranked and (cls is None or variant_of(cls.short_name) not in ("2d", "3d")))
    return x.has_samples if are_vectors else not x.has_other_rows
