"""The faults that only show at run time, as research has listed them: each is caught, by the rule that is named."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest

pytest.importorskip("torch")

import torch
from torch import nn
from torch.fx.passes.shape_prop import ShapeProp
from torch.optim.swa_utils import AveragedModel
from torch.utils.checkpoint import checkpoint

import bn_lint
from bn_lint.runtime.recording import layer_registry

from .nets import batch, sgd, small, train

Found = set[tuple[str, str]]


def found(program: Callable[[], object], *, stats: bool = False, select: list[str] | None = None) -> Found:
    """Code and severity of what the tracer reports."""
    torch.manual_seed(0)
    with bn_lint.trace(stats=stats, select=select or ["ALL"]) as trace:
        program()
    assert not trace.recorder.defects, trace.recorder.defects[0]
    return {(one.code, one.severity.value) for one in trace.findings}


def training_forward_without_grad() -> None:
    net = small()
    train(net, sgd(net))
    with torch.no_grad():
        net(batch()[0])


def training_forward_in_inference_mode() -> None:
    net = small()
    train(net, sgd(net))
    with torch.inference_mode():
        net(batch()[0])


def evaluation_with_gradients() -> None:
    net = small()
    train(net, sgd(net), steps=20)
    for _ in range(3):
        assert net(batch()[0]).argmax(1).shape == (16,)


def evaluation_with_gradients_each_epoch() -> None:
    """Its batches are like those of training, so that only their number tells."""
    net = small()
    optimizer = sgd(net)
    for _ in range(3):
        train(net, optimizer, steps=10)
        for _ in range(4):
            net(batch()[0]).argmax(1)
    train(net, optimizer, steps=10)


def training_in_evaluation_mode() -> None:
    net = small().eval()
    train(net, sgd(net))


def training_after_an_evaluation() -> None:
    net = small()
    for _ in range(3):
        train(net, sgd(net))
        net.eval()
        with torch.no_grad():
            net(batch()[0])


def untrained_statistics() -> None:
    net = small()
    net.load_state_dict({**small().state_dict(), "1.weight": torch.rand(8)})
    net.eval()
    with torch.no_grad():
        net(batch()[0])


def nan_in_the_statistics() -> None:
    net = small()
    net(torch.full((4, 3, 8, 8), float("nan")))


def infinity_in_the_statistics() -> None:
    net = nn.Sequential(nn.BatchNorm1d(4))
    net(torch.full((4, 4), 3e38) * torch.tensor([[1.0], [-1.0], [1.0], [-1.0]]))


class Twice(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.bn = nn.Linear(4, 4), nn.Linear(4, 4), nn.BatchNorm1d(4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.bn(self.first(x))
        return self.bn(self.second(x))  # type: ignore[no-any-return]


def one_layer_twice_in_a_forward() -> None:
    net = Twice()
    optimizer = sgd(net)
    for _ in range(3):
        net(torch.randn(8, 4)).sum().backward()
        optimizer.step()


def whole_model_twice_in_a_step() -> None:
    net = small()
    optimizer = sgd(net)
    for _ in range(3):
        first = net(batch()[0]).sum()
        second = net(batch()[0] + 5).sum()
        (first + second).backward()
        optimizer.step()


def batch_of_one() -> None:
    net = small()
    train(net, sgd(net), size=1)


def checkpointed() -> None:
    net = small()
    optimizer = sgd(net)
    for _ in range(3):
        checkpoint(net, batch()[0], use_reentrant=False).sum().backward()
        optimizer.step()


def frozen_layers_back_in_training_mode() -> None:
    net = small()
    net[1].eval()
    net[1].requires_grad_(False)
    for _ in range(3):
        net.train()
        train(net, sgd(net))


def half_precision_statistics() -> None:
    net = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4)).to(torch.bfloat16)
    net(torch.randn(8, 4, dtype=torch.bfloat16))


#: The eleven cases of section 2.1: ten faults, and one that must give no alarm (below).
AUDIT = {
    "F01 training forward under no_grad": (training_forward_without_grad, ("BN101", "error")),
    "F02 training in evaluation mode": (training_in_evaluation_mode, ("BN105", "error")),
    "F02 training after an evaluation": (training_after_an_evaluation, ("BN103", "error")),
    "F03 evaluation with untrained statistics": (untrained_statistics, ("BN801", "warning")),
    "F05 NaN in the statistics": (nan_in_the_statistics, ("BN802", "error")),
    "F06 one layer twice in a forward": (one_layer_twice_in_a_forward, ("BN503", "warning")),
    "F06b the whole model twice in a step": (whole_model_twice_in_a_step, ("BN503", "info")),
    "F07 a batch of one": (batch_of_one, ("BN203", "warning")),
    "F09 checkpointing": (checkpointed, ("BN606", "info")),
    "F12 frozen layers in training mode again": (frozen_layers_back_in_training_mode, ("BN302", "warning")),
    "F22 statistics in bfloat16": (half_precision_statistics, ("BN605", "warning")),
}


@pytest.mark.parametrize(("program", "expected"), AUDIT.values(), ids=AUDIT)
def test_faults_that_another_auditor_was_tried_on(program: Callable[[], None], expected: tuple[str, str]) -> None:
    assert expected in found(program)


def test_small_batches_in_evaluation_are_no_fault() -> None:
    def program() -> None:
        net = small()
        train(net, sgd(net), steps=40)
        net.eval()
        with torch.no_grad():
            for _ in range(5):
                net(batch(1)[0])

    assert not found(program)


def collapsed_variance() -> None:
    net = nn.Sequential(nn.BatchNorm2d(4))
    for _ in range(200):
        net(torch.ones(2, 4, 3, 3))


def two_values_per_channel() -> None:
    net = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4))
    optimizer = sgd(net)
    for _ in range(3):
        for _ in range(4):
            net(torch.randn(2, 4)).sum().backward()
        optimizer.step()


def keras_momentum() -> None:
    nn.BatchNorm2d(4, momentum=0.99)(torch.randn(2, 4, 3, 3))


def zero_momentum() -> None:
    nn.BatchNorm2d(4, momentum=0.0)(torch.randn(2, 4, 3, 3))


def momentum_none() -> None:
    nn.BatchNorm2d(4, momentum=None)(torch.randn(2, 4, 3, 3))


def shifted_evaluation() -> None:
    net = nn.Sequential(nn.BatchNorm1d(4))
    for _ in range(60):
        net(torch.randn(32, 4))
    net.eval()
    with torch.no_grad():
        for _ in range(4):
            net(3 * torch.randn(32, 4) + 2)


def averaged_without_update() -> None:
    net = small()
    averaged = AveragedModel(net)
    train(net, sgd(net), steps=20)
    averaged.update_parameters(net)
    averaged.eval()
    with torch.no_grad():
        averaged(batch()[0])


def silent_width_mismatch() -> None:
    nn.BatchNorm2d(8, affine=False, track_running_stats=False)(torch.randn(2, 4, 3, 3))


def features_on_the_last_axis() -> None:
    nn.Sequential(nn.Linear(4, 6), nn.BatchNorm1d(6))(torch.randn(2, 6, 4))


def evaluated_with_batch_statistics() -> None:
    nn.BatchNorm2d(4, track_running_stats=False).eval()(torch.randn(2, 4, 3, 3))


def half_frozen() -> None:
    net = small()
    net[1].requires_grad_(False)
    train(net, sgd(net[4]))


def accumulated() -> None:
    net = small()
    optimizer = sgd(net)
    for _ in range(3):
        for _ in range(4):
            net(batch(4)[0]).sum().backward()
        optimizer.step()


def teacher() -> None:
    student, frozen = small(), small().requires_grad_(False)
    optimizer = sgd(student)
    for _ in range(4):
        images, _ = batch()
        with torch.no_grad():
            target = frozen(images)
        nn.functional.mse_loss(student(images), target).backward()
        optimizer.step()


def target_network() -> None:
    student = small()
    target = copy.deepcopy(student).requires_grad_(False)
    optimizer = sgd(student)
    for _ in range(4):
        images, _ = batch()
        with torch.no_grad():
            wanted = target(images)
        nn.functional.mse_loss(student(images), wanted).backward()
        optimizer.step()
        with torch.no_grad():
            for mine, other in zip(target.parameters(), student.parameters(), strict=True):
                mine.lerp_(other, 0.1)


class Unused(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear, self.bn, self.other = nn.Linear(4, 4), nn.BatchNorm1d(4), nn.BatchNorm1d(4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.bn(self.linear(x))  # type: ignore[no-any-return]


def never_called() -> None:
    Unused()(torch.randn(8, 4))


def recalibration_in_evaluation_mode() -> None:
    """It does nothing, and the averaged model keeps the statistics of other weights."""

    def precise_bn(model: nn.Module) -> None:
        with torch.no_grad():
            for _ in range(3):
                model(batch()[0])

    net = small()
    average = AveragedModel(net)
    train(net, sgd(net))
    average.update_parameters(net)
    average.eval()
    precise_bn(average)
    average(batch()[0])


def checkpoint_without_statistics() -> None:
    net = small()
    net.load_state_dict({k: v for k, v in net.state_dict().items() if "running" not in k}, strict=False)
    net.eval()
    net(batch()[0])


def evaluated_too_early() -> None:
    net = small()
    train(net, sgd(net))
    net.eval()
    with torch.no_grad():
        net(batch()[0])


def looked_at_by_a_tool() -> None:
    net = small()
    train(net, sgd(net))
    ShapeProp(torch.fx.symbolic_trace(net)).propagate(batch(2)[0])


def exported() -> None:
    torch.jit.trace(small(), batch(2)[0], check_trace=False)


def mode_by_turns() -> None:
    net = small()
    for step in range(12):
        net.train(step % 2 == 0)
        train(net, sgd(net), steps=1)


def sorted_batches() -> None:
    net = nn.Sequential(nn.BatchNorm1d(4), nn.Linear(4, 4))
    optimizer = sgd(net)
    for step in range(100):
        net(torch.randn(16, 4) + 6 * (step // 8 % 2)).sum().backward()
        optimizer.step()


SIGNALS = {
    "R01 missing eval": (training_forward_in_inference_mode, ("BN101", "error")),
    "R01 missing eval, with gradients": (evaluation_with_gradients, ("BN101", "error")),
    "R01 missing eval, with gradients, each epoch": (evaluation_with_gradients_each_epoch, ("BN101", "error")),
    "R02 missing train": (training_after_an_evaluation, ("BN103", "error")),
    "R03 untrained statistics": (untrained_statistics, ("BN801", "warning")),
    "R04 collapsed variance": (collapsed_variance, ("BN803", "warning")),
    "R05 infinite statistics": (infinity_in_the_statistics, ("BN802", "error")),
    "R06 two distributions": (whole_model_twice_in_a_step, ("BN503", "info")),
    "R07 few values per channel": (two_values_per_channel, ("BN205", "info")),
    "R09 checkpointing": (checkpointed, ("BN606", "info")),
    "R10 momentum 0.99": (keras_momentum, ("BN401", "warning")),
    "R10 momentum 0": (zero_momentum, ("BN402", "warning")),
    "R11 drift in evaluation": (shifted_evaluation, ("BN804", "warning")),
    "R11 drift in training": (sorted_batches, ("BN804", "warning")),
    "R12 frozen layers re-enabled": (frozen_layers_back_in_training_mode, ("BN302", "warning")),
    "R13 averaged without update_bn": (averaged_without_update, ("BN607", "warning")),
    "R14 silent width mismatch": (silent_width_mismatch, ("BN002", "error")),
    "R15 (N, L, C) with L == C": (features_on_the_last_axis, ("BN004", "warning")),
    "R16 evaluated with batch statistics": (evaluated_with_batch_statistics, ("BN405", "warning")),
    "R17 half frozen": (half_frozen, ("BN301", "warning")),
    "R18 accumulation": (accumulated, ("BN205", "info")),
    "R19 teacher": (teacher, ("BN112", "warning")),
    "R19 target network": (target_network, ("BN112", "info")),
    "R20 half precision": (half_precision_statistics, ("BN605", "warning")),
    "R21 never called": (never_called, ("BN504", "info")),
    "R23 checkpoint without statistics": (checkpoint_without_statistics, ("BN609", "warning")),
    "R25 looked at by a tool": (looked_at_by_a_tool, ("BN113", "warning")),
    "exported in training mode": (exported, ("BN110", "warning")),
    "R26 recalibrated in evaluation mode": (recalibration_in_evaluation_mode, ("BN607", "warning")),
    "R27 evaluated too early": (evaluated_too_early, ("BN801", "info")),
    "R28 momentum None": (momentum_none, ("BN402", "info")),
    "mode by turns": (mode_by_turns, ("BN805", "warning")),
}


@pytest.mark.filterwarnings("ignore")  # torch.jit.trace warns of itself
@pytest.mark.parametrize(("program", "expected"), SIGNALS.values(), ids=SIGNALS)
def test_signals(program: Callable[[], None], expected: tuple[str, str]) -> None:
    assert expected in found(program, stats=True)


def test_one_finding_for_one_mistake() -> None:
    """A model of many layers, evaluated many times, in the wrong mode."""

    def program() -> None:
        net = nn.Sequential(*(part for _ in range(12) for part in (nn.Linear(8, 8), nn.BatchNorm1d(8))))
        optimizer = sgd(net)
        for _ in range(4):
            for _ in range(10):
                net(torch.randn(16, 8)).sum().backward()
                optimizer.step()
            with torch.no_grad():
                for _ in range(5):
                    net(torch.randn(16, 8))

    assert len(found(program, select=["BN1"])) == 1


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
