"""Which layers are given the samples of a batch one by one, and which the regions, points or clips made of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bn_lint.static.torch_model.watchers import events_of

if TYPE_CHECKING:
    from bn_lint.static.interpreter.interpreter import Interpreter
    from bn_lint.static.interpreter.values import Instance, Tensor
    from bn_lint.static.torch_model.happened import Call


class GivenSamples:
    """What the layers of one turn were given in the calls of models on batches of a loader."""

    def __init__(self) -> None:
        #: By the `id` of a layer: in each call of a model, whether the first axis of its input was that of the samples.
        self._given: dict[int, tuple[Instance, dict[Call, bool]]] = {}

    def note(self, interpreter: Interpreter, layer: Instance, x: Tensor) -> None:
        """A layer is called. What bn-lint itself calls is no part of the call that came before."""
        call, frame = events_of(interpreter).outermost, interpreter.frame
        if call is None or call.batches is None or frame is None or call.frame not in frame.with_callers():
            return
        _, given = self._given.setdefault(id(layer), (layer, {}))
        given[call] = x.has_samples and given.get(call, True)

    def are_given(self, layer: Instance, call: Call) -> bool:
        """Whether a layer was given samples whenever the model was given the batches of a call.

        Where a part of the model was remembered, it was called with other batches before, and was alike.
        """
        _, given = self._given.get(id(layer), (layer, {}))
        of_these = [are_samples for one, are_samples in given.items() if one.batches is call.batches]
        return all(of_these) if of_these else any(given.values())

    def clear(self) -> None:
        self._given.clear()
