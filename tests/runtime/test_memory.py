"""A program may run for long: what the tracer keeps does not grow."""

from __future__ import annotations

import pytest

pytest.importorskip("torch")

import torch
from torch import nn

import bn_lint
from bn_lint.runtime.recording import layer_registry

from .nets import sgd


def test_memory_does_not_grow_with_the_steps() -> None:
    import gc

    def size() -> int:
        gc.collect()
        return len(gc.get_objects())

    net = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    optimizer = sgd(net)
    x = torch.randn(4, 2)

    def steps(count: int) -> None:
        for index in range(count):
            net.train(index % 10 != 0)
            net(x).sum().backward()
            optimizer.step()

    with bn_lint.trace(stats=True):
        steps(500)
        gc.freeze()  # torch alone is many objects
        try:
            before = size()
            steps(2_000)
            assert size() - before < 100
        finally:
            gc.unfreeze()


def test_memory_does_not_grow_with_the_models(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layer_registry, "_MOST_DEPARTED", 200)
    with bn_lint.trace() as trace:
        for _ in range(450):
            nn.Sequential(nn.BatchNorm1d(2))(torch.randn(4, 2))
        trace.recorder.bury()
        trace._steps.finish()
        assert len(trace.recorder.departed) < 210
    assert sum(layer.calls[0].count for layer in trace.document.layers) == 450
