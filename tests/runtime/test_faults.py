"""The faults that only show at run time, as research has listed them: each is caught, by the rule that is named."""

from __future__ import annotations

from collections.abc import Callable

import pytest

pytest.importorskip("torch")

import torch
from torch import nn

import bn_lint

from . import faulty
from .nets import batch, sgd, small, train

Found = set[tuple[str, str]]


def found(program: Callable[[], object], *, stats: bool = False, select: list[str] | None = None) -> Found:
    """Code and severity of what the tracer reports."""
    torch.manual_seed(0)
    with bn_lint.trace(stats=stats, select=select or ["ALL"]) as trace:
        program()
    assert not trace.recorder.defects, trace.recorder.defects[0]
    return {(one.code, one.severity.value) for one in trace.findings}


#: The eleven cases of section 2.1: ten faults, and one that must give no alarm (below).
AUDIT = {
    "F01 training forward under no_grad": (faulty.training_forward_without_grad, ("BN101", "error")),
    "F02 training in evaluation mode": (faulty.training_in_evaluation_mode, ("BN105", "error")),
    "F02 training after an evaluation": (faulty.training_after_an_evaluation, ("BN103", "error")),
    "F03 evaluation with untrained statistics": (faulty.untrained_statistics, ("BN801", "warning")),
    "F05 NaN in the statistics": (faulty.nan_in_the_statistics, ("BN802", "error")),
    "F06 one layer twice in a forward": (faulty.one_layer_twice_in_a_forward, ("BN503", "warning")),
    "F06b the whole model twice in a step": (faulty.whole_model_twice_in_a_step, ("BN503", "info")),
    "F07 a batch of one": (faulty.batch_of_one, ("BN203", "warning")),
    "F09 checkpointing": (faulty.checkpointed, ("BN606", "info")),
    "F12 frozen layers in training mode again": (faulty.frozen_layers_back_in_training_mode, ("BN302", "warning")),
    "F22 statistics in bfloat16": (faulty.half_precision_statistics, ("BN605", "warning")),
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


SIGNALS = {
    "R01 missing eval": (faulty.training_forward_in_inference_mode, ("BN101", "error")),
    "R01 missing eval, with gradients": (faulty.evaluation_with_gradients, ("BN101", "error")),
    "R01 missing eval, with gradients, each epoch": (faulty.evaluation_with_gradients_each_epoch, ("BN101", "error")),
    "R02 missing train": (faulty.training_after_an_evaluation, ("BN103", "error")),
    "R03 untrained statistics": (faulty.untrained_statistics, ("BN801", "warning")),
    "R04 collapsed variance": (faulty.collapsed_variance, ("BN803", "warning")),
    "R05 infinite statistics": (faulty.infinity_in_the_statistics, ("BN802", "error")),
    "R06 two distributions": (faulty.whole_model_twice_in_a_step, ("BN503", "info")),
    "R07 few values per channel": (faulty.two_values_per_channel, ("BN205", "info")),
    "R09 checkpointing": (faulty.checkpointed, ("BN606", "info")),
    "R10 momentum 0.99": (faulty.keras_momentum, ("BN401", "warning")),
    "R10 momentum 0": (faulty.zero_momentum, ("BN402", "warning")),
    "R11 drift in evaluation": (faulty.shifted_evaluation, ("BN804", "warning")),
    "R11 drift in training": (faulty.sorted_batches, ("BN804", "warning")),
    "R12 frozen layers re-enabled": (faulty.frozen_layers_back_in_training_mode, ("BN302", "warning")),
    "R13 averaged without update_bn": (faulty.averaged_without_update, ("BN607", "warning")),
    "R14 silent width mismatch": (faulty.silent_width_mismatch, ("BN002", "error")),
    "R15 (N, L, C) with L == C": (faulty.features_on_the_last_axis, ("BN004", "warning")),
    "R16 evaluated with batch statistics": (faulty.evaluated_with_batch_statistics, ("BN405", "warning")),
    "R17 half frozen": (faulty.half_frozen, ("BN301", "warning")),
    "R18 accumulation": (faulty.accumulated, ("BN205", "info")),
    "R19 teacher": (faulty.teacher, ("BN112", "warning")),
    "R19 target network": (faulty.target_network, ("BN112", "info")),
    "R20 half precision": (faulty.half_precision_statistics, ("BN605", "warning")),
    "R21 never called": (faulty.never_called, ("BN504", "info")),
    "R23 checkpoint without statistics": (faulty.checkpoint_without_statistics, ("BN609", "warning")),
    "R25 looked at by a tool": (faulty.looked_at_by_a_tool, ("BN113", "warning")),
    "exported in training mode": (faulty.exported, ("BN110", "warning")),
    "R26 recalibrated in evaluation mode": (faulty.recalibration_in_evaluation_mode, ("BN607", "warning")),
    "R27 evaluated too early": (faulty.evaluated_too_early, ("BN801", "info")),
    "R28 momentum None": (faulty.momentum_none, ("BN402", "info")),
    "mode by turns": (faulty.mode_by_turns, ("BN805", "warning")),
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
