"""Measures what the tracer costs: `python -m benchmarks.overhead`."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import click
import torch
from torch import nn
from torch.nn import functional
from torch.nn.modules.batchnorm import _BatchNorm

import bn_lint
from benchmarks.machine import RESULTS, heading
from benchmarks.overhead.resnet import resnet18

Step = Callable[[], object]

_HOW = """\
{rounds} turns of {steps} steps each (of the small ones {small}, {many}), each step measured by itself. What counts is
the time that a twentieth of them stays below, since what else runs on the machine only adds to it. The first {first}
steps of a turn, which the tracer looks at closely, are left out. *Empty functions* stand around `forward` and
`F.batch_norm` and only call them; *empty hooks* are forward pre-hooks of the BatchNorm layers that do nothing."""
#: Steps of a turn that are not measured.
_FIRST_STEPS = 4


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--rounds", default=30, show_default=True, help="Turns of each way.")
@click.option("--steps", default=2, show_default=True, help="Training steps in one turn.")
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
        "All in one process and by turns, without the tracer and with it.",
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


def _least(call: Step, count: int = 200, rounds: int = 30) -> tuple[float, float]:
    """The least time of a call in ns, without the tracer and with it."""
    best = [float("inf"), float("inf")]
    ways: list[Callable[[], Any]] = [nullcontext, bn_lint.trace]
    for _ in range(rounds):
        for index, watch in enumerate(ways):
            with watch():
                for _ in range(800):  # with each shape often enough
                    call()
                for _ in range(5):  # short ones: others use the machine, too
                    start = time.thread_time_ns()
                    for _ in range(count):
                        call()
                    best[index] = min(best[index], (time.thread_time_ns() - start) / count)
    return best[0], best[1]


def _training(device: torch.device, rounds: int, steps: int) -> str:
    """Ratios of the time of training steps."""
    ways: dict[str, Callable[[nn.Module], Any]] = {
        "without": lambda _: nullcontext(),
        "against itself": lambda _: nullcontext(),
        "empty functions": lambda _: _empty_functions(),
        "empty hooks": _empty_hooks,
        "with": lambda _: bn_lint.trace(),
        "with stats": lambda _: bn_lint.trace(stats=True),
    }
    lines = [
        "## Training steps",
        "",
        _HOW.format(rounds=rounds, steps=steps, small=10 * steps, many=3 * steps, first=_FIRST_STEPS),
        "",
        "| | without, ms | " + " | ".join(list(ways)[1:]) + " | bar |",
        "| --- | --- |" + " --- |" * len(ways),
    ]
    for name, net, step, count in _programs(device, steps):
        times: dict[str, list[float]] = {way: [] for way in ways}
        for turn in range(rounds):
            for index in range(len(ways)):
                way = list(ways)[(index + turn) % len(ways)]
                with ways[way](net):
                    for _ in range(_FIRST_STEPS):
                        step()
                    for _ in range(count):
                        with _elapsed(device) as elapsed:
                            step()
                        times[way] += elapsed
        low = {way: sorted(each)[len(each) // 20] for way, each in times.items()}
        ratios = " | ".join(f"{low[way] / low['without']:.3f}" for way in list(ways)[1:])
        lines.append(f"| {name} | {low['without'] * 1000:.2f} | {ratios} | 1.03 |")
    return "\n".join(lines)


@contextmanager
def _empty_functions() -> Iterator[None]:
    """Functions that only call what they stand for, where the tracer has its own."""
    forward, batch_norm = _BatchNorm.forward, functional.batch_norm

    def empty_forward(self: Any, x: Any) -> Any:
        return forward(self, x)

    def empty_batch_norm(
        x: Any, mean: Any, var: Any, weight: Any, bias: Any, training: bool, momentum: float, eps: float
    ) -> Any:
        return batch_norm(x, mean, var, weight, bias, training, momentum, eps)

    _BatchNorm.forward, functional.batch_norm = empty_forward, empty_batch_norm  # type: ignore[method-assign, assignment]
    try:
        yield
    finally:
        _BatchNorm.forward, functional.batch_norm = forward, batch_norm  # type: ignore[method-assign]


@contextmanager
def _empty_hooks(net: nn.Module) -> Iterator[None]:
    hooks = [
        layer.register_forward_pre_hook(lambda *_: None) for layer in net.modules() if isinstance(layer, _BatchNorm)
    ]
    yield
    for hook in hooks:
        hook.remove()


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


def _programs(device: torch.device, steps: int) -> Iterator[tuple[str, nn.Module, Step, int]]:
    size = 8 if device.type == "cpu" else 64
    pixels = 64 if device.type == "cpu" else 224
    net = resnet18().to(device)
    yield f"ResNet-18, {size} images of {pixels}x{pixels}", net, _step(net, (size, 3, pixels, pixels), device), steps
    small = nn.Sequential(*(part for _ in range(20) for part in (nn.Linear(8, 8), nn.BatchNorm1d(8)))).to(device)
    yield "20 x (Linear(8, 8), BatchNorm1d(8)), the worst case", small, _step(small, (16, 8), device), 10 * steps
    many = nn.Sequential(*(part for _ in range(200) for part in (nn.Linear(8, 8), nn.BatchNorm1d(8), nn.ReLU())))
    yield "200 x (Linear(8, 8), BatchNorm1d(8), ReLU)", many, _step(many.to(device), (16, 8), device), 3 * steps


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
