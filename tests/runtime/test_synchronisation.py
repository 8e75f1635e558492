"""While a program runs, the tracer reads no value of a tensor, so that it never waits for a device.

`tests/runtime/test_gpu.py` proves the same on CUDA. Here a dispatch mode counts the operations whose result is a Python
value, or has a shape that depends on values: on a GPU these are the ones that wait.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

pytest.importorskip("torch")

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, update_bn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.checkpoint import checkpoint

import bn_lint

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
