"""The tracer on CUDA: it sees the same, and waits for nothing. Skipped where there is no CUDA device."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

pytest.importorskip("torch")

import torch
from torch import nn

import bn_lint
from bn_lint.runtime.tracer import Trace

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.filterwarnings("ignore"),  # what drivers and compilers warn of depends on the device
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]


@contextmanager
def no_synchronization() -> Iterator[None]:
    """Any wait for the device inside raises."""
    torch.cuda.synchronize()
    torch.cuda.set_sync_debug_mode("error")
    try:
        yield
    finally:
        torch.cuda.set_sync_debug_mode("default")


def network() -> tuple[nn.Sequential, torch.optim.Optimizer, Any]:
    net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 8, 3), nn.BatchNorm2d(8)).cuda()
    return net, torch.optim.SGD(net.parameters(), lr=0.01), torch.randn(16, 3, 12, 12, device="cuda")


def steps(net: Any, optimizer: torch.optim.Optimizer, images: Any, count: int = 40) -> None:
    for _ in range(count):
        optimizer.zero_grad()
        net(images).square().mean().backward()
        optimizer.step()


def calls(trace: Trace) -> list[int]:
    return [sum(each.count for each in layer.calls) for layer in trace.document.layers]


@pytest.mark.parametrize("stats", [False, True], ids=["", "stats"])
def test_nothing_waits_for_the_device(stats: bool) -> None:
    net, optimizer, images = network()
    steps(net, optimizer, images, 2)
    with bn_lint.trace(stats=stats, every=1) as trace, no_synchronization():
        steps(net, optimizer, images)
        net.eval()
        with torch.no_grad():
            for _ in range(5):
                net(images)
        net.train()
    assert not trace.recorder.defects, trace.recorder.defects[0]
    assert calls(trace) == [45, 45]
    assert {call.device for layer in trace.document.layers for call in layer.calls} == {"cuda:0"}
    assert not trace.findings


class Writer:
    def __init__(self) -> None:
        self.tags: set[str] = set()

    def add_scalar(self, tag: str, value: float, step: int) -> None:
        self.tags.add(tag)


def test_scalars_are_written_without_waiting() -> None:
    net, optimizer, images = network()
    writer = Writer()
    steps(net, optimizer, images, 2)
    with bn_lint.trace(stats=True, every=1, writer=writer) as trace, no_synchronization():
        steps(net, optimizer, images)
    assert not trace.recorder.defects, trace.recorder.defects[0]
    assert "bn_lint/drift/1" in writer.tags


def test_faults_are_found_as_on_the_cpu() -> None:
    net, optimizer, images = network()
    with bn_lint.trace() as trace:
        steps(net, optimizer, images, 3)
        with torch.no_grad():
            net(images)
        net(torch.full_like(images, float("nan")))
    assert {finding.code for finding in trace.findings} == {"BN101", "BN802"}


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_autocast(dtype: torch.dtype) -> None:
    net, optimizer, images = network()
    with bn_lint.trace() as trace, torch.autocast("cuda", dtype=dtype):
        for _ in range(5):
            net(images)
    assert calls(trace) == [5, 5]
    assert all(call.autocast for layer in trace.document.layers for call in layer.calls)
    assert "BN605" not in {finding.code for finding in trace.findings}
    assert optimizer is not None


def test_channels_last() -> None:
    net, optimizer, images = network()
    net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    with bn_lint.trace() as trace:
        steps(net, optimizer, images.to(memory_format=torch.channels_last), 3)
    assert calls(trace) == [3, 3]
    assert trace.document.layers[0].calls[0].shape == [16, 8, 10, 10]


def test_cuda_graphs_are_captured_and_replayed() -> None:
    net, _, images = network()
    net.eval()
    with bn_lint.trace(stats=True) as trace:
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream), torch.no_grad():
            for _ in range(3):
                net(images)
        torch.cuda.current_stream().wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        with torch.no_grad(), torch.cuda.graph(graph):
            result = net(images)
        for _ in range(3):
            graph.replay()
    assert torch.isfinite(result).all()
    assert not trace.recorder.defects, trace.recorder.defects[0]
    # The capture is counted with the warm-up, or apart from it; replaying runs no Python.
    assert {call.kind for layer in trace.document.layers for call in layer.calls} <= {"evaluation", "other"}
    assert calls(trace) == [4, 4]


def test_graphed_callables_warm_up_without_a_finding() -> None:
    net, _, images = network()
    with bn_lint.trace() as trace:
        graphed: Any = torch.cuda.make_graphed_callables(net, (images,))
        graphed(images).sum().backward()
    assert not trace.recorder.defects, trace.recorder.defects[0]
    assert {call.kind for layer in trace.document.layers for call in layer.calls} == {"other"}
    assert not trace.findings


def test_sync_batchnorm_on_one_device(tmp_path: Any) -> None:
    torch.distributed.init_process_group("nccl", init_method=f"file://{tmp_path}/store", rank=0, world_size=1)
    try:
        net, _, images = network()
        net = nn.SyncBatchNorm.convert_sync_batchnorm(net)
        optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
        with bn_lint.trace() as trace:
            steps(net, optimizer, images, 3)
        assert calls(trace) == [3, 3]
        assert {layer.variant for layer in trace.document.layers} == {"sync"}
    finally:
        torch.distributed.destroy_process_group()


def test_compiled() -> None:
    torch._dynamo.reset()
    net, optimizer, images = network()
    with bn_lint.trace() as trace:
        steps(torch.compile(net, fullgraph=True), optimizer, images, 4)
    assert all(layer.calls_of("compiled") for layer in trace.document.layers)
