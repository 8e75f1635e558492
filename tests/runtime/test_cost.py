"""What a call costs: which calls are looked at closely, and which are only counted. No test looks at a clock."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType, SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("torch")

import torch
from torch import nn
from torch.nn.modules import batchnorm
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.data import DataLoader, TensorDataset

import bn_lint
from bn_lint.runtime.document.document import to_json
from bn_lint.runtime.recording import patches
from bn_lint.runtime.recording.recorder import Recorder
from bn_lint.runtime.recording.steps import Steps

from .nets import batch, sgd, small, train


@contextmanager
def counted(monkeypatch: pytest.MonkeyPatch, owner: type, name: str) -> Iterator[list[int]]:
    """How often a method is called."""
    original: Callable[..., Any] = getattr(owner, name)
    calls: list[int] = []

    def method(*args: Any) -> Any:
        calls.append(1)
        return original(*args)

    with monkeypatch.context() as patch:
        patch.setattr(owner, name, method)
        yield calls


class Image(torch.Tensor):
    """As those of torchvision are."""


class Unwrapping(torch.Tensor):
    """Gives functions of torch what it holds."""

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        plain = [each.as_subclass(torch.Tensor) if isinstance(each, cls) else each for each in args]
        return func(*plain, **(kwargs or {}))


@pytest.mark.parametrize("training", [True, False], ids=["training", "evaluation"])
@pytest.mark.parametrize("functional", [False, True], ids=["layer", "functional"])
@pytest.mark.parametrize("kind", [Image, Unwrapping, nn.Parameter])
def test_subclasses_of_tensors(kind: Any, functional: bool, training: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """They call `F.batch_norm` again, from `__torch_function__`; each call counts once, and few are looked at."""
    layer = nn.BatchNorm2d(3).train(training)
    x = torch.randn(4, 3, 2, 2)
    x = kind(x) if kind is nn.Parameter else x.as_subclass(kind)

    def call() -> object:
        if not functional:
            return layer(x)
        return nn.functional.batch_norm(x, layer.running_mean, layer.running_var, training=training)

    with bn_lint.trace() as trace, counted(monkeypatch, Recorder, "_look") as looks:
        for _ in range(50):
            call()
    assert not trace.recorder.defects, trace.recorder.defects[0]
    found = [calls for each in trace.document.layers for calls in each.calls]
    assert sum(calls.count for calls in found) == 50
    assert len(looks) < 10


class Going(TorchFunctionMode):
    """Lets every function of torch go on."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("functional", [False, True], ids=["layer", "functional"])
@pytest.mark.parametrize("mode", [Going, lambda: torch.device("cpu")], ids=["own", "device"])
def test_modes_of_torch_functions(mode: Any, functional: bool) -> None:
    """`torch.set_default_device` is one. It calls `F.batch_norm` again, and each call counts once."""
    layer, x = nn.BatchNorm2d(3), torch.randn(4, 3, 2, 2)
    with bn_lint.trace() as trace, mode():
        for _ in range(20):
            if functional:
                nn.functional.batch_norm(x, layer.running_mean, layer.running_var, training=True)
            else:
                layer(x)
    assert [calls.count for each in trace.document.layers for calls in each.calls] == [20]


@pytest.mark.parametrize(
    ("kind", "frames"),
    [
        # The patch of `forward`, and the question whether Dynamo traces it.
        (torch.Tensor, 2),
        # What says that the call goes on; the patch of `F.batch_norm`, which the subclass calls, and that question.
        (Image, 5),
    ],
)
def test_a_call_that_is_only_counted_has_few_frames_more(kind: Any, frames: int) -> None:
    """What is done with `F.batch_norm` for the calls of others is not done for those of layers."""

    def depth(layer: nn.Module) -> int:
        found: list[int] = []

        def profile(frame: FrameType, event: str, argument: object) -> None:
            found.append(event == "call")

        sys.setprofile(profile)
        layer(x)
        sys.setprofile(None)
        return sum(found)

    layer, x = nn.BatchNorm1d(3).eval(), torch.randn(4, 3).as_subclass(kind)
    before = min(depth(layer) for _ in range(3))  # others may be collected meanwhile
    with bn_lint.trace():
        for _ in range(10):
            layer(x)
        more = min(depth(layer) for _ in range(3)) - before
    assert more == frames


@pytest.mark.parametrize("early", [True, False], ids=["before", "after"])
def test_what_a_program_puts_in_place_of_functions_is_called(early: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """By calls that are only counted, too, whether it did so before the trace or after it began."""
    layer, x = nn.BatchNorm1d(3), torch.randn(4, 3)
    calls: list[int] = []
    plain = nn.functional.batch_norm

    def batch_norm(*args: Any, **kwargs: Any) -> torch.Tensor:
        calls.append(1)
        return plain(*args, **kwargs)

    for owner, name, value in (
        (nn.functional, "batch_norm", batch_norm),
        (batchnorm, "F", SimpleNamespace(batch_norm=batch_norm)),
    ):
        calls.clear()
        with monkeypatch.context() as patch:
            if early:
                patch.setattr(owner, name, value)
            with bn_lint.trace() as trace:
                for _ in range(10):
                    layer(x)
                if not early:
                    patch.setattr(owner, name, value)
                for _ in range(10):
                    layer(x)
                patch.undo()
        assert len(calls) == (20 if early else 10)
        assert [entry.count for entry in trace.document.layers[0].calls] == [20]


@pytest.mark.parametrize("training", [True, False], ids=["training", "evaluation"])
def test_ever_new_shapes(training: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    layer = nn.BatchNorm1d(3).train(training)
    with bn_lint.trace() as trace:
        for size in range(2, 400):
            layer(torch.randn(size, 3))
        with counted(monkeypatch, Recorder, "_look") as looks:
            for size in range(400, 500):
                layer(torch.randn(size, 3))
                layer(torch.randn(1 + size % 50, 3, 7))
    assert len(looks) < 25
    (traced,) = trace.document.layers
    assert sum(calls.count for calls in traced.calls) == 398 + 200
    assert len(traced.calls) < 60
    assert min(calls.shape[0] for calls in traced.calls) == 1


def test_steps_that_are_alike_are_only_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    net = small()
    optimizer = sgd(net)
    with bn_lint.trace() as trace:
        train(net, optimizer, steps=8)
        with counted(monkeypatch, Steps, "_close") as closed:
            train(net, optimizer, steps=500)
        assert not closed
        net.eval()
        with torch.no_grad():
            net(batch()[0])
        net.train()
        train(net, optimizer, steps=300)
    layer = trace.document.layers[0]
    assert (trace.document.steps, layer.steps, layer.calls_per_step) == (808, 808, {"1": 808})
    # 7 steps in a position, in all of which it was trained, and evaluated in one.
    positions = -(-808 // trace.document.steps_per_position)
    assert layer.timeline[::2].ljust(positions, "0") == "0" * positions
    marks = layer.timeline[1::2]
    assert (len(marks), marks.count("1"), marks.count("3")) == (positions, positions - 1, 1)
    assert not trace.recorder.defects


def test_steps_with_the_same_calls_in_another_order_are_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    """Several threads may run the parts of a model; and a second optimizer may make a step without any call."""
    layers = nn.ModuleList([nn.BatchNorm1d(3), nn.BatchNorm1d(3)])
    optimizer, other = sgd(layers), sgd(nn.Linear(2, 2))
    x = torch.randn(4, 3)

    def step(order: int) -> None:
        sum(layer(x) for layer in list(layers)[::order]).square().mean().backward()
        optimizer.step()

    with bn_lint.trace() as trace:
        for _ in range(8):
            step(1)
        with counted(monkeypatch, Steps, "_close") as closed:
            for index in range(100):
                step(-1 if index % 3 else 1)
        assert not closed
        other.step()
        step(1)
    assert trace.document.steps == 109
    assert [layer.calls_per_step for layer in trace.document.layers] == [{"1": 109}] * 2
    assert [calls.count for layer in trace.document.layers for calls in layer.calls] == [109] * 2


@pytest.mark.parametrize("training", [True, False], ids=["training", "evaluation"])
def test_calls_without_steps_are_added_up(training: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patches, "MOST_COUNTED", 50)
    net = small().train(training)
    with bn_lint.trace() as trace:
        for _ in range(500):
            net(batch()[0])
            assert len(trace.recorder.counted) <= 51
    assert [calls.count for layer in trace.document.layers for calls in layer.calls] == [500] * len(
        trace.document.layers
    )


def test_parameters_that_are_frozen_later_are_noticed() -> None:
    net = small()
    optimizer = sgd(net)
    with bn_lint.trace() as trace:
        train(net, optimizer, steps=40)
        net.requires_grad_(False)
        net[-1].requires_grad_(True)
        train(net, optimizer, steps=40)
    assert trace.document.steps == 80
    for layer in trace.document.layers:
        assert 40 - 16 <= layer.frozen_training.steps <= 40


def what_is_seen(steps: int, monkeypatch: pytest.MonkeyPatch, *, alike: bool) -> Any:
    """A document of a run with everything in it, with steps that are alike counted together or one by one."""
    torch.manual_seed(0)
    if not alike:
        monkeypatch.setattr(Steps, "_may_repeat", lambda *_: None)
    net, other = small(), small()
    first, second = sgd(net), sgd(other)
    with bn_lint.trace(stats=True, every=3) as trace:
        for epoch in range(3):
            net.train()
            train(net, first, steps=steps)
            for _ in range(epoch):  # a call without gradients in each step
                with torch.no_grad():
                    net(batch()[0])
                train(net, first, steps=2)
            net.eval()
            train(net, first, steps=steps)
            for _ in range(steps):  # two optimizers take turns
                train(other, second, steps=1)
                train(net, first, steps=1)
            net(batch(3)[0])
    monkeypatch.undo()
    return trace.document


class NoTensors(TorchDispatchMode):
    """Nothing is computed."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        raise AssertionError(func)


def test_a_look_at_a_trace_leaves_it_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    """It asks no tensor for anything, and what is seen in the end is the same."""
    expected = what_is_seen(40, monkeypatch, alike=True)
    stepped = bn_lint.Trace._stepped
    steps: list[int] = []

    def looked_at(trace: bn_lint.Trace, optimizer: torch.optim.Optimizer) -> None:
        stepped(trace, optimizer)
        with NoTensors():
            steps.append(trace.so_far().steps)

    monkeypatch.setattr(bn_lint.Trace, "_stepped", looked_at)
    found = what_is_seen(40, monkeypatch, alike=True)
    assert steps[-1] == expected.steps
    assert {**to_json(found), "started": "", "seconds": 0} == {**to_json(expected), "started": "", "seconds": 0}


def test_a_look_at_a_trace_ends_no_epoch_and_takes_nothing_for_frozen() -> None:
    net, teacher = small(), small().requires_grad_(False)
    optimizer = sgd(net)
    loader = DataLoader(TensorDataset(torch.randn(32, 3, 8, 8)), batch_size=8)
    with bn_lint.trace() as trace:
        for _ in range(3):
            for (x,) in loader:
                optimizer.zero_grad()
                (net(x) - teacher(x)).square().mean().backward()
                optimizer.step()
                for parameter, average in zip(net.parameters(), teacher.parameters(), strict=True):
                    average.data.mul_(0.9).add_(parameter.data, alpha=0.1)
                so_far = trace.so_far()
    assert trace.document.epochs == [0, 4, 8]
    assert [layer.weights_changed for layer in so_far.layers if not layer.owned] == [True]


@pytest.mark.parametrize("steps", [1, 5, 70])
def test_they_count_as_if_looked_at_one_by_one(steps: int, monkeypatch: pytest.MonkeyPatch) -> None:
    one_by_one = what_is_seen(steps, monkeypatch, alike=False)
    together = what_is_seen(steps, monkeypatch, alike=True)
    assert together.layers == one_by_one.layers
    assert together.steps == one_by_one.steps
