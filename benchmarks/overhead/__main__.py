"""Measures what the tracer costs: `python -m benchmarks.overhead`."""

from __future__ import annotations

import itertools
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import click
import torch
from torch import nn

import bn_lint
from benchmarks.machine import RESULTS, heading
from benchmarks.overhead.resnet import resnet18

Step = Callable[[], object]


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--rounds", default=15, show_default=True, help="Pairs of measurements of a training step.")
@click.option("--steps", default=2, show_default=True, help="Training steps in one measurement.")
@click.option("--threads", default=1, show_default=True, help="Threads of PyTorch on the CPU.")
def main(rounds: int, steps: int, threads: int) -> None:
    """Measure BatchNorm calls, training steps and torch.compile with the tracer and without; in one run, by turns.

    Writes benchmarks/results/overhead.md.
    """
    torch.set_num_threads(threads)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    where = torch.cuda.get_device_name() if device.type == "cuda" else f"CPU, {threads} thread(s)"
    parts = [
        "# Tracer overhead",
        f"{heading('benchmarks.overhead')}\n* PyTorch {torch.__version__} on {where}",
        "All in one process and by turns: without the tracer, with it, with it and `--stats`.",
        _calls(),
        _training(device, rounds, steps),
        _compiled(),
    ]
    report = "\n\n".join(parts) + "\n"
    RESULTS.mkdir(exist_ok=True)
    name = "overhead.md" if device.type == "cpu" else "overhead_cuda.md"
    (RESULTS / name).write_text(report, encoding="utf-8")
    click.echo(report, nl=False)


class _Image(torch.Tensor):
    """As those of torchvision are."""


def _calls() -> str:
    """Nanoseconds that one call of a BatchNorm layer takes longer, on the CPU and after the first calls."""
    layer, x = nn.BatchNorm2d(1), torch.randn(2, 1, 1, 1)
    shapes = itertools.cycle([torch.randn(size, 1, 1, 1) for size in range(2, 202)])
    subclass = x.as_subclass(_Image)
    lines = [
        "## One BatchNorm call",
        "",
        "| | without, ns | with, ns | more, ns | bar |",
        "| --- | --- | --- | --- | --- |",
    ]
    for name, training, context, call in (
        ("training", True, nullcontext, lambda: layer(x)),
        ("evaluation", False, nullcontext, lambda: layer(x)),
        ("evaluation, no_grad", False, torch.no_grad, lambda: layer(x)),
        ("evaluation, ever new shapes", False, nullcontext, lambda: layer(next(shapes))),
        ("evaluation, a subclass of tensors", False, nullcontext, lambda: layer(subclass)),
    ):
        layer.train(training)
        with context():
            without, traced = _least(call)
        lines.append(f"| {name} | {without:.0f} | {traced:.0f} | {traced - without:.0f} | 2000 |")
    return "\n".join(lines)


def _least(call: Step, count: int = 1000, rounds: int = 40) -> tuple[float, float]:
    """The least time of a call in ns, without the tracer and with it."""
    best = [float("inf"), float("inf")]
    for _ in range(rounds):
        for index, watch in enumerate((nullcontext, bn_lint.trace)):
            with watch():
                for _ in range(800):  # with each shape often enough
                    call()
                start = time.thread_time_ns()
                for _ in range(count):
                    call()
                best[index] = min(best[index], (time.thread_time_ns() - start) / count)
    return best[0], best[1]


def _training(device: torch.device, rounds: int, steps: int) -> str:
    """Ratios of the time of training steps."""
    lines = [
        "## Training steps",
        "",
        f"Medians of {rounds} measurements of {steps} steps each (of the small ones {50 * steps}, {5 * steps}).",
        "",
        "| | without, ms | with, ms | ratio | with stats, ms | ratio | without against itself | bar |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for name, step, count in _programs(device, steps):
        ways: list[Callable[[], Any]] = [nullcontext, bn_lint.trace, lambda: bn_lint.trace(stats=True), nullcontext]
        times: list[list[float]] = [[] for _ in ways]
        for _ in range(2):
            step()
        for turn in range(rounds):
            for index in sorted(range(len(ways)), key=lambda index: (index + turn) % len(ways)):
                times[index].append(_measure(step, count, ways[index], device))
        ratios = [statistics.median(a / b for a, b in zip(way, times[0], strict=True)) for way in times]
        ms = [statistics.median(way) * 1000 for way in times]
        cells = (name, f"{ms[0]:.2f}", f"{ms[1]:.2f}", f"{ratios[1]:.3f}", f"{ms[2]:.2f}", f"{ratios[2]:.3f}")
        lines.append(f"| {' | '.join(cells)} | {ratios[3]:.3f} | 1.03 |")
    return "\n".join(lines)


def _measure(step: Step, steps: int, watch: Callable[[], Any], device: torch.device) -> float:
    """Seconds that one step takes; the first steps of a trace, which it looks at closely, come before."""
    with watch():
        for _ in range(4):
            step()
        with _elapsed(device) as elapsed:
            for _ in range(steps):
                step()
    return elapsed[0] / steps


@contextmanager
def _elapsed(device: torch.device) -> Iterator[list[float]]:
    result: list[float] = []
    clock = time.process_time if device.type == "cpu" else time.perf_counter
    _wait(device)
    start = clock()
    yield result
    _wait(device)
    result.append(clock() - start)


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize()


def _programs(device: torch.device, steps: int) -> Iterator[tuple[str, Step, int]]:
    size = 8 if device.type == "cpu" else 64
    pixels = 64 if device.type == "cpu" else 224
    net = resnet18().to(device)
    yield f"ResNet-18, {size} images of {pixels}x{pixels}", _step(net, (size, 3, pixels, pixels), device), steps
    small = nn.Sequential(*(part for _ in range(20) for part in (nn.Linear(8, 8), nn.BatchNorm1d(8)))).to(device)
    yield "20 x (Linear(8, 8), BatchNorm1d(8)), the worst case", _step(small, (16, 8), device), 50 * steps
    many = nn.Sequential(*(part for _ in range(200) for part in (nn.Linear(8, 8), nn.BatchNorm1d(8), nn.ReLU())))
    yield "200 x (Linear(8, 8), BatchNorm1d(8), ReLU)", _step(many.to(device), (16, 8), device), 5 * steps


def _step(net: nn.Module, shape: tuple[int, ...], device: torch.device) -> Step:
    optimizer = torch.optim.SGD(net.parameters(), lr=1e-4)
    x = torch.randn(shape, device=device)

    def step() -> None:
        optimizer.zero_grad()
        net(x).square().mean().backward()
        optimizer.step()

    return step


def _compiled() -> str:
    """Graphs and graph breaks of ten compiled training steps."""
    lines = ["## torch.compile", "", "| | graphs in 10 steps | graph breaks |", "| --- | --- | --- |"]
    for name, watch in (("without", nullcontext), ("with", bn_lint.trace)):
        torch._dynamo.reset()
        torch._dynamo.utils.counters.clear()
        graphs = 0

        def backend(graph: Any, _: Any) -> Any:
            nonlocal graphs
            graphs += 1
            return graph.forward

        with watch():
            step = _step_of(torch.compile(resnet18(), backend=backend, fullgraph=True))
            for _ in range(10):
                step()
        breaks = sum(torch._dynamo.utils.counters["graph_break"].values())
        lines.append(f"| {name} | {graphs} | {breaks} |")
    return "\n".join(lines)


def _step_of(net: Any) -> Step:
    x = torch.randn(2, 3, 32, 32)
    return lambda: net(x).sum().backward()


if __name__ == "__main__":
    main()
