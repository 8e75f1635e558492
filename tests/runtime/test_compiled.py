"""Under torch.compile the tracer costs no recompilation and no graph break, and still knows what was compiled."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("torch")

import torch
from torch import nn

import bn_lint

from .nets import sgd


class Backend:
    """Counts the graphs that Dynamo makes, and runs them as they are."""

    def __init__(self) -> None:
        self.graphs = 0

    def __call__(self, graph: Any, inputs: Any) -> Any:
        self.graphs += 1
        return graph.forward


@pytest.fixture
def backend() -> Iterator[Backend]:
    torch._dynamo.reset()
    torch._dynamo.utils.counters.clear()
    yield Backend()
    torch._dynamo.reset()


def two_layers() -> nn.Sequential:
    return nn.Sequential(nn.Linear(8, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 8), nn.BatchNorm1d(8))


def breaks() -> int:
    return sum(torch._dynamo.utils.counters["graph_break"].values())


def test_what_autograd_makes_of_a_graph_is_no_call() -> None:
    """The default backend runs each graph with stand-ins for tensors first."""
    torch._dynamo.reset()
    with bn_lint.trace() as trace:
        net = two_layers()
        compiled = torch.compile(net, backend="aot_eager", fullgraph=True)
        optimizer = sgd(net)
        for _ in range(4):
            compiled(torch.randn(16, 8)).sum().backward()
            optimizer.step()
    torch._dynamo.reset()
    assert [layer.name for layer in trace.document.layers] == ["1", "4"]
    assert trace.document.steps == 4
    assert not trace.findings


@pytest.mark.parametrize("fullgraph", [False, True])
def test_one_graph_and_no_break(backend: Backend, fullgraph: bool) -> None:
    with bn_lint.trace() as trace:
        net = two_layers()
        compiled = torch.compile(net, backend=backend, fullgraph=fullgraph)
        optimizer = sgd(net)
        for _ in range(12):
            compiled(torch.randn(16, 8)).sum().backward()
            optimizer.step()
    assert (backend.graphs, breaks()) == (1, 0)
    assert trace.document.steps == 12
    assert [layer.name for layer in trace.document.layers] == ["1", "4"]
    assert all(layer.calls_of("compiled") for layer in trace.document.layers)


def test_two_graphs_for_two_modes(backend: Backend) -> None:
    with bn_lint.trace():
        net = two_layers()
        compiled = torch.compile(net, backend=backend)
        for index in range(6):
            net.train(index % 2 == 0)
            compiled(torch.randn(16, 8))
    assert (backend.graphs, breaks()) == (2, 0)


def test_as_many_graphs_for_batch_sizes_as_without(backend: Backend) -> None:
    with bn_lint.trace():
        compiled = torch.compile(two_layers(), backend=backend)
        for size in (4, 6, 8, 10):
            compiled(torch.randn(size, 8))
    assert backend.graphs == 2


def test_installed_after_the_first_graph(backend: Backend) -> None:
    compiled = torch.compile(two_layers(), backend=backend)
    compiled(torch.randn(4, 8))
    with bn_lint.trace() as trace:
        for _ in range(3):
            compiled(torch.randn(4, 8))
    assert backend.graphs == 2
    assert len(trace.document.layers) == 2


def test_missing_eval_in_a_compiled_model(backend: Backend) -> None:
    net = two_layers()
    compiled = torch.compile(net, backend=backend)
    optimizer = sgd(net)
    with bn_lint.trace() as trace:
        for _ in range(3):
            compiled(torch.randn(16, 8)).sum().backward()
            optimizer.step()
        with torch.no_grad():
            compiled(torch.randn(16, 8))
    assert [finding.code for finding in trace.findings] == ["BN101"]


def test_inductor_runs_the_traced_model() -> None:
    torch._dynamo.reset()
    with bn_lint.trace() as trace:
        net = two_layers()
        compiled = torch.compile(net, fullgraph=True)
        try:
            for _ in range(3):
                compiled(torch.randn(16, 8)).sum().backward()
        except Exception as error:  # a machine without a C++ compiler
            pytest.skip(f"inductor does not work here: {str(error).splitlines()[0]}")
    counter: Any = net[1].num_batches_tracked
    assert int(counter) == 3
    assert len(trace.document.layers) == 2
