"""Which lines that run a model in training mode ever get a gradient back.

An evaluation without `eval()` and without `no_grad()` looks like training, until its result is thrown away. So the
results of calls that are looked at closely are watched, by a hook on the node of the graph of gradients: it does
nothing but note that it was run.
"""

from __future__ import annotations

from typing import Any

import torch

from bn_lint.runtime.recording.layer_records import MOST_TRAILS, Entry, Layer, Passage
from bn_lint.runtime.recording.sites import Site

#: Calls beyond the usual number of a step that are looked at closely.
_MOST_EXTRA_LOOKS = 3
#: From this share of the optimizer steps on, a number of calls per step is a usual one.
_USUAL = 0.25


class _Watch:
    """A hook that lives as long as the graph of gradients that it is part of."""

    __slots__ = ("passage",)

    def __init__(self, passage: Passage) -> None:
        self.passage = passage
        passage.alive += 1

    def __call__(self, gradients: Any) -> None:
        self.passage.backed = True

    def __del__(self) -> None:
        self.passage.alive -= 1


def passage_of(layer: Layer, model: Site | None) -> Passage | None:
    """What is known of the line that calls the model; None when there are too many of them."""
    passage = layer.passages.get(model)
    if passage is None:
        if len(layer.passages) >= MOST_TRAILS:
            return None
        passage = layer.passages[model] = Passage()
    if passage not in layer.waiting:
        layer.waiting.append(passage)
    return passage


def watch(passage: Passage, result: object) -> None:
    """Note when a gradient comes back to the result of a call."""
    if type(result) is torch.Tensor and result.grad_fn is not None:
        result.grad_fn.register_prehook(_Watch(passage))
        passage.looked += 1


class WatchedEntry(Entry):
    """The training calls of the first layer of a model.

    After the usual number of calls in an optimizer step it leaves the fast path, so that the next call is looked at:
    it may be an evaluation in training mode.
    """

    __slots__ = ("_counted", "_extra", "_left", "_usual", "layer", "signature")

    def __init__(self, shape: tuple[int, ...], training: bool, grad: bool, kind: int) -> None:
        super().__init__(shape, training, grad, kind)
        self._counted: list[Entry] = []
        self._extra = 0
        #: The usual number of calls in a step, 0 if that is not known, and how many of them are still to come.
        self._usual = self._left = 0
        self.layer: Layer | None = None
        self.signature: Any = None

    def _called(self) -> None:
        self._counted.append(self)
        self.looked_at()

    def looked_at(self) -> None:
        """There was one more call, which is counted already."""
        self._left -= 1
        if self._left == 0 and self.layer is not None:
            self.layer.fast.pop(self.signature, None)

    def enter_fast_path(self, layer: Layer, signature: Any, counted: list[Entry]) -> None:
        """Only count from now on, if there is nothing more to see in this step."""
        self.layer, self.signature, self._counted = layer, signature, counted
        if self._usual and self._left < 0 and self._extra < _MOST_EXTRA_LOOKS:
            self._extra += 1
        else:
            layer.fast[signature] = self._called

    def step_is_over(self) -> None:
        """Start counting the calls of the next step."""
        layer = self.layer
        if layer is not None:
            self._extra = 0
            self._usual = self._left = usual(layer.calls_per_step) if layer.calls_per_step else 0
            layer.fast[self.signature] = self._called

    def step_came_again(self) -> None:
        """Start counting the calls of the next step, where no step between was another one."""
        if self._usual and self.layer is not None:
            self._extra = 0
            self._left = self._usual
            self.layer.fast[self.signature] = self._called


def usual(calls_per_step: dict[int, int]) -> int:
    """The largest number of training calls that is not rare in an optimizer step.

    Args:
        calls_per_step: How many steps had how many calls; must not be empty.
    """
    total = sum(calls_per_step.values())
    common = [calls for calls, steps in calls_per_step.items() if steps >= _USUAL * total]
    return max(common) if common else max(calls_per_step, key=lambda calls: calls_per_step[calls])
