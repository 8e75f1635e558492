"""Records what BatchNorm does while a fixture runs: in which mode it is called, and what its results are used for.

Independent of both the static engine and the tracer, so that it can judge them.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast
from unittest import mock

#: A file of the project, relative to its root, and a line.
Spot = tuple[str, int]


@dataclass
class Call:
    """One BatchNorm call.

    Attributes:
        spots: The lines of the project that were active: the layer's call, the calls around it, up to the script.
        grad: Whether gradients were recorded.
        trained: A gradient came back to the layer's output.
        stepped: Afterward an optimizer stepped on the model.
        stepped_on_layer: The step was on the layer's own weight, too.
        frozen: The layer has parameters, and they do not require a gradient.
        size: The shape of the input.
    """

    spots: frozenset[Spot]
    training: bool
    grad: bool
    frozen: bool
    size: tuple[int, ...]
    trained: bool = False
    stepped: bool = False
    stepped_on_layer: bool = False

    @property
    def evaluates_in_training_mode(self) -> bool:
        return self.training and not self.trained

    @property
    def trains_in_evaluation_mode(self) -> bool:
        return not self.training and self.trained and self.stepped_on_layer


@dataclass
class Recording:
    """What was seen. `reenabled`: lines whose `train()` reached layers that were switched off apart from the model."""

    calls: list[Call] = field(default_factory=list)
    reenabled: set[Spot] = field(default_factory=set)

    def at(self, spot: Spot) -> list[Call]:
        """The BatchNorm calls that a line of the project led to."""
        return [call for call in self.calls if spot in call.spots]


@contextlib.contextmanager
def recorded(root: Path) -> Iterator[Recording]:
    """Watches all BatchNorm layers for the time of the block; lines are those of files below `root`."""
    from torch.nn.modules import module
    from torch.optim import optimizer

    watch = _Watch(root)
    handles = [
        module.register_module_forward_pre_hook(watch.enter),
        module.register_module_forward_hook(watch.leave, always_call=True),
        optimizer.register_optimizer_step_post_hook(watch.step),
    ]
    original_train, original_zero_grad = module.Module.train, optimizer.Optimizer.zero_grad

    def train(self: Any, mode: bool = True) -> Any:
        watch.switch(self, mode)
        return original_train(self, mode)

    def zero_grad(self: Any, *arguments: Any, **options: Any) -> None:
        watch.forget(self)
        original_zero_grad(self, *arguments, **options)

    try:
        with (
            mock.patch.object(module.Module, "train", train),
            mock.patch.object(optimizer.Optimizer, "zero_grad", zero_grad),
        ):
            yield watch.recording
    finally:
        for handle in handles:
            handle.remove()


class _Watch:
    def __init__(self, root: Path) -> None:
        self.root = root
        self.recording = Recording()
        self.names: dict[str, str | None] = {}
        #: The modules whose forward is active, outermost first.
        self.active: list[Any] = []
        #: Calls since which no optimizer stepped, each with its layer and the outermost module.
        self.pending: list[tuple[Call, Any, Any]] = []
        #: Where train() reached layers that were switched off apart from the model, until they are switched off again.
        self.switched_on: dict[int, frozenset[Spot]] = {}

    def enter(self, module: Any, inputs: tuple[Any, ...]) -> None:
        import torch

        self.active.append(module)
        if _is_batchnorm(module) and inputs:
            weight = module.weight
            frozen = weight is not None and not weight.requires_grad
            size = tuple(int(each) for each in inputs[0].shape)
            call = Call(self._spots(), module.training, torch.is_grad_enabled(), frozen, size)
            self.recording.calls.append(call)
            if module.training:
                self.recording.reenabled |= self.switched_on.get(id(module), frozenset())
            self.pending.append((call, module, self.active[0]))

    def leave(self, module: Any, inputs: tuple[Any, ...], output: Any) -> None:
        import torch

        while self.active and self.active.pop() is not module:
            pass  # left by an exception
        if _is_batchnorm(module) and isinstance(output, torch.Tensor) and output.requires_grad:
            if torch._C._get_tracing_state() is not None:
                return
            call = next(call for call, layer, _ in reversed(self.pending) if layer is module)

            def note(gradient: Any) -> None:
                call.trained = True

            cast(Any, output).register_hook(note)

    def step(self, optimizer: Any, *_: object) -> None:
        stepped = _parameters(optimizer)
        for call, layer in self._take(stepped):
            call.stepped = True
            call.stepped_on_layer = not call.frozen and id(layer.weight) in stepped

    def forget(self, optimizer: Any) -> None:
        """Gradients that are thrown away were not for a step."""
        self._take(_parameters(optimizer))

    def _take(self, parameters: set[int]) -> list[tuple[Call, Any]]:
        """Takes out the calls that gradients came back to, of the models that have one of the parameters."""
        taken = [
            each for each in self.pending if each[0].trained and any(id(p) in parameters for p in each[2].parameters())
        ]
        self.pending = [each for each in self.pending if not any(each is one for one in taken)]
        return [(call, layer) for call, layer, _ in taken]

    def switch(self, model: Any, mode: bool) -> None:
        apart = mode and model.training
        for layer in filter(_is_batchnorm, model.modules()):
            if not mode:
                self.switched_on.pop(id(layer), None)
            elif apart and not layer.training:
                self.switched_on[id(layer)] = self._spots()

    def _spots(self) -> frozenset[Spot]:
        spots = set()
        frame = sys._getframe(2)
        while frame is not None:
            name = self._relative(frame.f_code.co_filename)
            if name is not None:
                spots.add((name, frame.f_lineno))
            frame = frame.f_back  # type: ignore[assignment]
        return frozenset(spots)

    def _relative(self, file: str) -> str | None:
        if file not in self.names:
            path = Path(file)
            self.names[file] = path.relative_to(self.root).as_posix() if path.is_relative_to(self.root) else None
        return self.names[file]


def _is_batchnorm(module: Any) -> bool:
    from torch.nn.modules.batchnorm import _BatchNorm

    return isinstance(module, _BatchNorm)


def _parameters(optimizer: Any) -> set[int]:
    return {id(each) for group in optimizer.param_groups for each in group["params"]}
