"""While a program runs, the tracer reads no value of a tensor, so that it never waits for a device.

`tests/runtime/test_gpu.py` proves the same on CUDA. Here a dispatch mode counts the operations whose result is a Python
value, or has a shape that depends on values: on a GPU these are the ones that wait. Fake tensors on CUDA refuse to give
a value at all.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

pytest.importorskip("torch")

import torch
from torch import nn
from torch._subclasses import FakeTensor, FakeTensorMode
from torch.optim.swa_utils import AveragedModel, update_bn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.checkpoint import checkpoint

import bn_lint
from bn_lint.runtime.tracer import Trace

from .nets import batch, sgd, small, train

#: Operations that need values on the host.
_WAITING = ("_local_scalar_dense", "item", "is_nonzero", "equal", "nonzero", "masked_select", "unique", "allclose")


class Values(TorchDispatchMode):
    """Notes the operations that give Python a value."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func.overloadpacket.__name__
        if name.startswith(_WAITING):
            self.seen.append(name)
        return func(*args, **(kwargs or {}))


def epochs(net: nn.Module) -> None:
    optimizer = sgd(net)
    for _ in range(3):
        net.train()
        train(net, optimizer, steps=4)
        net.eval()
        with torch.no_grad():
            net(batch()[0])


def evaluated_in_training_mode(net: nn.Module) -> None:
    train(net, sgd(net), steps=4)
    net(batch()[0])
    with torch.no_grad():
        net(batch()[0])


def averaged(net: nn.Module) -> None:
    average = AveragedModel(net)
    train(net, sgd(net))
    average.update_parameters(net)
    update_bn([batch()[0] for _ in range(3)], average)
    average.eval()(batch()[0])


def loaded_and_copied(net: nn.Module) -> None:
    net.load_state_dict(small().state_dict())
    net.eval()
    net(batch()[0])
    copy.deepcopy(net)(batch()[0])
    net.load_state_dict(
        {name: value for name, value in net.state_dict().items() if "running" not in name}, strict=False
    )
    net(batch()[0])


def checkpointed(net: nn.Module) -> None:
    for reentrant in (False, True):
        images = batch()[0].requires_grad_()
        checkpoint(net, images, use_reentrant=reentrant).sum().backward()


def built_again_and_again(net: nn.Module) -> None:
    for _ in range(5):
        train(small(), sgd(net), steps=1)


@pytest.mark.parametrize("stats", [False, True], ids=["", "stats"])
@pytest.mark.parametrize(
    "program", [epochs, evaluated_in_training_mode, averaged, loaded_and_copied, checkpointed, built_again_and_again]
)
def test_no_value_is_read_while_the_program_runs(program: Callable[[nn.Module], None], stats: bool) -> None:
    with Values() as alone:
        program(small())
    trace = bn_lint.trace(stats=stats, every=1).start()
    try:
        with Values() as watched:
            program(small())
    finally:
        trace.stop()
    assert watched.seen == alone.seen
    assert not trace.recorder.defects, trace.recorder.defects[0]
    assert trace.document.layers


def test_values_are_read_in_the_end() -> None:
    """Which also shows that the mode sees it."""
    trace = bn_lint.trace().start()
    try:
        untrained = small().eval()
        untrained(batch()[0])
    finally:
        with Values() as values:
            trace.stop()
    assert values.seen


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakeTensorMode:
    """Lets the tracer take fake tensors for real ones. They have no values: to read one raises, on any device."""
    for module in ("recorder", "recognize"):
        monkeypatch.setattr(f"bn_lint.runtime.recording.{module}.is_fake", lambda x: False)
    for module in ("running_statistics", "weights"):
        monkeypatch.setattr(f"bn_lint.runtime.recording.{module}.can_compute", lambda *_: True)
    monkeypatch.setattr(torch.cuda, "is_current_stream_capturing", lambda: False)
    # Which needs a CUDA build of torch, and is not what is tested.
    monkeypatch.setattr(torch, "batch_norm", lambda x, *_: x)
    return FakeTensorMode()


def faked(mode: FakeTensorMode, tensor: torch.Tensor, device: str) -> torch.Tensor:
    return FakeTensor(mode, torch.empty_like(tensor, device="meta"), torch.device(device))


def with_fakes(mode: FakeTensorMode, net: nn.Module, device: str) -> nn.Module:
    # Without a CUDA build of torch no parameter on CUDA can have a gradient.
    for module in net.modules():
        for name, parameter in module._parameters.items():
            if parameter is not None:
                module._parameters[name] = nn.Parameter(faked(mode, parameter.detach(), device), requires_grad=False)
        for name, buffer in module._buffers.items():
            module._buffers[name] = None if buffer is None else faked(mode, buffer, device)
    return net


def epochs_of_fakes(mode: FakeTensorMode, trace: Trace, device: str, steps: int) -> None:
    net = with_fakes(mode, small(), device)
    images = faked(mode, batch()[0], device)
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(()))], lr=0.1)
    for _ in range(3):
        net.train()
        for _ in range(steps):
            net(images)
            # Whose statistics are looked at: the tracer takes those of real tensors only.
            for layer in trace.recorder.layers.values():
                module = layer.reference()
                trace.recorder.buffers[layer] = module.running_mean, module.running_var
            optimizer.step()
        net.eval()
        for _ in range(3):
            net(images)
        with torch.no_grad():
            net(images)
    with_fakes(mode, small(), device).eval()(images)  # never trained, and gone at once


# What `--stats` computes needs a CUDA build of torch, even with fake tensors there.
@pytest.mark.parametrize(("device", "stats"), [("cuda:0", False), ("cpu", True)], ids=["cuda", "stats"])
def test_no_value_is_read_of_tensors_without_values(device: str, stats: bool, fake: FakeTensorMode) -> None:
    with fake, bn_lint.trace(stats=stats, every=1) as trace:
        epochs_of_fakes(fake, trace, device, steps=50)
        assert not trace.recorder.defects, trace.recorder.defects[0]
        assert stats is bool(trace._drift and trace._drift.latest())
        assert trace.recorder.unanswered is None
    # In the end they are read, which these tensors refuse.
    assert trace.recorder.unanswered is not None
    assert not trace.recorder.defects, trace.recorder.defects[0]
    layers = [layer for layer in trace.document.layers if layer.called]
    assert {calls.device for layer in layers for calls in layer.calls} == {device}
    assert max(calls.count for layer in layers for calls in layer.calls) == 150


def test_a_value_that_is_read_shows(fake: FakeTensorMode, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "bn_lint.runtime.recording.recorder.holds_initial_values", lambda layer: bool(layer.running_mean.sum() > 0)
    )
    with fake, bn_lint.trace() as trace:
        with_fakes(fake, small(), "cuda:0").eval()(faked(fake, batch()[0], "cuda:0"))
    assert "DataDependentOutputException" in trace.recorder.defects[0]
